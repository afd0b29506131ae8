/** Names that are not ours: what Mastodon has and we do not need, what other programs mean, and what was only misspelt. */
import { KEY_NAMES, keyNamed } from './keys.ts'

/** Mastodon's, without a meaning here: reported once and left alone, so that its file can be used as it is. */
const MASTODON_ONLY = [
  /^(OTP_SECRET|ACTIVE_RECORD_ENCRYPTION_\w+)$/,
  /^(RAILS_ENV|RAILS_SERVE_STATIC_FILES|RAILS_MAX_THREADS|BOOTSNAP_\w+|MALLOC_ARENA_MAX|LD_PRELOAD)$/,
  /^(MAX_THREADS|MIN_THREADS|PERSISTENT_TIMEOUT|SIDEKIQ_\w+|PREPARED_STATEMENTS|SOCKET|RACK_\w+)$/,
  /^(STREAMING_\w+|CDN_HOST|ALTERNATE_DOMAINS|PAPERCLIP_\w+|CACHE_BUSTER_\w+)$/,
  /^(REDIS_(HOST|PORT|USER|PASSWORD|NAMESPACE|DRIVER|SENTINEL\w*)|CACHE_REDIS_\w+|ALT_REDIS_\w+)$/,
  /^(DB_SSLMODE|DB_SSL_\w+|REPLICA_\w+|ES_\w+)$/,
  /^SMTP_(DELIVERY_METHOD|ENABLE_STARTTLS_AUTO|OPENSSL_VERIFY_MODE|CA_FILE|RETURN_PATH|BULK_\w+|\w+_TIMEOUT)$/,
  /^S3_(\w+_TIMEOUT|SIGNATURE_VERSION|OVERRIDE_PATH_STYLE|MULTIPART_THRESHOLD|FORCE_SINGLE_REQUEST|DISABLE_\w+|RETRY_LIMIT)$/,
  /^S3_(STORAGE_CLASS|BATCH_\w+|ENABLE_\w+|KEY_PREFIX)$/,
  /^(SWIFT|AZURE|GOOGLE_CLOUD|LDAP|PAM|CAS|SAML|OIDC|OAUTH|OMNIAUTH|HCAPTCHA|STATSD|OTEL|MASTODON|FETCH_REPLIES)_\w+$/,
  /^(ONE_CLICK_SSO_LOGIN|SSO_\w+|DEEPL_\w+|LIBRE_TRANSLATE_\w+|GITHUB_REPOSITORY|SOURCE_BASE_URL|SOURCE_TAG)$/,
  /^(AUTHORIZED_FETCH|LIMITED_FEDERATION_MODE|WHITELIST_MODE|DISALLOW_UNAUTHENTICATED_API_ACCESS)$/,
  /^(IP_RETENTION_PERIOD|SESSION_RETENTION_PERIOD|USER_ACTIVE_DAYS|MAX_SESSION_ACTIVATIONS|MAX_POLL_\w+)$/,
  /^(DEFAULT_LOCALE|FORCE_DEFAULT_LOCALE|EMAIL_DOMAIN_\w+|EXTRA_\w+|DISABLE_\w+|BACKTRACE|NO_COLOR|http_proxy|https_proxy)$/,
]

/** Prefixes under which a name in the environment is meant for us. */
const OUR_PREFIXES = /^(DUNLIN_|RATE_LIMIT_|SMTP_|S3_|VAPID_|FANOUT_)/
/** Kubernetes writes these for a service called "dunlin". */
const KUBERNETES = /^DUNLIN_(SERVICE_|PORT(_|$))/
/** Often set, spelt nearly as one of ours, and something else. */
const OTHERS_IN_ENVIRONMENT = new Set([
  'HOST',
  'SORT',
  'POST',
  'PORTS',
  'FIND',
  'MIND',
  'KIND',
  'DATABASE_URI',
  'NODE_ENV',
])
/** The variables that our own start reads. */
const OURS_BESIDES = new Set(['DUNLIN_CONFIG', 'FAIL_AT'])

const DISTANCE_MAX = 2
/** Short names have too many neighbours for two mistakes. */
const SHORT_CHARACTERS = 5

export function isMastodonOnly(name: string): boolean {
  return MASTODON_ONLY.some((pattern) => pattern.test(name))
}

/** Whether an unknown name in the environment looks like a mistake rather than like another program's variable. */
export function isMeantForUs(name: string): boolean {
  if (OURS_BESIDES.has(name) || OTHERS_IN_ENVIRONMENT.has(name) || KUBERNETES.test(name)) return false
  return OUR_PREFIXES.test(name) || nearestKey(name) !== undefined
}

/** The key that was probably meant by `name`, if any is near enough. */
export function nearestKey(name: string): string | undefined {
  return nearest(name, KEY_NAMES.flatMap(namesOf))
}

export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ candidate, distance }) => distance <= distanceAllowed(Math.min(name.length, candidate.length)))
    .toSorted((a, b) => a.distance - b.distance)
  return best?.candidate
}

function distanceAllowed(characters: number): number {
  return characters <= SHORT_CHARACTERS ? 1 : DISTANCE_MAX
}

function namesOf(name: (typeof KEY_NAMES)[number]): string[] {
  const { secret, aliases = [] } = keyNamed(name)
  return secret === true ? [name, `${name}_FILE`, ...aliases] : [name, ...aliases]
}

/** Damerau's distance with adjacent swaps (optimal string alignment): how many slips of a finger lie between two words. */
export function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > DISTANCE_MAX) return Infinity
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwap) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? Infinity
}
