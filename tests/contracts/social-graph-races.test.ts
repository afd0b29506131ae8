import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import fc from 'fast-check'

import { allMigrations } from '../../src/engines/database/migrate.ts'
import { migrations as outboxTables } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { decodeEvent } from '../../src/events/contract.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import type { SocialGraph } from '../../src/social-graph/contract.ts'
import { openSocialGraph } from '../../src/social-graph/graph.ts'
import { migrations } from '../../src/social-graph/migrations.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

const account = (id: number) => BigInt(id) as AccountId
const PEOPLE = [1, 2, 3, 4].map(account)

let db: TestDatabase

before(async () => {
  db = await openTestDatabase(allMigrations(outboxTables, migrations))
})
after(() => db[Symbol.asyncDispose]())

const open = () =>
  openSocialGraph({ db, outbox: openOutbox({ db, clock: systemClock }), clock: systemClock, log: silentLog })

async function empty(): Promise<void> {
  await db.run`truncate follows, follow_requests, blocks, mutes, endorsements, outbox`
}

type Deed = (graph: SocialGraph, viewer: AccountId, target: AccountId) => Promise<unknown>

const DEEDS: readonly Deed[] = [
  (graph, viewer, target) => graph.follow(viewer, target, false, {}),
  (graph, viewer, target) => graph.follow(viewer, target, true, { notify: true }),
  (graph, viewer, target) => graph.follow(viewer, target, false, { showBoosts: false, languages: ['de'] }),
  (graph, viewer, target) => graph.unfollow(viewer, target),
  (graph, viewer, target) => graph.removeFollower(viewer, target),
  (graph, viewer, target) => graph.acceptRequest(viewer, target),
  (graph, viewer, target) => graph.rejectRequest(viewer, target),
  (graph, viewer, target) => graph.block(viewer, target),
  (graph, viewer, target) => graph.unblock(viewer, target),
  (graph, viewer, target) => graph.mute(viewer, target, { notifications: true, expiresAtMs: null }),
  (graph, viewer, target) => graph.unmute(viewer, target),
  (graph, viewer, target) => graph.setEndorsed(viewer, target, true),
  (graph, viewer, target) =>
    graph.importFollows(PEOPLE.map((source) => ({ source, target: source === viewer ? target : viewer }))),
]

/** Refusals are fine; anything else is not. */
async function attempt(deed: Promise<unknown>): Promise<void> {
  await deed.catch((error: unknown) => {
    const refused = error instanceof AppError && ['forbidden', 'not_found', 'invalid'].includes(error.code)
    assert.ok(refused, String(error))
  })
}

function everything(graph: SocialGraph) {
  return PEOPLE.map((viewer) => ({
    relations: PEOPLE.map((target) => graph.relation(viewer, target)),
    followers: graph.followersPage(viewer, -1, 100).followers.toSorted(byId),
    following: graph.following(viewer).toSorted(byId),
    counts: [graph.followerCount(viewer), graph.followingCount(viewer)],
  }))
}

function byId(a: bigint, b: bigint): number {
  return Number(a - b)
}

async function eventsSoFar() {
  const rows = await db.rows<{ type: string; version: number; body: string }>`
    select type, version, body from outbox order by id`
  return rows.map((row) =>
    row.type === 'follows.imported' ? decodeEvent('follows.imported', row) : decodeEvent('graph.changed', row),
  )
}

/** What can never be true of two people, whatever they did (R10: a single state). */
function assertSane(graph: SocialGraph): void {
  for (const viewer of PEOPLE) {
    for (const target of PEOPLE) {
      const { following, requested, blocking, followedBy, endorsed } = graph.relation(viewer, target)
      assert.ok(!(following && requested), 'follows and still asks')
      assert.ok(!(blocking && (following || followedBy || requested)), 'blocks and follows')
      assert.ok(!endorsed || following, 'endorses without following')
    }
  }
}

const deed = fc.record({
  process: fc.nat(1),
  deed: fc.nat(DEEDS.length - 1),
  viewer: fc.nat(PEOPLE.length - 1),
  target: fc.nat(PEOPLE.length - 1),
})

test('whatever happens at once, the memory of every process ends equal to the rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(deed, { maxLength: 12 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      async (rounds, seed) => {
        await empty()
        await using first = await open()
        await using second = await open()
        const processes = [first, second]
        for (const round of rounds) {
          await Promise.all(
            round.map((step) => {
              const [graph, act] = [processes[step.process], DEEDS[step.deed]]
              const [viewer, target] = [PEOPLE[step.viewer], PEOPLE[step.target]]
              assert.ok(graph !== undefined && act !== undefined && viewer !== undefined && target !== undefined)
              return attempt(act(graph, viewer, target))
            }),
          )
        }
        // Events arrive doubled, out of order, and at once.
        const events = await eventsSoFar()
        const shuffled = [...events, ...events].sort(
          (a, b) => Number((a.version * BigInt(seed)) % 97n) - Number((b.version * BigInt(seed)) % 97n),
        )
        await Promise.all(processes.flatMap((graph) => shuffled.map((event) => graph.apply(event))))
        await using reloaded = await open()
        assert.deepEqual(everything(first), everything(reloaded))
        assert.deepEqual(everything(second), everything(reloaded))
        assertSane(reloaded)
      },
    ),
    { numRuns: 30 },
  )
})

test('one process alone is equal to the rows without hearing any event', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 40 }), async (steps) => {
      await empty()
      await using graph = await open()
      await Promise.all(
        steps.map((step) => {
          const [act, viewer, target] = [DEEDS[step.deed % 12], PEOPLE[step.viewer], PEOPLE[step.target]]
          assert.ok(act !== undefined && viewer !== undefined && target !== undefined)
          return attempt(act(graph, viewer, target))
        }),
      )
      await using reloaded = await open()
      assert.deepEqual(everything(graph), everything(reloaded))
    }),
    { numRuns: 30 },
  )
})

test('accept, withdraw and block of one request at once leave a single state, and tell it (R10)', async () => {
  const [asker, owner] = [account(1), account(2)]
  for (let round = 0; round < 25; round += 1) {
    await empty()
    await using here = await open()
    await using there = await open()
    await here.follow(asker, owner, true, {})
    await Promise.all([
      attempt(here.acceptRequest(owner, asker)),
      attempt(there.unfollow(asker, owner)),
      attempt(round % 2 === 0 ? there.block(owner, asker) : here.rejectRequest(owner, asker)),
    ])
    const told = (await eventsSoFar()).flatMap((event) => ('change' in event ? [event.change] : []))
    const ends = told.filter((change) => ['request_accepted', 'request_withdrawn', 'request_rejected'].includes(change))
    assert.equal(ends.length, 1, `the request ended once: ${told.join()}`)
    await using reloaded = await open()
    const { following, requested } = reloaded.relation(asker, owner)
    assert.equal(requested, false)
    const endedAfterwards = told.includes('unfollowed')
    assert.equal(following, told.includes('request_accepted') && !endedAfterwards)
    assertSane(reloaded)
  }
})
