/**
 * Pages that lose rows to the rules are filled up again: a skeleton is read, shown, and read on from its end until the
 * page is full or nothing is left. Short pages end scrolling in some clients, and a home whose newest rows were all
 * hidden looked empty (Mastodon #5398).
 */
import assert from 'node:assert/strict'

import type { Page } from '../kit/page.ts'

/** Rows of one read of a skeleton. */
export const ROWS_PER_READ_MAX = 160
/** Reads for one page; together they look at several times more rows than a timeline holds. */
export const PAGE_READS_MAX = 40

/** Newest first; `endReached` says that the source has nothing beyond them in the direction of the page. */
export interface Slice<Row> {
  rows: Row[]
  endReached: boolean
}

export interface FilledPage<Item> {
  items: Item[]
  /** An older page may exist. */
  more: boolean
}

export interface PageSource<Row extends { cursor: bigint }, Item> {
  read(page: Page): Promise<Slice<Row>>
  /** What of the rows is shown, in their order. */
  show(rows: readonly Row[]): Promise<Item[]>
}

export async function fillPage<Row extends { cursor: bigint }, Item>(
  page: Page,
  source: PageSource<Row, Item>,
): Promise<FilledPage<Item>> {
  if (page.limit <= 0) return { items: [], more: false }
  return page.minId === undefined ? fillDownwards(page, source) : fillUpwards({ ...page, minId: page.minId }, source)
}

/** A source that answers without waiting, or not at all: undefined. */
export interface PageSourceNow<Row extends { cursor: bigint }> {
  read(page: Page): Slice<Row> | undefined
  /** Adds what is shown of the rows to the page, until that has `limit`; how many it has then. */
  show(rows: readonly Row[], limit: number): number | undefined
  /** Takes the first ones off the page, so that it has `limit`. */
  keepLast(limit: number): void
}

/**
 * `fillPage` without waiting; false when the source cannot answer now. Reads twice as many rows as the page takes, because
 * reading on costs more than leaving some over.
 */
export function fillPageNow<Row extends { cursor: bigint }>(page: Page, source: PageSourceNow<Row>): boolean {
  if (page.limit <= 0) return false
  const upwards = page.minId !== undefined
  let { maxId } = page
  for (let reads = 1; reads <= PAGE_READS_MAX; reads++) {
    const slice = source.read({ ...page, maxId, limit: rowsWanted(page.limit, reads) })
    const shown = slice && source.show(slice.rows, upwards ? Number.POSITIVE_INFINITY : page.limit)
    if (slice === undefined || shown === undefined) return false
    if (slice.endReached || shown >= page.limit) {
      // The `limit` closest above the cursor are the oldest of them.
      if (upwards) source.keepLast(page.limit)
      return true
    }
    // Further up come rows that belong before the first on the page.
    if (upwards) return false
    maxId = slice.rows.at(-1)?.cursor
    assert(maxId !== undefined, 'a source that goes on gives rows')
  }
  return true
}

async function fillDownwards<Row extends { cursor: bigint }, Item>(
  page: Page,
  source: PageSource<Row, Item>,
): Promise<FilledPage<Item>> {
  const items: Item[] = []
  let { maxId } = page
  for (let reads = 0; reads < PAGE_READS_MAX; reads++) {
    const { rows, endReached } = await source.read({ ...page, maxId, limit: rowsWanted(page.limit, reads) })
    items.push(...(await source.show(rows)))
    if (endReached || items.length >= page.limit) {
      return { items: items.slice(0, page.limit), more: !endReached || items.length > page.limit }
    }
    maxId = rows.at(-1)?.cursor
    assert(maxId !== undefined, 'a source that goes on gives rows')
  }
  return { items, more: true }
}

async function fillUpwards<Row extends { cursor: bigint }, Item>(
  page: Page & { minId: bigint },
  source: PageSource<Row, Item>,
): Promise<FilledPage<Item>> {
  let items: Item[] = []
  let { minId } = page
  for (let reads = 0; reads < PAGE_READS_MAX && items.length < page.limit; reads++) {
    const { rows, endReached } = await source.read({ ...page, minId, limit: rowsWanted(page.limit, reads) })
    items = [...(await source.show(rows)), ...items]
    const newest = rows[0]
    if (endReached || newest === undefined) break
    minId = newest.cursor
  }
  // The `limit` closest above the cursor are the oldest of them.
  return { items: items.slice(-page.limit), more: true }
}

function rowsWanted(limit: number, reads: number): number {
  return reads === 0 ? limit : Math.min(limit * 2 ** reads, ROWS_PER_READ_MAX)
}

/**
 * Merges slices of the same page into one: newest first, each id once, cut to the limit. Right because a source that has
 * more gave `limit` rows, so that the cut never passes the end of what any source has shown.
 */
export function mergeSlices<Row extends { cursor: bigint }>(page: Page, slices: readonly Slice<Row>[]): Slice<Row> {
  const byCursor = new Map<bigint, Row>()
  for (const { rows } of slices) for (const row of rows) byCursor.set(row.cursor, row)
  const merged = [...byCursor.values()].toSorted((a, b) => (a.cursor < b.cursor ? 1 : -1))
  const rows = page.minId === undefined ? merged.slice(0, page.limit) : merged.slice(-page.limit)
  return { rows, endReached: slices.every((slice) => slice.endReached) && rows.length === merged.length }
}

/** Whether a cursor lies in the page's bounds; `minId` wins over `sinceId`. */
export function inBounds(cursor: bigint, { maxId, sinceId, minId }: Page): boolean {
  const above = minId ?? sinceId
  return (maxId === undefined || cursor < maxId) && (above === undefined || cursor > above)
}
