/** Follows by the thousand: what is left out, who hears of it, and what other processes make of it. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'

import { allMigrations } from '../../src/engines/database/migrate.ts'
import { migrations as outboxMigrations } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { decodeEvent, IMPORT_KEY, type EventBodies } from '../../src/events/contract.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { graphFacts } from '../../src/social-graph/contract.ts'
import { openSocialGraph, type OpenSocialGraph } from '../../src/social-graph/graph.ts'
import { migrations } from '../../src/social-graph/migrations.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

const account = (n: number) => BigInt(n) as AccountId
const [alice, bob, carol, dan, erin] = [account(101), account(102), account(103), account(104), account(105)]

let db: TestDatabase
let graph: OpenSocialGraph

const open = () =>
  openSocialGraph({ db, outbox: openOutbox({ db, clock: systemClock }), clock: systemClock, log: silentLog })

before(async () => {
  db = await openTestDatabase(allMigrations(outboxMigrations, migrations))
})
beforeEach(async () => {
  await graph?.[Symbol.asyncDispose]()
  await db.run`truncate follows, follow_requests, blocks, mutes, endorsements, outbox`
  graph = await open()
})
after(async () => {
  await graph[Symbol.asyncDispose]()
  await db[Symbol.asyncDispose]()
})

/** Events written since the last call, in order. */
async function told() {
  const rows = await db.rows<{ key: bigint; type: string; version: number; body: string }>`
    with taken as (delete from outbox returning id, key, type, version, body)
    select key, type, version, body from taken order by id`
  return rows.map((row) => {
    if (row.type !== 'follows.imported') return decodeEvent('graph.changed', row)
    assert.equal(row.key, IMPORT_KEY)
    return decodeEvent('follows.imported', row)
  })
}

function assertImport(event: Awaited<ReturnType<typeof told>>[number] | undefined): EventBodies['follows.imported'] {
  assert.ok(event !== undefined && 'sources' in event)
  return event
}

const from = (source: AccountId, targets: readonly AccountId[]) => targets.map((target) => ({ source, target }))

test('an import passes over what exists, is blocked, or goes to oneself, and answers requests', async () => {
  await graph.follow(alice, bob, false, { notify: true })
  await graph.block(carol, alice)
  await graph.follow(alice, dan, true, {})
  await told()
  assert.equal(await graph.importFollows(from(alice, [bob, carol, dan, alice, dan, erin])), 2)
  const [event, ...others] = await told()
  const imported = assertImport(event)
  assert.deepEqual(others, [], 'one event for all of them')
  assert.deepEqual(imported.sources, [alice, alice])
  assert.deepEqual(new Set(imported.targets), new Set([dan, erin]))
  await using reloaded = await open()
  for (const each of [graph, reloaded]) {
    assert.deepEqual(each.relation(alice, dan), graphFacts({ following: true, showingBoosts: true }))
    assert.deepEqual(each.relation(alice, bob), graphFacts({ following: true, showingBoosts: true, notifying: true }))
    assert.deepEqual(each.relation(alice, carol), graphFacts({ blockedBy: true }))
  }
  assert.equal(await graph.importFollows([]), 0)
  assert.equal(await graph.importFollows(from(alice, [dan, erin])), 0, 'again')
  assert.deepEqual(await told(), [])
})

test('another process takes over an import whole, and never an old one over a newer change', async () => {
  await using other = await open()
  await graph.importFollows(from(alice, [bob, carol, dan]))
  const imported = assertImport((await told())[0])
  await other.apply(imported)
  assert.deepEqual(new Set(other.following(alice)), new Set([bob, carol, dan]))
  await graph.unfollow(alice, carol)
  for (const event of await told()) await other.apply(event)
  await other.apply(imported)
  assert.deepEqual(new Set(other.following(alice)), new Set([bob, dan]))
  assert.equal(other.followerCount(carol), 0)
})
