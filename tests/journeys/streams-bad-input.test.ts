/** What no client should send to the streams: told or cut, while the neighbours go on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, afterEach, before, test } from 'node:test'

import { caller } from '../world/people.ts'
import { EventsClient, SocketClient } from '../world/streams.ts'
import { openSystem, type System } from '../world/system.ts'

let system: System
let token: string
let neighbour: SocketClient

before(async () => {
  system = await openSystem()
  token = await system.token(await system.person('alice'))
  neighbour = await SocketClient.open(system.url, await system.token(await system.person('bob')), '?stream=public')
})

/** Whatever a test did: others are told of the next post, and nothing was a bug. */
afterEach(async () => {
  const { body } = await caller(system.url, token)('POST', '/api/v1/statuses', { status: 'Still there?' })
  await neighbour.next('update', String((body as { id: unknown }).id))
  assert.deepEqual(system.errors, [])
})

after(async () => {
  neighbour[Symbol.dispose]()
  await system[Symbol.asyncDispose]()
})

test('what is not understood is answered in a frame, and the socket stays open', async () => {
  using socket = await SocketClient.open(system.url, token, '?stream=local')
  const wrong = [
    '',
    'hello',
    '[]',
    'null',
    '{"type":"destroy"}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","stream":["user"]}',
    '{"type":"subscribe","stream":"hashtag"}',
    '{"type":"subscribe","stream":"hashtag","tag":{"a":1}}',
    '{"type":"subscribe","stream":"list"}',
    '{"__proto__":{"type":"subscribe"},"stream":"user"}',
    `{"type":"subscribe","stream":"${'x'.repeat(60_000)}"}`,
    '['.repeat(60_000),
  ]
  for (const text of wrong) socket.socket.send(text)
  await socket.until('a refusal each', () => socket.others.length === wrong.length + 1)
  for (const refusal of socket.others) assert.match(refusal, /^\{"error":"[^"]+","status":400\}$/)
  socket.say('subscribe', 'list', { list: '123' })
  await socket.until('one more', () => socket.others.length === wrong.length + 2)
  assert.equal(socket.others.at(-1), '{"error":"Not authorized to stream this list","status":401}')
})

test('binary frames, giant ones and broken ones close the socket with the code of the fault', async () => {
  const closedAfter = async (send: (socket: SocketClient) => void) => {
    using socket = await SocketClient.open(system.url, token)
    send(socket)
    return await socket.ended()
  }
  assert.equal(await closedAfter(({ socket }) => socket.send(Buffer.from('{}'))), '1003')
  assert.equal(await closedAfter(({ socket }) => socket.send('x'.repeat(1024 * 1024))), '1009')
  assert.equal(await closedAfter(({ socket }) => socket.send(Buffer.from([0xff, 0xfe]), { binary: false })), '1007')
  const fragments = await closedAfter(({ socket }) => {
    for (let n = 0; n < 1_000; n++) socket.send('x', { fin: false })
  })
  assert.ok(['1006', '1008'].includes(fragments), fragments)
})

test('paths, streams and upgrades that do not exist are refused as JSON', async () => {
  for (const path of [
    'nonsense',
    'user/other',
    'hashtag',
    'hashtag?tag=',
    'list',
    'public/local/remote',
    '%00',
    'user:notification/x',
  ]) {
    await assert.rejects(EventsClient.open(system.url, path, token), /^Error: (400|404) \{"error":"/, path)
  }
  await assert.rejects(EventsClient.open(system.url, 'list?list=999', token), /^Error: 401 /)
  const headers = { authorization: `Bearer ${token}` }
  for (const method of ['POST', 'DELETE']) {
    assert.equal((await fetch(`${system.url}/api/v1/streaming/user`, { method, headers })).status, 404)
  }
  const handshake = { upgrade: 'websocket', connection: 'Upgrade', ...headers }
  // Neither a key nor a version.
  await assert.rejects(EventsClient.open(system.url, '?stream=user', token, handshake), /^Error: 400 /)
  // An upgrade to something else, or elsewhere, is an ordinary request.
  using stream = await EventsClient.open(system.url, 'user', token, {
    ...headers,
    upgrade: 'h2c',
    connection: 'Upgrade',
  })
  assert.match(String(stream.headers['content-type']), /event-stream/)
})

test('a client that talks on a stream of events, or goes away at once, costs nobody anything', async () => {
  using chatty = await EventsClient.open(system.url, 'user', token)
  chatty.socket.write('GET / HTTP/1.1\r\n\r\n')
  await chatty.ended()
  for (let n = 0; n < 10; n++) {
    const stream = await EventsClient.open(system.url, 'public', token)
    stream[Symbol.dispose]()
  }
})

/** An upgrade as bytes; without a token it is refused. */
const UPGRADE = [
  'GET /api/v1/streaming HTTP/1.1',
  'Host: x',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n')
const FOREVER_MS = 30_000

test('a stream asked for while earlier requests of its connection are unanswered ends that connection alone', async () => {
  const { hostname, port } = new URL(system.url)
  const earlier = 'GET /api/v1/instance HTTP/1.1\r\nHost: x\r\n\r\n'
  const events = `GET /api/v1/streaming/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`
  for (const asked of [UPGRADE, events]) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined) // cut: 'close' follows
    socket.write(earlier + asked)
    socket.resume()
    await once(socket, 'close', { signal: AbortSignal.timeout(FOREVER_MS) })
  }
})

test('a refused upgrade leaves no connection behind, whatever its client goes on to do', async () => {
  const { hostname, port } = new URL(system.url)
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  socket.write(UPGRADE)
  socket.resume()
  await once(socket, 'end')
  const talk = setInterval(() => socket.write('x'), 10)
  try {
    // Whoever talks to a connection that is gone is told so.
    await assert.rejects(once(socket, 'close', { signal: AbortSignal.timeout(FOREVER_MS) }), /EPIPE|ECONNRESET/)
  } finally {
    clearInterval(talk)
    socket.destroy()
  }
})
