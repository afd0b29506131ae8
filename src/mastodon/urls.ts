/** Addresses of this server as clients see them: always absolute, from the configured base, never from a Host header. */

export interface Urls {
  /** `https://example.org`, without a slash at the end. */
  readonly base: string
  /** The host as it appears after `@name@`: `example.org`, `localhost:3000`. */
  readonly domain: string
  /** `wss://example.org`. */
  readonly streaming: string
  /** The address of a stored file. */
  media(key: string): string
}

/** `mediaBase`: where files are served, when not by this server. */
export function urls(base: string, domain: string, mediaBase = `${base}/media`): Urls {
  return {
    base,
    domain,
    streaming: base.replace(/^http/, 'ws'),
    media: (key) => `${mediaBase}/${key}`,
  }
}

export function accountUrl(at: Urls, username: string): string {
  return `${at.base}/@${username}`
}

export function statusUrl(at: Urls, username: string, id: bigint): string {
  return `${at.base}/@${username}/${id}`
}

export function tagUrl(at: Urls, tag: string): string {
  return `${at.base}/tags/${encodeURIComponent(tag)}`
}
