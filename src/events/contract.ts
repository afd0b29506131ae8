/**
 * Every message between blocks, with its version. Bodies are JSON; ids travel as decimal strings.
 * Consumers are idempotent and tolerate unknown fields; an unknown type or version is parked by the bus, not lost.
 */
import { AppError } from '../kit/errors.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'

export type Visibility = 'public' | 'unlisted' | 'private' | 'direct'

export interface EventBodies {
  /** A status or a boost was committed. */
  'status.created': {
    id: StatusId
    author: AccountId
    visibility: Visibility
    boostOf: StatusId | null
    boostedAuthor: AccountId | null
    inReplyTo: StatusId | null
    inReplyToAuthor: AccountId | null
    mentions: AccountId[]
    /** Times of the life of a status, milliseconds since 1970. */
    acceptedAtMs: number
  }
  'status.edited': { id: StatusId; author: AccountId; revision: number; mentions: AccountId[] }
  /** `boostOf` is set when a boost was taken back. */
  'status.deleted': { id: StatusId; author: AccountId; boostOf: StatusId | null }
  'favourite.added': { status: StatusId; author: AccountId; by: AccountId }
  'favourite.removed': { status: StatusId; author: AccountId; by: AccountId }
  'bookmark.added': { status: StatusId; by: AccountId }
  'bookmark.removed': { status: StatusId; by: AccountId }
  'status.pinned': { status: StatusId; by: AccountId }
  'status.unpinned': { status: StatusId; by: AccountId }
  'conversation.muted': { conversation: StatusId; by: AccountId }
  'conversation.unmuted': { conversation: StatusId; by: AccountId }
  /** One edge of the social graph changed; `version` rises with every change of the pair. */
  'graph.changed': { source: AccountId; target: AccountId; change: GraphChange; version: bigint }
  /** Profile, flags, suspension or existence of an account changed: read it again. */
  'account.changed': {
    id: AccountId
    change: 'created' | 'profile' | 'suspended' | 'unsuspended' | 'deleted'
  }
  /** Tokens or sessions ended: streams are cut, caches dropped. `tokenHash` is hex SHA-256, null for all of the account. */
  'token.revoked': { account: AccountId | null; tokenHash: string | null }
  'notification.created': {
    id: bigint
    recipient: AccountId
    type: string
    from: AccountId
    status: StatusId | null
  }
}

export type GraphChange =
  | 'followed'
  | 'follow_changed'
  | 'unfollowed'
  | 'requested'
  | 'request_withdrawn'
  | 'request_accepted'
  | 'request_rejected'
  | 'blocked'
  | 'unblocked'
  | 'muted'
  | 'unmuted'

export type EventType = keyof EventBodies

export const EVENT_VERSION = 1

/** Fields that are ids, so that a parsed body has bigints again. */
const ID_FIELDS = new Set([
  'id',
  'author',
  'boostOf',
  'boostedAuthor',
  'inReplyTo',
  'inReplyToAuthor',
  'mentions',
  'status',
  'by',
  'conversation',
  'source',
  'target',
  'version',
  'account',
  'recipient',
  'from',
])

export interface EncodedEvent {
  key: bigint
  type: EventType
  version: number
  body: string
}

/** `key` orders delivery: use the author's (or the acting account's) id. */
export function encodeEvent<T extends EventType>(type: T, key: bigint, body: EventBodies[T]): EncodedEvent {
  const text = JSON.stringify(body, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
  return { key, type, version: EVENT_VERSION, body: text }
}

/** The body of a message of a known type; throws when version or form do not fit, so that the bus parks it. */
export function decodeEvent<T extends EventType>(
  type: T,
  message: { type: string; version: number; body: string },
): EventBodies[T] {
  if (message.type !== type) throw new AppError('invalid', `expected event ${type}, got ${message.type}`)
  if (message.version !== EVENT_VERSION) throw new AppError('invalid', `unknown version ${message.version} of ${type}`)
  const body: unknown = JSON.parse(message.body, (name, value: unknown) =>
    ID_FIELDS.has(name) ? reviveIds(value) : value,
  )
  if (typeof body !== 'object' || body === null) throw new AppError('invalid', `event ${type} without a body`)
  return body as EventBodies[T] // written by encodeEvent of the same version
}

function reviveIds(value: unknown): unknown {
  if (typeof value === 'string' && /^\d+$/.test(value)) return BigInt(value)
  if (Array.isArray(value)) return value.map(reviveIds)
  return value
}
