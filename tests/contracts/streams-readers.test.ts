/** The door of the streams on real sockets, over a world in memory: slow readers, floods, full houses, stopping. */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import { connect, Socket, type AddressInfo } from 'node:net'
import { test } from 'node:test'

import { bareSocketOf } from '../../src/edge/raw-connection.ts'
import type { BusMessage } from '../../src/engines/bus/contract.ts'
import { encodeEvent } from '../../src/events/contract.ts'
import type { HttpPush, StreamCaller } from '../../src/http-push/contract.ts'
import { openHttpPush } from '../../src/http-push/door.ts'
import type { StreamLimits } from '../../src/http-push/limits.ts'
import type { StatusView } from '../../src/hydration/contract.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { site } from '../../src/mastodon/site.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { NO_RELATION } from '../../src/social-graph/contract.ts'
import { EventsClient, SocketClient } from '../world/streams.ts'
import { accountView, statusView } from '../world/views.ts'

const AUTHOR = accountView(1n, 'author')
/** An empty masked text, six bytes long. */
const TINY_FRAME = Buffer.from([0x81, 0x80, 0, 0, 0, 0])

interface World extends AsyncDisposable {
  url: string
  push: HttpPush
  /** A public post reaches every stream. */
  post(text: string): string
}

/** Whoever asks is the person whose number is their token. */
async function openWorld(limits: Partial<StreamLimits> = {}): Promise<World> {
  const views = new Map<StatusId, StatusView>()
  const hearers: ((message: BusMessage) => void)[] = []
  const push = openHttpPush({
    bus: {
      listen: (types, hear) => {
        if (types.includes('status.created')) hearers.push(hear)
        return { [Symbol.dispose]: () => {} }
      },
    },
    graph: {
      relation: () => NO_RELATION,
      followerCount: () => 0,
      followersPage: () => ({ followers: [], lastIndex: -1 }),
    },
    hydration: { unjudged: async (id) => views.get(id) },
    tagFollows: { followedBy: () => new Set() },
    conversations: { find: async () => undefined },
    notifications: { find: async () => undefined },
    lists: {
      hiddenFromHome: () => undefined,
      watchedWith: () => [],
      watch: () => Promise.reject(new Error('no lists')),
    },
    filters: async () => () => [],
    site: site(urls('https://example.org', 'example.org')),
    clock: systemClock,
    log: silentLog,
    limits,
  })
  const server = listening(push)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on TCP
  let lastId = 0n
  return {
    url: `http://127.0.0.1:${port}`,
    push,
    post(text) {
      const id = ++lastId as StatusId
      views.set(id, statusView(id, AUTHOR, { text }))
      const { status } = statusView(id, AUTHOR)
      const event = encodeEvent('status.created', AUTHOR.account.id, {
        id,
        author: status.accountId,
        visibility: 'public',
        boostOf: null,
        boostedAuthor: null,
        inReplyTo: null,
        inReplyToAuthor: null,
        mentions: [],
        acceptedAtMs: 0,
      })
      for (const hear of hearers) hear({ ...event, id, createdAtMs: 0 })
      return id.toString()
    },
    async [Symbol.asyncDispose]() {
      await push[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function openEvents(response: ServerResponse, accepting: ReturnType<HttpPush['events']>): Promise<void> {
  const acceptor = await accepting
  await new Promise((resolve) => setImmediate(resolve))
  const socket = bareSocketOf(response)
  if (socket === undefined) return acceptor.abandon()
  socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n')
  acceptor.open(socket)
}

function listening(push: HttpPush): Server {
  const callerOf = (headers: IncomingHttpHeaders): StreamCaller => {
    const token = headers['sec-websocket-protocol'] ?? headers.authorization?.slice('Bearer '.length) ?? '0'
    const account = BigInt(token) as AccountId
    return { account, tokenHash: token, scopes: ['read'], address: `of ${token}`, isStillGood: async () => true }
  }
  const queryOf = (url = '/') => Object.fromEntries(new URL(url, 'http://localhost').searchParams)
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/api\/v1\/streaming\//, '').replace(/\?.*$/, '')
    const asked = { path, query: queryOf(request.url), lastEventId: undefined }
    openEvents(response, push.events(callerOf(request.headers), asked)).catch((error: Error) => {
      response.writeHead(429).end(error.message)
    })
  })
  server.on('upgrade', (message, socket, head) => {
    assert.ok(socket instanceof Socket)
    const request = { path: '', query: queryOf(message.url), lastEventId: undefined }
    push.webSocket(callerOf(message.headers), request, { message, socket, head }).catch((error: Error) => {
      socket.end(`HTTP/1.1 429 Too Many Requests\r\ncontent-length: ${error.message.length}\r\n\r\n${error.message}`)
    })
  })
  return server
}

test('a reader that stops reading is dropped at its budget, and its neighbours are told everything in order', async () => {
  await using world = await openWorld({ queuedBytesMax: 256 * 1024 })
  using slow = await EventsClient.open(world.url, 'public', '2')
  using slowSocket = await SocketClient.open(world.url, '3', '?stream=public')
  using steady = await EventsClient.open(world.url, 'public', '4')
  using steadySocket = await SocketClient.open(world.url, '5', '?stream=public')
  await slowSocket.settled()
  await steadySocket.settled()
  slow.socket.pause()
  slowSocket.socket.pause()
  const text = 'x'.repeat(500_000)
  const posted: string[] = []
  // More than any kernel keeps for two sockets.
  for (let n = 0; n < 60; n++) {
    posted.push(`update ${world.post(text)}`)
    for (const client of [steady, steadySocket]) await client.next('update', String(n + 1))
  }
  assert.equal(world.push.state().dropped['slow'], 2)
  assert.ok(world.push.state().queuedBytes <= 2 * 256 * 1024)
  assert.deepEqual([steady.summary, steadySocket.summary], [posted, posted])
  assert.equal(world.push.state().eventStreams + world.push.state().webSockets, 2)
})

test('a million tiny frames end the socket that sent them, and nobody else’s', async () => {
  await using world = await openWorld()
  using neighbour = await SocketClient.open(world.url, '2', '?stream=public')
  await neighbour.settled()
  const { port } = new URL(world.url)
  const socket = connect(Number(port), '127.0.0.1')
  const ended = new Promise((resolve) => socket.once('close', resolve))
  socket.on('error', () => {}) // cut while it writes
  socket.write(
    'GET /api/v1/streaming HTTP/1.1\r\nhost: a\r\nauthorization: Bearer 3\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
      'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  await new Promise((resolve) => socket.once('data', resolve))
  socket.resume()
  const flood = Buffer.concat(Array<Buffer>(10_000).fill(TINY_FRAME))
  for (let n = 0; n < 100; n++) socket.write(flood)
  await ended
  const id = world.post('Still here?')
  await neighbour.next('update', id)
  assert.deepEqual(world.push.state().dropped, { unruly: 1 })
})

test('a storm of subscribing and unsubscribing cuts nobody else who hears the same', async () => {
  await using world = await openWorld({ messagesBurst: 100_000 })
  using stormy = await SocketClient.open(world.url, '2')
  // Another session of the same person, and another person.
  using session = await SocketClient.open(world.url, '2', '?stream=public')
  using other = await SocketClient.open(world.url, '3', '?stream=public')
  for (const client of [session, other]) await client.settled()
  for (let n = 0; n < 2_000; n++) stormy.say(n % 2 === 0 ? 'subscribe' : 'unsubscribe', 'public')
  await stormy.settled()
  const id = world.post('After the storm')
  for (const client of [session, other]) await client.next('update', id)
  await stormy.settled()
  assert.deepEqual(stormy.told, [])
  assert.deepEqual(world.push.state().subscriptions, { public: 2 })
})

test('one socket has so many subscriptions, one account so many streams, and both are given back', async () => {
  await using world = await openWorld({ subscriptionsMax: 3, streamsPerAccountMax: 2, messagesBurst: 50 })
  using socket = await SocketClient.open(world.url, '2')
  for (const tag of ['one', 'two', 'three', 'four']) socket.say('subscribe', 'hashtag', { tag })
  await socket.until('a refusal', () => socket.others.length === 1)
  assert.match(socket.others[0] ?? '', /Too many subscriptions/)
  socket.say('unsubscribe', 'hashtag', { tag: 'one' })
  socket.say('subscribe', 'hashtag', { tag: 'four' })
  await socket.settled()
  assert.deepEqual(world.push.state().subscriptions, { hashtag: 3 })
  const second = await EventsClient.open(world.url, 'public', '2')
  await assert.rejects(EventsClient.open(world.url, 'public', '2'), /^Error: 429 /)
  await assert.rejects(SocketClient.open(world.url, '2'), /^Error: 429 /)
  using _another = await EventsClient.open(world.url, 'public', '3')
  second[Symbol.dispose]()
  socket.socket.close()
  await socket.ended()
  while (world.push.state().people > 1) await new Promise((resolve) => setImmediate(resolve))
  using _again = await SocketClient.open(world.url, '2')
  assert.deepEqual(world.push.state().refused, { account: 2 })
})

test('events that come faster than they can be told end all streams, so that their clients read what they missed', async () => {
  await using world = await openWorld({ eventsWaitingMax: 20 })
  using socket = await SocketClient.open(world.url, '2', '?stream=public')
  using events = await EventsClient.open(world.url, 'public', '3')
  await socket.settled()
  for (let n = 0; n < 50; n++) world.post('Faster')
  assert.equal(await socket.ended(), '1013')
  assert.equal(await events.ended(), 'end')
})

test('stopping says so on every stream and admits nobody any more', async () => {
  await using world = await openWorld()
  using socket = await SocketClient.open(world.url, '2', '?stream=public')
  using events = await EventsClient.open(world.url, 'public', '3')
  await socket.settled()
  world.push.drain()
  assert.equal(await socket.ended(), '1012')
  assert.equal(await events.ended(), 'end')
  assert.match(events.others.at(-1) ?? '', /^retry: \d+$/, 'and when to come again')
  await assert.rejects(SocketClient.open(world.url, '2'), /stopping/)
})
