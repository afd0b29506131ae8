/**
 * What is known of each document besides its terms, by document number. `fixed` columns never change once a document is
 * published; `changing` ones do, under the readers' eyes: each value is one word, so a reader sees the old or the new.
 */
import type { Counts } from './contract.ts'
import { BLOCK_BITS, BLOCK_DOCUMENTS, type Carver, idKey } from './layout.ts'
import { engagementOf } from './scoring.ts'

/** Larger counts are kept as this. */
const SMALL_COUNT_MAX = 0xffff

export interface FixedColumns {
  /** Two words an id, the low one first. */
  ids: Uint32Array
  flags: Uint16Array
  /** Words in the text, 255 for more. */
  lengths: Uint8Array
  /** By block: no document of it, or with a higher number, has a higher `idKey`. */
  idBounds: Float64Array
}

export interface ChangingColumns {
  /** Numbers in the table of authors. */
  authors: Uint32Array
  favourites: Uint32Array
  boosts: Uint16Array
  replies: Uint16Array
  /** One bit a document. */
  tombstones: Uint32Array
  /** By block: no document of it has a higher engagement. The last element is that of the whole segment. */
  engagementBounds: Float64Array
}

export type Columns = FixedColumns & ChangingColumns

export function blocksOf(documents: number): number {
  return Math.ceil(documents / BLOCK_DOCUMENTS)
}

export function carveFixed(carver: Carver, documents: number): FixedColumns {
  return {
    ids: carver.u32(documents * 2),
    idBounds: carver.f64(blocksOf(documents)),
    flags: carver.u16(documents),
    lengths: carver.u8(documents),
  }
}

export function carveChanging(carver: Carver, documents: number): ChangingColumns {
  return {
    engagementBounds: carver.f64(blocksOf(documents) + 1),
    authors: carver.u32(documents),
    favourites: carver.u32(documents),
    tombstones: carver.u32(Math.ceil(documents / 32)),
    boosts: carver.u16(documents),
    replies: carver.u16(documents),
  }
}

export function isDeleted(columns: ChangingColumns, document: number): boolean {
  return (((columns.tombstones[document >>> 5] ?? 0) >>> (document & 31)) & 1) === 1
}

/** Returns false when it was deleted before. Readers see it at once. */
export function markDeleted(columns: ChangingColumns, document: number): boolean {
  const bit = 2 ** (document & 31)
  return (Atomics.or(columns.tombstones, document >>> 5, bit) & bit) === 0
}

/** The bounds are raised before the counts, so that no reader passes over what has just become popular. */
export function writeCounts(columns: ChangingColumns, document: number, counts: Counts): void {
  const boosts = Math.min(counts.boosts, SMALL_COUNT_MAX)
  const replies = Math.min(counts.replies, SMALL_COUNT_MAX)
  const engagement = engagementOf(counts.favourites + 2 * boosts + replies)
  const { engagementBounds } = columns
  const block = document >>> BLOCK_BITS
  const whole = engagementBounds.length - 1
  if (engagement > (engagementBounds[block] ?? 0)) engagementBounds[block] = engagement
  if (engagement > (engagementBounds[whole] ?? 0)) engagementBounds[whole] = engagement
  columns.favourites[document] = counts.favourites
  columns.boosts[document] = boosts
  columns.replies[document] = replies
}

/** What `engagementOf` takes. */
export function interactionsOf({ favourites, boosts, replies }: ChangingColumns, document: number): number {
  return (favourites[document] ?? 0) + 2 * (boosts[document] ?? 0) + (replies[document] ?? 0)
}

export function readCounts(columns: ChangingColumns, document: number): Counts {
  return {
    favourites: columns.favourites[document] ?? 0,
    boosts: columns.boosts[document] ?? 0,
    replies: columns.replies[document] ?? 0,
  }
}

export function keyOf(columns: FixedColumns, document: number): number {
  return idKey(columns.ids[document * 2] ?? 0, columns.ids[document * 2 + 1] ?? 0)
}
