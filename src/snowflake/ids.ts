/**
 * Ids: branded bigint inside, decimal strings outside, never `number` (which loses bits past 2^53).
 * Layout (DESIGN §4): 41 bits of milliseconds since 2006-03-21, 10 bits worker, 12 bits sequence.
 */
export type AccountId = bigint & { readonly brand: 'AccountId' }
export type StatusId = bigint & { readonly brand: 'StatusId' }
export type MediaId = bigint & { readonly brand: 'MediaId' }

/** 2006-03-21T00:00:00Z, the day of the first tweet. */
export const EPOCH_MS = 1_142_899_200_000
export const WORKER_BITS = 10n
export const SEQUENCE_BITS = 12n
/** Ids are positive signed 64-bit numbers, as PostgreSQL's bigint. */
export const ID_MAX = 2n ** 63n - 1n

const CANONICAL_ID = /^[1-9]\d{0,18}$/

/** The id in `text`, or undefined when it is not one: the border where text becomes an id. */
export function parseId<Id extends bigint>(text: unknown): Id | undefined {
  if (typeof text !== 'string' || !CANONICAL_ID.test(text)) return undefined
  const id = BigInt(text)
  return id <= ID_MAX ? (id as Id) : undefined
}

/** Milliseconds since 1970 in which the id was minted. */
export function idTimeMs(id: bigint): number {
  return Number(id >> (WORKER_BITS + SEQUENCE_BITS)) + EPOCH_MS
}

/** The smallest id of that millisecond: a cursor for "since this time". */
export function firstIdAt(ms: number): bigint {
  return BigInt(Math.max(0, ms - EPOCH_MS)) << (WORKER_BITS + SEQUENCE_BITS)
}
