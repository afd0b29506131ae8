/**
 * The newest TIMELINE_ENTRIES_MAX entries of each active home timeline.
 *
 * A timeline is *missing*, *building* or *present*. Inserts go to building and present timelines only and are idempotent;
 * a missing one is rebuilt on read, and an insert that races the rebuild is kept (the builder's entries are merged with
 * it). Reads give strictly descending, unique ids. Nothing here is truth: everything may be dropped at any time.
 *
 * A present timeline is *complete above its floor*: it holds every entry with an id above it, and none at or below it. What
 * is older is asked of the store. Trimming raises the floor; floor 0n says that the timeline goes back to the beginning.
 */
import type { Page } from '../kit/page.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { TimelineEntry } from './entry.ts'

export * from './entry.ts'
export { MergedAuthors, mergedAuthorsMemory } from './merged-authors.ts'

export const TIMELINE_ENTRIES_MAX = 800

export interface TimelinePage {
  entries: TimelineEntry[]
  /** True when the timeline holds nothing older than the last entry, though the store may when `floor` is not 0n. */
  endReached: boolean
  /** The timeline is complete above this id. */
  floor: bigint
  /** For `isAt`, where the engine has it. */
  mark?: TimelineMark
}

/** What a timeline was when it was read: where it lay, and how often it had been written. */
export interface TimelineMark {
  /** Which memory: another thread may have begun a new one. */
  memory: object
  slot: number
  ownerLow: number
  ownerHigh: number
  version: number
  written: number
}

/** Proof of one rebuild: a stale one (the timeline was dropped or rebuilt meanwhile) changes nothing. */
export interface BuildTicket {
  owner: AccountId
  epoch: number
}

export interface TimelineCacheStats {
  present: number
  bytes: number
  bytesLimit: number
  entries: number
}

export interface TimelineCache extends AsyncDisposable {
  /** Inserts one entry into many timelines; those not building or present are passed over. Returns how many took it. */
  insert(entry: TimelineEntry, owners: readonly AccountId[]): Promise<number>
  /**
   * `insert` for owners named by their ascending places in the social graph of this process; only engines that keep timelines
   * by place have it. It spares looking up each id and waiting, which cost more than the insert itself.
   */
  insertPlaces?(entry: TimelineEntry, places: Uint32Array): number
  /** Takes a deleted status out of many timelines. Returns how many held it. */
  remove(id: StatusId, owners: readonly AccountId[]): Promise<number>
  /**
   * Takes a deleted status out of every timeline that has it or gets it, in one go; only engines that keep a status once for
   * all timelines have it. False when no timeline has it.
   */
  removeEverywhere?(id: StatusId): boolean
  /** Undefined: missing or still building. */
  read(owner: AccountId, page: Page): Promise<TimelinePage | undefined>
  /** `read` without waiting; only engines in this process's memory have it. */
  readNow?(owner: AccountId, page: Page): TimelinePage | undefined
  /** Whether a timeline is present and as it was then; counts as a read. */
  isAt?(mark: TimelineMark): boolean
  /**
   * Begins a rebuild: from now on inserts are kept. Undefined when the timeline is present, or being built by another whose
   * lease (BUILD_LEASE_MS) has not lapsed.
   */
  beginBuild(owner: AccountId): Promise<BuildTicket | undefined>
  /**
   * Merges the built entries, complete above `floor`, with what was inserted meanwhile; the timeline is present. False for a
   * stale ticket.
   */
  finishBuild(ticket: BuildTicket, entries: readonly TimelineEntry[], floor: bigint): Promise<boolean>
  abandonBuild(ticket: BuildTicket): Promise<void>
  /** Adds a newly followed author's entries, complete above `floor`, to a building or present timeline. */
  merge(owner: AccountId, entries: readonly TimelineEntry[], floor: bigint): Promise<void>
  /**
   * Removes an author's entries, their boosts of others included (unfollow, block). Boosts *of* the author by others stay:
   * the rules hide them. A build that is under way becomes stale, as it may hold them still.
   */
  removeAuthor(owner: AccountId, author: AccountId): Promise<void>
  drop(owner: AccountId): Promise<void>
  /** Drops timelines not read since `ms` (since 1970). Returns how many. */
  dropUnread(beforeMs: number): Promise<number>
  /** The shard that holds a timeline, for traces. */
  shardOf(owner: AccountId): string
  stats(): TimelineCacheStats
}

/** What whoever shows timelines needs: all threads have it, and only one can write. */
export type TimelineReading = Omit<
  TimelineCache,
  | 'insert'
  | 'insertPlaces'
  | 'remove'
  | 'removeEverywhere'
  | 'merge'
  | 'removeAuthor'
  | 'drop'
  | 'dropUnread'
  | 'shardOf'
  | 'stats'
  | typeof Symbol.asyncDispose
>

/** A builder that died must not block its timeline for ever (Mastodon #6251). */
export const BUILD_LEASE_MS = 30_000
