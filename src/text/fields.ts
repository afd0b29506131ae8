/**
 * Terms of the index that are no words: what Ingester and Blender agree on. Each begins with a sign that no word begins with,
 * so that the beginning of a word never stands for one of them.
 */
export const FIELD = {
  /** And the normalised hashtag. */
  tag: '#',
  /** And the id of the account mentioned. */
  mention: '@',
  /** And the id of the author, or of who boosted. */
  from: ':from:',
  /** And the id of the account replied to. */
  to: ':to:',
  /** And a host, or the end of one: `example.com` has what links to `www.example.com`. */
  url: ':url:',
  /** And the language, without its region. */
  language: ':lang:',
  /** And `media`, `image`, `video`, `audio`, `poll` or `link`. */
  has: ':has:',
  isBoost: ':boost',
} as const

const HOST_UNITS_MAX = 255
const HOST_LABELS_MAX = 8

/** One term for each end of the host that may be asked for. */
export function hostTerms(url: string): string[] {
  const labels = hostOf(url).split('.').slice(-HOST_LABELS_MAX)
  const ends = labels.map((_, index) => labels.slice(index).join('.'))
  // The last label alone, such as `com`, is nothing to ask for; a host without dots is.
  const wanted = ends.length === 1 ? ends : ends.slice(0, -1)
  return wanted.filter((host) => host !== '').map((host) => FIELD.url + host)
}

/** The host of an address, or of what somebody typed for one: lower case, as browsers send it. */
export function hostOf(address: string): string {
  const host =
    /^(?:[a-z][a-z\d+.-]*:)?(?:\/\/)?(?:[^/?#@]*@)?([^/?#:]*)/i.exec(address.slice(0, HOST_UNITS_MAX + 16))?.[1] ?? ''
  const plain = host.toLowerCase().replace(/\.$/, '')
  if (/^[\x21-\x7e]*$/.test(plain)) return plain
  return URL.parse(`http://${plain}/`)?.hostname ?? ''
}
