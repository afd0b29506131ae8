/**
 * How the oracle acts and reads, as a client does: over HTTP, or past it by the contracts of the flows with the same
 * presenters. Both give the same JSON.
 */
import type { Visibility } from './model.ts'

/** An id as clients have it. */
export type Id = string

export interface Cursors {
  maxId?: Id
  minId?: Id
  sinceId?: Id
  limit: number
}

/** What the oracle looks at of a status. */
export interface StatusJson {
  id: Id
  account: AccountJson
  visibility: string
  content: string
  language: string | null
  in_reply_to_id: Id | null
  in_reply_to_account_id: Id | null
  mentions: { id: Id }[]
  edited_at: string | null
  replies_count: number
  reblogs_count: number
  favourites_count: number
  favourited?: boolean
  reblogged?: boolean
  bookmarked?: boolean
  muted?: boolean
  pinned?: boolean
  reblog: StatusJson | null
}

export interface AccountJson {
  id: Id
  followers_count: number
  following_count: number
  statuses_count: number
}

export interface NotificationJson {
  id: Id
  type: string
  account: AccountJson
  status?: StatusJson
}

export interface RelationshipJson {
  id: Id
  following: boolean
  showing_reblogs: boolean
  notifying: boolean
  languages: string[] | null
  followed_by: boolean
  requested: boolean
  requested_by: boolean
  blocking: boolean
  blocked_by: boolean
  muting: boolean
  muting_notifications: boolean
  muting_expires_at: string | null
}

/** A page of what has cursors of its own: `older` and `newer` lead on, where there is something. */
export interface MarkedPage {
  items: StatusJson[]
  older: Id | undefined
  newer: Id | undefined
}

export interface ProfileQuery {
  exclude_replies?: true
  exclude_reblogs?: true
  pinned?: true
  only_media?: true
}

export type MarkVerb =
  | 'favourite'
  | 'unfavourite'
  | 'bookmark'
  | 'unbookmark'
  | 'pin'
  | 'unpin'
  | 'muteThread'
  | 'unmuteThread'
  | 'unboost'

export type EdgeVerb = 'unfollow' | 'removeFollower' | 'block' | 'unblock' | 'unmute' | 'accept' | 'reject'

export interface Written {
  text: string
  language: string
}

/** Every reader's page is what their client gets; `viewer` undefined is anonymous. Refusals are thrown as `Refused`. */
export interface Door {
  post(by: Id, status: Written & { visibility: Visibility; replyTo: Id | undefined }): Promise<Id>
  edit(by: Id, of: Id, written: Written): Promise<void>
  boost(by: Id, of: Id, visibility: Visibility): Promise<Id>
  remove(by: Id, of: Id): Promise<void>
  mark(by: Id, verb: MarkVerb, of: Id): Promise<void>
  follow(by: Id, to: Id, wish: { boosts?: boolean; bell?: boolean; languages?: string[] | null }): Promise<void>
  mute(by: Id, to: Id, notifications: boolean, seconds: number): Promise<void>
  edge(by: Id, verb: EdgeVerb, to: Id): Promise<void>
  clearNotifications(by: Id): Promise<void>

  home(viewer: Id, page: Cursors): Promise<StatusJson[]>
  publicTimeline(viewer: Id | undefined, page: Cursors): Promise<StatusJson[]>
  profile(viewer: Id | undefined, owner: Id, page: Cursors, query: ProfileQuery): Promise<StatusJson[]>
  /** Those of them that the viewer may see, in their order. */
  statuses(viewer: Id | undefined, ids: readonly Id[]): Promise<StatusJson[]>
  /** Undefined: not found. */
  status(viewer: Id | undefined, id: Id): Promise<StatusJson | undefined>
  context(viewer: Id | undefined, id: Id): Promise<{ ancestors: StatusJson[]; descendants: StatusJson[] } | undefined>
  marked(viewer: Id, list: 'favourites' | 'bookmarks', page: Cursors): Promise<MarkedPage>
  notifications(viewer: Id, page: Cursors): Promise<NotificationJson[]>
  relationships(viewer: Id, ids: readonly Id[]): Promise<RelationshipJson[]>
  accounts(ids: readonly Id[]): Promise<AccountJson[]>
}

/** The server said no, with one of the codes that say so. */
export class Refused extends Error {
  readonly code: string

  constructor(code: string, options?: ErrorOptions) {
    super(`refused: ${code}`, options)
    this.code = code
  }
}
