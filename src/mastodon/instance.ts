/** Instance in both forms: what this server is, allows and limits. Clients switch features by it, so it must not boast. */
import type { AccountView } from '../hydration/contract.ts'
import type { Account } from './account.ts'
import { presentAccount } from './account.ts'
import type { Site } from './site.ts'

/** The Mastodon whose API this server speaks; clients compare it. */
export const MASTODON_VERSION = '4.6.5'

export const THUMBNAIL_PATH = '/thumbnail.png'
export const ICON_PATH = '/icon.png'
const ICON_SIZE = '512x512'

export interface Rule {
  text: string
  hint: string
}

export interface InstanceLimits {
  statusCharacters: number
  statusMedia: number
  urlCharacters: number
  pins: number
  displayNameCharacters: number
  noteCharacters: number
  fields: number
  fieldNameCharacters: number
  fieldValueCharacters: number
  mediaDescriptionCharacters: number
  pictureDescriptionCharacters: number
  imageBytes: number
  imagePixels: number
  imageTypes: readonly string[]
}

/** Mastodon's figures (reference: conventions §8). */
export const DEFAULT_INSTANCE_LIMITS: InstanceLimits = {
  statusCharacters: 500,
  statusMedia: 4,
  urlCharacters: 23,
  pins: 5,
  displayNameCharacters: 40,
  noteCharacters: 500,
  fields: 4,
  fieldNameCharacters: 255,
  fieldValueCharacters: 255,
  mediaDescriptionCharacters: 10_000,
  pictureDescriptionCharacters: 150,
  imageBytes: 16 * 1024 * 1024,
  imagePixels: 33_177_600,
  imageTypes: ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif', 'image/heic', 'image/heif'],
}

/** What the operator says of the server. */
export interface InstanceSettings {
  title: string
  /** One paragraph of plain text. */
  description: string
  /** Of Dunlin itself. */
  version: string
  sourceUrl: string
  contactEmail: string
  /** Whose language the server is for, ISO 639-1. */
  languages: readonly string[]
  rules: readonly Rule[]
  registrations: { mode: 'open' | 'approval' | 'closed'; message: string | null; reasonRequired: boolean }
  vapidPublicKey: string
  limits: InstanceLimits
}

/** What changes by itself. */
export interface InstanceState {
  users: number
  activeMonth: number
  statuses: number
  contact: AccountView | undefined
  /** `api_versions.mastodon`: the level of `api-level.ts`. */
  apiLevel: number
}

/** What `write-api` holds polls to; times in seconds. */
const POLLS = { max_options: 4, max_characters_per_option: 50, min_expiration: 300, max_expiration: 2_629_746 }
// Video and featured tags are not offered; the figures stay, because clients read them without looking first.
const VIDEO = { video_size_limit: 103_809_024, video_frame_rate_limit: 120, video_matrix_limit: 8_294_400 }
const FEATURED_TAGS_MAX = 10

function versionText(version: string): string {
  return `${MASTODON_VERSION} (compatible; Dunlin ${version})`
}

export function presentInstance(settings: InstanceSettings, state: InstanceState, at: Site) {
  const { base, domain, streaming } = at.urls
  return {
    domain,
    title: settings.title,
    version: versionText(settings.version),
    source_url: settings.sourceUrl,
    description: settings.description,
    wrapstodon: null,
    usage: { users: { active_month: state.activeMonth } },
    thumbnail: { url: `${base}${THUMBNAIL_PATH}`, description: '' },
    icon: [{ src: `${base}${ICON_PATH}`, size: ICON_SIZE }],
    languages: [...settings.languages],
    configuration: {
      urls: {
        streaming,
        status: null,
        about: `${base}/about`,
        privacy_policy: `${base}/privacy-policy`,
        terms_of_service: null,
      },
      vapid: { public_key: settings.vapidPublicKey },
      accounts: accountLimits(settings.limits),
      statuses: statusLimits(settings.limits),
      media_attachments: {
        ...mediaLimits(settings.limits),
        description_limit: settings.limits.mediaDescriptionCharacters,
      },
      polls: POLLS,
      translation: { enabled: false },
      timelines_access: {
        live_feeds: { local: 'public', remote: 'disabled' },
        hashtag_feeds: { local: 'public', remote: 'disabled' },
        trending_link_feeds: { local: 'public', remote: 'disabled' },
      },
      limited_federation: true,
    },
    registrations: {
      enabled: settings.registrations.mode !== 'closed',
      approval_required: settings.registrations.mode === 'approval',
      reason_required: settings.registrations.reasonRequired,
      message: settings.registrations.message,
      min_age: null,
      url: null,
    },
    api_versions: { mastodon: state.apiLevel },
    contact: { email: settings.contactEmail, account: contactAccount(state, at) },
    rules: presentRules(settings.rules),
  }
}

export function presentInstanceV1(settings: InstanceSettings, state: InstanceState, at: Site) {
  const { base, domain, streaming } = at.urls
  return {
    uri: domain,
    title: settings.title,
    short_description: settings.description,
    description: settings.description,
    email: settings.contactEmail,
    version: versionText(settings.version),
    urls: { streaming_api: streaming },
    stats: { user_count: state.users, status_count: state.statuses, domain_count: 0 },
    thumbnail: `${base}${THUMBNAIL_PATH}`,
    languages: [...settings.languages],
    registrations: settings.registrations.mode !== 'closed',
    approval_required: settings.registrations.mode === 'approval',
    invites_enabled: false,
    configuration: {
      accounts: { max_featured_tags: FEATURED_TAGS_MAX },
      statuses: statusLimits(settings.limits),
      media_attachments: mediaLimits(settings.limits),
      polls: POLLS,
    },
    contact_account: contactAccount(state, at),
    rules: presentRules(settings.rules),
  }
}

function contactAccount(state: InstanceState, at: Site): Account | null {
  return state.contact === undefined ? null : presentAccount(state.contact, at)
}

function accountLimits(limits: InstanceLimits) {
  return {
    max_display_name_length: limits.displayNameCharacters,
    max_note_length: limits.noteCharacters,
    max_avatar_description_length: limits.pictureDescriptionCharacters,
    max_header_description_length: limits.pictureDescriptionCharacters,
    max_featured_tags: FEATURED_TAGS_MAX,
    max_pinned_statuses: limits.pins,
    max_profile_fields: limits.fields,
    profile_field_name_limit: limits.fieldNameCharacters,
    profile_field_value_limit: limits.fieldValueCharacters,
  }
}

function statusLimits(limits: InstanceLimits) {
  return {
    max_characters: limits.statusCharacters,
    max_media_attachments: limits.statusMedia,
    characters_reserved_per_url: limits.urlCharacters,
  }
}

function mediaLimits(limits: InstanceLimits) {
  return {
    supported_mime_types: [...limits.imageTypes],
    image_size_limit: limits.imageBytes,
    image_matrix_limit: limits.imagePixels,
    ...VIDEO,
  }
}

export function presentRules(rules: readonly Rule[]) {
  return rules.map((rule, i) => ({ id: String(i + 1), text: rule.text, hint: rule.hint, translations: {} }))
}
