/** Accepts what people write: parse, authorise, limits, idempotency; one transaction writes the rows and the outbox. */
import type { Visibility } from '../events/contract.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord } from '../status-store/contract.ts'

export interface Draft {
  text: string
  spoilerText: string
  /** Undefined: the account's default. */
  visibility: Visibility | undefined
  sensitive: boolean | undefined
  /** Undefined: the account's default, else detected. */
  language: string | undefined
  inReplyTo: StatusId | undefined
  media: MediaId[]
  /** When given, mentions of anyone else are refused with `unexpected_accounts`. */
  allowedMentions: AccountId[] | undefined
  idempotencyKey: string | undefined
  appId: bigint | null
}

export interface Edit {
  text: string
  spoilerText: string
  sensitive: boolean | undefined
  language: string | undefined
  /** Undefined: unchanged. */
  media: MediaId[] | undefined
  mediaChanges: { id: MediaId; description?: string; focus?: { x: number; y: number } }[]
}

/** A refused mention, by Mastodon's `unexpected_accounts`. */
export interface WriteApi {
  /** Committed when it resolves. The same idempotency key gives the same status again. */
  post(author: AccountId, draft: Draft): Promise<StatusRecord>
  edit(author: AccountId, id: StatusId, edit: Edit): Promise<StatusRecord>
  /** `deleteMedia` false keeps the files for a redraft. */
  remove(author: AccountId, id: StatusId, deleteMedia: boolean): Promise<void>
  /** Removing by a moderator or the system. */
  boost(account: AccountId, id: StatusId, visibility: Visibility | undefined): Promise<StatusRecord>
  unboost(account: AccountId, id: StatusId): Promise<void>
  favourite(account: AccountId, id: StatusId): Promise<void>
  unfavourite(account: AccountId, id: StatusId): Promise<void>
  bookmark(account: AccountId, id: StatusId): Promise<void>
  unbookmark(account: AccountId, id: StatusId): Promise<void>
  pin(account: AccountId, id: StatusId): Promise<void>
  unpin(account: AccountId, id: StatusId): Promise<void>
  muteConversation(account: AccountId, id: StatusId): Promise<void>
  unmuteConversation(account: AccountId, id: StatusId): Promise<void>
}
