/** The configuration as the rest of the program sees it: typed, grouped, complete. Made from `Values` in one place. */
import { isIPv4 } from 'node:net'
import { resolve as resolvePath } from 'node:path'

import { RATE_LIMIT_NAMES, rateLimitKey, type ENVIRONMENTS, type LOG_LEVELS, type RateLimitName } from './keys.ts'
import type { REGISTRATION_MODES, TREND_MODES, Values } from './keys.ts'
import type { RateFigure } from './value-types.ts'

export interface Config {
  readonly environment: (typeof ENVIRONMENTS)[number]
  /** True when people may depend on this server: then switches for tests are refused. */
  readonly production: boolean
  readonly http: {
    readonly port: number
    readonly bind: string
    readonly adminPort: number
    /** Undefined: by the machine's cores. */
    readonly apiThreads: number | undefined
    /** Addresses and networks whose X-Forwarded-For is believed. */
    readonly trustedProxies: readonly string[]
  }
  /** The domain in account names, with its port if any. */
  readonly localDomain: string
  /** The accounts that exist move to `localDomain` if they had another one. */
  readonly localDomainChange: boolean
  /** The domain in links. */
  readonly webDomain: string
  /** Where every link begins, without a slash at its end. */
  readonly baseUrl: string
  /** Absolute. */
  readonly dataDir: string
  readonly database: {
    /** Of an existing PostgreSQL; undefined means the embedded one. */
    readonly url: string | undefined
    readonly poolSize: number
  }
  readonly timelines: {
    readonly cache: 'shared-memory' | 'redis'
    /** Of Redis, when it is the cache. */
    readonly redisUrl: string | undefined
    /** Parts of the timelines in Redis. */
    readonly shards: number
    /** Accounts with more followers are not fanned out. */
    readonly celebrityFollowers: number
  }
  readonly site: {
    readonly title: string
    readonly description: string
    readonly contactEmail: string | undefined
  }
  readonly registrations: {
    readonly mode: (typeof REGISTRATION_MODES)[number]
    readonly singleUser: boolean
    readonly autoConfirm: boolean
  }
  /** Also of apps that have a secret. */
  readonly requirePkce: boolean
  readonly maxCharacters: number
  readonly trends: (typeof TREND_MODES)[number]
  /** What is proposed to whoever signs up. */
  readonly searchableByDefault: boolean
  readonly logLevel: (typeof LOG_LEVELS)[number]
  readonly rateLimits: {
    readonly enforced: boolean
    /** Figures that differ from Mastodon's. */
    readonly changed: Partial<Record<RateLimitName, RateFigure>>
  }
  readonly push: { readonly allowLoopback: boolean; readonly allowedPrivateAddresses: readonly string[] }
  readonly secrets: Secrets
}

export interface Secrets {
  readonly keyBase: string
  readonly vapid: { readonly publicKey: string; readonly privateKey: string }
}

/** `values` without problems → the configuration. Relative paths count from `cwd`. */
export function buildConfig(values: Values, secrets: Secrets, cwd: string): Config {
  const localDomain = localDomainOf(values, values.PORT)
  const webDomain = values.WEB_DOMAIN ?? localDomain
  const production = isProduction(values)
  return {
    environment: values.DUNLIN_ENV ?? (production ? 'production' : 'development'),
    production,
    http: {
      port: values.PORT,
      bind: values.BIND,
      adminPort: values.ADMIN_PORT,
      apiThreads: values.API_THREADS,
      trustedProxies: values.TRUSTED_PROXY_IP,
    },
    localDomain,
    localDomainChange: values.LOCAL_DOMAIN_CHANGE,
    webDomain,
    baseUrl: `${(values.LOCAL_HTTPS ?? !isThisMachine(webDomain)) ? 'https' : 'http'}://${webDomain}`,
    dataDir: resolvePath(cwd, values.DATA_DIR),
    database: { url: databaseUrl(values), poolSize: values.DB_POOL },
    timelines: {
      cache: values.TIMELINE_CACHE,
      redisUrl: values.REDIS_URL,
      shards: values.TIMELINE_SHARDS,
      celebrityFollowers: values.FANOUT_CELEBRITY_FOLLOWERS,
    },
    site: { title: values.SITE_TITLE, description: values.SITE_DESCRIPTION, contactEmail: values.CONTACT_EMAIL },
    registrations: {
      mode: values.REGISTRATIONS_MODE ?? (production ? 'approved' : 'open'),
      singleUser: values.SINGLE_USER_MODE,
      autoConfirm: values.AUTO_CONFIRM_SIGNUPS,
    },
    requirePkce: values.REQUIRE_PKCE,
    maxCharacters: values.MAX_CHARACTERS,
    trends: values.TRENDS,
    searchableByDefault: values.SEARCHABLE_BY_DEFAULT,
    logLevel: values.LOG_LEVEL,
    rateLimits: { enforced: values.RATE_LIMITS, changed: changedFigures(values) },
    push: {
      allowLoopback: values.PUSH_ALLOW_LOOPBACK,
      allowedPrivateAddresses: values.ALLOWED_PRIVATE_ADDRESSES,
    },
    secrets,
  }
}

/**
 * The configuration once the public listener has its port: with PORT=0 nobody knew it before, and without LOCAL_DOMAIN
 * it is part of every link.
 */
export function listeningOn(config: Config, port: number): Config {
  const guessed = localDomainFor(config.http.port)
  const actual = localDomainFor(port)
  const domain = (name: string): string => (name === guessed ? actual : name)
  return {
    ...config,
    http: { ...config.http, port },
    localDomain: domain(config.localDomain),
    webDomain: domain(config.webDomain),
    baseUrl: config.baseUrl.replace(/\/\/.*$/, `//${domain(config.webDomain)}`),
  }
}

/** What cannot be together, in sentences. */
export function contradictions(values: Values): string[] {
  const problems: string[] = []
  const forTests = ['AUTO_CONFIRM_SIGNUPS', 'PUSH_ALLOW_LOOPBACK'] as const
  if (isProduction(values)) {
    const because = `this is a production server (LOCAL_DOMAIN is ${localDomainOf(values, values.PORT)}, DUNLIN_ENV is ${values.DUNLIN_ENV ?? 'not set'})`
    if (!values.RATE_LIMITS) problems.push(`RATE_LIMITS=off is for test servers, and ${because}.`)
    for (const name of forTests) if (values[name]) problems.push(`${name} is for test servers, and ${because}.`)
  }
  const usesParts = values.DB_HOST !== undefined || values.DB_NAME !== undefined
  if (usesParts && values.DATABASE_URL !== undefined) {
    problems.push('DATABASE_URL and DB_HOST or DB_NAME are both set: keep one of them.')
  }
  if (values.TIMELINE_CACHE === 'redis' && values.REDIS_URL === undefined) {
    problems.push('TIMELINE_CACHE=redis needs REDIS_URL, as redis://localhost:6379.')
  }
  return problems
}

export function isProduction(values: Values): boolean {
  return values.DUNLIN_ENV === 'production' || !isThisMachine(localDomainOf(values, values.PORT))
}

function localDomainOf(values: Values, port: number): string {
  return values.LOCAL_DOMAIN ?? localDomainFor(port)
}

function localDomainFor(port: number): string {
  return port === 80 ? 'localhost' : `localhost:${port}`
}

/** Whether a domain (with or without a port) names the machine itself, so that nobody elsewhere can use it. */
export function isThisMachine(domain: string): boolean {
  const host = domain.replace(/:\d+$/, '')
  return (
    host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
  )
}

/** Mastodon's five variables in one line, with its defaults. */
function databaseUrl(values: Values): string | undefined {
  const {
    DATABASE_URL: given,
    DB_HOST: host,
    DB_NAME: name = 'mastodon_production',
    DB_USER: user = 'mastodon',
  } = values
  if (given !== undefined || (host === undefined && values.DB_NAME === undefined)) return given
  const url = new URL(`postgres://localhost:${values.DB_PORT}/${encodeURIComponent(name)}`)
  url.username = encodeURIComponent(user)
  if (values.DB_PASS !== undefined) url.password = encodeURIComponent(values.DB_PASS)
  if (host?.startsWith('/') === true) url.searchParams.set('host', host)
  else if (host !== undefined) url.hostname = host
  return url.href
}

function changedFigures(values: Values): Partial<Record<RateLimitName, RateFigure>> {
  const changed = new Map<RateLimitName, RateFigure>()
  for (const name of RATE_LIMIT_NAMES) {
    const figure = values[rateLimitKey(name)]
    if (figure !== undefined) changed.set(name, figure)
  }
  return Object.fromEntries(changed)
}
