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
/** The promise is ten seconds; a busy machine may take longer, and what is not cut off would take minutes. */
const STOP_MS_MAX = 60_000
/** What cannot start says so by then, also on a busy machine. */
const REFUSAL_MS_MAX = 60_000
const REFUSED_MS_MAX = 30_000
/** Longer than the two signals of one Ctrl+C are apart. */
const ANOTHER_SIGNAL_MS = 700
/** Requests under way when the signal comes. */
const HALVES = 8

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startedMs = performance.now()
  const result = await work()
  return { ms: performance.now() - startedMs, result }
}

/** One connection, and everything that came on it. */
class Line {
  readonly socket: Socket
  readonly closed: Promise<void>
  #said = ''

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {}) // the server may cut it
    socket.on('data', (chunk: Buffer) => (this.#said += chunk.toString()))
  }

  /** Waits until the server has said it; gives all that it said by then. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.#said)) await once(this.socket, 'data')
    return this.#said
  }

  /** All that it said by the time that it was closed. */
  async end(): Promise<string> {
    await this.closed
    return this.#said
  }
}

async function connected(server: RunningServer): Promise<Line> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  return new Line(socket)
}

function postHead(token: string, body: string, more = ''): string {
  const headers = `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  return `POST /api/v1/statuses HTTP/1.1\r\nHost: a\r\n${headers}${more}\r\n`
}

/** A post that the server has begun to handle, and whose body is only half there; `finish` gives all that it answers. */
async function halfPost(server: RunningServer, token: string, text: string): Promise<{ finish(): Promise<string> }> {
  const line = await connected(server)
  const body = JSON.stringify({ status: text })
  line.socket.write(postHead(token, body, 'Expect: 100-continue\r\n'))
  // Who is asked for the body is being served.
  await line.until(/^HTTP\/1\.1 100 /)
  line.socket.write(body.slice(0, 10))
  return {
    finish() {
      line.socket.write(body.slice(10))
      return line.end()
    },
  }
}

async function untilRefused(server: RunningServer): Promise<void> {
  const deadlineMs = performance.now() + REFUSED_MS_MAX
  while (performance.now() < deadlineMs) {
    try {
      const line = await connected(server)
      line.socket.destroy()
    } catch (error) {
      assert.match(String(error), /ECONNREFUSED|ECONNRESET/)
      return
    }
    await sleep(10)
  }
  assert.fail('the port is still open')
}

/** Every moment of a request that a client sees: nothing came back, so it was never accepted; or all of the answer did. */
function wasAnswered(said: string): boolean {
  if (said === '') return false
  assert.match(said, /^HTTP\/1\.1 200 .*\r\n\r\n\{.*\}$/s)
  return true
}

/** Runs `dunlin serve` with these settings; resolves when it has ended. */
function dunlin(settings: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ADMIN_PORT: '0', PORT: '0', ...settings }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, 'serve'], { cwd: tmpdir(), env }, (_error, out, err) => {
      resolve({ code: child.exitCode, said: out + err })
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), REFUSAL_MS_MAX)
    child.once('exit', () => clearTimeout(timer))
  })
}

function expectRefusal({ code, said }: Awaited<ReturnType<typeof dunlin>>, text: RegExp): void {
  assert.equal(code, 1, said)
  assert.match(said, text)
  assert.doesNotMatch(said, /\n\s+at |should not happen/, 'no stack for what a person can mend')
}

test('SIGTERM lets requests finish, keeps what was answered, loses nothing it has begun, and ends with 0', async () => {
  await using server = await startServer()
  const { token } = await joinServer(server.url, 'alice')
  const halves = await Promise.all(Array.from({ length: HALVES }, (_, n) => halfPost(server, token, `Half ${n}`)))
  const [idle, silent] = await Promise.all([connected(server), connected(server)])
  const first = JSON.stringify({ status: 'Before the signal' })
  idle.socket.write(postHead(token, first) + first)
  const firstAnswer = await idle.until(/\}$/)
  const ending = server.end('SIGTERM')
  await untilRefused(server)
  const second = JSON.stringify({ status: 'On a connection that was there' })
  idle.socket.write(postHead(token, second) + second)
  const isAnswered = wasAnswered((await idle.end()).slice(firstAnswer.length))
  const answers = await Promise.all(halves.map((half) => half.finish()))
  for (const answer of answers) {
    const [, final = ''] = answer.split('HTTP/1.1 100 Continue\r\n\r\n')
    assert.ok(wasAnswered(final), 'a request that was begun')
    assert.match(final, /\r\nconnection: close\r\n/i)
  }
  assert.equal(await silent.end(), '')
  assert.equal(await ending, 0)

  await using again = await startServer({ env: server.env, dataDir: server.dataDir })
  const me = await caller(again.url, token)('GET', '/api/v1/accounts/verify_credentials')
  assert.ok(typeof me.body === 'object' && me.body !== null && 'statuses_count' in me.body)
  assert.equal(me.body.statuses_count, HALVES + 1 + (isAnswered ? 1 : 0))
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
  // Again and again: to a server that had no time to look at the first ones they may be one.
  using _again = repeatedly(ANOTHER_SIGNAL_MS, () => process.kill(server.pid, 'SIGTERM'))
  assert.equal(await ending, 143)
})

function repeatedly(ms: number, act: () => void): Disposable {
  const timer = setInterval(act, ms)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

test('Ctrl+C ends an idle server with 0, also under npm, where it arrives twice', async () => {
  await using server = await startServer()
  process.kill(server.pid, 'SIGINT')
  assert.equal(await server.end('SIGINT'), 0)
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
