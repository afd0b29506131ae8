/** Streams of a whole server with several threads: wherever a stream is held, it is told, cut and ended like any other. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { after, before, test } from 'node:test'

import { authorizePath, consent, post, redeem, registerClient, signedIn } from '../world/client.ts'
import { join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'
import { EventsClient, SocketClient } from '../world/streams.ts'

/** Enough for the kernel to give each of two threads some. */
const STREAMS = 12

let server: RunningServer
let alice: Person
let bob: Person

before(async () => {
  server = await startServer({ env: { API_THREADS: '2' } })
  alice = await join(server.url, 'alice')
  bob = await join(server.url, 'bob')
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

async function openSome(token: string): Promise<(SocketClient | EventsClient)[]> {
  const opening = Array.from({ length: STREAMS }, (_, n) =>
    n % 2 === 0
      ? SocketClient.open(server.url, token, '?stream=public')
      : EventsClient.open(server.url, 'public', token),
  )
  const clients = await Promise.all(opening)
  for (const client of clients) if (client instanceof SocketClient) await client.settled()
  return clients
}

test('whichever thread holds a stream tells it what happened on any other', async () => {
  const clients = await openSome(bob.token)
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.push((await alice.masto.v1.statuses.create({ status: `Post ${n}` })).id)
  const expected = ids.map((id) => `update ${id}`)
  for (const client of clients) {
    await client.next('update', ids.at(-1))
    assert.deepEqual(client.summary, expected)
    client[Symbol.dispose]()
  }
})

test('the metrics of all threads add up to what is held', async () => {
  const clients = await openSome(bob.token)
  const run = await readFile(joinPath(server.dataDir, 'run', 'admin.json'), 'utf8')
  const { port } = JSON.parse(run) as { port: number }
  const held = async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const lines = [...metrics.matchAll(/^dunlin_streams\{[^}]*\} (\d+)$/gm)]
    return lines.reduce((sum, [, count]) => sum + Number(count), 0)
  }
  // Those of the test before may still be going.
  while ((await held()) !== STREAMS) await new Promise((resolve) => setImmediate(resolve))
  for (const client of clients) client[Symbol.dispose]()
})

test('a token revoked on one thread is cut on all of them, and another is not', async () => {
  const client = await registerClient(server.url)
  const visitor = await signedIn(server.url, bob.email, bob.password)
  const code = (await consent(visitor, authorizePath(client))).get('code') ?? ''
  const token = String((await redeem(server.url, client, code)).body['access_token'])
  const [cut, kept] = [await openSome(token), await openSome(alice.token)]
  const { status } = await post(`${server.url}/oauth/revoke`, {
    client_id: client.id,
    client_secret: client.secret,
    token,
  })
  assert.equal(status, 200)
  for (const stream of cut) assert.match(await stream.ended(), /^(1008|end)$/)
  const { id } = await alice.masto.v1.statuses.create({ status: 'Who hears?' })
  for (const stream of kept) {
    await stream.next('update', id)
    stream[Symbol.dispose]()
  }
})

test('stopping ends every stream in good form, and the process with them', async () => {
  const clients = await openSome(bob.token)
  const code = await server.end('SIGTERM')
  for (const client of clients) assert.match(await client.ended(), /^(1012|end)$/)
  assert.equal(code, 0, server.output())
})
