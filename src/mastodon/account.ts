/** Account, and what adds to it: CredentialAccount, MutedAccount, PartialAccountWithAvatar. */
import type { AccountView } from '../hydration/contract.ts'
import { dateTime, dateTimeOrNull, day, midnight } from './dates.ts'
import type { Role } from './role.ts'
import { presentRole } from './role.ts'
import type { RoleName } from './role.ts'
import type { Site } from './site.ts'
import type { Urls } from './urls.ts'
import { accountUrl } from './urls.ts'

type AccountRecord = AccountView['account']

interface Field {
  name: string
  value: string
  verified_at: string | null
}

export interface Account {
  id: string
  username: string
  acct: string
  url: string
  uri: string
  display_name: string
  note: string
  avatar: string
  avatar_static: string
  avatar_description: string
  header: string
  header_static: string
  header_description: string
  locked: boolean
  fields: Field[]
  emojis: never[]
  bot: boolean
  group: false
  discoverable: boolean | null
  indexable: boolean
  noindex: boolean
  suspended?: true
  limited?: true
  created_at: string
  last_status_at: string | null
  statuses_count: number
  followers_count: number
  following_count: number
  hide_collections: boolean | null
  show_media: boolean
  show_media_replies: boolean
  show_featured: boolean
  roles: never[]
  feature_approval: { automatic: string[]; manual: string[]; current_user: string }
}

/** Served by the edge; clients take a path that ends in `missing.png` for "none". */
export const MISSING_AVATAR_PATH = '/avatars/original/missing.png'
export const MISSING_HEADER_PATH = '/headers/original/missing.png'

export function presentAccount(view: AccountView, at: Site): Account {
  const { account } = view
  // What a suspended person wrote and showed is gone for everyone; the name stays, so that links still mean someone.
  return account.suspended ? blanked(account, at.urls) : shown(view, at)
}

export function presentAccounts(views: readonly AccountView[], at: Site): Account[] {
  return views.map((view) => presentAccount(view, at))
}

function shown(view: AccountView, at: Site): Account {
  const { account } = view
  const fields = at.texts.fields(account)
  return {
    ...identity(account, at.urls),
    display_name: account.displayName,
    note: at.texts.note(account),
    ...pictures(account, at.urls),
    locked: account.locked,
    fields: account.fields.map((field, i) => ({
      name: field.name,
      value: fields[i] ?? '',
      verified_at: dateTimeOrNull(field.verifiedAtMs),
    })),
    bot: account.bot,
    discoverable: account.discoverable,
    indexable: account.indexable,
    noindex: !account.indexable,
    ...(account.silenced && { limited: true as const }),
    last_status_at: view.lastStatusAtMs === null ? null : day(view.lastStatusAtMs),
    statuses_count: view.statuses,
    followers_count: view.followers,
    following_count: view.following,
    hide_collections: account.hideCollections,
  }
}

function blanked(account: AccountRecord, urls: Urls): Account {
  const bare: AccountRecord = { ...account, avatar: null, header: null }
  return {
    ...identity(account, urls),
    display_name: '',
    note: '',
    ...pictures(bare, urls),
    locked: false,
    fields: [],
    bot: false,
    discoverable: false,
    indexable: false,
    noindex: true,
    suspended: true,
    last_status_at: null,
    statuses_count: 0,
    followers_count: 0,
    following_count: 0,
    hide_collections: null,
  }
}

/** What never changes, and what this server does not offer. */
function identity(account: AccountRecord, urls: Urls) {
  const url = accountUrl(urls, account.username)
  return {
    id: account.id.toString(),
    username: account.username,
    acct: account.username,
    url,
    uri: url,
    created_at: midnight(account.createdAtMs),
    emojis: [],
    group: false as const,
    show_media: true,
    show_media_replies: true,
    show_featured: true,
    roles: [],
    feature_approval: { automatic: [], manual: [], current_user: 'denied' },
  }
}

function pictures(account: AccountRecord, urls: Urls) {
  const avatar = account.avatar
  const header = account.header
  const noAvatar = `${urls.base}${MISSING_AVATAR_PATH}`
  const noHeader = `${urls.base}${MISSING_HEADER_PATH}`
  return {
    avatar: avatar ? urls.media(avatar.key) : noAvatar,
    avatar_static: avatar ? urls.media(avatar.staticKey) : noAvatar,
    avatar_description: avatar?.description ?? '',
    header: header ? urls.media(header.key) : noHeader,
    header_static: header ? urls.media(header.staticKey) : noHeader,
    header_description: header?.description ?? '',
  }
}

/** Settings of a person that only they may see. */
export interface OwnSettings {
  role: RoleName
  defaultPrivacy: string
  defaultSensitive: boolean
  defaultLanguage: string | null
  followRequests: number
}

export interface CredentialAccount extends Account {
  source: {
    note: string
    fields: Field[]
    privacy: string
    sensitive: boolean
    language: string
    follow_requests_count: number
    hide_collections: boolean | null
    discoverable: boolean | null
    indexable: boolean
    attribution_domains: string[]
    quote_policy: 'nobody'
  }
  role: Role
}

export function presentCredentialAccount(view: AccountView, own: OwnSettings, at: Site): CredentialAccount {
  const { account } = view
  return {
    ...presentAccount(view, at),
    source: {
      note: account.note,
      fields: account.fields.map((field) => ({
        name: field.name,
        value: field.value,
        verified_at: dateTimeOrNull(field.verifiedAtMs),
      })),
      privacy: own.defaultPrivacy,
      sensitive: own.defaultSensitive,
      language: own.defaultLanguage ?? '',
      follow_requests_count: own.followRequests,
      hide_collections: account.hideCollections,
      discoverable: account.discoverable,
      indexable: account.indexable,
      attribution_domains: [],
      quote_policy: 'nobody',
    },
    role: presentRole(own.role),
  }
}

export interface MutedAccount extends Account {
  mute_expires_at: string | null
}

export function presentMutedAccount(view: AccountView, expiresAtMs: number | null, at: Site): MutedAccount {
  return { ...presentAccount(view, at), mute_expires_at: expiresAtMs === null ? null : dateTime(expiresAtMs) }
}

export type PartialAccount = Pick<
  Account,
  'id' | 'acct' | 'url' | 'avatar' | 'avatar_static' | 'avatar_description' | 'locked' | 'bot'
>

export function presentPartialAccount(view: AccountView, at: Site): PartialAccount {
  const { id, acct, url, avatar, avatar_static, avatar_description, locked, bot } = presentAccount(view, at)
  return { id, acct, url, avatar, avatar_static, avatar_description, locked, bot }
}

/** `Profile` of `/api/v1/profile`: the person's own, as text and as HTML. */
export function presentProfile(view: AccountView, at: Site) {
  const { account } = view
  const picture = (key: string | undefined): string | null => (key === undefined ? null : at.urls.media(key))
  const raw = account.fields.map((field) => ({
    name: field.name,
    value: field.value,
    verified_at: dateTimeOrNull(field.verifiedAtMs),
  }))
  const rendered = at.texts.fields(account)
  return {
    id: account.id.toString(),
    display_name: account.displayName,
    note: account.note,
    formatted_note: at.texts.note(account),
    fields: raw,
    formatted_fields: raw.map((field, i) => ({ ...field, value: rendered[i] ?? '' })),
    avatar: picture(account.avatar?.key),
    avatar_static: picture(account.avatar?.staticKey),
    avatar_description: account.avatar?.description ?? '',
    header: picture(account.header?.key),
    header_static: picture(account.header?.staticKey),
    header_description: account.header?.description ?? '',
    locked: account.locked,
    bot: account.bot,
    hide_collections: account.hideCollections,
    discoverable: account.discoverable,
    indexable: account.indexable,
    show_media: true,
    show_media_replies: true,
    show_featured: true,
    attribution_domains: [],
    featured_tags: [],
  }
}
