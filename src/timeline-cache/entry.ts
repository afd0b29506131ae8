/** What a timeline is made of. */
import type { AccountId, StatusId } from '../snowflake/contract.ts'

export const ENTRY_BOOST = 1
export const ENTRY_REPLY = 2

export interface TimelineEntry {
  id: StatusId
  author: AccountId
  /** The boosted status, else 0n. */
  boostOf: StatusId | 0n
  /** ENTRY_* bits. */
  flags: number
}

/** The entry of a status, from whatever tells these four things of it. */
export function timelineEntry(of: {
  id: StatusId
  author: AccountId
  boostOf: StatusId | null
  inReplyTo: StatusId | null
}): TimelineEntry {
  const flags = (of.boostOf === null ? 0 : ENTRY_BOOST) | (of.inReplyTo === null ? 0 : ENTRY_REPLY)
  return { id: of.id, author: of.author, boostOf: of.boostOf ?? 0n, flags }
}
