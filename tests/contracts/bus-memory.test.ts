import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Parked, Parking } from '../../src/engines/bus/contract.ts'
import { openMemoryBus, type BusLimits } from '../../src/engines/bus/memory.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import { busContract, eventually, HANDLER_DEADLINE_MS, KNOWN_TYPES, message, type BusUnderTest } from './bus.ts'

interface MemoryOptions {
  limits?: Partial<BusLimits>
  parking?: Parking
  log?: typeof silentLog
}

async function openMemory({ limits, parking, log = silentLog }: MemoryOptions = {}): Promise<BusUnderTest> {
  const entries: Parked[] = []
  const bus = openMemoryBus({
    clock: systemClock,
    log,
    parking: parking ?? { park: async (entry) => void entries.push(entry) },
    accepts: (type, version) => KNOWN_TYPES.includes(type) && version === 1,
    limits: { handlerDeadlineMs: HANDLER_DEADLINE_MS, backOffBaseMs: 2, backOffMaxMs: 10, ...limits },
  })
  return { bus, parked: async () => entries, [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose]() }
}

const isUnavailable = (error: unknown) => error instanceof AppError && error.code === 'unavailable'

busContract('memory bus', () => openMemory())

test('memory bus: publish resolves when every group has handled the messages, and not before', async () => {
  await using it = await openMemory()
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
  let failures = 1
  it.bus.join('slow', ['ping'], () => gate)
  it.bus.join('failing', ['ping'], async () => {
    if (failures-- > 0) throw new Error('once')
  })
  let published = false
  const publishing = it.bus.publish([message(1), message(2)]).then(() => (published = true))
  await sleep(30)
  assert.equal(published, false)
  openGate()
  await publishing
  assert.equal(failures, -2)
})

test('memory bus: publish resolves at once when nobody is interested', async () => {
  await using it = await openMemory()
  await it.bus.publish([message(1)])
  await it.bus.publish([])
})

test('memory bus: publish resolves when a message was parked instead', async () => {
  await using it = await openMemory()
  it.bus.join('group', ['ping'], () => {
    throw new Error('thrown, not rejected')
  })
  await it.bus.publish([message(1)])
  assert.equal((await it.parked()).length, 1)
})

test('memory bus: a message stays unpublished while parking fails, and is parked when parking works again', async () => {
  const parked: Parked[] = []
  let outages = 3
  const parking: Parking = {
    park: async (entry) => {
      if (outages-- > 0) throw new Error('the database is away')
      parked.push(entry)
    },
  }
  await using it = await openMemory({ parking })
  const handled: bigint[] = []
  it.bus.join('group', ['ping'], async (m) => {
    if (m.id === 1n) throw new Error('poison')
    handled.push(m.id)
  })
  await it.bus.publish([message(1, 1), message(2, 1)])
  assert.equal(parked.length, 1)
  assert.deepEqual(handled, [2n])
})

test('memory bus: a full bus takes no more until there is room, and keeps the order', async () => {
  await using it = await openMemory({ limits: { pendingMax: 10 } })
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
  const handled: bigint[] = []
  it.bus.join('group', ['ping'], async (m) => {
    await gate
    handled.push(m.id)
  })
  const calls = Array.from({ length: 100 }, (_, n) => it.bus.publish([message(n, 1)]))
  await sleep(10)
  assert.equal(it.bus.state()[0]?.pending, 10)
  openGate()
  await Promise.all(calls)
  assert.deepEqual(
    handled,
    Array.from({ length: 100 }, (_, n) => BigInt(n)),
  )
})

test('memory bus: a publish larger than the whole bus goes in alone', async () => {
  await using it = await openMemory({ limits: { pendingMax: 2 } })
  let handled = 0
  it.bus.join('group', ['ping'], async () => void (handled += 1))
  const batch = Array.from({ length: 50 }, (_, n) => message(n))
  await Promise.all([it.bus.publish(batch), it.bus.publish(batch)])
  assert.equal(handled, 100)
})

test('memory bus: at most `concurrency` handlers of a group run at once', async () => {
  await using it = await openMemory({ limits: { concurrency: 4 } })
  let running = 0
  let most = 0
  it.bus.join('group', ['ping'], async () => {
    running += 1
    most = Math.max(most, running)
    await sleep(1)
    running -= 1
  })
  await it.bus.publish(Array.from({ length: 100 }, (_, n) => message(n)))
  assert.equal(most, 4)
})

test('memory bus: messages in back-off hold no slot', async () => {
  await using it = await openMemory({ limits: { concurrency: 2, backOffBaseMs: 5_000, backOffMaxMs: 5_000 } })
  const handled: bigint[] = []
  it.bus.join('group', ['ping'], async (m) => {
    if (m.id < 10n) throw new Error('again and again')
    handled.push(m.id)
  })
  const publishing = it.bus.publish(Array.from({ length: 20 }, (_, n) => message(n)))
  publishing.catch(() => {})
  await eventually(() => handled.length === 10, 'the good ones')
})

test('memory bus: closing rejects what was not handled, so that the outbox keeps it', async () => {
  const it = await openMemory({ limits: { pendingMax: 2 } })
  const running = Promise.withResolvers<void>()
  it.bus.join('group', ['ping'], () => running.promise)
  const handledInTime = it.bus.publish([message(1, 1)])
  const queued = it.bus.publish([message(2, 1)])
  const waiting = it.bus.publish([message(3, 1)])
  const outcomes = Promise.allSettled([handledInTime, queued, waiting])
  const closing = it[Symbol.asyncDispose]()
  running.resolve()
  await closing
  assert.deepEqual(
    (await outcomes).map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected'],
  )
  await assert.rejects(queued, isUnavailable)
  await assert.rejects(it.bus.publish([message(4)]), isUnavailable)
})

test('memory bus: closing waits for a hanging handler no longer than the drain deadline', async () => {
  const it = await openMemory({ limits: { drainMs: 30 } })
  it.bus.join('group', ['ping'], () => new Promise(() => {}))
  const publishing = assert.rejects(it.bus.publish([message(1)]), isUnavailable)
  const beganMs = performance.now()
  await it[Symbol.asyncDispose]()
  await publishing
  assert.ok(performance.now() - beganMs < 4_500, 'not the preset five seconds')
})

test('memory bus: an outage of a thousand messages does not fill the log', async () => {
  const lines: object[] = []
  const log = { ...silentLog, warn: (fields: object) => void lines.push(fields) }
  await using it = await openMemory({ log })
  let outages = 3_000
  it.bus.join('group', ['ping'], async () => {
    if (outages-- > 0) throw new AppError('unavailable', 'away')
  })
  await it.bus.publish(Array.from({ length: 1_000 }, (_, n) => message(n)))
  assert.ok(lines.length >= 1 && lines.length <= 10, `${lines.length} lines`)
})

test('memory bus: members of one group agree on its types', async () => {
  await using it = await openMemory()
  it.bus.join('group', ['ping'], async () => {})
  assert.throws(() => it.bus.join('group', ['pong'], async () => {}), /same types/)
})

test('memory bus: 20,000 messages to three groups all arrive, none of them slowly', async () => {
  await using it = await openMemory()
  let handled = 0
  for (const group of ['a', 'b', 'c']) it.bus.join(group, ['ping'], async () => void (handled += 1))
  const beganMs = performance.now()
  const calls = Array.from({ length: 200 }, (_, n) =>
    it.bus.publish(Array.from({ length: 100 }, (__, m) => message(n * 100 + m, m))),
  )
  await Promise.all(calls)
  assert.equal(handled, 60_000)
  // Some tenths of a second; a queue that is walked for each message would take minutes.
  assert.ok(performance.now() - beganMs < 20_000, `${performance.now() - beganMs} ms`)
})
