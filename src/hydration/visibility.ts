/**
 * Who may see what: one pure function for every surface, asked when serving (DESIGN §4, I6–I8).
 * Filtering anywhere else is only an optimisation.
 */

import type { AccountId } from '../snowflake/contract.ts'
import type { Regard } from '../social-graph/contract.ts'
import type { StatusRecord } from '../status-store/contract.ts'

/** What the rules need to know of a status: its author's standing and the viewer's relation to the author. */
export interface Sight {
  authorSuspended: boolean
  /** Undefined for an anonymous viewer. */
  relation: Regard | undefined
}

/** Whether `viewer` may see `status` at all, on any surface. */
export function canSee(viewer: AccountId | undefined, status: StatusRecord, sight: Sight): boolean {
  if (sight.authorSuspended) return false
  if (viewer === status.accountId) return true
  if (sight.relation?.blockedBy === true) return false
  switch (status.visibility) {
    case 'public':
    case 'unlisted':
      return true
    case 'private':
      return viewer !== undefined && (sight.relation?.following === true || status.mentions.includes(viewer))
    case 'direct':
      return viewer !== undefined && status.mentions.includes(viewer)
  }
}

/** Whether the viewer's own choices (blocks, mutes) keep an author out of timelines and notifications. */
export function isSilencedFor(relation: Regard | undefined): boolean {
  return relation !== undefined && (relation.blocking || relation.muting || relation.blockedBy)
}

/**
 * Whether a status that the viewer may see belongs into what everyone reads (Mastodon's public feed and those of hashtags):
 * nobody the viewer silenced, nobody a moderator silenced unless followed.
 */
export function isVisibleToStrangers(
  viewer: AccountId | undefined,
  author: { id: AccountId; silenced: boolean },
  relation: Regard | undefined,
): boolean {
  if (author.id === viewer) return true
  return !isSilencedFor(relation) && (!author.silenced || relation?.following === true)
}

/**
 * Whether a status that the viewer may see belongs into the viewer's home (Mastodon's FeedManager, by its own rules):
 * from people followed, with their boosts unless hidden, and under hashtags followed; without anyone silenced, and replies only to people followed,
 * to oneself or to the author.
 */
export function isVisibleAtHome(
  viewer: AccountId,
  view: HomeCandidate,
  relationTo: (target: AccountId) => Regard,
  followedTags?: ReadonlySet<string>,
): boolean {
  const { status, boostOf } = view
  const own = status.accountId === viewer
  const relation = relationTo(status.accountId)
  if (!own && isSilencedFor(relation)) return false
  const isTagged = !own && !relation.following && isUnderTagOf(view, followedTags)
  if (!own && !relation.following && !isTagged) return false
  const shown = boostOf?.status ?? status
  if (boostOf !== undefined) {
    if (!own && !relation.showingBoosts) return false
    if (shown.accountId !== viewer && isSilencedFor(relationTo(shown.accountId))) return false
  }
  if (own) return true
  const { languages } = relation
  if (languages !== null && shown.language !== null && !languages.includes(shown.language)) return false
  if (shown.mentions.some((id) => id !== viewer && isHushed(relationTo(id)))) return false
  return boostOf !== undefined || isTagged || isReplyOfInterest(viewer, status, relationTo)
}

/** Whoever follows a hashtag sees what anybody says under it in public, and no boosts of it. */
function isUnderTagOf({ status, boostOf }: HomeCandidate, followedTags: ReadonlySet<string> | undefined): boolean {
  if (followedTags === undefined || followedTags.size === 0 || boostOf !== undefined) return false
  return status.visibility === 'public' && status.tags.some((tag) => followedTags.has(tag))
}

/** What the rule looks at. */
export interface HomeCandidate {
  status: StatusRecord
  boostOf: { status: StatusRecord } | undefined
}

/** Blocked or muted by the viewer, whatever the other side does. */
function isHushed(relation: Regard): boolean {
  return relation.blocking || relation.muting
}

function isReplyOfInterest(
  viewer: AccountId,
  { accountId, inReplyTo, inReplyToAccount }: StatusRecord,
  relationTo: (target: AccountId) => Regard,
): boolean {
  if (inReplyTo === null || inReplyToAccount === null) return true
  if (inReplyToAccount === viewer || inReplyToAccount === accountId) return true
  const relation = relationTo(inReplyToAccount)
  return relation.following && !isHushed(relation)
}
