/**
 * Which redirect URIs an app may register. Native clients use custom schemes, some with a single slash
 * (`com.tapbots.Ivory.219:/request_token`), and `oob`, so a URI is judged by its scheme and otherwise kept byte for byte.
 */
export const OOB_REDIRECT = 'urn:ietf:wg:oauth:2.0:oob'

const REDIRECT_URI_MAX_CHARACTERS = 2_000
export const REDIRECT_URIS_MAX = 20

/** Schemes that run code or read files in the browser which follows the redirect. */
const FORBIDDEN_SCHEMES = new Set([
  'javascript',
  'data',
  'vbscript',
  'file',
  'blob',
  'about',
  'filesystem',
  'view-source',
])

const LOOPBACK_HOST = /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** What is wrong with the URI, as the rest of a sentence "Redirect URI …"; undefined when it is fine. */
export function redirectUriFault(uri: string): string | undefined {
  if (uri.length > REDIRECT_URI_MAX_CHARACTERS)
    return `is too long (maximum is ${REDIRECT_URI_MAX_CHARACTERS} characters)`
  // The URI ends up in a Location header and on the consent page: printable ASCII only, as RFC 3986 has it.
  if (/[^!-~]|["<>\\^`{|}]/.test(uri)) return 'must be an absolute URI.'
  const scheme = /^([a-z][a-z0-9+.-]*):(.+)$/i.exec(uri)?.[1]?.toLowerCase()
  if (scheme === undefined) return 'must be an absolute URI.'
  if (FORBIDDEN_SCHEMES.has(scheme)) return 'is forbidden by the server.'
  if (uri.includes('#')) return 'cannot contain a fragment.'
  return scheme === 'http' || scheme === 'https' ? webUriFault(uri) : undefined
}

function webUriFault(uri: string): string | undefined {
  if (!/^https?:\/\/[^/?]/i.test(uri) || !URL.canParse(uri)) return 'must be an absolute URI.'
  const url = new URL(uri)
  // `https://good.example@evil.example/` shows the wrong host to a person in a hurry.
  if (url.username !== '' || url.password !== '') return 'cannot contain a user name or password.'
  if (url.protocol === 'http:' && !LOOPBACK_HOST.test(url.hostname)) return 'must be an HTTPS/SSL URI.'
  return undefined
}
