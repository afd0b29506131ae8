import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { pathToFileURL } from 'node:url'

/** The set-up is plain JavaScript for an older Node, so it has no types of its own. */
const script = pathToFileURL(join(import.meta.dirname, '../../setup/lock-file.mjs')).href
const { tryLock }: { tryLock: (lock: string) => boolean } = await import(script)

async function inFolder(work: (lock: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dunlin-lock-'))
  try {
    await work(join(folder, 'preparing'))
    assert.deepEqual(await readdir(folder).then((names) => names.filter((name) => name !== 'preparing')), [])
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('a lock names its owner and is not given twice while the owner runs', () =>
  inFolder(async (lock) => {
    assert.equal(tryLock(lock), true)
    assert.equal(await readFile(lock, 'utf8'), String(process.pid))
    assert.equal(tryLock(lock), false)
    assert.equal(await readFile(lock, 'utf8'), String(process.pid))
  }))

test('a lock whose owner is gone is free at the second try', () =>
  inFolder(async (lock) => {
    const gone = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
    await once(gone, 'exit')
    await writeFile(lock, String(gone.pid))
    assert.equal(tryLock(lock), false)
    assert.equal(tryLock(lock), true)
  }))

test('of several processes that try at once, over and over, one at a time has it', () =>
  inFolder(async (lock) => {
    // Each round writes beside the lock and fails when somebody else is inside as well.
    const contender = `
      import { rmSync, writeFileSync } from 'node:fs'
      const { tryLock } = await import(${JSON.stringify(script)})
      const lock = process.argv[1]
      for (let rounds = 0; rounds < 200;) {
        if (!tryLock(lock)) continue
        writeFileSync(lock + '-inside', '', { flag: 'wx' })
        rmSync(lock + '-inside')
        rmSync(lock)
        rounds++
      }`
    const exits = Array.from({ length: 3 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', contender, lock], {
        stdio: ['ignore', 'inherit', 'inherit'],
      })
      const [code]: unknown[] = await once(child, 'exit')
      return code
    })
    assert.deepEqual(await Promise.all(exits), [0, 0, 0])
  }))
