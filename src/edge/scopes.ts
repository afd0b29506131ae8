/** The scopes that routes ask for, as a type: a misspelt one does not compile. What covers what is `accounts`' knowledge. */

type ReadPart =
  | 'accounts'
  | 'blocks'
  | 'bookmarks'
  | 'collections'
  | 'favourites'
  | 'filters'
  | 'follows'
  | 'lists'
  | 'mutes'
  | 'notifications'
  | 'search'
  | 'statuses'

type WritePart = Exclude<ReadPart, 'search'> | 'conversations' | 'media' | 'reports'

type AdminPart =
  | 'accounts'
  | 'reports'
  | 'domain_allows'
  | 'domain_blocks'
  | 'ip_blocks'
  | 'email_domain_blocks'
  | 'canonical_email_blocks'

export type Scope =
  | 'read'
  | 'write'
  | 'push'
  | 'profile'
  | 'admin:read'
  | 'admin:write'
  | `read:${ReadPart}`
  | `write:${WritePart}`
  | `admin:${'read' | 'write'}:${AdminPart}`
