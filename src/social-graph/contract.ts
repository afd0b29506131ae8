/**
 * Who follows, blocks and mutes whom. Edges are rows in PostgreSQL and integers in memory, both directions; reads are
 * synchronous. A change is committed, applied here at once, and told to other processes by `graph.changed`.
 */
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'

/** Everything `viewer` needs to know of `target` to decide what to show. */
export interface Relation {
  following: boolean
  showingBoosts: boolean
  notifying: boolean
  /** Languages of the target shown at home; null for all. */
  languages: readonly string[] | null
  followedBy: boolean
  requested: boolean
  requestedBy: boolean
  blocking: boolean
  blockedBy: boolean
  muting: boolean
  mutingNotifications: boolean
  muteExpiresAtMs: number | null
  endorsed: boolean
}

export interface FollowOptions {
  showBoosts?: boolean
  notify?: boolean
  languages?: string[] | null
}

export interface SocialGraph {
  /** Synchronous and cheap; both ids may be unknown. A lapsed mute counts as none. */
  relation(viewer: AccountId, target: AccountId): Relation
  followerCount(id: AccountId): number
  followingCount(id: AccountId): number
  /** Ascending dense index, so that a writer walks memory forward; at most `limit` after `afterIndex` (-1 to begin). */
  followersPage(author: AccountId, afterIndex: number, limit: number): { followers: AccountId[]; lastIndex: number }
  /** Everyone `viewer` follows. */
  following(viewer: AccountId): AccountId[]
  /** Accounts followed by both. */
  familiarFollowers(viewer: AccountId, target: AccountId): AccountId[]

  /** Follows, or asks when the target is locked (`locked`); again = changes the options. Throws `forbidden` when blocked. */
  follow(viewer: AccountId, target: AccountId, locked: boolean, options: FollowOptions): Promise<void>
  unfollow(viewer: AccountId, target: AccountId): Promise<void>
  /** Ends the target's follow of the viewer. */
  removeFollower(viewer: AccountId, target: AccountId): Promise<void>
  /** Accepts the request of `requester`; throws `not_found` when there is none. */
  acceptRequest(viewer: AccountId, requester: AccountId): Promise<void>
  rejectRequest(viewer: AccountId, requester: AccountId): Promise<void>
  /** Ends follows and requests in both directions. */
  block(viewer: AccountId, target: AccountId): Promise<void>
  unblock(viewer: AccountId, target: AccountId): Promise<void>
  /** `expiresAtMs` null: until unmuted. */
  mute(
    viewer: AccountId,
    target: AccountId,
    options: { notifications: boolean; expiresAtMs: number | null },
  ): Promise<void>
  unmute(viewer: AccountId, target: AccountId): Promise<void>
  setNote(viewer: AccountId, target: AccountId, note: string): Promise<void>
  notes(viewer: AccountId, targets: readonly AccountId[]): Promise<Map<AccountId, string>>
  setEndorsed(viewer: AccountId, target: AccountId, endorsed: boolean): Promise<void>

  /** Pages for lists of people; the cursor is the edge's own id. */
  listFollowers(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listFollowing(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listRequests(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listBlocks(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listMutes(id: AccountId, page: Page): Promise<Cursored<{ id: AccountId; expiresAtMs: number | null }>[]>
  listEndorsed(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
}
