/** Accepts what people write: parse, authorise, limits, idempotency; one transaction writes the rows and the outbox. */
import type { Visibility } from '../events/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord } from '../status-store/contract.ts'

/** UTF-16 units of a text as stored: a link counts 23 characters and a letter may carry any number of accents. */
export const TEXT_UNITS_MAX = 65_536
/** Pictures of one status. */
export const STATUS_MEDIA_MAX = 4
/** Of polls, as Mastodon. */
export const POLL_OPTIONS_MIN = 2
export const POLL_OPTIONS_MAX = 4
/** Characters as people count them. */
export const POLL_OPTION_CHARACTERS_MAX = 50
export const POLL_MS_MIN = 300_000
/** A month. */
export const POLL_MS_MAX = 2_629_746_000
/** How long ahead a status may be scheduled: as Mastodon at the near end. */
export const SCHEDULE_MS_MIN = 300_000
export const SCHEDULE_MS_MAX = 10 * 366 * 86_400_000
/** Statuses and boosts of one batch of an import, which is one transaction. */
export const IMPORT_STATUSES_MAX = 1_000

export interface Draft {
  text: string
  spoilerText: string
  /** Undefined: the account's default. */
  visibility: Visibility | undefined
  /** Undefined: the account's default. A content warning makes the status sensitive in any case. */
  sensitive: boolean | undefined
  /** Undefined: the account's default, else detected. */
  language: string | undefined
  inReplyTo: StatusId | undefined
  media: MediaId[]
  /** When given, mentions of anyone else are refused with `UnexpectedMentions`. */
  allowedMentions: AccountId[] | undefined
  idempotencyKey: string | undefined
  appId: bigint | null
  poll?: PollDraft | undefined
}

export type ScheduledDraft = Omit<Draft, 'allowedMentions'>

/** A draft that waits for its time. */
export interface ScheduledPost {
  /** Not the id it will be posted under. */
  id: StatusId
  scheduledAtMs: number
  draft: ScheduledDraft
}

export interface PollDraft {
  options: readonly string[]
  /** How long people may vote, from now on, in milliseconds. */
  lastsMs: number | undefined
  multiple: boolean
  hideTotals: boolean
}

export interface Edit {
  text: string
  spoilerText: string
  /** Undefined: unchanged. */
  sensitive: boolean | undefined
  /** Undefined: unchanged. */
  language: string | undefined
  /** Undefined: unchanged. */
  media: MediaId[] | undefined
  mediaChanges: MediaChange[]
  /**
   * Undefined takes the poll away. Other options, or another number of choices, and nobody has voted; without `lastsMs` it
   * ends when it would have ended.
   */
  poll?: PollDraft | undefined
}

export interface MediaChange {
  id: MediaId
  description?: string | null
  focus?: { x: number; y: number } | null
}

/** The text mentions people whom the client did not expect to be told: nothing was written. */
export class UnexpectedMentions extends AppError {
  readonly accounts: readonly AccountId[]

  constructor(accounts: readonly AccountId[]) {
    super('invalid', 'Post would be sent to unexpected accounts')
    this.accounts = accounts
  }
}

/**
 * Every method resolves when the change is committed, and throws `not_found` alike for what is missing and for what the
 * account may not see. Doing again what is done already changes nothing and is no error.
 */
export interface WriteApi {
  /** The same idempotency key gives the same status again within IDEMPOTENCY_MS, also to requests at the same time. */
  post(author: AccountId, draft: Draft): Promise<StatusRecord>
  /**
   * Posts at `atMs`. Throws what `post` would throw, and `invalid` for a time outside SCHEDULE_MS_MIN and _MAX from now, or
   * for too many. The same idempotency key gives the same again, as long as it waits.
   */
  schedule(author: AccountId, draft: Draft, atMs: number): Promise<ScheduledPost>
  /** `not_found` unless it is the author's and waits. */
  reschedule(author: AccountId, id: StatusId, atMs: number): Promise<ScheduledPost>
  unschedule(author: AccountId, id: StatusId): Promise<void>
  scheduled(author: AccountId, page: Page): Promise<ScheduledPost[]>
  findScheduled(author: AccountId, id: StatusId): Promise<ScheduledPost>
  /** Only the author; never changes who may see the status. Without any change there is no new revision. */
  edit(author: AccountId, id: StatusId, edit: Edit): Promise<StatusRecord>
  /** Only the author. `deleteMedia` false keeps the files for a redraft. A boost is taken back like this, too. */
  remove(author: AccountId, id: StatusId, deleteMedia: boolean): Promise<void>
  /**
   * The account's boost of the status, or of what a boost boosts. Throws `forbidden` for a status that is seen but not
   * boosted: direct, or private and not one's own.
   */
  boost(account: AccountId, id: StatusId, visibility: Visibility | undefined): Promise<StatusRecord>
  unboost(account: AccountId, id: StatusId): Promise<void>
  favourite(account: AccountId, id: StatusId): Promise<void>
  unfavourite(account: AccountId, id: StatusId): Promise<void>
  bookmark(account: AccountId, id: StatusId): Promise<void>
  unbookmark(account: AccountId, id: StatusId): Promise<void>
  /**
   * Chooses options of a status' poll, by their place. Throws `invalid` for one's own poll, one that has ended, options
   * that it does not have, and a second vote; where several may be chosen, others can be added later.
   */
  vote(account: AccountId, id: StatusId, choices: readonly number[]): Promise<void>
  /** Throws `invalid` for others' statuses, boosts, direct ones, and above PINS_MAX. */
  pin(account: AccountId, id: StatusId): Promise<void>
  unpin(account: AccountId, id: StatusId): Promise<void>
  muteConversation(account: AccountId, id: StatusId): Promise<void>
  unmuteConversation(account: AccountId, id: StatusId): Promise<void>
}

/** A status of another time. */
export interface PastStatus {
  kind: 'status'
  /** By `Snowflakes.at` of the time in which it was written. */
  id: StatusId
  author: AccountId
  text: string
  spoilerText: string
  visibility: Visibility
  /** A content warning makes the status sensitive in any case. */
  sensitive: boolean
  /** Undefined: detected. */
  language: string | undefined
  /** An earlier one of the batch, or a stored one; no boost. */
  inReplyTo: StatusId | null
}

export interface PastBoost {
  kind: 'boost'
  id: StatusId
  author: AccountId
  visibility: Visibility
  /** As `inReplyTo`. */
  of: StatusId
}

export type PastPost = PastStatus | PastBoost

/** The way in for statuses of another time: for the operator's imports and the seed, never for requests. */
export interface StatusImport {
  /**
   * Writes the whole batch (at most IMPORT_STATUSES_MAX, oldest first) in one transaction, or nothing of it. Ids that are
   * there are passed over, and boosts that the account has made already, so that a batch whose outcome is unknown can be
   * given again. Nobody is notified and no stream told; timelines and counts have it as soon as `statuses.imported` is
   * heard, in this process as in others. Returns how many are new.
   *
   * Throws `not_found` when what is answered or boosted is not there, `invalid` for a text that `post` would refuse for
   * another reason than its length in characters, and for boosts of what is not for everyone.
   */
  importBatch(batch: readonly PastPost[]): Promise<number>
}
