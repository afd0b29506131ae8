/** Timelines of hashtags, compared with a model that sorts everything in memory. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { inspect } from 'node:util'

import type { Page } from '../../src/kit/page.ts'
import { seededRandom } from '../../src/seed/random.ts'
import type { NewStatus, TagQuery } from '../../src/status-store/contract.ts'
import { accountId, boostOf, mediaId, openStatusWorld, plainStatus, replyTo, statusId } from '../world/statuses.ts'

const NOTHING_MORE = { all: [], none: [], onlyMedia: false }
const PAGES: readonly Page[] = [
  { limit: 7 },
  { limit: 500 },
  { limit: 7, maxId: 1_500n },
  { limit: 7, sinceId: 300n },
  { limit: 7, minId: 300n },
  { limit: 40, minId: 303n, maxId: 1_500n },
  { limit: 1, minId: 0n },
  { limit: 7, maxId: 1n },
  { limit: 0 },
]

function someStatuses(): NewStatus[] {
  const random = seededRandom(20_261_122)
  const statuses: NewStatus[] = []
  for (let n = 1; n <= 300; n += 1) {
    const fields = {
      accountId: accountId(1 + random.below(5)),
      visibility: random.pick(['public', 'public', 'public', 'unlisted', 'private', 'direct'] as const),
      tags: ['fox', 'hen', 'owl'].filter(() => random.chance(0.4)),
      media: random.chance(0.3) ? [mediaId(n)] : [],
    }
    const other = random.pick(statuses.length === 0 ? [plainStatus(1)] : statuses)
    statuses.push(
      statuses.length > 0 && random.chance(0.3) ? replyTo(other, 10 * n, fields) : plainStatus(10 * n, fields),
    )
  }
  return statuses
}

test('a page under hashtags holds the public statuses that fit, each once, and no boosts', async () => {
  await using world = await openStatusWorld()
  const statuses = someStatuses()
  for (const status of statuses) await world.insert(status)
  const boosted = statuses.find((status) => status.visibility === 'public' && status.tags.includes('fox'))
  assert.ok(boosted)
  await world.insert(boostOf(boosted, 9_990, 9))
  const queries: TagQuery[] = [
    { ...NOTHING_MORE, any: ['fox'] },
    { ...NOTHING_MORE, any: ['fox', 'hen', 'fox'] },
    { ...NOTHING_MORE, any: ['fox', 'nobody'] },
    { ...NOTHING_MORE, any: ['fox'], all: ['hen', 'owl'] },
    { ...NOTHING_MORE, any: ['fox', 'owl'], none: ['hen'] },
    { any: ['fox', 'hen'], all: ['owl'], none: ['hen'], onlyMedia: true },
    { ...NOTHING_MORE, any: ['fox'], onlyMedia: true },
    { ...NOTHING_MORE, any: ['nobody'] },
    { ...NOTHING_MORE, any: ['fo'] },
    { ...NOTHING_MORE, any: [] },
  ]
  for (const query of queries) {
    for (const page of PAGES) {
      const expected = cut(
        statuses.filter((status) => fits(status, query)),
        page,
      )
      assert.deepEqual(await world.store.tagIds(query, page), expected, inspect({ query, page }))
    }
  }
})

test('editing and removing a status changes under which hashtags it is found', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const under = (tag: string) => store.tagIds({ ...NOTHING_MORE, any: [tag] }, { limit: 10 })
  const status = plainStatus(5, { tags: ['fox'] })
  await world.insert(status)
  const edit = { ...status, tags: ['hen'], previousMediaDescriptions: [] }
  await db.transaction((tx) => store.edit(tx, status.id, edit, 1_000))
  assert.deepEqual([await under('fox'), await under('hen')], [[], [statusId(5)]])
  await db.transaction((tx) => store.remove(tx, status.id))
  assert.deepEqual(await under('hen'), [])
})

function fits(status: NewStatus, { any, all, none, onlyMedia }: TagQuery): boolean {
  return (
    status.visibility === 'public' &&
    any.some((tag) => status.tags.includes(tag)) &&
    all.every((tag) => status.tags.includes(tag)) &&
    !none.some((tag) => status.tags.includes(tag)) &&
    (!onlyMedia || status.media.length > 0)
  )
}

function cut(statuses: readonly NewStatus[], { maxId, sinceId, minId, limit }: Page): bigint[] {
  const above = minId ?? sinceId ?? 0n
  const ids = statuses.map(({ id }) => id).filter((id) => id > above && (maxId === undefined || id < maxId))
  return minId === undefined ? ids.toReversed().slice(0, limit) : ids.slice(0, limit).toReversed()
}
