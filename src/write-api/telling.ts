/** The events of statuses, keyed by who acted, so that what one person does is heard in order. */
import { encodeEvent, type EncodedEvent } from '../events/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { NewStatus, StatusRecord } from '../status-store/contract.ts'

export function statusCreated(status: NewStatus, boostedAuthor: AccountId | null, acceptedAtMs: number): EncodedEvent {
  return encodeEvent('status.created', status.accountId, {
    id: status.id,
    author: status.accountId,
    visibility: status.visibility,
    boostOf: status.boostOf,
    boostedAuthor,
    inReplyTo: status.inReplyTo,
    inReplyToAuthor: status.inReplyToAccount,
    mentions: [...status.mentions],
    acceptedAtMs,
    ...(status.tags.length > 0 && { tags: [...status.tags] }),
  })
}

export function statusEdited({ id, accountId, revision, mentions }: StatusRecord): EncodedEvent {
  return encodeEvent('status.edited', accountId, { id, author: accountId, revision, mentions: [...mentions] })
}

export function statusDeleted(status: StatusRecord): EncodedEvent {
  const { id, accountId, boostOf, inReplyTo, visibility, mentions, tags } = status
  return encodeEvent('status.deleted', accountId, {
    id,
    author: accountId,
    boostOf,
    inReplyTo,
    visibility,
    mentions: [...mentions],
    tags: [...tags],
  })
}
