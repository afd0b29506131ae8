/** Roles with Mastodon's ids and permission bits (user_role.rb), which clients read as "what may this person do". */

export type RoleName = 'user' | 'moderator' | 'admin' | 'owner'

export interface Role {
  id: string
  name: string
  color: string
  /** Bits as decimal text. */
  permissions: string
  highlighted: boolean
  collection_limit: number
}

/** Everyone may invite in Mastodon (bit 16); here nobody does, so the bit is left out. */
const ROLES: Record<RoleName, Role> = {
  user: { id: '-99', name: '', color: '', permissions: '0', highlighted: false, collection_limit: 0 },
  // view_dashboard | view_audit_log | manage_users | manage_reports | manage_taxonomies
  moderator: { id: '1', name: 'Moderator', color: '', permissions: '1308', highlighted: true, collection_limit: 0 },
  // everything but `administrator`
  admin: { id: '2', name: 'Admin', color: '', permissions: '983036', highlighted: true, collection_limit: 0 },
  // `administrator` implies the rest
  owner: { id: '3', name: 'Owner', color: '', permissions: '1048575', highlighted: true, collection_limit: 0 },
}

export function presentRole(name: RoleName): Role {
  return ROLES[name]
}
