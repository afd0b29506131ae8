/** Statuses, edits, favourites, bookmarks, pins and muted conversations: the rows, and the questions asked of them. */
import type { Db } from '../engines/database/contract.ts'
import type { Visibility } from '../events/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'

export interface StatusRecord {
  id: StatusId
  accountId: AccountId
  visibility: Visibility
  /** Set on boosts, whose own text is empty. */
  boostOf: StatusId | null
  inReplyTo: StatusId | null
  inReplyToAccount: AccountId | null
  /** The id of the thread's first status. */
  conversation: StatusId
  text: string
  spoilerText: string
  sensitive: boolean
  language: string | null
  /** Accounts mentioned in the text, in order of appearance. */
  mentions: readonly AccountId[]
  /** Normalised hashtags, without '#', as first written. */
  tags: readonly string[]
  media: readonly MediaId[]
  appId: bigint | null
  createdAtMs: number
  editedAtMs: number | null
  /** 0 for the first text, then one more for each edit. */
  revision: number
}

export type NewStatus = Omit<StatusRecord, 'editedAtMs' | 'revision'>

export interface StatusCounts {
  replies: number
  boosts: number
  favourites: number
}

/** The viewer's own marks on a status. */
export interface Marks {
  favourited: boolean
  boosted: boolean
  bookmarked: boolean
  pinned: boolean
  /** The conversation is muted. */
  muted: boolean
}

export interface StatusEditRecord {
  createdAtMs: number
  text: string
  spoilerText: string
  sensitive: boolean
  media: { id: MediaId; description: string | null }[]
}

export interface AuthorStats {
  statuses: number
  lastStatusAtMs: number | null
}

export interface StatusEdit {
  text: string
  spoilerText: string
  sensitive: boolean
  language: string | null
  mentions: readonly AccountId[]
  tags: readonly string[]
  media: readonly MediaId[]
  mediaDescriptions: (string | null)[]
}

/** Statements that belong to a larger transaction take `tx`; the write API opens it. */
export interface StatusStore {
  /** The status this key made within the last hour, if any. */
  findByIdempotencyKey(account: AccountId, key: string): Promise<StatusId | undefined>
  /** Reserves the key in the transaction; false when another transaction has it (then roll back and find it). */
  reserveIdempotencyKey(tx: Db, account: AccountId, key: string, status: StatusId): Promise<boolean>
  /** Inserts the row and keeps counts (replies, boosts, the author's statuses). False when this boost exists already. */
  insert(tx: Db, status: NewStatus): Promise<boolean>
  /** Removes the status, its boosts, marks and edits. Returns what was removed; empty when it was gone. */
  remove(tx: Db, id: StatusId): Promise<StatusRecord[]>
  /** Keeps the previous text as an edit and bumps the revision. */
  edit(tx: Db, id: StatusId, edit: StatusEdit, atMs: number): Promise<StatusRecord>
  /** Locks the row against edit and delete for this transaction. */
  lock(tx: Db, id: StatusId): Promise<StatusRecord | undefined>

  byIds(ids: readonly StatusId[]): Promise<StatusRecord[]>
  counts(ids: readonly StatusId[]): Promise<Map<StatusId, StatusCounts>>
  marks(viewer: AccountId, statuses: readonly StatusRecord[]): Promise<Map<StatusId, Marks>>
  authorStats(ids: readonly AccountId[]): Promise<Map<AccountId, AuthorStats>>
  /** Statuses (and edits) per day and in all, for the instance page. */
  totalStatuses(): Promise<number>

  /** False when it was so already. */
  addFavourite(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  removeFavourite(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  addBookmark(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  removeBookmark(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  /** Throws `invalid` above five pins. */
  addPin(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  removePin(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  muteConversation(tx: Db, account: AccountId, conversation: StatusId): Promise<void>
  unmuteConversation(tx: Db, account: AccountId, conversation: StatusId): Promise<void>
  /** The account's boost of the status. */
  boostBy(account: AccountId, status: StatusId): Promise<StatusId | undefined>
  /** Whether the account muted the conversation. */
  isConversationMuted(account: AccountId, conversation: StatusId): Promise<boolean>

  // Skeletons: ids only, newest first; visibility is decided when serving.
  publicIds(page: Page, filter: { onlyMedia: boolean }): Promise<StatusId[]>
  accountIds(account: AccountId, page: Page, filter: AccountStatusesFilter): Promise<StatusId[]>
  /** Statuses by any of `authors`: the rebuild of a home timeline and the merge of celebrities. */
  homeIds(authors: readonly AccountId[], page: Page): Promise<TimelineRow[]>
  favouriteIds(account: AccountId, page: Page): Promise<Cursored<StatusId>[]>
  bookmarkIds(account: AccountId, page: Page): Promise<Cursored<StatusId>[]>
  /** The whole conversation a status belongs to, at most `limit` of it, oldest first: id and parent. */
  conversation(
    id: StatusId,
    limit: number,
  ): Promise<{ id: StatusId; inReplyTo: StatusId | null; accountId: AccountId }[]>
  boostedBy(status: StatusId, page: Page): Promise<Cursored<AccountId>[]>
  favouritedBy(status: StatusId, page: Page): Promise<Cursored<AccountId>[]>
  edits(status: StatusId): Promise<StatusEditRecord[]>
  /** Hashtags that start with `prefix`, most used first. */
  tagsByPrefix(prefix: string, limit: number): Promise<string[]>
}

export interface AccountStatusesFilter {
  onlyMedia: boolean
  excludeReplies: boolean
  excludeBoosts: boolean
  pinned: boolean
  tagged: string | null
}

/** What a timeline entry is made of. */
export interface TimelineRow {
  id: StatusId
  author: AccountId
  boostOf: StatusId | null
  boostedAuthor: AccountId | null
  inReplyTo: StatusId | null
  inReplyToAccount: AccountId | null
}
