/**
 * Who may see what: one pure function for every surface, asked when serving (DESIGN §4, I6–I8).
 * Filtering anywhere else is only an optimisation.
 */
import type { Relation } from '../social-graph/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { StatusRecord } from '../status-store/contract.ts'

/** What the rules need to know of a status: its author's standing and the viewer's relation to the author. */
export interface Sight {
  authorSuspended: boolean
  /** Undefined for an anonymous viewer. */
  relation: Relation | undefined
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
export function isSilencedFor(relation: Relation | undefined): boolean {
  return relation !== undefined && (relation.blocking || relation.muting || relation.blockedBy)
}
