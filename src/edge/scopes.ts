/** OAuth scopes and what they cover. `read` covers every `read:*`; the old `follow` covers follows, blocks and mutes. */

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

export type Scope =
  | 'read'
  | 'write'
  | 'follow'
  | 'push'
  | 'profile'
  | 'admin:read'
  | 'admin:write'
  | `read:${(typeof READ)[number]}`
  | `write:${(typeof WRITE)[number]}`
  | `admin:read:${(typeof ADMIN)[number]}`
  | `admin:write:${(typeof ADMIN)[number]}`

/** Every scope an app may ask for, as in the OAuth metadata. */
export const SCOPES: readonly Scope[] = [
  'read',
  'profile',
  'write',
  ...WRITE.map((name) => `write:${name}` as const),
  ...READ.map((name) => `read:${name}` as const),
  'follow',
  'push',
  'admin:read',
  ...ADMIN.map((name) => `admin:read:${name}` as const),
  'admin:write',
  ...ADMIN.map((name) => `admin:write:${name}` as const),
]

const FOLLOW_COVERS: ReadonlySet<string> = new Set([
  'read:blocks',
  'read:follows',
  'read:mutes',
  'write:blocks',
  'write:follows',
  'write:mutes',
])

const knownScopes: ReadonlySet<string> = new Set(SCOPES)

export function isScope(text: string): text is Scope {
  return knownScopes.has(text)
}

/** Whether a token with the scopes `granted` may do what needs `wanted`. */
export function coversScope(granted: readonly string[], wanted: string): boolean {
  if (granted.includes(wanted)) return true
  const parentEnd = wanted.lastIndexOf(':')
  if (parentEnd > 0 && granted.includes(wanted.slice(0, parentEnd))) return true
  return FOLLOW_COVERS.has(wanted) && granted.includes('follow')
}
