/** Relationship: everything between the viewer and one other. */
import type { AccountId } from '../snowflake/contract.ts'
import { dateTimeOrNull } from './dates.ts'

/** A relation as the social graph gives it. */
export interface RelationShown {
  following: boolean
  showingBoosts: boolean
  notifying: boolean
  languages: readonly string[] | null
  followedBy: boolean
  requested: boolean
  requestedBy: boolean
  blocking: boolean
  blockedBy: boolean
  muting: boolean
  mutingNotifications: boolean
  muteExpiresAtMs: number | null
  endorsed: boolean
}

export interface Relationship {
  id: string
  following: boolean
  showing_reblogs: boolean
  notifying: boolean
  languages: string[] | null
  followed_by: boolean
  blocking: boolean
  blocked_by: boolean
  muting: boolean
  muting_notifications: boolean
  muting_expires_at: string | null
  requested: boolean
  requested_by: boolean
  domain_blocking: false
  endorsed: boolean
  note: string
}

/** Options of a follow are told of a request too, as Mastodon does. */
export function presentRelationship(id: AccountId, relation: RelationShown, note: string): Relationship {
  const follows = relation.following || relation.requested
  return {
    id: id.toString(),
    following: relation.following,
    showing_reblogs: follows && relation.showingBoosts,
    notifying: follows && relation.notifying,
    languages: follows && relation.languages !== null ? [...relation.languages] : null,
    followed_by: relation.followedBy,
    blocking: relation.blocking,
    blocked_by: relation.blockedBy,
    muting: relation.muting,
    muting_notifications: relation.mutingNotifications,
    muting_expires_at: dateTimeOrNull(relation.muteExpiresAtMs),
    requested: relation.requested,
    requested_by: relation.requestedBy,
    domain_blocking: false,
    endorsed: relation.endorsed,
    note,
  }
}
