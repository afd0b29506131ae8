/** Many statuses in one statement: the same rows and counts as one by one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { ImportedStatus, NewStatus } from '../../src/status-store/contract.ts'
import {
  accountId,
  asRecord,
  boostOf,
  countsAndRecounts,
  NOON_MS,
  openStatusWorld,
  plainStatus,
  replyTo,
  statusId,
  type StatusWorld,
} from '../world/statuses.ts'

const ORIGINAL = plainStatus(1, {
  tags: ['birds', '写真'],
  mentions: [accountId(7), accountId(2 ** 52)],
  language: null,
})
const PRIVATE_REPLY = replyTo(ORIGINAL, 2, { accountId: accountId(2), visibility: 'private', spoilerText: "it's, {x}" })
const REPLY = replyTo(ORIGINAL, 3, { accountId: accountId(3), text: '{"a", NULL}\n\\ "quoted"' })
const DIRECT = plainStatus(4, { visibility: 'direct', accountId: accountId(3), tags: ['hidden'] })
const BOOST = boostOf(ORIGINAL, 5, 3)

const imported = (status: NewStatus, boosted: NewStatus | null = null): ImportedStatus => ({
  ...status,
  boostedAccount: boosted?.accountId ?? null,
})
const BATCH = [
  imported(ORIGINAL),
  imported(PRIVATE_REPLY),
  imported(REPLY),
  imported(DIRECT),
  imported(BOOST, ORIGINAL),
]

const insertMany = (world: StatusWorld, statuses: readonly ImportedStatus[]) =>
  world.db.transaction((tx) => world.store.insertMany(tx, statuses))

test('an import is stored and counted as the same statuses one by one', async () => {
  await using together = await openStatusWorld()
  await using singly = await openStatusWorld()
  const { ids, stats } = await insertMany(together, BATCH)
  assert.deepEqual(ids, new Set(BATCH.map(({ id }) => id)))
  for (const { boostedAccount: _known, ...status } of BATCH) assert.ok(await singly.insert(status))
  const all = BATCH.map(({ id }) => id)
  assert.deepEqual(stats, await singly.store.authorStats([...new Set(BATCH.map(({ accountId: author }) => author))]))
  for (const status of [ORIGINAL, PRIVATE_REPLY, REPLY, DIRECT, BOOST]) {
    assert.deepEqual(await together.store.byIds([status.id]), [asRecord(status)])
  }
  for (const table of ['statuses', 'status_counts', 'author_stats', 'status_tags'] as const) {
    assert.deepEqual(await tableOf(together, table), await tableOf(singly, table), table)
  }
  const { kept, recounted } = await countsAndRecounts(together.db)
  assert.deepEqual(kept, recounted)
  assert.deepEqual(await together.store.counts(all), await singly.store.counts(all))
})

async function tableOf({ db }: StatusWorld, table: 'statuses' | 'status_counts' | 'author_stats' | 'status_tags') {
  switch (table) {
    case 'statuses':
      return await db.rows`select * from statuses order by id`
    case 'status_counts':
      return await db.rows`select * from status_counts order by status_id`
    case 'author_stats':
      return await db.rows`select * from author_stats order by account_id`
    case 'status_tags':
      return await db.rows`select * from status_tags order by tag, status_id`
  }
}

test('given again, whole or in part, it adds only what is new, and counts nothing twice', async () => {
  await using world = await openStatusWorld()
  await insertMany(world, BATCH.slice(0, 3))
  const { ids } = await insertMany(world, BATCH)
  assert.deepEqual(ids, new Set([DIRECT.id, BOOST.id]))
  assert.equal((await insertMany(world, BATCH)).ids.size, 0)
  const secondBoost = { ...boostOf(ORIGINAL, 6, 3), boostedAccount: ORIGINAL.accountId }
  const reply = imported(replyTo(REPLY, 7, { accountId: accountId(1) }))
  assert.deepEqual(
    [...(await insertMany(world, [secondBoost, reply])).ids],
    [reply.id],
    'one boost a person and status',
  )
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

test('old statuses do not set back when somebody last wrote', async () => {
  await using world = await openStatusWorld()
  await world.insert(plainStatus(100))
  await insertMany(world, [imported(plainStatus(50))])
  const stats = await world.store.authorStats([accountId(1)])
  assert.deepEqual(stats.get(accountId(1)), { statuses: 2, lastStatusAtMs: NOON_MS + 100 })
})

test('an import counts the oldest status first, so that no two wait for each other in a circle', async () => {
  await using world = await openStatusWorld()
  const originals = Array.from({ length: 200 }, (_, n) => plainStatus(n + 1, { accountId: accountId(n + 1) }))
  const boosts = (booster: number) =>
    originals.map((original, n) => imported(boostOf(original, booster * 1_000 + n, booster), original))
  await insertMany(
    world,
    originals.map((status) => imported(status)),
  )
  await insertMany(world, boosts(501))
  let second: Promise<unknown> = Promise.resolve()
  await world.db.transaction(async (tx) => {
    await tx.run`select from status_counts where status_id = 100 for update`
    second = insertMany(world, boosts(502).toReversed())
    await untilSomebodyWaits(world)
    const free = await tx.rows<{ status_id: bigint }>`
      select status_id from status_counts order by status_id for update skip locked`
    assert.deepEqual(
      free.map(({ status_id }) => status_id),
      originals.slice(99).map(({ id }) => id),
    )
  })
  await second
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

async function untilSomebodyWaits({ db }: StatusWorld): Promise<void> {
  for (;;) {
    const waiting = await db.one`
      select from pg_locks where not granted
        and pid in (select pid from pg_stat_activity where datname = current_database())`
    if (waiting !== undefined) return
  }
}

test('what is held is there until the transaction ends, and what is missing is left out', async () => {
  await using world = await openStatusWorld()
  await insertMany(world, BATCH)
  await world.db.transaction(async (tx) => {
    const held = await world.store.holdMany(tx, [BOOST.id, statusId(99), ORIGINAL.id])
    assert.deepEqual(
      held.map(({ id }) => id),
      [ORIGINAL.id, BOOST.id],
    )
    const removal = world.db.transaction(async (other) => {
      await other.run`set local lock_timeout = '50ms'`
      await world.store.remove(other, ORIGINAL.id)
    })
    await assert.rejects(removal, ({ cause }: Error) => /lock timeout/.test(String(cause)))
    assert.deepEqual(await world.store.holdMany(tx, []), [])
  })
})
