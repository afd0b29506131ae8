/** Names of streams, from a path, a query or a message, as Mastodon's streaming server reads them. */
import { coversScope } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import { parseId, type AccountId } from '../snowflake/contract.ts'
import { parseHashtag } from '../text/entities.ts'

export const CHANNEL_KINDS = [
  'user',
  'user:notification',
  'public',
  'public:local',
  'public:remote',
  'public:media',
  'public:local:media',
  'public:remote:media',
  'hashtag',
  'hashtag:local',
  'direct',
  'list',
] as const

export type ChannelKind = (typeof CHANNEL_KINDS)[number]

/** What a client asks for: nothing of it is checked. */
export interface Wish {
  stream: unknown
  tag?: unknown
  list?: unknown
}

export interface Channel {
  readonly kind: ChannelKind
  /** One for all who hear the same. */
  readonly key: string
  /** What frames carry as `stream`: the name as the client wrote it, with its tag or list. */
  readonly names: readonly string[]
  /** Normalised; '' unless it is a hashtag's. */
  readonly tag: string
  /** 0 unless it is a list's. */
  readonly list: bigint
}

interface Asker {
  account: AccountId
  scopes: readonly string[]
}

const NAMES = new Map<string, readonly [ChannelKind]>(CHANNEL_KINDS.map((kind) => [kind, [kind]]))
const TAG_CHARACTERS_MAX = 255

const OF_ONE_PERSON: ReadonlySet<ChannelKind> = new Set<ChannelKind>(['user', 'user:notification', 'direct'])

/** Throws `bad_request` for what is no stream, `unauthenticated` for what the token does not cover. */
export function channelOf({ stream, tag, list }: Wish, asker: Asker): Channel {
  const names = typeof stream === 'string' ? NAMES.get(stream) : undefined
  if (names === undefined) throw new AppError('bad_request', 'Unknown stream type')
  const [kind] = names
  const scope = kind === 'user:notification' ? 'read:notifications' : 'read:statuses'
  if (!coversScope(asker.scopes, scope)) {
    throw new AppError('unauthenticated', 'Access token does not have the required scopes')
  }
  if (kind === 'hashtag' || kind === 'hashtag:local') return hashtagChannel(kind, tag)
  if (kind === 'list') return listChannel(list)
  const key = OF_ONE_PERSON.has(kind) ? personalKey(kind, asker.account) : kind
  return { kind, key, names, tag: '', list: 0n }
}

export function personalKey(kind: ChannelKind, account: AccountId): string {
  return `${kind} ${account}`
}

export function hashtagKey(kind: 'hashtag' | 'hashtag:local', tag: string): string {
  return `${kind} ${tag}`
}

export function listKey(list: bigint): string {
  return `list ${list}`
}

/** The stream of a path below `/api/v1/streaming/`; `only_media` makes it the one with media. */
export function streamOfPath(path: string, onlyMedia: boolean): string {
  const name = path.replaceAll('/', ':')
  return onlyMedia && name.startsWith('public') && !name.endsWith(':media') ? `${name}:media` : name
}

function hashtagChannel(kind: 'hashtag' | 'hashtag:local', given: unknown): Channel {
  if (typeof given !== 'string' || given === '') throw new AppError('bad_request', 'Missing tag name parameter')
  const tag = given.length <= TAG_CHARACTERS_MAX ? parseHashtag(given) : undefined
  if (tag === undefined) throw new AppError('bad_request', 'Not a hashtag')
  return { kind, key: hashtagKey(kind, tag), names: [kind, given], tag, list: 0n }
}

function listChannel(given: unknown): Channel {
  if (given === undefined || given === '') throw new AppError('bad_request', 'Missing list name parameter')
  const name = typeof given === 'string' || typeof given === 'number' ? String(given) : ''
  const list = parseId(name)
  // The same as for a list of somebody else.
  if (list === undefined) throw new AppError('unauthenticated', 'Not authorized to stream this list')
  return { kind: 'list', key: listKey(list), names: ['list', name], tag: '', list }
}
