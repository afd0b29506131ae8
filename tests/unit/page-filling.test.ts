import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Page } from '../../src/kit/page.ts'
import {
  fillPage,
  inBounds,
  mergeSlices,
  PAGE_READS_MAX,
  ROWS_PER_READ_MAX,
  type Slice,
} from '../../src/timeline-service/page-filling.ts'

interface Row {
  cursor: bigint
}

/** A source of rows 1 … `rows.length`, of which only some are shown; counts its reads. */
function source(cursors: readonly bigint[], isShown: (cursor: bigint) => boolean) {
  const limits: number[] = []
  const newestFirst = cursors.toSorted((a, b) => (a < b ? 1 : -1))
  return {
    limits,
    read: async (page: Page): Promise<Slice<Row>> => {
      limits.push(page.limit)
      const within = newestFirst.filter((cursor) => inBounds(cursor, page))
      const rows = page.minId === undefined ? within.slice(0, page.limit) : within.slice(-page.limit)
      return { rows: rows.map((cursor) => ({ cursor })), endReached: rows.length < page.limit }
    },
    show: async (rows: readonly Row[]) => rows.map(({ cursor }) => cursor).filter(isShown),
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => BigInt(n + 1))

test('a page whose newest 100 rows are all hidden is filled from what is older (Mastodon #5398)', async () => {
  const from = source(upTo(300), (cursor) => cursor <= 200n)
  const { items, more } = await fillPage({ limit: 20 }, from)
  assert.deepEqual(items, upTo(200).slice(-20).toReversed())
  assert.equal(more, true)
  assert.ok(from.limits.length <= 5, `${from.limits.length} reads`)
})

test('a page is short only at the end, and says so', async () => {
  const from = source(upTo(30), (cursor) => cursor % 2n === 0n)
  assert.deepEqual(await fillPage({ limit: 40 }, from), {
    items: upTo(30)
      .filter((n) => n % 2n === 0n)
      .toReversed(),
    more: false,
  })
  assert.deepEqual(await fillPage({ limit: 40, maxId: 2n }, from), { items: [], more: false })
  assert.deepEqual(await fillPage({ limit: 0 }, from), { items: [], more: false })
})

test('looking for something to show ends, and reads a bounded number of rows at a time', async () => {
  const from = source(upTo(PAGE_READS_MAX * ROWS_PER_READ_MAX * 2), () => false)
  const { items, more } = await fillPage({ limit: 20 }, from)
  assert.deepEqual(items, [])
  assert.equal(more, true)
  assert.equal(from.limits.length, PAGE_READS_MAX)
  assert.ok(Math.max(...from.limits) <= ROWS_PER_READ_MAX)
})

test('whatever is hidden, a page is what plain filtering and cutting gives', async () => {
  const ids = fc.uniqueArray(fc.bigInt({ min: 1n, max: 200n }), { maxLength: 120 })
  const bound = fc.option(fc.bigInt({ min: 0n, max: 210n }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(ids, ids, bound, bound, bound, fc.integer({ min: 1, max: 40 }), async (...drawn) => {
      const [cursors, hidden, maxId, sinceId, minId, limit] = drawn
      const page: Page = { maxId, sinceId, minId, limit }
      const isShown = (cursor: bigint) => !hidden.includes(cursor)
      const shown = cursors
        .filter((cursor) => inBounds(cursor, page) && isShown(cursor))
        .toSorted((a, b) => (a < b ? 1 : -1))
      const expected = minId === undefined ? shown.slice(0, limit) : shown.slice(-limit)
      const { items, more } = await fillPage(page, source(cursors, isShown))
      assert.deepEqual(items, expected)
      if (minId === undefined && !more) assert.ok(shown.length <= limit, 'nothing is kept back')
    }),
  )
})

test('slices of one page merge into one without gap or double', async () => {
  const ids = fc.uniqueArray(fc.bigInt({ min: 1n, max: 60n }), { maxLength: 40 })
  const bound = fc.option(fc.bigInt({ min: 0n, max: 61n }), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(
      fc.array(ids, { minLength: 1, maxLength: 4 }),
      bound,
      bound,
      fc.integer({ min: 1, max: 12 }),
      async (...drawn) => {
        const [lists, maxId, minId, limit] = drawn
        const page: Page = { maxId, minId, limit }
        const slices = await Promise.all(lists.map((list) => source(list, () => true).read(page)))
        const all = await source([...new Set(lists.flat())], () => true).read(page)
        const merged = mergeSlices(page, slices)
        assert.deepEqual(merged.rows, all.rows)
        if (merged.endReached)
          assert.ok(all.rows.length === new Set(lists.flat().filter((id) => inBounds(id, page))).size)
      },
    ),
  )
})
