/** Ids → whole statuses and accounts: batched, cached, with the viewer's own marks. Also the rules of who may see what. */
import type { AccountRecord } from '../accounts/contract.ts'
import type { MediaRecord } from '../media/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { Regard } from '../social-graph/contract.ts'
import type { AuthorStats, Marks, PollRecord, StatusCounts, StatusRecord } from '../status-store/contract.ts'

export * from './visibility.ts'

export interface AccountView {
  account: AccountRecord
  followers: number
  following: number
  statuses: number
  lastStatusAtMs: number | null
}

export interface StatusView {
  status: StatusRecord
  author: AccountView
  /** The boosted status, whole; undefined unless this is a boost. */
  boostOf: StatusView | undefined
  media: readonly MediaRecord[]
  mentions: readonly { id: AccountId; username: string }[]
  counts: StatusCounts
  app: { name: string; website: string | null } | undefined
  /** Only with a viewer. */
  marks: Marks | undefined
  /** Only on statuses that ask; what the viewer chose is among their marks. */
  poll?: PollRecord
}

/** What was committed of the statuses announced: all of it, some, or none. */
export interface Written {
  statuses: readonly StatusRecord[]
  /** Of authors, as of this commit, where known. */
  stats: ReadonlyMap<AccountId, AuthorStats>
}

/** Statuses of one reader, all from memory. */
export interface WarmStatuses {
  /** Without marks, and the same objects from read to read as long as nothing in them changes. */
  views: StatusView[]
  /** The reader's own, of each view; on a boost, of the boosted status. */
  marks: Marks[]
  /** For as long as all of these say so, reading the same ids again gives the same. */
  watches: (() => boolean)[]
}

/** What a reader of warm statuses wants. */
export interface WarmReading {
  viewer: AccountId
  regardOf: (target: AccountId) => Regard
  /** Asked of statuses that the viewer may see. */
  isShown: (view: StatusView) => boolean
  limit: number
}

export interface Hydration {
  /**
   * In the order asked; missing ones, and those the viewer may not see (`canSee`, of the boosted status too), are left out.
   * `viewer` undefined: anonymous.
   */
  statuses(ids: readonly StatusId[], viewer: AccountId | undefined): Promise<StatusView[]>
  /** One status, or `not_found`: the same for missing and hidden. */
  status(id: StatusId, viewer: AccountId | undefined): Promise<StatusView>
  /**
   * One status, whole and without marks, whoever may see it: for doors that show it to many and ask `canSee` for each of
   * them, of the boosted status too. Undefined when it, or what it boosts, is gone.
   */
  unjudged(id: StatusId): Promise<StatusView | undefined>
  /**
   * Only where a process has such caches: what `statuses` gives, without waiting, added to `shown` until that has `limit`.
   * False when anything is not in memory. `regardOf` is the viewer's (`SocialGraph.regards`).
   */
  inMemory?(ids: readonly StatusId[], reader: WarmReading, shown: WarmStatuses): boolean
  /** In the order asked; missing ones are left out; suspended ones are included (presenters blank them). */
  accounts(ids: readonly AccountId[]): Promise<AccountView[]>
  /**
   * Announces statuses that this process is about to commit; no boosts. With the function given back it tells what became
   * of them, and whatever it wrote is known here from then on, unless it changed again meanwhile.
   */
  expect(statuses: readonly Pick<StatusRecord, 'accountId' | 'id'>[]): (outcome: Written) => void
  /** Drops what is cached of a status or account: called right after a local write, before the answer. */
  forgetStatus(id: StatusId): void
  forgetAccount(id: AccountId): void
  /** Drops what is cached of the viewer's own marks: on one status, or on all. */
  forgetMarks(viewer: AccountId, status: StatusId | undefined): void
}
