/** Status, and what tells of its past: StatusEdit, StatusSource. */
import type { StatusView } from '../hydration/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Account } from './account.ts'
import { presentAccount } from './account.ts'
import { dateTime, dateTimeOrNull } from './dates.ts'
import type { FilterResult } from './filter.ts'
import type { MediaAttachment } from './media.ts'
import { presentMedia } from './media.ts'
import { presentPoll, type Poll } from './poll.ts'
import type { Site } from './site.ts'
import { accountUrl, statusUrl, tagUrl } from './urls.ts'

interface Mention {
  id: string
  username: string
  url: string
  acct: string
}

export interface Status {
  id: string
  created_at: string
  in_reply_to_id: string | null
  in_reply_to_account_id: string | null
  sensitive: boolean
  spoiler_text: string
  visibility: string
  language: string | null
  uri: string
  url: string
  replies_count: number
  reblogs_count: number
  favourites_count: number
  quotes_count: number
  edited_at: string | null
  content: string
  /** The source text, where a deleted status is given back for a redraft. */
  text: string | null
  reblog: Status | null
  application?: { name: string; website: string | null }
  account: Account
  media_attachments: MediaAttachment[]
  mentions: Mention[]
  tags: { name: string; url: string }[]
  emojis: never[]
  card: null
  poll: Poll | null
  quote: null
  quote_approval: { automatic: string[]; manual: string[]; current_user: string }
  tagged_collections: never[]
  favourited?: boolean
  reblogged?: boolean
  muted?: boolean
  bookmarked?: boolean
  pinned?: boolean
  filtered?: FilterResult[]
}

/** Who reads. Attributes about the viewer are left out for an anonymous one. */
export interface Reader {
  viewer: AccountId | undefined
  /** The viewer's filters that a status meets. */
  filtered?: (view: StatusView) => FilterResult[]
}

export const ANONYMOUS: Reader = { viewer: undefined }

export function presentStatus(view: StatusView, at: Site, reader: Reader): Status {
  const { status } = view
  // A boost shows the text of what it boosts, for clients that do not look into `reblog`.
  const proper = view.boostOf ?? view
  const url = statusUrl(at.urls, view.author.account.username, status.id)
  return {
    id: status.id.toString(),
    created_at: dateTime(status.createdAtMs),
    in_reply_to_id: status.inReplyTo?.toString() ?? null,
    in_reply_to_account_id: status.inReplyToAccount?.toString() ?? null,
    sensitive: proper.status.sensitive,
    spoiler_text: proper.status.spoilerText,
    visibility: status.visibility,
    language: proper.status.language,
    uri: url,
    url,
    replies_count: proper.counts.replies,
    reblogs_count: proper.counts.boosts,
    favourites_count: proper.counts.favourites,
    quotes_count: 0,
    edited_at: dateTimeOrNull(status.editedAtMs),
    content: at.texts.status(proper.status, proper.mentions),
    text: null,
    reblog: view.boostOf === undefined ? null : presentStatus(view.boostOf, at, reader),
    ...(view.app && { application: { name: view.app.name, website: view.app.website } }),
    account: presentAccount(view.author, at),
    media_attachments: view.media.map((media) => presentMedia(media, at)),
    mentions: view.mentions.map((mention) => presentMention(mention, at)),
    tags: status.tags.map((name) => ({ name, url: tagUrl(at.urls, name) })),
    emojis: [],
    card: null,
    poll: view.poll === undefined ? null : presentPoll(view.poll, view.marks, reader.viewer),
    quote: null,
    // Nobody may quote: quoting is not offered.
    quote_approval: { automatic: [], manual: [], current_user: 'denied' },
    tagged_collections: [],
    ...presentMarks(view, reader),
  }
}

function presentMention(mention: StatusView['mentions'][number], at: Site): Mention {
  return {
    id: mention.id.toString(),
    username: mention.username,
    url: accountUrl(at.urls, mention.username),
    acct: mention.username,
  }
}

/** What the viewer did with the status; on a boost, with the boosted one. */
export function presentMarks(view: StatusView, reader: Reader): Partial<Status> {
  if (reader.viewer === undefined) return {}
  const own = (view.boostOf ?? view).marks
  return {
    favourited: own?.favourited ?? false,
    reblogged: own?.boosted ?? false,
    muted: own?.muted ?? false,
    bookmarked: own?.bookmarked ?? false,
    ...(isPinnable(view, reader.viewer) && { pinned: view.marks?.pinned ?? false }),
    filtered: reader.filtered?.(view.boostOf ?? view) ?? [],
  }
}

/** Whether the viewer may pin it to their profile. */
export function isPinnable({ status }: StatusView, viewer: AccountId): boolean {
  return status.accountId === viewer && status.boostOf === null && status.visibility !== 'direct'
}

/** The answer to a deletion: everything that a redraft needs, with the source text. */
export function presentDeletedStatus(view: StatusView, at: Site, reader: Reader): Status {
  return { ...presentStatus(view, at, reader), text: view.status.text }
}

export interface StatusSource {
  id: string
  text: string
  spoiler_text: string
}

export function presentStatusSource({ status }: StatusView): StatusSource {
  return { id: status.id.toString(), text: status.text, spoiler_text: status.spoilerText }
}

export interface StatusEdit {
  content: string
  spoiler_text: string
  sensitive: boolean
  created_at: string
  account: Account
  media_attachments: MediaAttachment[]
  emojis: never[]
  quote: null
  poll?: { options: { title: string }[] }
}

/** One text that the status has, or had. */
export interface Revision {
  createdAtMs: number
  text: string
  spoilerText: string
  sensitive: boolean
  /** With the descriptions of that time. */
  media: StatusView['media']
  mentions: StatusView['mentions']
  /** Null: it had no poll. */
  pollOptions: readonly string[] | null
}

export function presentStatusEdit(revision: Revision, author: StatusView['author'], at: Site): StatusEdit {
  return {
    content: at.texts.render(revision.text, revision.mentions),
    spoiler_text: revision.spoilerText,
    sensitive: revision.sensitive,
    created_at: dateTime(revision.createdAtMs),
    account: presentAccount(author, at),
    media_attachments: revision.media.map((media) => presentMedia(media, at)),
    emojis: [],
    quote: null,
    ...(revision.pollOptions && { poll: { options: revision.pollOptions.map((title) => ({ title })) } }),
  }
}

export interface Context {
  ancestors: Status[]
  descendants: Status[]
}
