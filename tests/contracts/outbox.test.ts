import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import fc from 'fast-check'

import { openDatabase } from '../../src/engines/database/connection.ts'
import { fixedSql, type SqlFragment } from '../../src/engines/database/contract.ts'
import {
  appending,
  type Outbox,
  type OutboxMessage,
  type OutboxQueue,
  type OutboxRow,
} from '../../src/engines/outbox/contract.ts'
import { migrations } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

const LEASE_MS = 60_000

let db: TestDatabase
let outbox: Outbox & OutboxQueue

before(async () => {
  db = await openTestDatabase(migrations)
  outbox = openOutbox({ db, clock: systemClock })
})
after(() => db[Symbol.asyncDispose]())

/** An outbox of another process on the same tables. */
const another = () => openOutbox({ db, clock: systemClock })

const said = (key: number, body: string | number): OutboxMessage => ({
  key: BigInt(key),
  type: 'test.said',
  version: 1,
  body: String(body),
})
const append = (...messages: OutboxMessage[]) => db.transaction((tx) => outbox.append(tx, messages))
const bodies = (rows: readonly OutboxRow[]) => rows.map(({ body }) => body)
const ids = (rows: readonly OutboxRow[]) => rows.map(({ id }) => id)

async function empty(): Promise<void> {
  await db.run`truncate outbox, outbox_held`
}

test('messages that are a part of a statement come in their order, with its rows or not at all', async () => {
  await empty()
  const messages = [said(1, 'a'), said(1, 'b'), said(2, 'c')]
  const write = (checked: SqlFragment) =>
    db.rows<{ number: number }>`
      with known as (select 7 as number)${appending(messages, fixedSql`select count(*) from known`)}
      select number / ${checked} as number from known`
  for (let time = 0; time < 2; time++) assert.deepEqual(await write(fixedSql`1`), [{ number: 7 }])
  await assert.rejects(write(fixedSql`0`), /division by zero/)
  assert.deepEqual(bodies(await outbox.claim(10, LEASE_MS)), ['a', 'b', 'c', 'a', 'b', 'c'])
})

test('what was appended is claimed once, oldest first, as it was written', async () => {
  await empty()
  const beganMs = Date.now()
  await append(said(1, 'a'), said(2, 'b "quoted", {braced} \\ and\nbroken'), said(1, 'c'))
  await append(said(3, 'd'))
  const rows = await outbox.claim(10, LEASE_MS)
  assert.deepEqual(bodies(rows), ['a', 'b "quoted", {braced} \\ and\nbroken', 'c', 'd'])
  const [first] = rows
  assert.deepEqual(first && { ...first, id: 0n, createdAtMs: 0 }, {
    ...said(1, 'a'),
    id: 0n,
    createdAtMs: 0,
    attempts: 0,
  })
  assert.ok(first !== undefined && first.createdAtMs >= beganMs - 1 && first.createdAtMs <= Date.now() + 1)
  assert.deepEqual(await outbox.claim(10, LEASE_MS), [])
})

test('a rolled back transaction leaves no message', async () => {
  await empty()
  await assert.rejects(
    db.transaction(async (tx) => {
      await outbox.append(tx, [said(1, 'never')])
      throw new Error('changed my mind')
    }),
  )
  assert.deepEqual(await outbox.claim(10, LEASE_MS), [])
})

test('appending nothing is nothing', async () => {
  await empty()
  await append()
  assert.deepEqual(await outbox.lag(), { rows: 0, oldestMs: 0 })
})

test('a thousand messages of one transaction keep their order', async () => {
  await empty()
  const messages = Array.from({ length: 1_000 }, (_, n) => said(n % 3, n))
  await append(...messages)
  assert.deepEqual(
    bodies(await outbox.claim(1_000, LEASE_MS)),
    messages.map(({ body }) => body),
  )
})

test('a slow transaction is not passed over (F16)', async () => {
  await empty()
  const release = Promise.withResolvers<void>()
  const appended = Promise.withResolvers<void>()
  const slow = db.transaction(async (tx) => {
    await outbox.append(tx, [said(1, 'slow')])
    appended.resolve()
    await release.promise
  })
  await appended.promise
  await append(said(2, 'fast'))
  const fast = await outbox.claim(10, LEASE_MS)
  assert.deepEqual(bodies(fast), ['fast'])
  await outbox.done(ids(fast))
  release.resolve()
  await slow
  assert.deepEqual(bodies(await outbox.claim(10, LEASE_MS)), ['slow'])
})

test('50 transactions that overlap at random are all claimed, each once (F16)', async () => {
  await empty()
  const claimed: string[] = []
  let writing = true
  const relay = async (queue: OutboxQueue) => {
    for (;;) {
      const last = !writing
      const rows = await queue.claim(7, LEASE_MS)
      claimed.push(...bodies(rows))
      await queue.done(ids(rows))
      if (last && rows.length === 0) return
    }
  }
  const relays = [relay(outbox), relay(another())]
  // A pool of its own, so that sleeping transactions leave the relays their connections.
  await using writers = openDatabase({ connection: db.connection, poolSize: 20, log: silentLog })
  await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      writers.transaction(async (tx) => {
        await sleep((n * 37) % 23)
        await outbox.append(tx, [said(n, n)])
        await sleep((n * 53) % 29)
      }),
    ),
  )
  writing = false
  await Promise.all(relays)
  assert.deepEqual(
    claimed.map(Number).sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, n) => n),
  )
})

test('done rows are gone', async () => {
  await empty()
  await append(said(1, 'a'), said(2, 'b'))
  const rows = await outbox.claim(1, LEASE_MS)
  await outbox.done(ids(rows))
  assert.equal((await outbox.lag()).rows, 1)
  await outbox.done([])
  assert.deepEqual(bodies(await outbox.claim(10, LEASE_MS)), ['b'])
})

test('two relays never hold the same row', async () => {
  await empty()
  await append(...Array.from({ length: 400 }, (_, n) => said(n, n)))
  const relays = [outbox, another(), another(), another()]
  const claims = await Promise.all(
    relays.flatMap((relay) => Array.from({ length: 5 }, () => relay.claim(20, LEASE_MS))),
  )
  const claimed = claims.flat().map(({ body }) => Number(body))
  assert.deepEqual(
    claimed.sort((a, b) => a - b),
    Array.from({ length: 400 }, (_, n) => n),
  )
})

test('relays that race never hold rows of one key at the same time', async () => {
  await empty()
  const rowsInAll = 600
  for (let n = 0; n < rowsInAll; n += 20) await append(...Array.from({ length: 20 }, (_, m) => said(m % 5, n + m)))
  const holders = new Map<bigint, OutboxQueue>()
  const finished = new Map<bigint, number[]>()
  const relay = async (queue: OutboxQueue) => {
    for (;;) {
      const rows = await queue.claim(3, LEASE_MS)
      if (rows.length === 0 && (await queue.lag()).rows === 0) return
      for (const { key } of rows) {
        assert.ok((holders.get(key) ?? queue) === queue, `key ${key} is held twice`)
        holders.set(key, queue)
      }
      await sleep(1)
      for (const { key, body } of rows) {
        finished.set(key, [...(finished.get(key) ?? []), Number(body)])
        holders.delete(key)
      }
      await queue.done(ids(rows))
    }
  }
  await Promise.all([outbox, another(), another(), another()].map(relay))
  assert.equal([...finished.values()].flat().length, rowsInAll)
  for (const inOrder of finished.values()) {
    assert.deepEqual(
      inOrder,
      inOrder.toSorted((a, b) => a - b),
    )
  }
})

test('a row waits while an older row of its key is claimed, by whomever', async () => {
  await empty()
  await append(said(1, 'a1'), said(2, 'b1'))
  const first = await outbox.claim(1, LEASE_MS)
  await append(said(1, 'a2'), said(2, 'b2'))
  assert.deepEqual(bodies(await another().claim(10, LEASE_MS)), ['b1', 'b2'])
  await outbox.done(ids(first))
  assert.deepEqual(bodies(await outbox.claim(10, LEASE_MS)), ['a2'])
})

test('a row that waits for its retry is not overtaken by its key, and comes again with its attempts counted', async () => {
  await empty()
  await append(said(1, 'a1'), said(1, 'a2'), said(2, 'b1'))
  const [a1, a2, b1] = await outbox.claim(3, LEASE_MS)
  assert.ok(a1 !== undefined && a2 !== undefined && b1 !== undefined)
  await outbox.retry([a1.id], 80)
  await outbox.release([a2.id])
  await outbox.done([b1.id])
  assert.deepEqual(await outbox.claim(10, LEASE_MS), [])
  await sleep(120)
  assert.deepEqual(await outbox.claim(10, LEASE_MS), [{ ...a1, attempts: 1 }, a2])
})

test('a claim comes back when its lease has run out', async () => {
  await empty()
  await append(said(1, 'a1'))
  const [row] = await another().claim(10, 60)
  await append(said(1, 'a2'))
  assert.deepEqual(await outbox.claim(10, LEASE_MS), [])
  await sleep(100)
  const again = await outbox.claim(10, LEASE_MS)
  assert.deepEqual(again[0], row)
  assert.deepEqual(bodies(again), ['a1', 'a2'])
})

test('a relay whose lease ran out cannot give back what another holds now, and may still finish it', async () => {
  await empty()
  await append(said(1, 'a'))
  const zombie = another()
  const rows = await zombie.claim(10, 1)
  await sleep(20)
  assert.equal((await outbox.claim(10, LEASE_MS)).length, 1)
  await zombie.retry(ids(rows), 0)
  await zombie.release(ids(rows))
  assert.deepEqual(await another().claim(10, LEASE_MS), [])
  await zombie.done(ids(rows))
  assert.equal((await outbox.lag()).rows, 0)
})

test('the only relay of a database frees at its start what the dead one held', async () => {
  await empty()
  await append(said(1, 'a'), said(2, 'b'))
  const dead = another()
  const rows = await dead.claim(1, LEASE_MS)
  await dead.retry(ids(rows), LEASE_MS)
  await dead.claim(1, LEASE_MS)
  await outbox.releaseAll()
  assert.deepEqual(bodies(await outbox.claim(10, LEASE_MS)), ['a', 'b'])
})

test('wait ends at a wake, at the time given, and when aborted', async () => {
  await empty()
  await outbox.claim(1, LEASE_MS)
  const waiting = outbox.wait(LEASE_MS)
  outbox.wake()
  await waiting
  await outbox.claim(1, LEASE_MS)
  await outbox.wait(5)
  const stop = new AbortController()
  const aborted = outbox.wait(LEASE_MS, stop.signal)
  stop.abort()
  await aborted
})

test('a wake between claim and wait is not missed', async () => {
  await empty()
  const claiming = outbox.claim(1, LEASE_MS)
  outbox.wake()
  await claiming
  await outbox.wait(LEASE_MS)
})

test('finishing rows wakes the relay, because their keys are free', async () => {
  await empty()
  await append(said(1, 'a1'))
  const rows = await outbox.claim(1, LEASE_MS)
  await append(said(1, 'a2'))
  assert.deepEqual(await outbox.claim(1, LEASE_MS), [])
  await outbox.done(ids(rows))
  await outbox.wait(LEASE_MS)
  assert.deepEqual(bodies(await outbox.claim(1, LEASE_MS)), ['a2'])
})

test('lag counts what waits, claimed or not, and the age of the oldest', async () => {
  await empty()
  await append(said(1, 'a'), said(2, 'b'))
  await outbox.claim(1, LEASE_MS)
  await sleep(30)
  const { rows, oldestMs } = await outbox.lag()
  assert.equal(rows, 2)
  assert.ok(oldestMs >= 25 && oldestMs < 10_000, `${oldestMs} ms`)
})

test('any interleaving of relays keeps the order of each key and loses nothing', async () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), key: fc.nat(3), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('claim' as const), relay: fc.nat(2), limit: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constantFrom('done' as const, 'release' as const, 'retry' as const), relay: fc.nat(2) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      await empty()
      const relays = [another(), another(), another()].map((queue) => ({ queue, held: Array.of<OutboxRow>() }))
      const finished = new Map<bigint, number[]>()
      let written = 0
      const finish = async (relay: (typeof relays)[number]) => {
        const rows = relay.held.splice(0)
        for (const row of rows) finished.set(row.key, [...(finished.get(row.key) ?? []), Number(row.body)])
        await relay.queue.done(ids(rows))
      }
      for (const step of actions) {
        if (step.kind === 'append') {
          await append(...Array.from({ length: step.count }, () => said(step.key, written++)))
          continue
        }
        const relay = relays[step.relay]
        assert.ok(relay !== undefined)
        if (step.kind === 'claim') relay.held.push(...(await relay.queue.claim(step.limit, LEASE_MS)))
        else if (step.kind === 'done') await finish(relay)
        else if (step.kind === 'release') await relay.queue.release(ids(relay.held.splice(0)))
        else await relay.queue.retry(ids(relay.held.splice(0)), 0)
      }
      for (const relay of relays) await finish(relay)
      for (;;) {
        const [relay] = relays
        assert.ok(relay !== undefined)
        relay.held.push(...(await relay.queue.claim(3, LEASE_MS)))
        if (relay.held.length === 0) break
        await finish(relay)
      }
      const all = [...finished.values()]
      assert.equal(all.flat().length, written)
      for (const bodiesOfKey of all) {
        assert.deepEqual(
          bodiesOfKey,
          bodiesOfKey.toSorted((a, b) => a - b),
        )
      }
    }),
    { numRuns: 40 },
  )
})
