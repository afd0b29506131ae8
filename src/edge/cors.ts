/** Which answers pages of other origins may read: bearer-token API and public documents, never with credentials. */

interface CorsRule {
  path: RegExp
  methods: string
}

const RULES: readonly CorsRule[] = [
  { path: /^\/api\//, methods: 'GET, POST, PUT, PATCH, DELETE, OPTIONS' },
  { path: /^\/oauth\/(token|revoke)\/?$/, methods: 'POST' },
  { path: /^\/oauth\/userinfo\/?$/, methods: 'GET, POST' },
  { path: /^\/((\.well-known|nodeinfo|media|avatars|headers)\/|(thumbnail|icon)\.png$)/, methods: 'GET' },
  { path: /^\/(@|users\/)[^/]+\/?$/, methods: 'GET' },
]

export const EXPOSED_HEADERS =
  'Link, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, Mastodon-Async-Refresh'
const PREFLIGHT_SECONDS = 7200
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]{1,1000}$/

/** Methods that other origins may use on a path; undefined: none. */
export function corsMethods(path: string): string | undefined {
  return RULES.find((rule) => rule.path.test(path))?.methods
}

/** Headers of the answer to a preflight; undefined where CORS does not apply. */
export function preflightHeaders(
  path: string,
  requestedHeaders: string | undefined,
): Record<string, string> | undefined {
  const methods = corsMethods(path)
  if (methods === undefined) return undefined
  const asked = requestedHeaders !== undefined && HEADER_NAMES.test(requestedHeaders) ? requestedHeaders : undefined
  return {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': methods,
    'access-control-expose-headers': EXPOSED_HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    ...(asked !== undefined && { 'access-control-allow-headers': asked }),
  }
}
