/**
 * Who follows which hashtags. Rows in PostgreSQL, and in the memory of every thread, so that reads of homes ask nobody.
 * Hashtags are normalised (`text/entities.ts`).
 */
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'

/** Hashtags of one account; each is merged into its home when it is read. */
export const FOLLOWED_TAGS_MAX = 100

export interface TagFollows {
  /** Synchronous; shared, so not to be changed. */
  followedBy(account: AccountId): ReadonlySet<string>
  /** Again is no error. Throws `invalid` beyond FOLLOWED_TAGS_MAX. */
  follow(account: AccountId, tag: string): Promise<void>
  unfollow(account: AccountId, tag: string): Promise<void>
  /** Newest first; the cursor is the follow's own. */
  list(account: AccountId, page: Page): Promise<Cursored<string>[]>
}
