import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'

import { AppError } from '../../src/kit/errors.ts'
import { makeFolder } from '../../src/kit/folders.ts'

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dunlin-folders-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('a folder is made with all above it, and the uppermost new one is given', () =>
  inFolder(async (home) => {
    assert.equal(await makeFolder(join(home, 'a/b/c'), 0o700), join(home, 'a'))
    for (const name of ['a', 'a/b', 'a/b/c']) assert.equal((await stat(join(home, name))).mode & 0o777, 0o700, name)
    assert.equal(await makeFolder(join(home, 'a/b/c')), undefined, 'it was there')
    assert.equal(await makeFolder(join(home, 'a/b/d')), join(home, 'a/b/d'))
    await symlink(join(home, 'a'), join(home, 'link'))
    assert.equal(await makeFolder(join(home, 'link')), undefined, 'a link to a folder is one')
  }))

test('of several that make the same folders at once none fails', () =>
  inFolder(async (home) => {
    await Promise.all(Array.from({ length: 20 }, () => makeFolder(join(home, 'a/b/c/d'))))
    assert.ok((await stat(join(home, 'a/b/c/d'))).isDirectory())
  }))

test('where no folder can be, an error says so and says why', { timeout: 5_000 }, () =>
  inFolder(async (home) => {
    await writeFile(join(home, 'file'), '')
    await symlink(join(home, 'nowhere'), join(home, 'broken'))
    const paths = [join(home, 'file'), join(home, 'file/below'), join(home, 'broken')]
    // The kernel says of it what it says of a folder whose parent is missing.
    if (process.platform === 'linux') paths.push('/proc/dunlin', '/proc/dunlin/below')
    for (const path of paths) {
      await assert.rejects(makeFolder(path), (error: unknown) => {
        assert.ok(error instanceof AppError)
        assert.equal(error.code, 'unavailable')
        assert.match(error.message, /^The folder \S+ cannot be made \(E[A-Z]+: .+\)\.$/)
        return true
      })
    }
  }),
)
