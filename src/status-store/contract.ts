/** Statuses, edits, favourites, bookmarks, pins and muted conversations: the rows, and the questions asked of them. */
import type { Db, SqlFragment } from '../engines/database/contract.ts'
import type { Visibility } from '../events/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'

/** For so long the same Idempotency-Key gives the same status. */
export const IDEMPOTENCY_MS = 3_600_000
/** Pinned statuses of one account. */
export const PINS_MAX = 5
/** Statuses that one account has waiting; Mastodon's figures. */
export const SCHEDULED_MAX = 300
/** Of them, for one day (UTC). */
export const SCHEDULED_PER_DAY_MAX = 25
/** Texts kept of one status, the current one not counted. */
export const EDITS_MAX = 200

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
  /** Hashtags without '#', normalised (NFKC, lower case) and unique, in order of appearance. */
  tags: readonly string[]
  media: readonly MediaId[]
  appId: bigint | null
  createdAtMs: number
  editedAtMs: number | null
  /** 0 for the first text, then one more for each edit. */
  revision: number
  /** Only on the few statuses that ask: `polls` knows what. */
  hasPoll?: boolean
}

export type NewStatus = Omit<StatusRecord, 'editedAtMs' | 'revision'>

/** A status that waits for its time. */
export interface ScheduledRecord {
  /** Not the id it will be posted under. */
  id: StatusId
  account: AccountId
  scheduledAtMs: number
  /** As the write API has written it: JSON. */
  draft: unknown
  media: readonly MediaId[]
}

/** What a poll asks. */
export interface PollQuestion {
  options: readonly string[]
  /** More than one option may be chosen. */
  multiple: boolean
  /** How many chose an option is shown once the poll has ended. */
  hideTotals: boolean
  expiresAtMs: number
}

/** What somebody chose, ascending. It counts in the round in which it was given. */
export interface PollVote {
  round: bigint
  choices: readonly number[]
}

/** The poll of a status, by whose id it goes. */
export interface PollRecord extends PollQuestion {
  status: StatusId
  account: AccountId
  /** It has ended, and those concerned have been told. */
  closed: boolean
  /** By option. */
  votes: readonly number[]
  voters: number
  /** Another one for every question: whatever is remembered of an earlier round is of no poll that there is. */
  round: bigint
}

/** A new status of an import; of a boost, whose author the boosted status has. */
export type ImportedStatus = NewStatus & { boostedAccount: AccountId | null }

/** A status that a request under an idempotency key makes. */
export interface KeyedStatus {
  account: AccountId
  key: string
  status: StatusId
}

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
  /** What was chosen in the status' poll; left out where nothing was. */
  vote?: PollVote
}

export interface AuthorStats {
  statuses: number
  lastStatusAtMs: number | null
}

export interface Inserted {
  /** Of the rows that are new. */
  ids: Set<StatusId>
  /** What the authors' stats have become, as the transaction sees them; of those whose stats changed. */
  stats: Map<AccountId, AuthorStats>
}

/** A text that the status had once. */
export interface StatusEditRecord {
  /** When this text was written: at first, or by an edit. */
  createdAtMs: number
  text: string
  spoilerText: string
  sensitive: boolean
  mentions: readonly AccountId[]
  media: { id: MediaId; description: string | null }[]
  /** Null: it had no poll. */
  pollOptions: readonly string[] | null
}

export interface StatusEdit {
  text: string
  spoilerText: string
  sensitive: boolean
  language: string | null
  mentions: readonly AccountId[]
  tags: readonly string[]
  media: readonly MediaId[]
  /** What the media of the previous text were described as, in their order: kept with that text. */
  previousMediaDescriptions: readonly (string | null)[]
  /** What the previous text's poll offered, if it had one: kept with that text. */
  previousPollOptions?: readonly string[] | null
}

/** Statements that belong to a larger transaction take `tx`; the write API opens it. */
export interface StatusStore {
  /** The status this key made within the last hour, if any. */
  findByIdempotencyKey(account: AccountId, key: string): Promise<StatusId | undefined>
  /** Reserves the key in the transaction; false when another transaction has it (then roll back and find it). */
  reserveIdempotencyKey(tx: Db, account: AccountId, key: string, status: StatusId): Promise<boolean>
  /** Reserves each key for its status, as `reserveIdempotencyKey`; no key twice. Gives the statuses whose key was free. */
  reserveIdempotencyKeys(tx: Db, keys: readonly KeyedStatus[]): Promise<Set<StatusId>>
  /** Deletes idempotency keys that have lapsed, in batches; returns how many. */
  prune(): Promise<number>
  /**
   * Inserts the row and keeps counts (replies, boosts, the author's statuses). False when this boost exists already.
   * The caller holds the boosted status or the parent.
   */
  insert(tx: Db, status: NewStatus): Promise<boolean>
  /**
   * Inserts many rows and keeps counts, as `insert`; passes over ids and boosts that exist.
   * The caller holds every boosted status and parent that is not among them. `told` gives a further `with` query (see the
   * outbox' `appending`), which runs when the authors are locked: outside a transaction all of it is one.
   */
  insertMany(tx: Db, statuses: readonly ImportedStatus[], told?: (after: SqlFragment) => SqlFragment): Promise<Inserted>
  /** Removes the status, its boosts, marks and edits. Returns what was removed, itself first; empty when it was gone. */
  remove(tx: Db, id: StatusId): Promise<StatusRecord[]>
  /**
   * Removes at most `limit` boosts, favourites, bookmarks and votes each of a status that is about to go, so that no transaction
   * grows with the fame of a status. `more`: another round is needed before `remove` is cheap.
   */
  removeDependents(tx: Db, id: StatusId, limit: number): Promise<{ boosts: StatusRecord[]; more: boolean }>
  /** Keeps the previous text and bumps the revision. The caller has the status locked. */
  edit(tx: Db, id: StatusId, edit: StatusEdit, atMs: number): Promise<StatusRecord>
  /** The status as it is now, locked against edit and delete until this transaction ends. */
  lock(tx: Db, id: StatusId): Promise<StatusRecord | undefined>
  /** The status as it is now, kept from being deleted until this transaction ends; many may hold it at once. */
  hold(tx: Db, id: StatusId): Promise<StatusRecord | undefined>
  /** Those of them that are there and that nobody is deleting right now, held as by `hold`: it never waits. */
  holdUnlocked(tx: Db, ids: readonly StatusId[]): Promise<Set<StatusId>>
  /** Those of them that are there, held as by `hold`. */
  holdMany(tx: Db, ids: readonly StatusId[]): Promise<StatusRecord[]>

  byIds(ids: readonly StatusId[]): Promise<StatusRecord[]>
  counts(ids: readonly StatusId[]): Promise<Map<StatusId, StatusCounts>>
  marks(viewer: AccountId, statuses: readonly StatusRecord[]): Promise<Map<StatusId, Marks>>
  authorStats(ids: readonly AccountId[]): Promise<Map<AccountId, AuthorStats>>
  /** Statuses of all authors, for the instance page; direct ones are not counted. */
  totalStatuses(): Promise<number>

  // Each gives false when it was so already. The caller of an `add…` holds the status.
  addFavourite(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  removeFavourite(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  addBookmark(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  removeBookmark(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  /** Throws `invalid` above five pins. */
  addPin(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  removePin(tx: Db, account: AccountId, status: StatusId): Promise<boolean>
  muteConversation(tx: Db, account: AccountId, conversation: StatusId): Promise<boolean>
  unmuteConversation(tx: Db, account: AccountId, conversation: StatusId): Promise<boolean>
  /** Throws `invalid` above SCHEDULED_MAX and SCHEDULED_PER_DAY_MAX. */
  insertScheduled(tx: Db, record: ScheduledRecord): Promise<void>
  /** Gives it another time; undefined when it is not there. Throws as `insertScheduled`. */
  moveScheduled(tx: Db, account: AccountId, id: StatusId, atMs: number): Promise<ScheduledRecord | undefined>
  removeScheduled(tx: Db, account: AccountId, id: StatusId): Promise<boolean>
  /** Removes it if it is due: true for one transaction alone, which then posts it. Never waits for another one. */
  takeScheduled(tx: Db, id: StatusId, nowMs: number): Promise<boolean>
  /** Not to be tried before `untilMs`; null: not before it is given another time. Returns how often it was put off. */
  putOffScheduled(db: Db, id: StatusId, untilMs: number | null): Promise<number>
  /** The longest due first. */
  dueScheduled(db: Db, nowMs: number, limit: number): Promise<ScheduledRecord[]>
  findScheduled(account: AccountId, id: StatusId): Promise<ScheduledRecord | undefined>
  scheduled(account: AccountId, page: Page): Promise<ScheduledRecord[]>
  /** Adds a poll to a status of this transaction, or one that it has locked. */
  insertPoll(tx: Db, status: Pick<StatusRecord, 'accountId' | 'id'>, question: PollQuestion): Promise<void>
  /**
   * Another question for the poll of a status that the transaction has locked: with `resetVotes` nobody has voted. It is
   * open again. Undefined takes the poll away.
   */
  changePoll(
    tx: Db,
    status: StatusId,
    change: { question: PollQuestion; resetVotes: boolean } | undefined,
  ): Promise<void>
  /** The poll as it is now: nobody votes, closes or removes it until this transaction ends. */
  lockPoll(tx: Db, status: StatusId): Promise<PollRecord | undefined>
  /** Of a locked poll. False when the account has voted: in a poll of `multiple` options, for one of these. */
  addVotes(tx: Db, poll: PollRecord, account: AccountId, choices: readonly number[]): Promise<boolean>
  /** Closes at most `limit` polls that have ended by `nowMs`; passes over those that somebody has locked. */
  closePolls(tx: Db, nowMs: number, limit: number): Promise<{ status: StatusId; account: AccountId }[]>
  polls(statuses: readonly StatusId[]): Promise<Map<StatusId, PollRecord>>
  /** Who has voted, by ascending account after `after`. */
  pollVoters(status: StatusId, after: AccountId | undefined, limit: number): Promise<AccountId[]>
  /** The account's boost of the status. */
  boostBy(account: AccountId, status: StatusId): Promise<StatusId | undefined>
  /** Whether the account muted the conversation. */
  isConversationMuted(account: AccountId, conversation: StatusId): Promise<boolean>

  // Skeletons: ids only, newest first; visibility is decided when serving.
  publicIds(page: Page, filter: { onlyMedia: boolean }): Promise<StatusId[]>
  accountIds(account: AccountId, page: Page, filter: AccountStatusesFilter): Promise<StatusId[]>
  /** Public statuses, replies among them, with these hashtags. */
  tagIds(query: TagQuery, page: Page): Promise<StatusId[]>
  /**
   * Statuses by any of `authors`: the rebuild of a home timeline and the merge of celebrities. With a `viewer`, direct
   * statuses are left out unless the viewer wrote them or is mentioned.
   */
  homeIds(authors: readonly AccountId[], page: Page, viewer?: AccountId): Promise<TimelineRow[]>
  favouriteIds(account: AccountId, page: Page): Promise<Cursored<StatusId>[]>
  bookmarkIds(account: AccountId, page: Page): Promise<Cursored<StatusId>[]>
  /**
   * The thread around a status, oldest first: the nearest `limit` of its ancestors, the status, and the next `limit` that
   * came after it in its conversation (its descendants are among them). Ancestors end at one that was removed.
   */
  conversation(id: StatusId, limit: number): Promise<ThreadRow[]>
  /** `openly`: only those whose boost is public or unlisted, which is what others may know of. */
  boostedBy(status: StatusId, page: Page, only?: { openly: boolean }): Promise<Cursored<AccountId>[]>
  favouritedBy(status: StatusId, page: Page): Promise<Cursored<AccountId>[]>
  /** The texts before the current one, oldest first, at most EDITS_MAX. */
  edits(status: StatusId): Promise<StatusEditRecord[]>
  // For search. Open: public or unlisted, boosts among them; closed: private or direct.
  /** Open ones with `after` < id ≤ `until`, ascending. */
  openIdsBetween(after: StatusId, until: StatusId, limit: number): Promise<StatusId[]>
  /** Open ones of one account, ascending. */
  openIdsOf(account: AccountId, after: StatusId, limit: number): Promise<StatusId[]>
  /** The account's own closed ones, newest first. */
  closedIdsOf(account: AccountId, limit: number): Promise<StatusId[]>
  /** Open ones that the account favourited, bookmarked, boosted or answered: of each kind the newest `limit`. */
  libraryOf(account: AccountId, limit: number): Promise<LibraryRow[]>
  /** Hashtags of public statuses that start with `prefix` (normalised), most used first. */
  tagsByPrefix(prefix: string, limit: number): Promise<string[]>
}

export interface LibraryRow {
  id: StatusId
  accountId: AccountId
  visibility: Visibility
}

/** Hashtags are normalised. */
export interface TagQuery {
  /** At least one of these; without any, nothing is found. */
  any: readonly string[]
  /** And every one of these. */
  all: readonly string[]
  /** And none of these. */
  none: readonly string[]
  onlyMedia: boolean
}

export interface AccountStatusesFilter {
  onlyMedia: boolean
  excludeReplies: boolean
  excludeBoosts: boolean
  pinned: boolean
  tagged: string | null
}

export interface ThreadRow {
  id: StatusId
  inReplyTo: StatusId | null
  accountId: AccountId
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
