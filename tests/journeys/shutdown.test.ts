/** How a server ends, and how it refuses to begin: by signals and exit codes, as a supervisor and a person see it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { caller, join as joinServer } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Supervisors kill ten seconds after the signal, Docker for one. */
const STOP_MS_MAX = 10_000
/** Without anything to wait for. */
const IDLE_STOP_MS_MAX = 3_000
/** What cannot start says so by then. */
const REFUSAL_MS_MAX = 15_000
/** Longer than the two signals of one Ctrl+C are apart. */
const ANOTHER_SIGNAL_MS = 700

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startedMs = performance.now()
  const result = await work()
  return { ms: performance.now() - startedMs, result }
}

/** A post whose body is only half there: `finish` sends the rest and gives everything that was answered. */
async function halfPost(server: RunningServer, token: string, text: string) {
  const socket = await connected(server)
  const body = JSON.stringify({ status: text })
  const head = `POST /api/v1/statuses HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  socket.write(head + body.slice(0, 10))
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  return {
    async finish(): Promise<string> {
      socket.write(body.slice(10))
      await new Promise((resolve) => socket.once('close', resolve))
      return Buffer.concat(chunks).toString()
    },
  }
}

async function connected(server: RunningServer): Promise<Socket> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.on('error', () => {}) // the server may cut it
  return socket
}

/** Runs `dunlin serve` with these settings; resolves when it has ended. */
function dunlin(settings: Record<string, string>): Promise<{ code: number | null; said: string; ms: number }> {
  const startedMs = performance.now()
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ADMIN_PORT: '0', PORT: '0', ...settings }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, 'serve'], { cwd: tmpdir(), env }, (_error, out, err) => {
      resolve({ code: child.exitCode, said: out + err, ms: performance.now() - startedMs })
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), REFUSAL_MS_MAX)
    child.once('exit', () => clearTimeout(timer))
  })
}

function expectRefusal({ code, said, ms }: Awaited<ReturnType<typeof dunlin>>, text: RegExp): void {
  assert.equal(code, 1, said)
  assert.match(said, text)
  assert.doesNotMatch(said, /\n\s+at |should not happen/, 'no stack for what a person can mend')
  assert.ok(ms < REFUSAL_MS_MAX)
}

test('SIGTERM lets requests finish, takes no new ones, keeps what was answered, and ends with 0', async () => {
  await using server = await startServer()
  const alice = await joinServer(server.url, 'alice')
  const { token } = alice
  const half = await halfPost(server, token, 'Finished after the signal')
  const idle = await connected(server)
  const idleEnds = once(idle, 'close')
  const posts = Array.from({ length: 20 }, (_, n) =>
    alice.call('POST', '/api/v1/statuses', { status: `Under way ${n}` }),
  )
  await posts[0] // the others are at work
  const ending = timed(() => server.end('SIGTERM'))
  const answers = await Promise.all(posts)
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  await idleEnds
  await assert.rejects(connected(server), /ECONNREFUSED/)
  const answer = await half.finish()
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.match(answer, /\r\nconnection: close\r\n/i)
  const { ms, result } = await ending
  assert.equal(result, 0)
  assert.ok(ms < IDLE_STOP_MS_MAX, `${Math.round(ms)} ms`)

  await using again = await startServer({ env: server.env, dataDir: server.dataDir })
  const me = await caller(again.url, token)('GET', '/api/v1/accounts/verify_credentials')
  assert.ok(typeof me.body === 'object' && me.body !== null && 'statuses_count' in me.body)
  assert.equal(me.body.statuses_count, 21)
})

test('a request that never ends is cut in time for a supervisor', async () => {
  await using server = await startServer()
  const { token } = await joinServer(server.url, 'alice')
  await halfPost(server, token, 'never finished')
  const { ms, result } = await timed(() => server.end('SIGTERM'))
  assert.equal(result, 0)
  assert.ok(ms < STOP_MS_MAX, `${Math.round(ms)} ms`)
})

test('a second signal that is meant as such ends a waiting server at once', async () => {
  await using server = await startServer()
  const { token } = await joinServer(server.url, 'alice')
  await halfPost(server, token, 'never finished')
  const ending = server.end('SIGTERM')
  await sleep(ANOTHER_SIGNAL_MS)
  const { ms, result } = await timed(() => server.end('SIGTERM'))
  assert.equal(result, 143)
  assert.ok(ms < 1_000, `${Math.round(ms)} ms`)
  await ending
})

test('Ctrl+C ends an idle server with 0, also under npm, where it arrives twice', async () => {
  await using server = await startServer()
  process.kill(server.pid, 'SIGINT')
  const { ms, result } = await timed(() => server.end('SIGINT'))
  assert.equal(result, 0)
  assert.ok(ms < IDLE_STOP_MS_MAX, `${Math.round(ms)} ms`)
})

test('a port that is taken is told in a sentence, and nothing is left running', async () => {
  await using server = await startServer()
  const { port } = new URL(server.url)
  await using folder = await temporaryFolder()
  const second = dunlin({ ...server.env, PORT: port, DATA_DIR: folder.path })
  expectRefusal(await second, new RegExp(`Port ${port} is taken by another program.*--port`))
  assert.equal((await fetch(`${server.url}/health`)).status, 200, 'the first one goes on')
})

test('a data folder that cannot be used is told in a sentence', async () => {
  await using server = await startServer()
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')
  expectRefusal(await dunlin({ ...server.env, DATA_DIR: file }), new RegExp(file))
  expectRefusal(await dunlin({ ...server.env, DATA_DIR: '/proc/dunlin' }), /\/proc\/dunlin/)
  const dataDir = join(folder.path, 'data')
  await mkdir(dataDir)
  await writeFile(join(dataDir, 'run'), 'a file where a folder belongs')
  expectRefusal(await dunlin({ ...server.env, DATA_DIR: dataDir }), /data\/run/)
})

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'dunlin-shutdown-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
