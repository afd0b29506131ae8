/** The suite that every engine of the bus passes. `publish` may resolve early or late: tests wait for the effect. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { DELIVERIES_MAX, UNREADABLE, type Bus, type BusMessage, type Parked } from '../../src/engines/bus/contract.ts'
import { AppError } from '../../src/kit/errors.ts'

/** An engine opened for one test, with short delays: back-off ≤ 10 ms, handlers' deadline HANDLER_DEADLINE_MS. */
export interface BusUnderTest extends AsyncDisposable {
  bus: Bus
  /** What was parked so far. */
  parked: () => Promise<readonly Parked[]>
}

export const HANDLER_DEADLINE_MS = 200
/** The types that an engine under test accepts, in version 1. */
export const KNOWN_TYPES = ['ping', 'pong']

const EVENTUALLY_MS = 10_000

export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + EVENTUALLY_MS
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, `never happened: ${what}`)
    await sleep(2)
  }
}

export function message(id: number, key = id, type = 'ping'): BusMessage {
  return { id: BigInt(id), key: BigInt(key), type, version: 1, body: `{"n":"${id}"}`, createdAtMs: 1_700_000_000_000 }
}

const ids = (messages: readonly BusMessage[]) => messages.map(({ id }) => Number(id))
const ascending = (messages: readonly BusMessage[]) => ids(messages).toSorted((a, b) => a - b)
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

/** Publishes without waiting for the handlers; a bus that closes meanwhile gives the messages back. */
function send(bus: Bus, messages: readonly BusMessage[]): void {
  bus.publish(messages).catch((error: unknown) => {
    assert.ok(error instanceof AppError && error.code === 'unavailable', String(error))
  })
}

export function busContract(engine: string, open: () => Promise<BusUnderTest>): void {
  deliveryTests(engine, open)
  orderTests(engine, open)
  failureTests(engine, open)
}

function deliveryTests(engine: string, open: () => Promise<BusUnderTest>): void {
  test(`${engine}: each group gets every message of its types as it was, and no others`, async () => {
    await using it = await open()
    const [first, second, pongs]: BusMessage[][] = [[], [], []]
    it.bus.join('first', ['ping'], async (m) => void first?.push(m))
    it.bus.join('second', ['ping', 'pong'], async (m) => void second?.push(m))
    it.bus.join('pongs', ['pong'], async (m) => void pongs?.push(m))
    await it.bus.publish([message(1), message(2, 2, 'pong'), message(3)])
    await eventually(() => second?.length === 3, 'three messages')
    assert.deepEqual(first, [message(1), message(3)])
    assert.deepEqual(pongs, [message(2, 2, 'pong')])
  })

  test(`${engine}: one member of a group handles each message`, async () => {
    await using it = await open()
    const [left, right]: BusMessage[][] = [[], []]
    it.bus.join('group', ['ping'], async (m) => void left?.push(m))
    it.bus.join('group', ['ping'], async (m) => void right?.push(m))
    await it.bus.publish(range(1, 40).map((id) => message(id)))
    await eventually(() => Number(left?.length) + Number(right?.length) >= 40, 'all handled')
    assert.deepEqual(ascending([...(left ?? []), ...(right ?? [])]), range(1, 40))
    assert.ok(left?.length !== 0 && right?.length !== 0, 'both take part')
  })

  test(`${engine}: messages wait for the next member while a group has none`, async () => {
    await using it = await open()
    const heard: BusMessage[] = []
    const member = it.bus.join('group', ['ping'], async (m) => void heard.push(m))
    await it.bus.publish([message(1)])
    await eventually(() => heard.length === 1, 'the first')
    await member[Symbol.asyncDispose]()
    send(it.bus, [message(2)])
    await sleep(20)
    assert.deepEqual(ids(heard), [1])
    it.bus.join('group', ['ping'], async (m) => void heard.push(m))
    await eventually(() => heard.length === 2, 'the second')
  })

  test(`${engine}: leaving waits for the running handler`, async () => {
    await using it = await open()
    let finished = false
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    const member = it.bus.join('group', ['ping'], async () => {
      start()
      await sleep(50)
      finished = true
    })
    send(it.bus, [message(1)])
    await started
    await member[Symbol.asyncDispose]()
    assert.ok(finished)
  })

  test(`${engine}: a listener hears every message, and one that throws harms nobody`, async () => {
    await using it = await open()
    const [heard, handled]: BusMessage[][] = [[], []]
    it.bus.listen(['ping'], () => {
      throw new Error('a listener of bad manners')
    })
    const listener = it.bus.listen(['ping', 'pong'], (m) => void heard?.push(m))
    it.bus.join('group', ['ping'], async (m) => void handled?.push(m))
    await it.bus.publish([message(1), message(2, 1, 'pong')])
    await eventually(() => handled?.length === 1 && heard?.length === 2, 'both heard')
    assert.deepEqual(heard, [message(1), message(2, 1, 'pong')])
    listener[Symbol.dispose]()
    await it.bus.publish([message(3)])
    await eventually(() => handled?.length === 2, 'the next')
    assert.equal(heard?.length, 2)
  })

  test(`${engine}: a listener after a group hears of a message when the group has handled or parked it`, async () => {
    await using it = await open()
    const story: string[] = []
    const gate = Promise.withResolvers<void>()
    it.bus.join('group', ['ping'], async (m) => {
      await gate.promise
      story.push(`handled ${m.id}`)
      if (m.id === 2n) throw new AppError('invalid', 'poison')
    })
    using _late = it.bus.listen(['ping', 'pong'], (m) => void story.push(`heard ${m.id}`), 'group')
    send(it.bus, [message(1, 7), message(2, 7), message(3, 7), message(4, 8, 'pong')])
    await eventually(() => story.length === 1, 'what the group does not take')
    assert.deepEqual(story, ['heard 4'])
    gate.resolve()
    await eventually(() => story.includes('heard 3'), 'all of them')
    assert.deepEqual(
      story.filter((line) => !line.startsWith('handled 2')),
      ['heard 4', 'handled 1', 'heard 1', 'heard 2', 'handled 3', 'heard 3'],
    )
    assert.ok(story.indexOf('handled 2') < story.indexOf('heard 2'))
  })

  test(`${engine}: the state shows what is pending and the last success`, async () => {
    await using it = await open()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    it.bus.join('group', ['ping'], () => gate)
    assert.deepEqual(it.bus.state().find(({ group }) => group === 'group')?.lastSuccessMs, 0)
    send(it.bus, [message(1), message(2)])
    await eventually(() => it.bus.state().find(({ group }) => group === 'group')?.pending === 2, 'two pending')
    openGate()
    await eventually(() => it.bus.state().find(({ group }) => group === 'group')?.pending === 0, 'none pending')
    assert.ok(Number(it.bus.state().find(({ group }) => group === 'group')?.lastSuccessMs) > 0)
  })
}

function orderTests(engine: string, open: () => Promise<BusUnderTest>): void {
  test(`${engine}: messages of one key are handled one after another, in order, by all members`, async () => {
    await using it = await open()
    const handled = new Map<bigint, number[]>()
    const running = new Set<bigint>()
    const handle = async (m: BusMessage) => {
      assert.ok(!running.has(m.key), 'two handlers of one key at once')
      running.add(m.key)
      if (m.id % 7n === 0n) await sleep(1)
      running.delete(m.key)
      handled.set(m.key, [...(handled.get(m.key) ?? []), Number(m.id)])
    }
    it.bus.join('group', ['ping'], handle)
    it.bus.join('group', ['ping'], handle)
    const all = range(1, 2_000).map((id) => message(id, id % 50))
    for (let from = 0; from < all.length; from += 100) send(it.bus, all.slice(from, from + 100))
    await eventually(() => [...handled.values()].flat().length >= all.length, 'all handled')
    for (const [key, got] of handled) {
      const expected = all.filter((m) => m.key === key)
      assert.deepEqual(got, ids(expected))
    }
    assert.deepEqual(await it.parked(), [])
  })

  test(`${engine}: a slow key does not hold up the others`, async () => {
    await using it = await open()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    const handled: number[] = []
    it.bus.join('group', ['ping'], async (m) => {
      if (m.key === 0n) await gate
      handled.push(Number(m.id))
    })
    send(it.bus, [message(1, 0), message(2, 0)])
    send(
      it.bus,
      range(3, 52).map((id) => message(id)),
    )
    await eventually(() => handled.length === 50, 'the others')
    openGate()
    await eventually(() => handled.length === 52, 'the slow key')
    assert.deepEqual(handled.slice(-2), [1, 2])
  })

  test(`${engine}: a message that is tried again is not overtaken by its key`, async () => {
    await using it = await open()
    const handled: number[] = []
    let failures = 2
    it.bus.join('group', ['ping'], async (m) => {
      if (m.id === 1n && failures-- > 0) throw new Error('not yet')
      handled.push(Number(m.id))
    })
    send(it.bus, [message(1, 7), message(2, 7), message(3, 8)])
    await eventually(() => handled.length === 3, 'all handled')
    assert.ok(handled.indexOf(1) < handled.indexOf(2))
  })
}

function failureTests(engine: string, open: () => Promise<BusUnderTest>): void {
  test(`${engine}: a poison message is parked after its tries, and its neighbours go on`, async () => {
    await using it = await open()
    const tries: BusMessage[] = []
    const handled: number[] = []
    it.bus.join('group', ['ping'], async (m) => {
      if (m.id !== 1n) return void handled.push(Number(m.id))
      tries.push(m)
      throw new Error('cannot swallow this')
    })
    it.bus.join('other', ['ping'], async () => {})
    send(it.bus, [message(1, 7), message(2, 7), message(3, 8)])
    await eventually(() => handled.length === 2, 'the neighbours')
    await eventually(async () => (await it.parked()).length > 0, 'parked')
    assert.deepEqual(await it.parked(), [{ group: 'group', message: message(1, 7), error: 'cannot swallow this' }])
    assert.deepEqual(
      tries,
      Array.from({ length: DELIVERIES_MAX }, () => message(1, 7)),
    )
  })

  test(`${engine}: an outage is not the message's fault`, async () => {
    await using it = await open()
    let outages = DELIVERIES_MAX * 3
    let handled = false
    it.bus.join('group', ['ping'], async () => {
      if (outages-- > 0) throw new AppError('unavailable', 'the database is away')
      handled = true
    })
    send(it.bus, [message(1)])
    await eventually(() => handled, 'handled when the outage is over')
    assert.deepEqual(await it.parked(), [])
  })

  test(`${engine}: a handler that hangs is tried again and parked in the end, and its neighbours go on`, async () => {
    await using it = await open()
    const handled: number[] = []
    let tries = 0
    it.bus.join('group', ['ping'], async (m) => {
      if (m.id !== 1n) return void handled.push(Number(m.id))
      tries += 1
      await new Promise(() => {})
    })
    send(it.bus, [message(1, 7), message(2, 7), message(3, 8)])
    await eventually(() => handled.includes(3), 'the neighbour of another key')
    await eventually(() => handled.includes(2), 'the neighbour of the same key')
    assert.equal(tries, DELIVERIES_MAX)
    assert.deepEqual(
      (await it.parked()).map((entry) => entry.message.id),
      [1n],
    )
  })

  test(`${engine}: a handler that hangs once is handled at its second try`, async () => {
    await using it = await open()
    let tries = 0
    it.bus.join('group', ['ping'], async () => {
      tries += 1
      if (tries === 1) await new Promise(() => {})
    })
    await it.bus.publish([message(1)])
    await eventually(() => tries === 2, 'a second try')
    assert.deepEqual(await it.parked(), [])
  })

  test(`${engine}: messages of unknown type or version are parked, not lost`, async () => {
    await using it = await open()
    const handled: BusMessage[] = []
    it.bus.join('group', ['ping', 'from-the-future'], async (m) => void handled.push(m))
    const future = message(1, 1, 'from-the-future')
    const newer = { ...message(2), version: 2 }
    send(it.bus, [future, newer, message(3, 1)])
    await eventually(async () => (await it.parked()).length === 2, 'both parked')
    await eventually(() => handled.length === 1, 'the neighbour')
    assert.deepEqual(handled, [message(3, 1)])
    const parked = await it.parked()
    assert.deepEqual(
      parked.map(({ group }) => group),
      [UNREADABLE, UNREADABLE],
    )
    assert.deepEqual(
      parked.map((entry) => entry.message).toSorted((a, b) => Number(a.id - b.id)),
      [future, newer],
    )
  })

  test(`${engine}: closing waits for running handlers and starts no more`, async () => {
    const it = await open()
    const started: number[] = []
    const finished: number[] = []
    it.bus.join('group', ['ping'], async (m) => {
      started.push(Number(m.id))
      await sleep(50)
      finished.push(Number(m.id))
    })
    send(it.bus, [message(1, 1), message(2, 1), message(3, 2)])
    await eventually(() => started.length === 2, 'both keys')
    await it[Symbol.asyncDispose]()
    assert.deepEqual(new Set(finished), new Set([1, 3]))
    assert.deepEqual(new Set(started), new Set([1, 3]))
  })
}
