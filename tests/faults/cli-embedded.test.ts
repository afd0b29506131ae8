/** The command line on the embedded PostgreSQL: without a server, beside one, and beside one that just starts. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { runningPostgres } from '../../src/engines/database/embedded/start.ts'
import { eventually } from '../world/people.ts'
import { startServer } from '../world/server.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** An ended token is refused everywhere by then (I20). */
const REVOKED_MS_MAX = 2_000

const isLinux = process.platform === 'linux'

/** One that PostgreSQL's account can enter, else its data would be left elsewhere when Dunlin is root. */
async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dunlin-cli-'))
  await chmod(folder, 0o755)
  return folder
}

/** First processes of PostgreSQL on the data folder. */
async function postgresOn(dataDir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const titles = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_pid, index) => titles[index]?.includes(`${dataDir}/postgres`))
}

/** A command as a process of its own, as an operator runs it. */
function dunlin(dataDir: string, ...argv: string[]): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const words = [MAIN, ...argv, '--json', '--data-dir', dataDir]
    execFile(process.execPath, words, { cwd: tmpdir(), env: { PATH: process.env['PATH'] } }, (error, out, err) => {
      if (error === null) resolve(JSON.parse(out))
      else reject(new Error(`${argv.join(' ')}: ${err}`))
    })
  })
}

test('commands work without a server, beside one and beside one that starts; they leave nothing running', async () => {
  const dataDir = await openFolder()
  try {
    const alice = await dunlin(dataDir, 'accounts', 'create', 'alice')
    assert.equal(await runningPostgres(dataDir), undefined, 'the database was stopped again')
    await Promise.all(['bob', 'carol'].map((name) => dunlin(dataDir, 'accounts', 'create', name)))
    {
      const starting = startServer({ embedded: true, dataDir })
      const beside = starting.then(() => dunlin(dataDir, 'accounts', 'create', 'dan'))
      await using server = await starting
      await beside
      const made = await dunlin(dataDir, 'token', 'create', 'alice')
      const asAlice = async () => {
        const headers = { authorization: `Bearer ${String(made['token'])}` }
        const response = await fetch(`${server.url}/api/v1/accounts/verify_credentials`, { headers })
        const account: unknown = await response.json()
        return { status: response.status, account }
      }
      const { status, account } = await asAlice()
      assert.equal(status, 200)
      assert.ok(typeof account === 'object' && account !== null && 'id' in account)
      assert.equal(account.id, alice['id'])

      const picture = await dunlin(dataDir, 'ps')
      assert.ok(Array.isArray(picture['processes']))
      const names = picture['processes'].map(({ name }: { name: string }) => name)
      assert.ok(
        names.some((name) => name.startsWith('postgres')),
        names.join('\n'),
      )
      assert.equal(picture['processes'][0].pid, server.pid)

      await dunlin(dataDir, 'token', 'revoke', String(made['id']))
      await eventually(REVOKED_MS_MAX, asAlice, (answer) => answer.status === 401)
    }
    await assert.rejects(dunlin(dataDir, 'ps'), /No Dunlin runs on/)
    const all: unknown = await dunlin(dataDir, 'accounts', 'list')
    assert.ok(Array.isArray(all))
    assert.deepEqual(
      new Set(all.map(({ username }: { username: string }) => username)),
      new Set(['alice', 'bob', 'carol', 'dan']),
    )
    assert.equal(await runningPostgres(dataDir), undefined)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('a command that is interrupted stops the database it started', { skip: !isLinux }, async () => {
  const dataDir = await openFolder()
  try {
    await dunlin(dataDir, 'accounts', 'create', 'alice')
    const child = execFile(process.execPath, [MAIN, 'accounts', 'list', '--data-dir', dataDir], { cwd: tmpdir() })
    const exited = once(child, 'exit')
    await eventually(
      10_000,
      () => postgresOn(dataDir),
      (pids) => pids.length > 0,
    )
    child.kill('SIGINT')
    assert.deepEqual(await exited, [130, null])
    await eventually(
      5_000,
      () => postgresOn(dataDir),
      (pids) => pids.length === 0,
    )
    await dunlin(dataDir, 'accounts', 'list')
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})
