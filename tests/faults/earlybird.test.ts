/** The search index in a server that dies, and on a disk that damages it (W14, F45): whatever was answered is found again. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { openTestDatabase } from '../world/database.ts'
import { join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

/** Far beyond what anything takes, messages that a dead relay had claimed included; nothing here depends on how long it is. */
const PATIENCE_MS = 300_000

const resources = new AsyncDisposableStack()
let dataDir: string
let url: string
let port: number
let alice: Person
let server: RunningServer

async function start(env: Record<string, string> = {}): Promise<RunningServer> {
  return startServer({ dataDir, port, env: { DATABASE_URL: url, ...env } })
}

before(async () => {
  const database = resources.use(await openTestDatabase())
  const { host = '', user, database: name } = database.connection
  url = `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host)}`
  dataDir = await mkdtemp(joinPath(tmpdir(), 'dunlin-earlybird-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }))
  port = 0
  server = await start()
  port = Number(new URL(server.url).port)
  alice = await join(server.url, 'alice')
})

after(async () => {
  await server[Symbol.asyncDispose]()
  await resources.disposeAsync()
})

async function found(query: string): Promise<string[]> {
  const { status, body } = await alice.call('GET', `/api/v2/search?type=statuses&q=${encodeURIComponent(query)}`)
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(typeof body === 'object' && body !== null && 'statuses' in body && Array.isArray(body.statuses))
  return body.statuses.map((each: { id: string }) => each.id)
}

/** Asks until exactly these are found. */
async function untilFound(query: string, expected: readonly string[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const ids = await found(query)
    if (JSON.stringify(ids) === JSON.stringify(expected) || performance.now() > deadline) {
      assert.deepEqual(ids, expected)
      return
    }
    await sleep(50)
  }
}

async function untilDead(pid: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (performance.now() < deadline) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(20)
  }
  assert.fail('the server did not die at its crash point')
}

const post = async (text: string): Promise<string> => (await alice.masto.v1.statuses.create({ status: text })).id

test('a server that dies between indexing and telling the bus (W14) finds the status after its restart', async () => {
  const one = await post('dunlin one, before the crash')
  await untilFound('dunlin', [one])
  await server[Symbol.asyncDispose]()
  server = await start({ FAIL_AT: 'W14' })
  const two = await post('dunlin two, indexed when the server died')
  await untilDead(server.pid)
  await server[Symbol.asyncDispose]()
  server = await start()
  await untilFound('dunlin', [two, one])
})

test('a server that is killed finds everything it had confirmed, edits and deletions included', async () => {
  const [gone, edited, kept] = [
    await post('sanderling gone'),
    await post('sanderling first'),
    await post('sanderling kept'),
  ]
  await untilFound('sanderling', [kept, edited, gone])
  await alice.masto.v1.statuses.$select(edited).update({ status: 'turnstone now' })
  await alice.masto.v1.statuses.$select(gone).remove()
  await untilFound('turnstone', [edited])
  await untilFound('sanderling', [kept])
  await server.end('SIGKILL')
  await server[Symbol.asyncDispose]()
  server = await start()
  await untilFound('sanderling', [kept])
  await untilFound('turnstone', [edited])
})

test('files of the index with flipped bits are noticed at the start, and searches find everything again (F45)', async () => {
  const turnstones = await found('turnstone')
  assert.equal(turnstones.length, 1)
  await server[Symbol.asyncDispose]()
  const folder = joinPath(dataDir, 'earlybird')
  const files = await readdir(folder)
  assert.ok(files.some((name) => name.endsWith('.sealed')))
  for (const name of files) {
    const bytes = await readFile(joinPath(folder, name))
    const at = Math.floor(bytes.length / 2)
    bytes[at] = (bytes[at] ?? 0) ^ 4
    await writeFile(joinPath(folder, name), bytes)
  }
  server = await start()
  await untilFound('turnstone', turnstones)
  assert.equal((await found('dunlin')).length, 2)
})
