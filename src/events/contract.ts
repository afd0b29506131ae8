/**
 * Every message between blocks, with its version. Bodies are JSON; ids travel as decimal strings.
 *
 * Consumers are idempotent and tolerate unknown fields. A message of an unknown type or version, or one whose body does
 * not have the fields of its type, is parked by the bus, not lost: an older process of a rolling upgrade meets such
 * messages. A new optional field keeps EVENT_VERSION; a field that consumers cannot do without raises it.
 *
 * Order. Every event has a key, and events of one key reach each group one after another in the order of their outbox
 * rows. The key is the account that acted (a status' author, who favourites, who is notified), so that what one person
 * does is seen in the order in which they did it; `graph.changed` has its `source` as key, whoever acted, so that the
 * changes of one directed edge are in order; imports have IMPORT_KEY. Events of different keys, and of transactions that overlapped, are in no
 * order: a consumer may hear of a favourite before the status, and of a delete before the boost of the same status.
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
    /** Normalised hashtags, where there are any. */
    tags?: string[]
  }
  'status.edited': { id: StatusId; author: AccountId; revision: number; mentions: AccountId[] }
  /**
   * `boostOf` is set when a boost was taken back. The rest is absent in messages of older processes: what it answered, and
   * who may have seen it, for those who have to be told.
   */
  'status.deleted': {
    id: StatusId
    author: AccountId
    boostOf: StatusId | null
    inReplyTo?: StatusId | null
    visibility?: Visibility
    mentions?: AccountId[]
    /** Normalised hashtags, newest text. */
    tags?: string[]
  }
  'favourite.added': { status: StatusId; author: AccountId; by: AccountId }
  'favourite.removed': { status: StatusId; author: AccountId; by: AccountId }
  'bookmark.added': { status: StatusId; by: AccountId }
  'bookmark.removed': { status: StatusId; by: AccountId }
  /** Somebody chose in the poll of a status. */
  'poll.voted': { status: StatusId; author: AccountId; by: AccountId }
  /** The poll of a status has ended. */
  'poll.closed': { status: StatusId; author: AccountId }
  'status.pinned': { status: StatusId; by: AccountId }
  'status.unpinned': { status: StatusId; by: AccountId }
  'conversation.muted': { conversation: StatusId; by: AccountId }
  'conversation.unmuted': { conversation: StatusId; by: AccountId }
  /** One edge of the social graph changed; `version` rises with every change of the pair, in either direction. */
  'graph.changed': { source: AccountId; target: AccountId; change: GraphChange; version: bigint }
  /**
   * Many plain follows `sources[n]` → `targets[n]` came at once. Nobody is notified: whoever follows by import did not just
   * now decide to.
   */
  'follows.imported': { sources: AccountId[]; targets: AccountId[]; version: bigint }
  /**
   * Statuses of another time came at once, by these authors. They belong into the middle of timelines, are no news, and may
   * be thousands: whatever holds statuses or counts of the authors or their followers reads them again.
   */
  'statuses.imported': { authors: AccountId[] }
  /** Profile, flags, suspension or existence of an account changed: read it again. */
  'account.changed': {
    id: AccountId
    change: 'created' | 'profile' | 'suspended' | 'unsuspended' | 'deleted'
  }
  /** Tokens or sessions ended: streams are cut, caches dropped. `tokenHash` is hex SHA-256, null for all of the account. */
  'token.revoked': { account: AccountId | null; tokenHash: string | null }
  /** A direct status came to a conversation of the account, as its newest. */
  'conversation.updated': { account: AccountId; conversation: bigint; status: StatusId }
  /** The account's lists, or their members, are others now. */
  'lists.changed': { account: AccountId }
  /** The account follows other hashtags now. */
  'tags.followed': { account: AccountId }
  /** The account's filters are others now: caches of them are dropped, its streams are told. */
  'filters.changed': { account: AccountId }
  'notification.created': {
    id: bigint
    recipient: AccountId
    type: string
    from: AccountId
    status: StatusId | null
  }
}

/** What happened to the directed edge `source` → `target`. */
export type GraphChange =
  | 'followed'
  /** Options of the follow or of the request changed. */
  | 'follow_changed'
  | 'unfollowed'
  | 'requested'
  | 'request_withdrawn'
  /** The request became a follow; no `followed` comes besides. */
  | 'request_accepted'
  | 'request_rejected'
  | 'blocked'
  | 'unblocked'
  /** Muted, or an existing mute changed. */
  | 'muted'
  | 'unmuted'
  | 'endorsed'
  | 'unendorsed'

export type EventType = keyof EventBodies

export const EVENT_VERSION = 1

/** Key of imports, which nobody does as a person: they wait for each other, and for nobody else. */
export const IMPORT_KEY = 0n

/** How a field travels, by its TypeScript type; words of a closed set are listed, so that others are refused. */
type FieldKind<Value> = [Value] extends [bigint]
  ? 'id'
  : [Value] extends [bigint | null]
    ? 'id or null'
    : [Value] extends [readonly bigint[]]
      ? 'ids'
      : [Value] extends [readonly string[]]
        ? 'texts'
        : [Value] extends [number]
          ? 'number'
          : [string] extends [Value]
            ? null extends Value
              ? 'text or null'
              : 'text'
            : readonly Value[]

type Shape<Body> = {
  readonly [Field in keyof Body]-?: undefined extends Body[Field]
    ? Optional<FieldKind<Exclude<Body[Field], undefined>>>
    : FieldKind<Body[Field]>
}

/** A field that older processes do not write. */
interface Optional<Kind> {
  readonly optional: Kind
}

type Shapes = { readonly [T in EventType]: Shape<EventBodies[T]> }

const VISIBILITIES: readonly Visibility[] = ['public', 'unlisted', 'private', 'direct']

const GRAPH_CHANGES: readonly GraphChange[] = [
  'followed',
  'follow_changed',
  'unfollowed',
  'requested',
  'request_withdrawn',
  'request_accepted',
  'request_rejected',
  'blocked',
  'unblocked',
  'muted',
  'unmuted',
  'endorsed',
  'unendorsed',
]

const SHAPES: Shapes = {
  'status.created': {
    id: 'id',
    author: 'id',
    visibility: VISIBILITIES,
    boostOf: 'id or null',
    boostedAuthor: 'id or null',
    inReplyTo: 'id or null',
    inReplyToAuthor: 'id or null',
    mentions: 'ids',
    acceptedAtMs: 'number',
    tags: { optional: 'texts' },
  },
  'status.edited': { id: 'id', author: 'id', revision: 'number', mentions: 'ids' },
  'status.deleted': {
    id: 'id',
    author: 'id',
    boostOf: 'id or null',
    inReplyTo: { optional: 'id or null' },
    visibility: { optional: VISIBILITIES },
    mentions: { optional: 'ids' },
    tags: { optional: 'texts' },
  },
  'favourite.added': { status: 'id', author: 'id', by: 'id' },
  'favourite.removed': { status: 'id', author: 'id', by: 'id' },
  'bookmark.added': { status: 'id', by: 'id' },
  'bookmark.removed': { status: 'id', by: 'id' },
  'poll.voted': { status: 'id', author: 'id', by: 'id' },
  'poll.closed': { status: 'id', author: 'id' },
  'status.pinned': { status: 'id', by: 'id' },
  'status.unpinned': { status: 'id', by: 'id' },
  'conversation.muted': { conversation: 'id', by: 'id' },
  'conversation.unmuted': { conversation: 'id', by: 'id' },
  'graph.changed': { source: 'id', target: 'id', change: GRAPH_CHANGES, version: 'id' },
  'follows.imported': { sources: 'ids', targets: 'ids', version: 'id' },
  'statuses.imported': { authors: 'ids' },
  'account.changed': { id: 'id', change: ['created', 'profile', 'suspended', 'unsuspended', 'deleted'] },
  'token.revoked': { account: 'id or null', tokenHash: 'text or null' },
  'conversation.updated': { account: 'id', conversation: 'id', status: 'id' },
  'lists.changed': { account: 'id' },
  'tags.followed': { account: 'id' },
  'filters.changed': { account: 'id' },
  'notification.created': { id: 'id', recipient: 'id', type: 'text', from: 'id', status: 'id or null' },
}

/** SHAPES as lists, because every event of every status is read by several blocks. */
const FIELDS = Object.fromEntries(
  Object.entries(SHAPES).map(([type, shape]) => [type, Object.entries(shape)]),
) as Record<EventType, [name: string, kind: unknown][]> // of the same keys

export interface EncodedEvent {
  key: bigint
  type: EventType
  version: number
  body: string
}

/** An event as it came from outside: nothing of it is trusted. */
interface Message {
  type: string
  version: number
  body: string
}

/** Every type of message between blocks. */
export const EVENT_TYPES: readonly string[] = Object.keys(SHAPES)

/** Whether this process can read such messages; the bus parks the others. */
export function isKnownEvent(type: string, version: number): boolean {
  return Object.hasOwn(SHAPES, type) && version === EVENT_VERSION
}

/** `key` orders delivery: the acting account's id, and the `source` of a `graph.changed`. */
export function encodeEvent<T extends EventType>(type: T, key: bigint, body: EventBodies[T]): EncodedEvent {
  const text = JSON.stringify(body, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
  return { key, type, version: EVENT_VERSION, body: text }
}

/**
 * The body of a message of a known type, with the fields of its type and no others. Throws `invalid` when type, version
 * or form do not fit, so that the bus parks the message.
 */
export function decodeEvent<T extends EventType>(type: T, message: Message): EventBodies[T] {
  if (message.type !== type) throw unreadable(type, `expected it, got ${message.type}`)
  if (message.version !== EVENT_VERSION) throw unreadable(type, `unknown version ${message.version}`)
  const parsed = parseObject(type, message.body)
  const body: Record<string, unknown> = {}
  for (const [name, kind] of FIELDS[type]) {
    if (parsed[name] === undefined && isOptional(kind)) continue
    const value = readField(isOptional(kind) ? kind.optional : kind, parsed[name])
    if (value === undefined) throw unreadable(type, `field ${name} is missing or malformed`)
    body[name] = value
  }
  return body as EventBodies[T] // SHAPES has the same fields, and each was read as its kind
}

function parseObject(type: EventType, text: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw unreadable(type, 'not JSON', error)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw unreadable(type, 'not an object')
  return parsed as Record<string, unknown> // an object, whose fields are looked at one by one
}

function isOptional(kind: unknown): kind is Optional<unknown> {
  return typeof kind === 'object' && kind !== null && 'optional' in kind
}

/** The value of a field of that kind, or undefined when it is not one. */
function readField(kind: unknown, value: unknown): unknown {
  switch (kind) {
    case 'id':
      return readId(value)
    case 'id or null':
      return value === null ? null : readId(value)
    case 'ids':
      return readIds(value)
    case 'texts':
      return Array.isArray(value) && value.every((text) => typeof text === 'string') ? value : undefined
    case 'number':
      return typeof value === 'number' ? value : undefined
    case 'text':
      return typeof value === 'string' ? value : undefined
    case 'text or null':
      return typeof value === 'string' || value === null ? value : undefined
    default:
      return Array.isArray(kind) && kind.includes(value) ? value : undefined
  }
}

function readId(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined
}

function readIds(value: unknown): bigint[] | undefined {
  if (!Array.isArray(value)) return undefined
  const ids: bigint[] = []
  for (const element of value) {
    const id = readId(element)
    if (id === undefined) return undefined
    ids.push(id)
  }
  return ids
}

function unreadable(type: EventType, why: string, cause?: unknown): AppError {
  return new AppError('invalid', `event ${type}: ${why}`, { cause })
}
