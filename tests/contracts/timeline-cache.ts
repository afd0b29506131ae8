/** The suite that every engine of the timeline cache passes; `timeline-model.ts` says in plain arrays what is right. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Clock } from '../../src/kit/clock.ts'
import type { Page } from '../../src/kit/page.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import {
  BUILD_LEASE_MS,
  ENTRY_BOOST,
  ENTRY_REPLY,
  TIMELINE_ENTRIES_MAX,
  type TimelineCache,
  type TimelineEntry,
} from '../../src/timeline-cache/contract.ts'
import { applyStep, arbitrarySteps, readModel, TimelineModel, type Step } from './timeline-model.ts'

export interface TimelineClock extends Clock {
  ms: number
}

export type OpenTimelines = (clock: TimelineClock) => Promise<TimelineCache>

const NOON_MS = Date.UTC(2026, 0, 2, 12)
const ALICE = 1n as AccountId
const BOB = (2n ** 62n + 5n) as AccountId
const CAROL = 3n as AccountId

function clockAtNoon(): TimelineClock {
  return {
    ms: NOON_MS,
    nowMs() {
      return this.ms
    },
    sleep: async () => {},
  }
}

/** Ids far above 2^53, so that a lost bit shows. */
export const idOf = (n: number): StatusId => (2n ** 62n + BigInt(n) * 4_194_304n + 1n) as StatusId

export function entry(n: number, author: AccountId = BOB, change: Partial<TimelineEntry> = {}): TimelineEntry {
  return { id: idOf(n), author, boostOf: 0n, flags: 0, ...change }
}

const numbers = (entries: readonly TimelineEntry[]) => entries.map(({ id }) => Number((id - idOf(0)) / 4_194_304n))
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

async function build(timelines: TimelineCache, owner: AccountId, entries: TimelineEntry[], floor = 0n): Promise<void> {
  const ticket = await timelines.beginBuild(owner)
  assert.ok(ticket)
  assert.ok(await timelines.finishBuild(ticket, entries, floor))
}

async function readAll(timelines: TimelineCache, owner: AccountId, page: Partial<Page> = {}): Promise<number[]> {
  const read = await timelines.read(owner, { limit: TIMELINE_ENTRIES_MAX, ...page })
  assert.ok(read, 'the timeline is present')
  return numbers(read.entries)
}

/** `histories`: how many random ones are held against the model; fewer where each step is a journey. */
export function timelineCacheContract(engine: string, open: OpenTimelines, histories = 80): void {
  testPresence(engine, open)
  testEntries(engine, open)
  testBuilds(engine, open)
  testModel(engine, open, histories)
}

function testPresence(engine: string, open: OpenTimelines): void {
  test(`${engine}: an insert into a missing timeline is passed over, and makes none`, async () => {
    await using timelines = await open(clockAtNoon())
    assert.equal(await timelines.insert(entry(1), [ALICE, BOB]), 0)
    assert.equal(await timelines.read(ALICE, { limit: 20 }), undefined)
  })

  test(`${engine}: an insert reaches the timelines that are there, and says how many`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(timelines, ALICE, [])
    await build(timelines, CAROL, [])
    assert.equal(await timelines.insert(entry(1), [ALICE, BOB, CAROL]), 2)
    assert.deepEqual(await readAll(timelines, ALICE), [1])
    assert.deepEqual(await readAll(timelines, CAROL), [1])
    assert.equal(timelines.stats().present, 2)
    assert.equal(timelines.stats().entries, 2)
  })

  test(`${engine}: an insert that comes again, or names an owner twice, changes nothing`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(timelines, ALICE, [])
    assert.equal(await timelines.insert(entry(1), [ALICE, ALICE]), 1)
    assert.equal(await timelines.insert(entry(2), [ALICE]), 1)
    assert.equal(await timelines.insert(entry(1), [ALICE]), 0)
    assert.deepEqual(await readAll(timelines, ALICE), [2, 1])
  })

  test(`${engine}: a dropped timeline is missing`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(timelines, ALICE, [entry(1)])
    await timelines.drop(ALICE)
    await timelines.drop(BOB)
    assert.equal(await timelines.read(ALICE, { limit: 20 }), undefined)
    await build(timelines, ALICE, [])
    assert.deepEqual(await readAll(timelines, ALICE), [])
  })

  test(`${engine}: timelines that nobody has read for long are dropped, read ones stay`, async () => {
    const clock = clockAtNoon()
    await using timelines = await open(clock)
    await build(timelines, ALICE, [entry(1)])
    await build(timelines, BOB, [entry(1)])
    clock.ms += 60_000
    await timelines.insert(entry(2), [ALICE, BOB])
    await timelines.read(ALICE, { limit: 1 })
    assert.equal(await timelines.dropUnread(NOON_MS + 30_000), 1)
    assert.deepEqual(await readAll(timelines, ALICE), [2, 1])
    assert.equal(await timelines.read(BOB, { limit: 1 }), undefined)
  })
}

function testEntries(engine: string, open: OpenTimelines): void {
  test(`${engine}: an entry comes back whole, with 63-bit ids and its flags`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(timelines, ALICE, [])
    const top = 2n ** 63n - 1n
    const largest = { id: top as StatusId, author: top as AccountId, boostOf: top as StatusId, flags: ENTRY_BOOST }
    const reply = { id: 1n as StatusId, author: 1n as AccountId, boostOf: 0n as const, flags: ENTRY_REPLY }
    for (const one of [largest, reply]) await timelines.insert(one, [ALICE])
    assert.deepEqual((await timelines.read(ALICE, { limit: 20 }))?.entries, [largest, reply])
  })

  test(`${engine}: an entry that comes late lies where its id belongs`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(
      timelines,
      ALICE,
      range(1, 30).map((n) => entry(n * 10)),
    )
    for (const late of [295, 5, 155, 150]) await timelines.insert(entry(late), [ALICE])
    const expected = [...range(1, 30).map((n) => n * 10), 295, 5, 155].toSorted((a, b) => b - a)
    assert.deepEqual(await readAll(timelines, ALICE), expected)
  })

  test(`${engine}: a full timeline keeps the newest ${TIMELINE_ENTRIES_MAX}, and knows down to where it is complete`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(timelines, ALICE, [])
    for (const n of range(1, 2000)) await timelines.insert(entry(n), [ALICE])
    assert.deepEqual(await readAll(timelines, ALICE), range(1201, 2000).toReversed())
    assert.equal((await timelines.read(ALICE, { limit: 1 }))?.floor, idOf(1200))
    assert.equal(await timelines.insert(entry(700), [ALICE]), 0)
    assert.equal(await timelines.insert(entry(1200), [ALICE]), 0)
  })

  test(`${engine}: what a full timeline refuses as too old, it no longer claims to have`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(
      timelines,
      ALICE,
      range(1001, 1800).map((n) => entry(n)),
    )
    assert.equal((await timelines.read(ALICE, { limit: 1 }))?.floor, 0n)
    assert.equal(await timelines.insert(entry(900), [ALICE]), 0)
    assert.equal((await timelines.read(ALICE, { limit: 1 }))?.floor, idOf(900))
  })

  test(`${engine}: pages are cut by max_id, since_id and min_id as Mastodon cuts them`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(
      timelines,
      ALICE,
      range(1, 50).map((n) => entry(n)),
    )
    assert.deepEqual(await readAll(timelines, ALICE, { limit: 3 }), [50, 49, 48])
    assert.deepEqual(await readAll(timelines, ALICE, { maxId: idOf(10), limit: 3 }), [9, 8, 7])
    assert.deepEqual(await readAll(timelines, ALICE, { sinceId: idOf(40), limit: 3 }), [50, 49, 48])
    assert.deepEqual(await readAll(timelines, ALICE, { minId: idOf(40), limit: 3 }), [43, 42, 41])
    assert.deepEqual(await readAll(timelines, ALICE, { minId: idOf(10), maxId: idOf(13), limit: 9 }), [12, 11])
    assert.deepEqual(await readAll(timelines, ALICE, { minId: idOf(10), sinceId: idOf(48), limit: 2 }), [12, 11])
    assert.deepEqual(await readAll(timelines, ALICE, { minId: idOf(50), limit: 9 }), [])
    assert.deepEqual(await readAll(timelines, ALICE, { limit: 0 }), [])
    assert.equal((await timelines.read(ALICE, { maxId: idOf(4), limit: 3 }))?.endReached, true)
    assert.equal((await timelines.read(ALICE, { maxId: idOf(5), limit: 3 }))?.endReached, false)
  })

  test(`${engine}: a deleted status leaves the timelines that held it`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(
      timelines,
      ALICE,
      range(1, 3).map((n) => entry(n)),
    )
    await build(timelines, CAROL, [entry(3)])
    assert.equal(await timelines.remove(idOf(2), [ALICE, BOB, CAROL]), 1)
    assert.equal(await timelines.remove(idOf(2), [ALICE, BOB, CAROL]), 0)
    assert.deepEqual(await readAll(timelines, ALICE), [3, 1])
  })

  test(`${engine}: removing an author takes their entries and boosts, and leaves others' boosts of them`, async () => {
    await using timelines = await open(clockAtNoon())
    const boost = entry(3, CAROL, { boostOf: idOf(1), flags: ENTRY_BOOST })
    await build(timelines, ALICE, [
      entry(1, BOB),
      entry(2, CAROL),
      boost,
      entry(4, BOB, { boostOf: idOf(2), flags: 1 }),
    ])
    await timelines.removeAuthor(ALICE, BOB)
    assert.deepEqual(await readAll(timelines, ALICE), [3, 2])
  })
}

function testBuilds(engine: string, open: OpenTimelines): void {
  test(`${engine}: inserts that race a rebuild are kept and merged`, async () => {
    await using timelines = await open(clockAtNoon())
    const ticket = await timelines.beginBuild(ALICE)
    assert.ok(ticket)
    assert.equal(await timelines.read(ALICE, { limit: 20 }), undefined, 'building is not yet present')
    assert.equal(await timelines.insert(entry(5), [ALICE]), 1)
    assert.equal(await timelines.insert(entry(3), [ALICE]), 1)
    assert.ok(await timelines.finishBuild(ticket, [entry(4), entry(3), entry(1)], 0n))
    assert.deepEqual(await readAll(timelines, ALICE), [5, 4, 3, 1])
  })

  test(`${engine}: one rebuild at a time, none of a present timeline`, async () => {
    await using timelines = await open(clockAtNoon())
    const ticket = await timelines.beginBuild(ALICE)
    assert.ok(ticket)
    assert.equal(await timelines.beginBuild(ALICE), undefined)
    await timelines.finishBuild(ticket, [], 0n)
    assert.equal(await timelines.beginBuild(ALICE), undefined)
    assert.equal(await timelines.finishBuild(ticket, [entry(1)], 0n), false, 'a ticket is good for once')
    assert.deepEqual(await readAll(timelines, ALICE), [])
  })

  test(`${engine}: an abandoned or dropped rebuild leaves the timeline missing, and its ticket void`, async () => {
    await using timelines = await open(clockAtNoon())
    const abandoned = await timelines.beginBuild(ALICE)
    assert.ok(abandoned)
    await timelines.abandonBuild(abandoned)
    const dropped = await timelines.beginBuild(ALICE)
    assert.ok(dropped)
    await timelines.drop(ALICE)
    for (const ticket of [abandoned, dropped]) {
      assert.equal(await timelines.finishBuild(ticket, [entry(1)], 0n), false)
      await timelines.abandonBuild(ticket)
    }
    assert.equal(await timelines.insert(entry(1), [ALICE]), 0)
  })

  test(`${engine}: when a builder dies, another may take over after the lease, and the first is void`, async () => {
    const clock = clockAtNoon()
    await using timelines = await open(clock)
    const dead = await timelines.beginBuild(ALICE)
    assert.ok(dead)
    await timelines.insert(entry(2), [ALICE])
    clock.ms += BUILD_LEASE_MS - 1000
    assert.equal(await timelines.beginBuild(ALICE), undefined)
    clock.ms += 2000
    const heir = await timelines.beginBuild(ALICE)
    assert.ok(heir)
    assert.equal(await timelines.finishBuild(dead, [entry(9)], 0n), false)
    assert.ok(await timelines.finishBuild(heir, [entry(1)], 0n))
    assert.deepEqual(await readAll(timelines, ALICE), [2, 1], 'what was inserted for the first is kept')
  })

  test(`${engine}: an unfollow during a rebuild makes it stale, as it may bring the author back`, async () => {
    await using timelines = await open(clockAtNoon())
    const ticket = await timelines.beginBuild(ALICE)
    assert.ok(ticket)
    await timelines.removeAuthor(ALICE, BOB)
    assert.equal(await timelines.finishBuild(ticket, [entry(1, BOB)], 0n), false)
    assert.equal(await timelines.read(ALICE, { limit: 20 }), undefined)
  })

  test(`${engine}: a newly followed author's entries are merged, and the higher floor counts`, async () => {
    await using timelines = await open(clockAtNoon())
    await build(timelines, ALICE, [entry(2), entry(4), entry(6)])
    await timelines.merge(ALICE, [entry(5, CAROL), entry(4), entry(3, CAROL)], idOf(2))
    assert.deepEqual(await readAll(timelines, ALICE), [6, 5, 4, 3], 'below the floor it would have holes')
    assert.equal((await timelines.read(ALICE, { limit: 1 }))?.floor, idOf(2))
    await timelines.merge(BOB, [entry(1)], 0n)
    assert.equal(await timelines.read(BOB, { limit: 1 }), undefined, 'nothing to merge into')
  })
}

function testModel(engine: string, open: OpenTimelines, histories: number): void {
  test(`${engine}: whatever happens in whatever order, reads equal those of plain arrays`, async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySteps, async (steps: Step[]) => {
        await using timelines = await open(clockAtNoon())
        const model = new TimelineModel()
        for (const step of steps) await applyStep(timelines, model, step)
        await readModel(timelines, model)
      }),
      { numRuns: histories },
    )
  })
}
