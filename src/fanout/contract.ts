/** Fanout: a committed status → pages of followers → inserts into their timelines; celebrities are merged at read. */
import type { AccountId, StatusId } from '../snowflake/contract.ts'

/** The life of a status, as far as this process knows it; milliseconds since 1970. */
export interface StatusLife {
  id: StatusId
  author: AccountId
  acceptedAtMs: number | null
  committedAtMs: number | null
  relayedAtMs: number | null
  fannedOutAtMs: number | null
  /** Followers walked, and timelines that took the entry. */
  followers: number
  delivered: number
  shards: string[]
  /** True: the author is above the threshold, so nothing was delivered and readers merge. */
  mergedAtRead: boolean
}

/** Times of recent statuses, bounded; older ones are forgotten. */
export interface StatusLives {
  note(id: StatusId, author: AccountId, change: Partial<Omit<StatusLife, 'id' | 'author'>>): void
  find(id: StatusId): StatusLife | undefined
}
