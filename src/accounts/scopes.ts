/**
 * OAuth scopes, as Mastodon has them: `read` covers `read:statuses`, `admin:read` covers `admin:read:accounts`, and the
 * old `follow` covers reading and writing of follows, blocks and mutes. Every client still asks for `follow`.
 */
import { AppError } from '../kit/errors.ts'

const READ = [
  'accounts',
  'blocks',
  'bookmarks',
  'collections',
  'favourites',
  'filters',
  'follows',
  'lists',
  'mutes',
  'notifications',
  'search',
  'statuses',
] as const
const WRITE = [
  'accounts',
  'blocks',
  'bookmarks',
  'collections',
  'conversations',
  'favourites',
  'filters',
  'follows',
  'lists',
  'media',
  'mutes',
  'notifications',
  'reports',
  'statuses',
] as const
const ADMIN = [
  'accounts',
  'reports',
  'domain_allows',
  'domain_blocks',
  'ip_blocks',
  'email_domain_blocks',
  'canonical_email_blocks',
] as const

/** What a route may ask for; a misspelt one does not compile. `follow` is granted, never asked for. */
export type Scope =
  | 'read'
  | 'write'
  | 'push'
  | 'profile'
  | 'admin:read'
  | 'admin:write'
  | `read:${(typeof READ)[number]}`
  | `write:${(typeof WRITE)[number]}`
  | `admin:${'read' | 'write'}:${(typeof ADMIN)[number]}`

export const DEFAULT_SCOPE = 'read'

/** Every scope that may be registered, in the order of the server metadata. */
export const KNOWN_SCOPES: readonly string[] = [
  'read',
  'profile',
  'write',
  ...READ.map((part) => `read:${part}`),
  ...WRITE.map((part) => `write:${part}`),
  'follow',
  'push',
  'admin:read',
  ...ADMIN.map((part) => `admin:read:${part}`),
  'admin:write',
  ...ADMIN.map((part) => `admin:write:${part}`),
]

const KNOWN = new Set(KNOWN_SCOPES)

const FOLLOW_COVERS = new Set(['follows', 'blocks', 'mutes'].flatMap((part) => [`read:${part}`, `write:${part}`]))

/** Longest list of scopes accepted: the known ones fit twice. */
const SCOPE_TEXT_MAX_CHARACTERS = 4_000

/** Scopes out of `read write` or `read+write` (clients that build query strings by hand), or a JSON array; no repeats. */
export function parseScopes(value: unknown): string[] {
  const text = Array.isArray(value) ? value.filter((part) => typeof part === 'string').join(' ') : value
  if (typeof text !== 'string') return []
  if (text.length > SCOPE_TEXT_MAX_CHARACTERS) throw new AppError('invalid', 'Too many scopes')
  return [...new Set(text.split(/[\s+]+/).filter((scope) => scope !== ''))]
}

export function unknownScopes(scopes: readonly string[]): string[] {
  return scopes.filter((scope) => !KNOWN.has(scope))
}

/** True when one of `granted` is `wanted` or stands above it. */
export function coversScope(granted: readonly string[], wanted: string): boolean {
  return granted.some(
    (scope) => scope === wanted || wanted.startsWith(`${scope}:`) || (scope === 'follow' && FOLLOW_COVERS.has(wanted)),
  )
}

/** True when each of `wanted` is covered by `granted`. */
export function coversScopes(granted: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => coversScope(granted, scope))
}
