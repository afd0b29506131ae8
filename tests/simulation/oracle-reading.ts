/** What a client reads → the same in the words and numbers of the model. */
import type { Relationship, Shown } from './model-views.ts'
import type { AccountJson, RelationshipJson, StatusJson } from './oracle-door.ts'
import type { Names } from './oracle-names.ts'

export function statusRead(json: StatusJson, names: Names): Shown {
  const { in_reply_to_id: replyTo, in_reply_to_account_id: replyToPerson } = json
  return {
    post: names.postOf(json.id),
    author: names.personOf(json.account.id),
    authorCounts: countsRead(json.account),
    visibility: json.visibility as Shown['visibility'],
    words: /\bw\d+\b/.exec(json.content)?.[0] ?? '',
    language: json.language,
    replyTo: replyTo === null ? null : names.postOf(replyTo),
    replyToPerson: replyToPerson === null ? null : names.personOf(replyToPerson),
    mentions: json.mentions.map(({ id }) => names.personOf(id)),
    isEdited: json.edited_at !== null,
    counts: { replies: json.replies_count, boosts: json.reblogs_count, favourites: json.favourites_count },
    marks: marksRead(json),
    boostOf: json.reblog === null ? null : statusRead(json.reblog, names),
  }
}

function marksRead({ favourited, reblogged, bookmarked, muted, pinned }: StatusJson): Shown['marks'] {
  if (favourited === undefined || reblogged === undefined || bookmarked === undefined || muted === undefined)
    return null
  return { favourited, boosted: reblogged, bookmarked, threadMuted: muted, pinned: pinned ?? null }
}

export function countsRead({ followers_count, following_count, statuses_count }: AccountJson): Shown['authorCounts'] {
  return { followers: followers_count, following: following_count, statuses: statuses_count }
}

export function relationshipRead(json: RelationshipJson): Relationship {
  return {
    following: json.following,
    boosts: json.showing_reblogs,
    bell: json.notifying,
    languages: json.languages,
    followedBy: json.followed_by,
    requested: json.requested,
    requestedBy: json.requested_by,
    blocking: json.blocking,
    blockedBy: json.blocked_by,
    muting: json.muting,
    mutingNotifications: json.muting_notifications,
    hasEnd: json.muting_expires_at !== null,
  }
}
