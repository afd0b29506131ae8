/**
 * Who may find what, beyond who may see it: the rule of consent (issue of search; I6–I8). Pure; asked of every hit when it is
 * served, whatever the index holds.
 *
 * - One's own statuses, always, whatever their visibility.
 * - Nobody finds a private or direct status of others, not even those it mentions: searching is no way into letters.
 * - Public statuses of people who allow it (`indexable`): everyone on this server.
 * - Public and unlisted statuses in which one is mentioned, or that one favourited, boosted, bookmarked or answered: oneself.
 * - Nobody whom one blocks or mutes, or by whom one is blocked; nobody whom a moderator has silenced, unless one follows them.
 */
import { isSilencedFor, type StatusView } from '../hydration/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { Relation } from '../social-graph/contract.ts'

export interface Seeker {
  /** Undefined: a stranger. */
  viewer: AccountId | undefined
  relationTo: (author: AccountId) => Relation | undefined
  /** What the viewer favourited, boosted, bookmarked or answered, as far as it was read. */
  library: ReadonlySet<StatusId>
}

/** Whether the seeker may find a status that `canSee` shows them. Of a boost both it and what it boosts are asked. */
export function mayFind(view: StatusView, seeker: Seeker): boolean {
  if (view.boostOf !== undefined && !mayFind(view.boostOf, seeker)) return false
  const { status, author } = view
  const { viewer } = seeker
  if (viewer !== undefined && status.accountId === viewer) return true
  if (status.visibility === 'private' || status.visibility === 'direct') return false
  const relation = viewer === undefined ? undefined : seeker.relationTo(status.accountId)
  if (author.account.suspended || isSilencedFor(relation)) return false
  if (author.account.silenced && relation?.following !== true) return false
  if (status.visibility === 'public' && author.account.indexable) return true
  return viewer !== undefined && isOfLibrary(view, viewer, seeker.library)
}

/** Written by the viewer, mentions them, or was marked or answered by them. */
export function isOfLibrary({ status, marks }: StatusView, viewer: AccountId, library: ReadonlySet<StatusId>): boolean {
  if (status.accountId === viewer || status.mentions.includes(viewer) || library.has(status.id)) return true
  return marks !== undefined && (marks.favourited || marks.boosted || marks.bookmarked)
}
