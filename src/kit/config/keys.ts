/**
 * Every setting, in one table. Names are Mastodon's where the meaning is Mastodon's, so that its `.env.production` can be
 * brought along; documentation, flags, checks and the typed `Config` come from here.
 */
import type { ValueType } from './value-type.ts'
import {
  base64url,
  domain,
  email,
  integer,
  line,
  networks,
  oneOf,
  path,
  rate,
  secretText,
  url,
  yesOrNo,
} from './value-types.ts'

export interface Key<Value> {
  readonly type: ValueType<Value>
  readonly about: string
  /** Used when nobody sets the key. Without one its value is undefined. */
  readonly preset?: Value
  /** Never printed, never a flag, and may come from a file named by KEY_FILE. */
  readonly secret?: true
  /** Other names that mean the same. */
  readonly aliases?: readonly string[]
  /** Understood so that a configuration can be brought along, but nothing uses it in this version. */
  readonly unused?: true
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export const ENVIRONMENTS = ['production', 'development', 'test'] as const
export const TREND_MODES = ['on', 'reviewed', 'off'] as const
export const REGISTRATION_MODES = ['open', 'approved', 'none'] as const

/**
 * This machine alone. Mastodon trusts private networks as well: there, anybody on the same network could pretend to come from
 * anywhere and dodge the limits by address.
 */
const THIS_MACHINE = ['127.0.0.0/8', '::1/128']

type Extras<Value> = Omit<Partial<Key<Value>>, 'type' | 'about' | 'preset'>

/** A key that may stay unset. */
function optional<Value>(type: ValueType<Value>, about: string, extras: Extras<Value> = {}): Key<Value> {
  return { type, about, ...extras }
}

/** A key that always has a value. */
function preset<Value>(
  type: ValueType<Value>,
  value: Value,
  about: string,
  extras: Extras<Value> = {},
): Key<Value> & { readonly preset: Value } {
  return { type, about, preset: value, ...extras }
}

/** The name of each throttle of `edge/`, in the order of its table. */
export const RATE_LIMIT_NAMES = [
  'api_user',
  'api_token',
  'api_anonymous',
  'paging_user',
  'paging_anonymous',
  'media_upload',
  'status_delete',
  'app_registration',
  'sign_up_api',
  'sign_up_form',
  'login_ip',
  'login_email',
  'password_reset_ip',
  'password_reset_email',
  'confirmation_ip',
  'confirmation_email',
  'password_change',
  'streaming_ip',
  'streaming_user',
  'statuses',
  'follows',
  'reports',
] as const

export type RateLimitName = (typeof RATE_LIMIT_NAMES)[number]

const plainKeys = {
  DUNLIN_ENV: optional(
    oneOf(ENVIRONMENTS),
    'What this server is for; production when LOCAL_DOMAIN is not this machine.',
    {
      aliases: ['NODE_ENV'],
    },
  ),

  PORT: preset(integer(0, 65_535), 3000, 'TCP port of the public listener; 0 takes a free one.'),
  BIND: preset(line(255), '127.0.0.1', 'Address that the public listener binds to.'),
  ADMIN_PORT: preset(integer(0, 65_535), 9464, 'TCP port of health and metrics, on loopback; another one when taken.'),
  API_THREADS: optional(
    integer(1, 64),
    'Threads that answer requests; by the number of cores when not set. On Linux and FreeBSD; elsewhere there is one.',
    { aliases: ['WEB_CONCURRENCY'] },
  ),
  TRUSTED_PROXY_IP: preset(networks, THIS_MACHINE, 'Proxies whose X-Forwarded-For is believed.'),

  LOCAL_DOMAIN: optional(
    domain,
    'The domain in account names; should never change once there are accounts. localhost:PORT by default.',
  ),
  LOCAL_DOMAIN_CHANGE: preset(yesOrNo, false, 'For one start: moves all accounts to a LOCAL_DOMAIN that has changed.'),
  WEB_DOMAIN: optional(domain, 'The domain in links, when it differs from LOCAL_DOMAIN.'),
  LOCAL_HTTPS: optional(yesOrNo, 'Whether links begin with https; true by default except on this machine.'),

  DATA_DIR: preset(path, './data', 'Folder of everything that must be kept: database, media, secrets.'),
  DATABASE_URL: optional(
    url(['postgres', 'postgresql']),
    'An existing PostgreSQL 15 or newer, instead of the embedded one.',
    {
      secret: true,
    },
  ),
  DB_HOST: optional(
    line(255),
    'Host, or folder of the socket, of an existing PostgreSQL; DATABASE_URL says it in one line.',
  ),
  DB_PORT: preset(integer(1, 65_535), 5432, 'Its port.'),
  DB_NAME: optional(line(63), 'Its database.'),
  DB_USER: optional(line(63), 'User name there.'),
  DB_PASS: optional(secretText(1), 'Password there.', { secret: true }),
  DB_POOL: preset(integer(1, 100), 8, 'Connections to the database, for each thread that uses it.'),
  TIMELINE_CACHE: preset(
    oneOf(['shared-memory', 'redis']),
    'shared-memory',
    'Where the newest entries of home timelines are kept.',
  ),
  TIMELINE_SHARDS: preset(
    integer(1, 1024),
    16,
    'Parts of the home timelines in Redis, several for each server of a cluster. Another number begins with none.',
  ),
  FANOUT_CELEBRITY_FOLLOWERS: preset(
    integer(1, 1_000_000_000),
    100_000,
    'Accounts with more followers are merged when reading.',
  ),
  REDIS_URL: optional(
    url(['redis', 'rediss']),
    'Redis 7 or Valkey for TIMELINE_CACHE=redis; several servers of a cluster are separated by commas.',
    { secret: true },
  ),
  NATS_URL: optional(url(['nats', 'tls']), 'NATS for the events of a cluster.', { secret: true, unused: true }),

  TRENDS: preset(
    oneOf(TREND_MODES),
    'on',
    'Whether hashtags, links and posts trend: all of them, those that a moderator allowed, or none.',
  ),
  SEARCHABLE_BY_DEFAULT: preset(
    yesOrNo,
    true,
    'Whether everyone here may find the public posts of new people; everyone is asked, and their own choice counts.',
  ),
  SITE_TITLE: preset(line(100), 'Dunlin', 'Name of this server, as people see it.'),
  SITE_DESCRIPTION: preset(line(500), 'A microblog of our own.', 'One or two sentences about this server.'),
  CONTACT_EMAIL: optional(email, 'Where people reach whoever runs this server.'),
  REGISTRATIONS_MODE: optional(
    oneOf(REGISTRATION_MODES),
    'Who may sign up: everybody, after approval, nobody. By default open on this machine, else approved.',
  ),
  SINGLE_USER_MODE: preset(yesOrNo, false, 'One person lives here: nobody else can sign up.'),
  REQUIRE_PKCE: preset(
    yesOrNo,
    false,
    'Whether every app must use PKCE to sign people in. Apps that keep no secret must in any case; some older ones cannot.',
  ),
  MAX_CHARACTERS: preset(integer(1, 10_000), 500, 'Characters of a status at most, by the counting of Mastodon.'),

  LOG_LEVEL: preset(oneOf(LOG_LEVELS), 'info', 'The least serious messages that are logged.', {
    aliases: ['RAILS_LOG_LEVEL'],
  }),

  RATE_LIMITS: preset(yesOrNo, true, 'Whether requests are limited. Off is for test servers only.'),
  AUTO_CONFIRM_SIGNUPS: preset(yesOrNo, false, 'New accounts need no e-mail confirmation. For test servers only.'),
  ALLOWED_PRIVATE_ADDRESSES: preset(
    networks,
    [],
    'Private addresses and networks that may be pushed to, without TLS as well: a UnifiedPush server at home.',
  ),
  PUSH_ALLOW_LOOPBACK: preset(yesOrNo, false, 'Push to addresses of this machine. For test servers only.'),

  SECRET_KEY_BASE: optional(secretText(32), 'Signs what clients carry. Made at the first start.', { secret: true }),
  VAPID_PRIVATE_KEY: optional(base64url(32), 'Identifies this server to push services. Made at the first start.', {
    secret: true,
  }),
  VAPID_PUBLIC_KEY: optional(base64url(65), 'Belongs to VAPID_PRIVATE_KEY; worked out from it when not given.'),

  SMTP_SERVER: optional(line(255), 'Mail server.', { unused: true }),
  SMTP_PORT: preset(integer(1, 65_535), 587, 'Its port.', { unused: true }),
  SMTP_LOGIN: optional(line(255), 'User name at the mail server.', { unused: true }),
  SMTP_PASSWORD: optional(secretText(1), 'Password at the mail server.', { secret: true, unused: true }),
  SMTP_FROM_ADDRESS: optional(line(320), 'Sender of mails.', { unused: true }),
  SMTP_REPLY_TO: optional(line(320), 'Where answers to mails go.', { unused: true }),
  SMTP_DOMAIN: optional(line(255), 'Name that we give ourselves at the mail server.', { unused: true }),
  SMTP_AUTH_METHOD: optional(oneOf(['plain', 'login', 'cram_md5', 'none']), 'How we sign in there.', { unused: true }),
  SMTP_ENABLE_STARTTLS: optional(oneOf(['auto', 'always', 'never']), 'Whether the connection is upgraded to TLS.', {
    unused: true,
  }),
  SMTP_TLS: optional(yesOrNo, 'Whether the connection is TLS from its first byte.', {
    aliases: ['SMTP_SSL'],
    unused: true,
  }),

  S3_ENABLED: optional(yesOrNo, 'Keeps media in S3-compatible storage instead of on disk.', { unused: true }),
  S3_BUCKET: optional(line(255), 'The bucket.', { unused: true }),
  S3_REGION: optional(line(255), 'Its region.', { unused: true }),
  S3_ENDPOINT: optional(url(['http', 'https']), 'Address of the storage.', { unused: true }),
  S3_HOSTNAME: optional(line(255), 'Host name in links to media.', { unused: true }),
  S3_PROTOCOL: optional(oneOf(['http', 'https']), 'Protocol of links to media.', { unused: true }),
  S3_ALIAS_HOST: optional(line(255), 'Host name of a CDN in front of the bucket.', { unused: true }),
  S3_PERMISSION: optional(line(255), 'Access rule given to each file.', { unused: true }),
  AWS_ACCESS_KEY_ID: optional(line(255), 'User name at the storage.', { unused: true }),
  AWS_SECRET_ACCESS_KEY: optional(secretText(1), 'Password at the storage.', { secret: true, unused: true }),
}

type RateLimitKey = `RATE_LIMIT_${Uppercase<RateLimitName>}`

export function rateLimitKey(name: RateLimitName): RateLimitKey {
  return `RATE_LIMIT_${name.toUpperCase()}` as RateLimitKey
}

const rateLimitKeys = Object.fromEntries(
  RATE_LIMIT_NAMES.map((name) => [
    rateLimitKey(name),
    optional(rate, `How often ${name.replaceAll('_', ' ')} is allowed, as 300/5m. By default as Mastodon.`),
  ]),
) as Record<RateLimitKey, Key<ReturnType<typeof rate.parse>>>

export const KEYS = { ...plainKeys, ...rateLimitKeys }

export type KeyName = keyof typeof KEYS

/** The value of each key after the raw texts have been parsed: undefined only where there is no preset. */
export type Values = {
  [Name in KeyName]: (typeof KEYS)[Name] extends { preset: unknown } ? ParsedValue<Name> : ParsedValue<Name> | undefined
}

type ParsedValue<Name extends KeyName> = (typeof KEYS)[Name] extends Key<infer Value> ? Value : never

export const KEY_NAMES = Object.keys(KEYS) as KeyName[] // keys of a literal

export function keyNamed(name: KeyName): Key<unknown> {
  return KEYS[name]
}

/** `DATA_DIR` → `data-dir`; secrets have `secret-key-base-file` only, because a command line is not private. */
export function flagOf(name: KeyName): string {
  const flag = name.toLowerCase().replaceAll('_', '-')
  return keyNamed(name).secret === true ? `${flag}-file` : flag
}
