import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { DELIVERIES_MAX, type Bus, type BusMessage, type Parked } from '../../src/engines/bus/contract.ts'
import { openMemoryBus } from '../../src/engines/bus/memory.ts'
import type { Outbox, OutboxQueue } from '../../src/engines/outbox/contract.ts'
import { migrations } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { Relay } from '../../src/relay/contract.ts'
import { REFUSED_BY_BUS, startRelay, type RelayDeps } from '../../src/relay/relay.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

let db: TestDatabase
let outbox: Outbox & OutboxQueue

before(async () => {
  db = await openTestDatabase(migrations)
  outbox = openOutbox({ db, clock: systemClock })
})
after(() => db[Symbol.asyncDispose]())

async function append(key: number, ...bodies: (string | number)[]): Promise<void> {
  const messages = bodies.map((body) => ({ key: BigInt(key), type: 'test.said', version: 1, body: String(body) }))
  await db.transaction((tx) => outbox.append(tx, messages))
  outbox.wake()
}

async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + 15_000
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, `never happened: ${what}`)
    await sleep(2)
  }
}

const emptied = () => eventually(async () => (await outbox.lag()).rows === 0, 'an empty outbox')

/** A bus that keeps what it takes, and refuses as `answer` says. */
function fakeBus(answer: (messages: readonly BusMessage[]) => Promise<void> = async () => {}) {
  const taken: BusMessage[] = []
  const bus: Pick<Bus, 'publish'> = {
    publish: async (messages) => {
      await answer(messages)
      taken.push(...messages)
    },
  }
  return { bus, taken, bodies: () => taken.map(({ body }) => body) }
}

async function start(bus: Pick<Bus, 'publish'>, change: Partial<RelayDeps> = {}) {
  await db.run`truncate outbox, outbox_held`
  const parked: Parked[] = []
  const lines: string[] = []
  const note = (fields: object) => void lines.push('event' in fields ? String(fields.event) : '')
  const relay: Relay = startRelay({
    queue: outbox,
    bus,
    parking: { park: async (entry) => void parked.push(entry) },
    clock: systemClock,
    log: { ...silentLog, info: note, warn: note, error: note },
    sole: true,
    ...change,
  })
  return { relay, parked, lines, [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose]() }
}

test('what is committed reaches the bus as it was written, and leaves the outbox', async () => {
  const { bus, taken } = fakeBus()
  await using it = await start(bus)
  await append(7, '{"n":1}', '{"n":2}')
  await emptied()
  assert.deepEqual(
    taken.map(({ key, type, version, body }) => ({ key, type, version, body })),
    ['{"n":1}', '{"n":2}'].map((body) => ({ key: 7n, type: 'test.said', version: 1, body })),
  )
  assert.equal(it.relay.state().published, 2)
  assert.ok(it.relay.state().lastSuccessMs > 0)
})

test('rows committed by a process that wakes nobody are found by looking', async () => {
  const { bus, taken } = fakeBus()
  await using _ = await start(bus)
  await sleep(20)
  const elsewhere = openOutbox({ db, clock: systemClock })
  await db.transaction((tx) => elsewhere.append(tx, [{ key: 1n, type: 'test.said', version: 1, body: 'x' }]))
  await eventually(() => taken.length === 1, 'found')
})

test('an idle relay publishes at the wake, long before it would look by itself', async () => {
  const arrivals: number[] = []
  const { bus } = fakeBus(async () => void arrivals.push(performance.now()))
  await using _ = await start(bus)
  const latencies: number[] = []
  for (let n = 0; n < 60; n += 1) {
    await sleep(8)
    const arrived = arrivals.length
    await db.transaction((tx) => outbox.append(tx, [{ key: 1n, type: 'test.said', version: 1, body: 'x' }]))
    const committedMs = performance.now()
    outbox.wake()
    await eventually(() => arrivals.length > arrived, 'published')
    latencies.push(Number(arrivals.at(-1)) - committedMs)
  }
  const median = latencies.sort((a, b) => a - b)[30]
  assert.ok(median !== undefined && median < 60, `median ${median} ms`)
})

test('every key keeps its order under load, and all arrives', async () => {
  const { bus, taken } = fakeBus(async (messages) => {
    if (messages.some(({ id }) => id % 13n === 0n)) await sleep(3)
  })
  await using _ = await start(bus)
  const keys = 20
  await Promise.all(
    Array.from({ length: keys }, async (_unused, key) => {
      for (let n = 0; n < 50; n += 1) await append(key, n)
    }),
  )
  await emptied()
  assert.equal(taken.length, keys * 50)
  for (const ofKey of Map.groupBy(taken, ({ key }) => key).values()) {
    assert.deepEqual(
      ofKey.map(({ body }) => Number(body)),
      Array.from({ length: 50 }, (_unused, n) => n),
    )
  }
})

test('under load many rows go with one claim', async () => {
  let claims = 0
  const counting: OutboxQueue = {
    ...bound(outbox),
    claim: (limit, leaseMs) => {
      claims += 1
      return outbox.claim(limit, leaseMs)
    },
  }
  const { bus, taken } = fakeBus()
  await using _ = await start(bus, { queue: counting })
  for (let n = 0; n < 20; n += 1) {
    await db.transaction((tx) =>
      outbox.append(
        tx,
        Array.from({ length: 100 }, (_unused, m) => ({ key: BigInt(m), type: 'test.said', version: 1, body: 'x' })),
      ),
    )
  }
  await emptied()
  assert.equal(taken.length, 2_000)
  assert.ok(claims < 200, `${claims} claims for 2,000 rows`)
})

test('a message that the bus refuses is parked after its attempts, and holds up only its key', async () => {
  let refusals = 0
  const { bus, bodies } = fakeBus(async (messages) => {
    if (!messages.some(({ body }) => body === 'poison')) return
    refusals += 1
    throw new Error('larger than a message may be')
  })
  await using it = await start(bus)
  await append(1, 'a', 'poison', 'c')
  await append(2, 'd')
  await eventually(() => bodies().includes('d'), 'the neighbour')
  await emptied()
  assert.deepEqual(
    bodies().filter((body) => body !== 'd'),
    ['a', 'c'],
  )
  assert.deepEqual(
    it.parked.map(({ group, message, error }) => [group, message.body, error]),
    [[REFUSED_BY_BUS, 'poison', 'larger than a message may be']],
  )
  assert.equal(refusals, DELIVERIES_MAX)
})

test('an outage of the bus parks nothing, is logged once, and ends by itself', async () => {
  let down = true
  let tries = 0
  const { bus, bodies } = fakeBus(async () => {
    tries += 1
    if (down) throw new AppError('unavailable', 'no bus')
  })
  await using it = await start(bus)
  for (let n = 0; n < 30; n += 1) await append(n, n)
  await sleep(600)
  assert.deepEqual(bodies(), [])
  assert.ok(tries < 30 * 40, `${tries} tries`)
  down = false
  await emptied()
  assert.equal(bodies().length, 30)
  assert.deepEqual(it.parked, [])
  assert.deepEqual(it.lines, ['relay.bus_failed', 'relay.bus_recovered'])
})

test('an outage of the database is logged once and ends by itself, and nothing is published twice for it', async () => {
  let down = false
  const failing = <Result>(work: () => Promise<Result>) =>
    down ? Promise.reject(new AppError('unavailable', 'no database')) : work()
  const queue: OutboxQueue = {
    ...bound(outbox),
    claim: (limit, leaseMs) => failing(() => outbox.claim(limit, leaseMs)),
    done: (ids) => failing(() => outbox.done(ids)),
  }
  let published = 0
  const { bus, bodies } = fakeBus(async () => void (down ||= published++ === 0))
  await using it = await start(bus, { queue })
  await append(1, 'a')
  await append(2, 'b')
  await eventually(() => bodies().includes('a'), 'published')
  await sleep(300)
  down = false
  await emptied()
  await eventually(() => it.lines.length >= 2, 'the end of the outage in the log')
  assert.deepEqual(bodies().toSorted(), ['a', 'b'])
  assert.deepEqual(it.lines.slice(0, 2), ['relay.database_failed', 'relay.database_recovered'])
  assert.ok(it.lines.length <= 4, it.lines.join())
})

test('a slow handler is not given its message again when the lease runs out', async () => {
  let published = 0
  const { bus } = fakeBus(async () => {
    published += 1
    await sleep(300)
  })
  await using _ = await start(bus, { limits: { leaseMs: 50, pollMs: 10 } })
  await append(1, 'slow')
  await emptied()
  assert.equal(published, 1)
})

test('no more rows are in flight than the limit', async () => {
  const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
  const { bus, taken } = fakeBus(() => gate)
  await using it = await start(bus, { limits: { inFlightMax: 10, batchMax: 4 } })
  for (let n = 0; n < 40; n += 1) await append(n, n)
  await sleep(50)
  assert.equal(it.relay.state().inFlight, 10)
  openGate()
  await emptied()
  assert.equal(taken.length, 40)
})

test('the life of a status hears of each row before the bus has it', async () => {
  const told: string[] = []
  const { bus } = fakeBus(async (messages) => void told.push(...messages.map(({ body }) => `bus ${body}`)))
  await using _ = await start(bus, { noteRelayed: ({ body }, atMs) => void told.push(`told ${body} ${atMs > 0}`) })
  await append(1, 'a')
  await emptied()
  assert.deepEqual(told, ['told a true', 'bus a'])
})

test('a note of the life of a status that fails holds up nothing', async () => {
  const { bus, bodies } = fakeBus()
  const noteRelayed = () => {
    throw new Error('cannot read this')
  }
  await using it = await start(bus, { noteRelayed })
  await append(1, 'a')
  await emptied()
  assert.deepEqual([bodies(), it.lines], [['a'], ['relay.note_failed']])
})

test('stopping waits for the bus, and leaves the rest free for the next relay', async () => {
  const { bus, bodies } = fakeBus(() => sleep(60, undefined))
  const it = await start(bus, { limits: { inFlightMax: 2 } })
  for (let n = 0; n < 6; n += 1) await append(n, n)
  await eventually(() => it.relay.state().inFlight === 2, 'two under way')
  await it[Symbol.asyncDispose]()
  const left = await openOutbox({ db, clock: systemClock }).claim(10, 1_000)
  assert.deepEqual([...bodies(), ...left.map(({ body }) => body)].toSorted(), ['0', '1', '2', '3', '4', '5'])
  assert.ok(bodies().length >= 2)
})

test('stopping gives up on a bus that hangs, and leaves its rows free for the next relay', async () => {
  const { bus } = fakeBus(() => new Promise(() => {}))
  const it = await start(bus, { limits: { drainMs: 50 } })
  await append(1, 'stuck')
  await eventually(() => it.relay.state().inFlight === 1, 'under way')
  const beganMs = performance.now()
  await it[Symbol.asyncDispose]()
  assert.ok(performance.now() - beganMs < 7_000, 'not the preset eight seconds')
  assert.equal((await openOutbox({ db, clock: systemClock }).claim(10, 1_000)).length, 1)
})

test('the only relay takes at its start what a dead one had claimed', async () => {
  const { bus, bodies } = fakeBus()
  const first = await start(bus)
  await first[Symbol.asyncDispose]()
  await append(1, 'orphan')
  await openOutbox({ db, clock: systemClock }).claim(10, 60_000)
  const relay = startRelay({
    queue: outbox,
    bus,
    parking: { park: async () => {} },
    clock: systemClock,
    log: silentLog,
    sole: true,
  })
  await emptied()
  await relay[Symbol.asyncDispose]()
  assert.deepEqual(bodies(), ['orphan'])
})

test('with the embedded bus a poison message is parked and everything else is handled', async () => {
  const parked: Parked[] = []
  const bus = openMemoryBus({
    clock: systemClock,
    log: silentLog,
    parking: { park: async (entry) => void parked.push(entry) },
    accepts: () => true,
    limits: { backOffBaseMs: 2, backOffMaxMs: 10 },
  })
  const handled: string[] = []
  bus.join('group', ['test.said'], async ({ body }) => {
    if (body === 'poison') throw new Error('cannot be handled')
    handled.push(body)
  })
  const it = await start(bus)
  await append(1, 'poison', 'same key')
  await append(2, 'other key')
  await emptied()
  await it[Symbol.asyncDispose]()
  await bus[Symbol.asyncDispose]()
  assert.deepEqual(handled.toSorted(), ['other key', 'same key'])
  assert.deepEqual(
    parked.map(({ message }) => message.body),
    ['poison'],
  )
})

/** The methods of a queue as an object that can be spread. */
function bound(queue: OutboxQueue): OutboxQueue {
  return {
    claim: (limit, leaseMs) => queue.claim(limit, leaseMs),
    done: (ids) => queue.done(ids),
    retry: (ids, delayMs) => queue.retry(ids, delayMs),
    release: (ids) => queue.release(ids),
    releaseAll: () => queue.releaseAll(),
    releaseOwn: () => queue.releaseOwn(),
    wait: (ms, signal) => queue.wait(ms, signal),
    lag: () => queue.lag(),
  }
}
