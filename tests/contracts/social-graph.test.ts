import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import type { BusMessage } from '../../src/engines/bus/contract.ts'
import { openMemoryBus } from '../../src/engines/bus/memory.ts'
import { migrations as busTables } from '../../src/engines/bus/migrations.ts'
import type { Database } from '../../src/engines/database/contract.ts'
import { allMigrations } from '../../src/engines/database/migrate.ts'
import { migrations as outboxTables } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { decodeEvent, type EventBodies } from '../../src/events/contract.ts'
import { systemClock, type Clock } from '../../src/kit/clock.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { FOLLOWING_MAX, graphFacts, NO_RELATION, type Relation } from '../../src/social-graph/contract.ts'
import { openSocialGraph, type OpenSocialGraph } from '../../src/social-graph/graph.ts'
import { migrations } from '../../src/social-graph/migrations.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

const account = (id: number | bigint) => BigInt(id) as AccountId
const [alice, bob, carol, dan] = [account(101), account(102), account(103), account(104)]
const ALL = { limit: 40 }

let db: TestDatabase
let graph: OpenSocialGraph
let nowMs = 1_750_000_000_000
const clock: Clock = { nowMs: () => nowMs, sleep: (ms, signal) => systemClock.sleep(ms, signal) }

const open = (on: Database = db, at: Clock = clock) =>
  openSocialGraph({ db: on, outbox: openOutbox({ db: on, clock: at }), clock: at, log: silentLog })

before(async () => {
  db = await openTestDatabase(allMigrations(outboxTables, busTables, migrations))
})
beforeEach(async () => {
  await graph?.[Symbol.asyncDispose]()
  await db.run`truncate follows, follow_requests, blocks, mutes, endorsements, account_notes, outbox`
  graph = await open()
})
after(async () => {
  await graph[Symbol.asyncDispose]()
  await db[Symbol.asyncDispose]()
})

const refusedWith = (code: string, text?: string) => (error: unknown) =>
  error instanceof AppError && error.code === code && (text === undefined || error.message === text)
const isForbidden = refusedWith('forbidden', 'This action is not allowed')

type GraphEvent = EventBodies['graph.changed']

/** Events written since the last call, in order. */
async function told(): Promise<GraphEvent[]> {
  const rows = await db.rows<{ key: bigint; type: string; version: number; body: string }>`
    with taken as (delete from outbox returning id, key, type, version, body)
    select key, type, version, body from taken order by id`
  return rows.map((row) => {
    const event = decodeEvent('graph.changed', row)
    assert.equal(row.key, event.source, 'the key is the source')
    return event
  })
}
const changes = async () => (await told()).map(({ source, change, target }) => `${source} ${change} ${target}`)

/** Memory, and a graph loaded afresh, agree that this is the relation. */
async function assertRelation(viewer: AccountId, target: AccountId, facts: Partial<Relation>): Promise<void> {
  assert.deepEqual(graph.relation(viewer, target), graphFacts(facts))
  await using fresh = await open()
  assert.deepEqual(fresh.relation(viewer, target), graphFacts(facts), 'after loading')
}

test('strangers are nothing to each other', async () => {
  await assertRelation(alice, bob, NO_RELATION)
  assert.deepEqual(graph.relation(alice, alice), NO_RELATION)
})

test('a follow is seen from both sides at once, and told', async () => {
  await graph.follow(alice, bob, false, {})
  await assertRelation(alice, bob, { following: true, showingBoosts: true })
  await assertRelation(bob, alice, { followedBy: true })
  assert.deepEqual([graph.followingCount(alice), graph.followerCount(bob)], [1, 1])
  assert.deepEqual(graph.following(alice), [bob])
  assert.deepEqual(graph.followersPage(bob, -1, 10).followers, [alice])
  assert.deepEqual(await changes(), ['101 followed 102'])
})

test('following again changes only the options given, and nothing is told when nothing changes', async () => {
  await graph.follow(alice, bob, false, { notify: true, languages: ['de', 'en'] })
  await graph.follow(alice, bob, false, { showBoosts: false })
  const facts = { following: true, showingBoosts: false, notifying: true, languages: ['de', 'en'] }
  await assertRelation(alice, bob, facts)
  await graph.follow(alice, bob, true, {})
  await graph.follow(alice, bob, false, { showBoosts: false, languages: ['de', 'en'] })
  await assertRelation(alice, bob, facts)
  assert.deepEqual(await changes(), ['101 followed 102', '101 follow_changed 102'])
  assert.deepEqual([graph.bellFollowers(bob), graph.bellFollowers(alice)], [[alice], []])
  await graph.follow(alice, bob, false, { showBoosts: true, notify: false, languages: null })
  await assertRelation(alice, bob, { following: true, showingBoosts: true })
  assert.deepEqual(graph.bellFollowers(bob), [])
})

test('nobody follows themselves', async () => {
  await assert.rejects(graph.follow(alice, alice, false, {}), isForbidden)
  await assert.rejects(graph.block(alice, alice), isForbidden)
  assert.deepEqual(await changes(), [])
})

test('a locked account is asked, and accepts with the options that were wished', async () => {
  await graph.follow(alice, bob, true, { notify: true })
  await assertRelation(alice, bob, { requested: true, showingBoosts: true, notifying: true })
  await assertRelation(bob, alice, { requestedBy: true })
  assert.equal(graph.followerCount(bob), 0)
  assert.deepEqual(
    (await graph.listRequests(bob, ALL)).map(({ item }) => item),
    [alice],
  )
  await graph.acceptRequest(bob, alice)
  await assertRelation(alice, bob, { following: true, showingBoosts: true, notifying: true })
  assert.deepEqual(await graph.listRequests(bob, ALL), [])
  assert.deepEqual(await changes(), ['101 requested 102', '101 request_accepted 102'])
})

test('a request can be changed, withdrawn, rejected, and becomes a follow when the account is no longer locked', async () => {
  await graph.follow(alice, bob, true, {})
  await graph.follow(alice, bob, true, {})
  await graph.follow(alice, bob, true, { showBoosts: false })
  await graph.unfollow(alice, bob)
  await assertRelation(alice, bob, {})
  await graph.follow(alice, bob, true, {})
  await graph.rejectRequest(bob, alice)
  await assertRelation(alice, bob, {})
  await graph.follow(alice, bob, true, {})
  await graph.follow(alice, bob, false, {})
  await assertRelation(alice, bob, { following: true, showingBoosts: true })
  assert.deepEqual(
    (await told()).map(({ change }) => change),
    ['requested', 'follow_changed', 'request_withdrawn', 'requested', 'request_rejected', 'requested', 'followed'],
  )
})

test('a request that is not there can be neither accepted nor rejected', async () => {
  await assert.rejects(graph.acceptRequest(bob, alice), refusedWith('not_found'))
  await assert.rejects(graph.rejectRequest(bob, alice), refusedWith('not_found'))
  await graph.follow(alice, bob, true, {})
  await assert.rejects(graph.acceptRequest(alice, bob), refusedWith('not_found'))
})

test('unfollowing and removing a follower end the follow once', async () => {
  await graph.follow(alice, bob, false, { notify: true })
  await graph.follow(carol, bob, false, {})
  await graph.unfollow(alice, bob)
  await graph.unfollow(alice, bob)
  await graph.removeFollower(bob, carol)
  await graph.removeFollower(bob, carol)
  await assertRelation(alice, bob, {})
  await assertRelation(carol, bob, {})
  assert.equal(graph.followerCount(bob), 0)
  assert.deepEqual((await changes()).slice(2), ['101 unfollowed 102', '103 unfollowed 102'])
})

test('a block ends follows, endorsements and requests of both sides, and forbids new ones to both', async () => {
  await graph.follow(alice, bob, false, {})
  await graph.setEndorsed(alice, bob, true)
  await graph.follow(bob, alice, true, {})
  await told()
  await graph.block(bob, alice)
  await assertRelation(bob, alice, { blocking: true })
  await assertRelation(alice, bob, { blockedBy: true })
  assert.deepEqual(await changes(), [
    '101 unendorsed 102',
    '101 unfollowed 102',
    '102 request_withdrawn 101',
    '102 blocked 101',
  ])
  await assert.rejects(graph.follow(alice, bob, false, {}), isForbidden)
  await assert.rejects(graph.follow(bob, alice, true, {}), isForbidden)
  await graph.block(bob, alice)
  await graph.unblock(bob, alice)
  await graph.unblock(bob, alice)
  await assertRelation(alice, bob, {})
  assert.deepEqual(await changes(), ['102 unblocked 101'])
})

test('a mute hides until its time is over, and then is removed and told once', async () => {
  await graph.mute(alice, bob, { notifications: false, expiresAtMs: nowMs + 5_000 })
  await assertRelation(alice, bob, { muting: true, muteExpiresAtMs: nowMs + 5_000 })
  await assertRelation(bob, alice, {})
  assert.deepEqual(await graph.listMutes(alice, ALL), [
    { cursor: (await graph.listMutes(alice, ALL))[0]?.cursor, item: { id: bob, expiresAtMs: nowMs + 5_000 } },
  ])
  nowMs += 5_000
  assert.deepEqual(graph.relation(alice, bob), NO_RELATION, 'honoured before anybody has cleaned up')
  assert.deepEqual(await graph.listMutes(alice, ALL), [])
  await told()
  // Two processes that clean up at the same moment.
  await using _first = await open()
  await using _second = await open()
  await eventually(async () => (await db.rows`select 1 from mutes`).length === 0)
  await sleep(30)
  assert.deepEqual(await changes(), ['101 unmuted 102'])
})

test('a mute can be changed and ended', async () => {
  await graph.mute(alice, bob, { notifications: true, expiresAtMs: null })
  await graph.mute(alice, bob, { notifications: true, expiresAtMs: null })
  await assertRelation(alice, bob, { muting: true, mutingNotifications: true })
  await graph.mute(alice, bob, { notifications: true, expiresAtMs: nowMs + 1 })
  await assertRelation(alice, bob, { muting: true, mutingNotifications: true, muteExpiresAtMs: nowMs + 1 })
  await graph.unmute(alice, bob)
  await graph.unmute(alice, bob)
  await assertRelation(alice, bob, {})
  assert.deepEqual(await changes(), ['101 muted 102', '101 muted 102', '101 unmuted 102'])
})

test('only whom one follows can be endorsed, and unfollowing ends it', async () => {
  await assert.rejects(graph.setEndorsed(alice, bob, true), refusedWith('invalid'))
  await graph.follow(alice, bob, false, {})
  await graph.setEndorsed(alice, bob, true)
  await graph.setEndorsed(alice, bob, true)
  await assertRelation(alice, bob, { following: true, showingBoosts: true, endorsed: true })
  assert.deepEqual(
    (await graph.listEndorsed(alice, ALL)).map(({ item }) => item),
    [bob],
  )
  await graph.unfollow(alice, bob)
  await assertRelation(alice, bob, {})
  await graph.follow(alice, bob, false, {})
  await graph.setEndorsed(alice, bob, true)
  await graph.setEndorsed(alice, bob, false)
  await assertRelation(alice, bob, { following: true, showingBoosts: true })
})

test('notes are private, replaceable and removable', async () => {
  await graph.setNote(alice, bob, 'met at the lake')
  await graph.setNote(alice, bob, 'met at the sea')
  await graph.setNote(alice, carol, 'x')
  await graph.setNote(alice, carol, '')
  await graph.setNote(bob, alice, 'not for alice')
  assert.deepEqual(await graph.notes(alice, [bob, carol, dan]), new Map([[bob, 'met at the sea']]))
  assert.deepEqual(await graph.notes(alice, []), new Map())
})

test('familiar followers are those followers whom the viewer follows', async () => {
  for (const id of [bob, carol]) await graph.follow(alice, id, false, {})
  for (const id of [bob, dan]) await graph.follow(id, account(200), false, {})
  assert.deepEqual(graph.familiarFollowers(alice, account(200)), [bob])
})

test('lists are walked by the id of the edge, in both directions', async () => {
  const people = Array.from({ length: 7 }, (_, n) => account(300 + n))
  for (const id of people) await graph.follow(id, alice, false, {})
  const all = await graph.listFollowers(alice, ALL)
  assert.deepEqual(
    all.map(({ item }) => item),
    people.toReversed(),
  )
  const cursors = all.map(({ cursor }) => cursor)
  const walk = async (page: { maxId?: bigint | undefined; sinceId?: bigint | undefined; minId?: bigint | undefined }) =>
    (await graph.listFollowers(alice, { ...page, limit: 2 })).map(({ cursor }) => cursor)
  assert.deepEqual(await walk({}), cursors.slice(0, 2))
  assert.deepEqual(await walk({ maxId: cursors[1] }), cursors.slice(2, 4))
  assert.deepEqual(await walk({ sinceId: cursors[4] }), cursors.slice(0, 2), 'the newest above')
  assert.deepEqual(await walk({ minId: cursors[4] }), cursors.slice(2, 4), 'the closest above')
  assert.deepEqual(await walk({ maxId: cursors[0], minId: cursors[6] }), cursors.slice(4, 6))
  assert.deepEqual(await walk({ maxId: cursors[6] }), [])
  await graph.block(alice, bob)
  assert.deepEqual(
    (await graph.listBlocks(alice, ALL)).map(({ item }) => item),
    [bob],
  )
  await graph.follow(alice, carol, false, {})
  assert.deepEqual(
    (await graph.listFollowing(alice, ALL)).map(({ item }) => item),
    [carol],
  )
})

test(`nobody follows more than ${FOLLOWING_MAX}, but may change the follows there are`, async () => {
  const people = Array.from({ length: FOLLOWING_MAX + 10 }, (_, n) => account(10_000 + n))
  const edges = people.map((target) => ({ source: alice, target }))
  assert.equal(await graph.importFollows(edges), FOLLOWING_MAX)
  await assert.rejects(graph.follow(alice, bob, false, {}), refusedWith('invalid'))
  await assert.rejects(graph.follow(alice, bob, true, {}), refusedWith('invalid'))
  await graph.follow(alice, account(10_000), false, { notify: true })
  await graph.unfollow(alice, account(10_001))
  await graph.follow(alice, bob, false, {})
})

test('versions of a pair rise over everything that happens to it', async () => {
  await graph.follow(alice, bob, false, {})
  await graph.unfollow(alice, bob)
  await graph.follow(bob, alice, true, {})
  await graph.follow(alice, bob, false, {})
  await graph.importFollows([{ source: alice, target: carol }])
  await graph.block(alice, bob)
  await db.run`delete from outbox where type = 'follows.imported'`
  const versions = (await told()).map(({ version }) => version)
  assert.equal(versions.length, 7)
  assert.ok(
    versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? 0n)),
    versions.join(),
  )
})

test('nothing changes when the transaction fails', async () => {
  await db.run`alter table outbox rename to outbox_away`
  await assert.rejects(graph.follow(alice, bob, false, {}))
  await db.run`alter table outbox_away rename to outbox`
  await assertRelation(alice, bob, {})
})

test('memory finds out about a commit whose answer was lost', async () => {
  const lossy: Database = {
    ...db,
    transaction: async (work) => {
      await db.transaction(work)
      throw new AppError('unavailable', 'the connection broke after COMMIT')
    },
  }
  await using other = await open(lossy)
  await assert.rejects(other.follow(alice, bob, false, {}), refusedWith('unavailable'))
  await eventually(() => other.relation(alice, bob).following)
})

test('another process takes over changes in any order and any number of times', async () => {
  await using other = await open()
  await graph.follow(alice, bob, false, { notify: true })
  await graph.mute(bob, alice, { notifications: true, expiresAtMs: null })
  await graph.unfollow(alice, bob)
  await graph.block(alice, carol)
  const events = await told()
  for (const event of [...events.toReversed(), ...events]) await other.apply(event)
  assert.deepEqual(other.relation(alice, bob), NO_RELATION)
  assert.deepEqual(other.relation(bob, alice), graphFacts({ muting: true, mutingNotifications: true }))
  assert.deepEqual(other.relation(alice, carol), graphFacts({ blocking: true }))
})

test('a change of its own is not read again', async () => {
  await graph.follow(alice, bob, false, {})
  const [event] = await told()
  assert.ok(event !== undefined)
  await db.run`delete from follows`
  await graph.apply(event)
  assert.equal(graph.relation(alice, bob).following, true)
})

test('with a bus, changes of others arrive by themselves, also those committed while loading', async () => {
  await using bus = openMemoryBus({
    clock: systemClock,
    log: silentLog,
    parking: { park: async () => {} },
    accepts: () => true,
  })
  await graph.follow(alice, bob, false, {})
  const outbox = openOutbox({ db, clock })
  const publishAll = async () => {
    const rows: BusMessage[] = await outbox.claim(100, 60_000)
    await bus.publish(rows)
    await outbox.done(rows.map(({ id }) => id))
  }
  const opening = openSocialGraph({ db, outbox, clock, log: silentLog, bus })
  await publishAll()
  await using other = await opening
  assert.equal(other.relation(alice, bob).following, true)
  await graph.unfollow(alice, bob)
  await publishAll()
  await eventually(() => !other.relation(alice, bob).following)
})

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, 'never happened')
    await sleep(5)
  }
}
