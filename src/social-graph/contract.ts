/**
 * Who follows, blocks and mutes whom. Edges are rows in PostgreSQL and integers in memory, both directions; reads are
 * synchronous. A change is committed, applied here at once, and told to other processes by `graph.changed`.
 */
import type { EventBodies } from '../events/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'

/** People one account may follow; Mastodon's figure. */
export const FOLLOWING_MAX = 7_500
/** Follows of one `importFollows`. */
export const IMPORT_FOLLOWS_MAX = 10_000

/** Everything `viewer` needs to know of `target` to decide what to show. */
export interface Relation {
  following: boolean
  // The options are those of the follow, or of the request.
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

/** The part of a relation that decides what is shown to a reader. */
export type Regard = Readonly<
  Pick<Relation, 'following' | 'showingBoosts' | 'languages' | 'blocking' | 'blockedBy' | 'muting'>
>

/** Between strangers. */
export const NO_RELATION: Readonly<Relation> = Object.freeze({
  following: false,
  showingBoosts: false,
  notifying: false,
  languages: null,
  followedBy: false,
  requested: false,
  requestedBy: false,
  blocking: false,
  blockedBy: false,
  muting: false,
  mutingNotifications: false,
  muteExpiresAtMs: null,
  endorsed: false,
})

/** A relation of which only these facts differ from that between strangers: for tests of the rules. */
export function graphFacts(facts: Partial<Relation>): Relation {
  return { ...NO_RELATION, ...facts }
}

export interface FollowOptions {
  showBoosts?: boolean
  notify?: boolean
  languages?: string[] | null
}

export interface FollowEdge {
  source: AccountId
  target: AccountId
}

/** Whoever wants to be related to themselves gets `forbidden`. An act that changes nothing succeeds, and tells nobody. */
export interface SocialGraph {
  /** Synchronous and cheap; both ids may be unknown. A lapsed mute counts as none. */
  relation(viewer: AccountId, target: AccountId): Relation
  /**
   * `relation` for readers of whole pages: the same facts, as far as showing a status needs them, without an object for each
   * ordinary pair. Good until the next change of the graph, so ask anew after waiting for anything.
   */
  regards(viewer: AccountId): (target: AccountId) => Regard
  /**
   * Rises with every change of a relation from or to the account: as long as it is the same, so are its `regards`. Undefined
   * when they change by themselves, because a mute lapses.
   */
  changesAround(id: AccountId): number | undefined
  /** Rises with every change of what is in memory here: as long as it is the same, so are all relations and numbers. */
  readonly changes: number
  followerCount(id: AccountId): number
  followingCount(id: AccountId): number
  /**
   * Ascending dense index, so that a writer walks memory forward; at most `limit` after `afterIndex` (-1 to begin).
   * A walk meets everyone who follows throughout exactly once, whoever comes or goes meanwhile.
   */
  followersPage(author: AccountId, afterIndex: number, limit: number): { followers: AccountId[]; lastIndex: number }
  /**
   * The same as places: dense numbers of accounts in this process, never given up. Ascending; good until the next change of
   * the graph, so use them before waiting for anything.
   */
  followerPlaces(author: AccountId, afterPlace: number, limit: number): Uint32Array
  /** Followers who asked to hear of every status of the author (the bell). */
  bellFollowers(author: AccountId): AccountId[]
  /** An account's place; a new one if it has none. */
  placeOf(id: AccountId): number
  /** Everyone `viewer` follows. */
  following(viewer: AccountId): AccountId[]
  /** Followers of the target whom the viewer follows. */
  familiarFollowers(viewer: AccountId, target: AccountId): AccountId[]

  /**
   * Follows, or asks when the target is locked (`locked`); again = changes the options that are given. Throws `forbidden`
   * when either blocks the other, `invalid` beyond FOLLOWING_MAX.
   */
  follow(viewer: AccountId, target: AccountId, locked: boolean, options: FollowOptions): Promise<void>
  /**
   * Many plain follows at once, for imports and the seed; those that exist, are blocked, go to oneself or lie beyond
   * FOLLOWING_MAX are left out. At most IMPORT_FOLLOWS_MAX; in several transactions, each telling of its follows by one
   * `follows.imported`, so that nobody is notified. Returns how many are new.
   */
  importFollows(edges: readonly FollowEdge[]): Promise<number>
  /** Ends the follow (and an endorsement), or withdraws the request. */
  unfollow(viewer: AccountId, target: AccountId): Promise<void>
  /** Ends the target's follow of the viewer. */
  removeFollower(viewer: AccountId, target: AccountId): Promise<void>
  /** Accepts the request of `requester`; throws `not_found` when there is none. */
  acceptRequest(viewer: AccountId, requester: AccountId): Promise<void>
  /** Throws `not_found` when there is none. */
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
  /** An empty note removes it. */
  setNote(viewer: AccountId, target: AccountId, note: string): Promise<void>
  notes(viewer: AccountId, targets: readonly AccountId[]): Promise<Map<AccountId, string>>
  /** Throws `invalid` when the viewer does not follow the target. */
  setEndorsed(viewer: AccountId, target: AccountId, endorsed: boolean): Promise<void>

  /** Pages for lists of people; the cursor is the edge's own id. */
  listFollowers(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listFollowing(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listRequests(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listBlocks(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>
  listMutes(id: AccountId, page: Page): Promise<Cursored<{ id: AccountId; expiresAtMs: number | null }>[]>
  listEndorsed(id: AccountId, page: Page): Promise<Cursored<AccountId>[]>

  /**
   * Takes over a change that may be another process's: the pairs are read again unless this memory has that version or a
   * later one. In any order, any number of times. Resolves when memory is as new as the change.
   */
  apply(change: EventBodies['graph.changed' | 'follows.imported']): Promise<void>
}
