/** What the timeline cache's contract says, in plain arrays, and random steps to hold an engine against it. */
import assert from 'node:assert/strict'

import fc from 'fast-check'

import type { Page } from '../../src/kit/page.ts'
import { ID_MAX, type AccountId, type StatusId } from '../../src/snowflake/contract.ts'
import {
  TIMELINE_ENTRIES_MAX,
  type BuildTicket,
  type TimelineCache,
  type TimelineEntry,
} from '../../src/timeline-cache/contract.ts'

interface Timeline {
  present: boolean
  entries: TimelineEntry[]
  floor: bigint
}

export class TimelineModel {
  readonly timelines = new Map<AccountId, Timeline>()
  readonly tickets = new Map<AccountId, BuildTicket>()

  /** Adds them in any order; returns how many are new and stayed. */
  add(owner: AccountId, entries: readonly TimelineEntry[], floor: bigint): number {
    const timeline = this.timelines.get(owner)
    if (timeline === undefined) return 0
    if (floor > timeline.floor) timeline.floor = floor
    const added = new Set<TimelineEntry>()
    for (const entry of entries.filter(({ id }) => id > timeline.floor)) {
      const at = timeline.entries.findIndex(({ id }) => id <= entry.id)
      if (timeline.entries[at]?.id === entry.id) continue
      timeline.entries.splice(at < 0 ? timeline.entries.length : at, 0, entry)
      added.add(entry)
    }
    const trimmed = timeline.entries[TIMELINE_ENTRIES_MAX]?.id ?? 0n
    if (trimmed > timeline.floor) timeline.floor = trimmed
    while ((timeline.entries.at(-1)?.id ?? ID_MAX) <= timeline.floor) timeline.entries.pop()
    return timeline.entries.filter((entry) => added.has(entry)).length
  }

  without(owner: AccountId, keeps: (entry: TimelineEntry) => boolean): number {
    const timeline = this.timelines.get(owner)
    if (timeline === undefined) return 0
    const length = timeline.entries.length
    timeline.entries = timeline.entries.filter(keeps)
    return length - timeline.entries.length
  }

  page(owner: AccountId, page: Page): TimelineEntry[] {
    const { minId, sinceId, maxId, limit } = page
    const above = minId ?? sinceId ?? 0n
    const { entries } = this.timelines.get(owner) ?? { entries: [] }
    const inside = entries.filter(({ id }) => id > above && (maxId === undefined || id < maxId))
    return minId === undefined ? inside.slice(0, limit) : inside.slice(Math.max(0, inside.length - limit))
  }
}

const ownerOf = (n: number): AccountId => (2n ** 62n + BigInt(n)) as AccountId
const idOf = (n: number): StatusId => (2n ** 61n + BigInt(n) * 4_194_303n) as StatusId
const OWNERS = [0, 1, 2, 3]
const IDS_MAX = 2000

const owner = fc.constantFrom(...OWNERS).map(ownerOf)
const id = fc.nat(IDS_MAX).map(idOf)
/** A status is what it is: its entry follows from its number. */
function entryOf(n: number): TimelineEntry {
  const author = ownerOf(10 + (n % 3))
  return { id: idOf(n), author, boostOf: n % 5 === 0 ? idOf(n + 7) : 0n, flags: n % 4 }
}
const entry = fc.nat(IDS_MAX).map(entryOf)
const entries = fc.array(entry, { maxLength: 60 })
/** Many consecutive entries, so that timelines fill, wrap around and trim. */
const burst = fc.record({ from: fc.nat(IDS_MAX), count: fc.integer({ min: 1, max: 1000 }) })
const page: fc.Arbitrary<Page> = fc.record({
  maxId: fc.option(id, { nil: undefined }),
  sinceId: fc.option(id, { nil: undefined }),
  minId: fc.option(id, { nil: undefined }),
  limit: fc.nat(45),
})
const floor: fc.Arbitrary<bigint> = fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, { weight: 1, arbitrary: id })

export type Step =
  | { act: 'insert'; entry: TimelineEntry; owners: AccountId[] }
  | { act: 'burst'; from: number; count: number; owners: AccountId[] }
  | { act: 'remove'; id: StatusId; owners: AccountId[] }
  | { act: 'read'; owner: AccountId; page: Page }
  | { act: 'begin' | 'abandon' | 'drop'; owner: AccountId }
  | { act: 'finish'; owner: AccountId; entries: TimelineEntry[]; floor: bigint }
  | { act: 'merge'; owner: AccountId; entries: TimelineEntry[]; floor: bigint }
  | { act: 'removeAuthor'; owner: AccountId; author: AccountId }

type BuildStep =
  | { act: 'begin' | 'abandon' | 'drop'; owner: AccountId }
  | { act: 'finish'; owner: AccountId; entries: TimelineEntry[]; floor: bigint }

const owners = fc.uniqueArray(owner, { minLength: 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ act: fc.constant<'insert'>('insert'), entry, owners }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(burst, owners)
      .map(([range, owned]): Step => ({ act: 'burst', from: range.from, count: range.count, owners: owned })),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant<'remove'>('remove'), id, owners }) },
  { weight: 6, arbitrary: fc.record({ act: fc.constant<'read'>('read'), owner, page }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant<'begin'>('begin'), owner }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom<'abandon' | 'drop'>('abandon', 'drop'), owner }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant<'finish'>('finish'), owner, entries, floor }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant<'merge'>('merge'), owner, entries, floor }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant<'removeAuthor'>('removeAuthor'),
      owner,
      author: fc.constantFrom(10, 11, 12).map(ownerOf),
    }),
  },
)

export const arbitrarySteps = fc.array(step, { maxLength: 80, size: 'max' })

const unique = (list: readonly TimelineEntry[]) => [...new Map(list.map((one) => [one.id, one])).values()]

/** Takes the step with the engine and the model, and compares what they answer. */
export async function applyStep(timelines: TimelineCache, model: TimelineModel, taken: Step): Promise<void> {
  switch (taken.act) {
    case 'insert':
      return insertBoth(timelines, model, taken)
    case 'burst':
      for (let n = taken.from; n < taken.from + taken.count; n++) {
        await insertBoth(timelines, model, { entry: entryOf(n), owners: taken.owners })
      }
      return
    case 'remove': {
      const removed = taken.owners.map((one) => model.without(one, (kept) => kept.id !== taken.id))
      assert.equal(
        await timelines.remove(taken.id, taken.owners),
        removed.reduce((a, b) => a + b),
      )
      return
    }
    case 'read':
      return readBoth(timelines, model, taken)
    case 'removeAuthor': {
      await timelines.removeAuthor(taken.owner, taken.author)
      model.without(taken.owner, ({ author }) => author !== taken.author)
      if (model.timelines.get(taken.owner)?.present === false) model.timelines.delete(taken.owner)
      return
    }
    case 'merge':
      await timelines.merge(taken.owner, taken.entries, taken.floor)
      model.add(taken.owner, unique(taken.entries), taken.floor)
      return
    case 'begin':
    case 'abandon':
    case 'drop':
    case 'finish':
      return buildBoth(timelines, model, taken)
  }
}

async function insertBoth(
  timelines: TimelineCache,
  model: TimelineModel,
  taken: { entry: TimelineEntry; owners: AccountId[] },
): Promise<void> {
  const added = taken.owners.map((one) => model.add(one, [taken.entry], 0n)).reduce((a, b) => a + b)
  assert.equal(await timelines.insert(taken.entry, taken.owners), added)
}

async function readBoth(
  timelines: TimelineCache,
  model: TimelineModel,
  taken: { owner: AccountId; page: Page },
): Promise<void> {
  const read = await timelines.read(taken.owner, taken.page)
  const timeline = model.timelines.get(taken.owner)
  if (timeline?.present !== true) {
    assert.equal(read, undefined)
    return
  }
  const expected = model.page(taken.owner, taken.page)
  assert.deepEqual(read?.entries, expected)
  assert.equal(read?.floor, timeline.floor)
  const last = expected.at(-1)
  if (last !== undefined) assert.equal(read?.endReached, timeline.entries.at(-1)?.id === last.id)
}

async function buildBoth(timelines: TimelineCache, model: TimelineModel, taken: BuildStep): Promise<void> {
  const timeline = model.timelines.get(taken.owner)
  const ticket = model.tickets.get(taken.owner)
  if (taken.act === 'begin') {
    const begun = await timelines.beginBuild(taken.owner)
    assert.equal(begun !== undefined, timeline === undefined)
    if (begun === undefined) return
    model.timelines.set(taken.owner, { present: false, entries: [], floor: 0n })
    model.tickets.set(taken.owner, begun)
  } else if (taken.act === 'drop') {
    await timelines.drop(taken.owner)
    model.timelines.delete(taken.owner)
  } else if (ticket !== undefined) {
    const building = timeline?.present === false
    model.tickets.delete(taken.owner)
    if (taken.act === 'finish') {
      assert.equal(await timelines.finishBuild(ticket, taken.entries, taken.floor), building)
      if (!building) return
      model.add(taken.owner, unique(taken.entries), taken.floor)
      timeline.present = true
    } else {
      await timelines.abandonBuild(ticket)
      if (building) model.timelines.delete(taken.owner)
    }
  }
}

/** Everything that is present reads the same from both. */
export async function readModel(timelines: TimelineCache, model: TimelineModel): Promise<void> {
  for (const n of OWNERS) await readBoth(timelines, model, { owner: ownerOf(n), page: { limit: TIMELINE_ENTRIES_MAX } })
}
