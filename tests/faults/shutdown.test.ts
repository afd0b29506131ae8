/** Stopping and starting with the embedded PostgreSQL: whatever the moment, it is stopped cleanly, and one at a time. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { caller, join as joinServer } from '../world/people.ts'
import { startServer } from '../world/server.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** The promise is ten seconds; a busy machine may take longer, and what hangs would take minutes. */
const STOP_MS_MAX = 60_000
/** What PostgreSQL says at its start about how it ended. */
const DEBUG = { LOG_LEVEL: 'debug' }
const STOPPED_CLEANLY = /database system was shut down at/
const RECOVERED = /was interrupted|not properly shut down|automatic recovery/

const isLinux = process.platform === 'linux'
let dataDir: string

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'dunlin-stop-'))
  await chmod(dataDir, 0o755) // PostgreSQL's account must be able to enter
})

after(async () => {
  await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
})

/** Processes of PostgreSQL on the data folder. */
async function postgresProcesses(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return commands.filter((command) => command.includes(`${dataDir}/postgres`))
}

function start(env: Record<string, string> = {}) {
  return startServer({ embedded: true, dataDir, env: { ...DEBUG, ...env } })
}

test('after SIGTERM under load PostgreSQL has stopped cleanly: the next start recovers nothing', async () => {
  let token: string
  {
    await using server = await start()
    ;({ token } = await joinServer(server.url, 'alice'))
    const call = caller(server.url, token)
    const posting = new AbortController()
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!posting.signal.aborted) {
          await call('POST', '/api/v1/statuses', { status: 'Until the end' }).catch(() => sleep(10))
        }
      }),
    )
    await sleep(500)
    const startedMs = performance.now()
    assert.equal(await server.end('SIGTERM'), 0)
    assert.ok(performance.now() - startedMs < STOP_MS_MAX)
    posting.abort()
    await load
    assert.deepEqual(await postgresProcesses(), [])
    assert.doesNotMatch(server.output(), /"level":"error"|request\.failed/)
  }
  await using again = await start()
  assert.match(again.output(), STOPPED_CLEANLY)
  assert.doesNotMatch(again.output(), RECOVERED)
  assert.equal((await caller(again.url, token)('GET', '/api/v1/timelines/home')).status, 200)
})

test('Ctrl+C at a terminal reaches the whole process group, and PostgreSQL still stops cleanly', async () => {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ADMIN_PORT: '0', ...DEBUG }
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--data-dir', dataDir], { env, detached: true })
  const exited = once(child, 'exit')
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  while (!said.includes('Dunlin is ready') && child.exitCode === null) await sleep(10)
  assert.ok(child.pid !== undefined)
  process.kill(-child.pid, 'SIGINT')
  assert.deepEqual(await exited, [0, null], said)
  await using again = await start()
  assert.match(again.output(), STOPPED_CLEANLY)
  assert.doesNotMatch(again.output(), RECOVERED)
})

test('a second Dunlin on the same data folder refuses with 1 and says who has it; the first goes on', async () => {
  await using server = await start()
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: '0', ADMIN_PORT: '0', DATA_DIR: dataDir }
  const { code, said } = await new Promise<{ code: number | null; said: string }>((resolve) => {
    const child = execFile(process.execPath, [MAIN, 'serve'], { env }, (_error, out, err) => {
      resolve({ code: child.exitCode, said: out + err })
    })
  })
  assert.equal(code, 1, said)
  assert.match(said, new RegExp(`Another Dunlin \\(process ${server.pid}\\) already uses the data folder ${dataDir}`))
  assert.doesNotMatch(said, /\n\s+at /)
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
})

test('SIGTERM at any moment of the start ends it with 0 and leaves nothing running', { skip: !isLinux }, async () => {
  for (const afterMs of [50, 300, 500, 700, 900, 1_200, 1_600]) {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ADMIN_PORT: '0', ...DEBUG }
    const words = [MAIN, 'serve', '--port', '0', '--data-dir', dataDir]
    const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const exited = once(child, 'exit')
    await sleep(afterMs)
    const signalledMs = performance.now()
    child.kill('SIGTERM')
    const [code, signal] = await exited
    // Before anything was opened the system's own way of ending a program is good enough.
    assert.ok(code === 0 || signal === 'SIGTERM', `after ${afterMs} ms: ${code} ${signal}\n${said}`)
    assert.ok(performance.now() - signalledMs < STOP_MS_MAX, said)
    assert.deepEqual(await postgresProcesses(), [], `after ${afterMs} ms`)
  }
  await using again = await start()
  assert.match(again.output(), STOPPED_CLEANLY)
})
