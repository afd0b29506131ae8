import type { StatusId, AccountId } from '../snowflake/contract.ts'
import { ENTRY_BOOST, ENTRY_REPLY, type TimelineEntry } from './contract.ts'

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
