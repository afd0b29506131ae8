import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BusMessage } from '../../src/engines/bus/contract.ts'
import { encodeEvent } from '../../src/events/contract.ts'
import { Admission } from '../../src/http-push/admission.ts'
import { channelOf, streamOfPath } from '../../src/http-push/channel.ts'
import { MessageAllowance, parseClientMessage } from '../../src/http-push/client-messages.ts'
import { EventLine } from '../../src/http-push/event-line.ts'
import { EventLog } from '../../src/http-push/event-log.ts'
import { Frames, textFrame } from '../../src/http-push/frames.ts'
import { Hub } from '../../src/http-push/hub.ts'
import { PING_BEATS, STREAM_LIMITS, THUMP_BEATS } from '../../src/http-push/limits.ts'
import { Procession } from '../../src/http-push/procession.ts'
import { SocketLine } from '../../src/http-push/socket-line.ts'
import { AppError } from '../../src/kit/errors.ts'
import { site } from '../../src/mastodon/site.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { handClock } from '../world/statuses.ts'

const ALICE = { account: 7n as AccountId, scopes: ['read'] }
const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code

test('names of streams are Mastodon’s, and each person has streams of their own', () => {
  const keyOf = (stream: string, more = {}) => channelOf({ stream, ...more }, ALICE).key
  assert.equal(keyOf('user'), 'user 7')
  assert.equal(keyOf('user:notification'), 'user:notification 7')
  assert.equal(keyOf('public:local:media'), 'public:local:media')
  assert.equal(keyOf('hashtag', { tag: '#Ｂirds' }), 'hashtag birds')
  assert.equal(keyOf('list', { list: 12 }), 'list 12')
  assert.deepEqual(channelOf({ stream: 'hashtag:local', tag: 'Birds' }, ALICE).names, ['hashtag:local', 'Birds'])
  assert.equal(streamOfPath('user/notification', false), 'user:notification')
  assert.equal(streamOfPath('public/remote', true), 'public:remote:media')
  assert.equal(streamOfPath('hashtag', true), 'hashtag')
})

test('what is no stream is refused by 400, what the token does not cover by 401', () => {
  for (const stream of ['', 'local', 'constructor', '__proto__', 'User', undefined, 7, ['user'], {}, null]) {
    assert.throws(() => channelOf({ stream }, ALICE), hasCode('bad_request'), JSON.stringify(stream))
  }
  for (const tag of [undefined, '', '#', '123', 'a b', 7, ['a'], 'x'.repeat(10_000)]) {
    assert.throws(() => channelOf({ stream: 'hashtag', tag }, ALICE), hasCode('bad_request'), String(tag).slice(0, 20))
  }
  assert.throws(() => channelOf({ stream: 'list' }, ALICE), hasCode('bad_request'))
  for (const list of ['x', '-1', '1.5', {}, '9'.repeat(40)]) {
    assert.throws(() => channelOf({ stream: 'list', list }, ALICE), hasCode('unauthenticated'))
  }
  const covers = (stream: string, scope: string) => {
    try {
      return channelOf({ stream }, { ...ALICE, scopes: [scope] }).kind === stream
    } catch (error) {
      assert.ok(hasCode('unauthenticated')(error))
      return false
    }
  }
  assert.deepEqual(
    ['read', 'read:statuses', 'read:notifications', 'write', 'push'].map((scope) => [
      covers('public', scope),
      covers('user:notification', scope),
    ]),
    [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
      [false, false],
    ],
  )
})

test('a frame says its length as RFC 6455 has it, whatever the length', () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
    const text = 'ü'.repeat(length / 2) + 'x'.repeat(length % 2)
    assert.equal(Buffer.byteLength(text), length)
    const frame = textFrame(text)
    assert.equal(frame[0], 0x81, 'one whole text')
    const short = frame[1] ?? 0
    const told = short < 126 ? short : short === 126 ? frame.readUInt16BE(2) : Number(frame.readBigUInt64BE(2))
    assert.equal(told, length)
    assert.equal(short, length < 126 ? length : length < 65_536 ? 126 : 127, 'in the shortest form')
    assert.equal(frame.subarray(frame.length - length).toString(), text)
  }
})

test('an event is written once for each name, and breaks no line of server-sent events', () => {
  const payload = JSON.stringify({ content: 'a\nb\r\nid: 9\u2028' })
  const frames = new Frames('update', payload, 5n)
  assert.equal(frames.sse, frames.sse)
  assert.equal(frames.socket(['user']), frames.socket(['user']))
  const lines = frames.sse.toString().split(/\r\n|\n|\r/)
  assert.deepEqual(lines, ['id: 5', 'event: update', `data: ${payload}`, '', ''])
  const json: unknown = JSON.parse(frames.socket(['hashtag', 'a"]']).subarray(2).toString())
  assert.deepEqual(json, { stream: ['hashtag', 'a"]'], event: 'update', payload })
  const bare = new Frames('filters_changed', undefined, 6n)
  assert.equal(bare.socket(['user']).subarray(2).toString(), '{"stream":["user"],"event":"filters_changed"}')
  assert.match(bare.sse.toString(), /\ndata: \{\}\n\n$/, 'browsers pass over events without data')
})

test('the log keeps so many events for so long, each once, in the order in which they came', () => {
  const log = new EventLog(3, 1_000)
  const add = (id: bigint, atMs: number) =>
    log.add({ id, atMs, happening: { kind: 'filters', account: ALICE.account } })
  assert.deepEqual([add(5n, 0), add(3n, 0), add(5n, 0), add(9n, 0)], [true, true, false, true])
  assert.deepEqual(
    log.after(5n)?.map(({ id }) => id),
    [3n, 9n],
  )
  assert.deepEqual(log.after(9n), [])
  assert.equal(log.after(4n), undefined, 'never heard of')
  add(10n, 0)
  assert.equal(log.after(5n), undefined, 'one too many')
  add(11n, 1_001)
  assert.deepEqual(log.after(11n), [])
  assert.equal(log.after(10n), undefined, 'too old')
})

test('events are told in the order in which they came, however long each takes to be looked up', async () => {
  const told: number[] = []
  const lost: unknown[] = []
  const procession = new Procession({ waitingMax: 100, lookUpsMax: 4, onLoss: (error) => lost.push(error) })
  const gates = Array.from({ length: 12 }, () => Promise.withResolvers<void>())
  let lookedUp = 0
  for (const [n, gate] of gates.entries()) {
    const prepare = async () => {
      lookedUp += 1
      await gate.promise
      if (n === 5) throw new Error('broken')
      return n
    }
    procession.push({ prepare, tell: async (each) => void told.push(each) })
  }
  for (const gate of gates.toReversed().slice(0, 11)) gate.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(lookedUp <= 5, `${lookedUp} at once`)
  assert.deepEqual(told, [])
  gates[0]?.resolve()
  while (told.length < 11) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(told, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])
  assert.equal(lost.length, 1, 'what cannot be looked up is a loss, and its neighbours go on')
})

test('when events come faster than they can be told, those waiting are given up and everyone is to read', async () => {
  let losses = 0
  const told: number[] = []
  const procession = new Procession({ waitingMax: 10, lookUpsMax: 4, onLoss: () => (losses += 1) })
  const gate = Promise.withResolvers<void>()
  for (let n = 0; n < 25; n++) {
    procession.push({ prepare: () => gate.promise.then(() => n), tell: async (each) => void told.push(each) })
  }
  assert.ok(procession.length <= 10)
  assert.equal(losses, 2)
  gate.resolve()
  while (procession.length > 0 || told.at(-1) !== 24) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    told,
    told.toSorted((a, b) => a - b),
  )
})

test('a look-up is tried again while the database is away', async () => {
  let tries = 0
  const procession = new Procession({ waitingMax: 10, lookUpsMax: 4, onLoss: () => assert.fail('nothing is lost') })
  const prepare = async () => {
    tries += 1
    if (tries === 1) throw new AppError('unavailable', 'away')
    return tries
  }
  const { promise, resolve } = Promise.withResolvers<number>()
  procession.push({ prepare, tell: async (each) => resolve(each) })
  assert.equal(await promise, 2)
})

test('streams are capped by thread, account and address, and a rush is spread', () => {
  const clock = handClock()
  const limits = {
    ...STREAM_LIMITS,
    streamsMax: 5,
    streamsPerAddressMax: 3,
    streamsPerAccountMax: 2,
    connectsPerSecond: 4,
  }
  const admission = new Admission(limits, clock)
  const reasons: string[] = []
  const enter = (address: string, held = 0) => {
    try {
      admission.enter({ address, held }, (reason) => reasons.push(reason))
      return true
    } catch (error) {
      assert.ok(error instanceof AppError && (error.retryAfterSeconds ?? 0) >= 1)
      return false
    }
  }
  assert.deepEqual([enter('a'), enter('a'), enter('a'), enter('a')], [true, true, true, false])
  assert.deepEqual([enter('b', 2), enter('b', 1), enter('c')], [false, true, false])
  assert.deepEqual(reasons, ['address', 'account', 'rush'])
  clock.ms += 1_000
  assert.deepEqual([enter('c'), enter('d')], [true, false])
  admission.leave('a')
  assert.equal(enter('a'), true)
  admission.leave('b')
  admission.close()
  assert.equal(enter('d'), false)
  assert.deepEqual(reasons.slice(3), ['full', 'stopping'])
})

test('a client may say so much at once and so much each second after that', () => {
  const allowance = new MessageAllowance({ messagesBurst: 3, messagesPerSecond: 2 }, 0)
  assert.deepEqual(
    [0, 0, 0, 0].map((ms) => allowance.take(ms)),
    [true, true, true, false],
  )
  assert.deepEqual(
    [1_000, 1_000].map((ms) => allowance.take(ms)),
    [true, false],
  )
  assert.equal(allowance.take(-5_000), false, 'a clock set back gives nothing')
})

test('a message is one JSON object with a type that is known', () => {
  assert.equal(parseClientMessage('{"type":"subscribe","stream":"user","x":1}').stream, 'user')
  for (const text of ['', '{', 'null', '[]', '7', '{}', '{"type":"kill"}', '{"type":["subscribe"]}']) {
    assert.throws(() => parseClientMessage(text), hasCode('bad_request'), text)
  }
})

/** A socket that takes as much as it is told to. */
class Pipe {
  destroyed = false
  readonly writable = true
  writableLength = 0
  takes = true
  readonly written: Buffer[] = []

  write(bytes: Buffer): void {
    this.written.push(bytes)
    if (!this.takes) this.writableLength += bytes.length
  }

  end(last: Buffer): void {
    this.write(last)
  }

  destroy(): void {
    this.destroyed = true
  }

  once(): void {}
}

function lineOn(pipe: Pipe, kind: 'events' | 'socket', dropped: string[]) {
  const listener = { account: ALICE.account, lines: new Set<never>(), filtered: () => [] }
  const owner = { listener, tokenHash: '', scopes: [], hearsNotifications: true, address: '' }
  const options = { turn: 3, queuedBytesMax: 100, onDrop: (reason: string) => void dropped.push(reason) }
  if (kind === 'events') return new EventLine(owner, pipe, options)
  return new SocketLine(owner, { socket: pipe, webSocket: { close() {} } }, options)
}

test('a reader that does not take what it is sent is dropped at its budget, once', () => {
  const pipe = new Pipe()
  const dropped: string[] = []
  const line = lineOn(pipe, 'events', dropped)
  assert.equal(line.write(Buffer.alloc(1_000)), true)
  pipe.takes = false
  assert.equal(line.write(Buffer.alloc(100)), true)
  assert.equal(line.write(Buffer.alloc(1)), false)
  assert.equal(line.write(Buffer.alloc(1)), false)
  line.end('revoked')
  assert.deepEqual([dropped, pipe.destroyed, pipe.written.length], [['slow'], true, 3])
})

test('a WebSocket that does not answer a ping is dropped at the next, one that does is kept', () => {
  const [dead, alive] = [new Pipe(), new Pipe()]
  const [droppedDead, droppedAlive]: [string[], string[]] = [[], []]
  const deadLine = lineOn(dead, 'socket', droppedDead)
  const aliveLine = lineOn(alive, 'socket', droppedAlive)
  for (let beat = 1; beat <= 2 * PING_BEATS; beat++) {
    deadLine.beat(beat)
    aliveLine.beat(beat)
    if (aliveLine instanceof SocketLine) aliveLine.ponged()
  }
  assert.deepEqual([dead.written.length, droppedDead, dead.destroyed], [1, ['silent'], true])
  assert.deepEqual([alive.written.length, droppedAlive], [2, []])
})

test('server-sent events beat every fifteenth second, and end where nothing is taken between two beats', () => {
  const pipe = new Pipe()
  const dropped: string[] = []
  const line = lineOn(pipe, 'events', dropped)
  for (let beat = 1; beat <= 4 * THUMP_BEATS; beat++) line.beat(beat)
  assert.deepEqual(pipe.written.map(String), Array(4).fill(':thump\n'))
  pipe.takes = false
  for (let beat = 1; beat <= 2 * THUMP_BEATS; beat++) line.beat(beat)
  assert.deepEqual([dropped, pipe.destroyed], [['silent'], true])
})

test('whoever comes back has nothing looked up that others were told', async () => {
  const hears: ((message: BusMessage) => void)[] = []
  const asked: bigint[] = []
  const unasked = (): never => assert.fail('nothing was said of it')
  const lookedUp = Promise.withResolvers<void>()
  using hub = new Hub({
    bus: { listen: (_types, hear) => (hears.push(hear), { [Symbol.dispose]: () => undefined }) },
    notifications: {
      find: async (_recipient, id) => {
        asked.push(id)
        if (id === 999n) lookedUp.resolve()
        return undefined
      },
    },
    hydration: { unjudged: unasked },
    conversations: { find: unasked },
    filters: unasked,
    site: site(urls('http://localhost', 'localhost')),
    graph: { relation: unasked, followersPage: unasked, followerCount: unasked },
    lists: { hiddenFromHome: unasked, watchedWith: unasked },
    tagFollows: { followedBy: unasked },
    clock: handClock(),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    limits: { ...STREAM_LIMITS, replayEventsMax: 2 },
  })
  const notify = (id: bigint, recipient: AccountId) => {
    const body = { id, recipient, type: 'follow', from: 5n as AccountId, status: null }
    for (const hear of hears.slice(1, 2)) {
      hear({ ...encodeEvent('notification.created', 5n, body), id, createdAtMs: 0 })
    }
  }
  for (let id = 1n; id <= 100n; id++) notify(id, 8n as AccountId)
  notify(999n, ALICE.account)
  const line = lineOn(new Pipe(), 'events', [])
  hub.add(line)
  const channel = channelOf({ stream: 'user:notification' }, ALICE)
  assert.equal(hub.subscribeAfter(line, channel, 1n), true, 'one event of hers is not too many')
  await lookedUp.promise
  assert.deepEqual(asked, [999n])
})
