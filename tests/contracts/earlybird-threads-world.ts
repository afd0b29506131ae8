/** Documents that say themselves whether they are whole: everything in them follows from their number. */
import type { IndexDocument } from '../../src/earlybird/contract.ts'
import { firstIdAt, type AccountId, type StatusId } from '../../src/snowflake/contract.ts'

export const FIRST_ID = firstIdAt(1_780_000_000_000)

export function authorOf(n: number): AccountId {
  return BigInt((n % 5_003) + 1) as AccountId // more than the table of authors begins with
}

/** Words in their places; many terms are in few documents, so that slices of all sizes come. */
export function termsOf(n: number): string[] {
  return [`seven${n % 7}`, `three${n % 3}`, 'the', `rare${n % 401}`, `only${n % 97}`]
}

export function isDeletedLater(n: number): boolean {
  return n % 11 === 0
}

export function threadDocument(n: number): IndexDocument {
  const terms = termsOf(n)
  return {
    id: (FIRST_ID + BigInt(n)) as StatusId,
    author: authorOf(n),
    flags: n % 4,
    terms,
    positions: terms.map((_, place) => place),
    length: terms.length,
    counts: { favourites: n % 3, boosts: 0, replies: 0 },
  }
}
