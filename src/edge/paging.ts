/** Id cursors in, Link headers out (reference: conventions §1). */
import { AppError } from '../kit/errors.ts'
import type { Page } from '../kit/page.ts'
import type { Params } from './params.ts'

export interface PageLimits {
  default: number
  max: number
}

/** The table of conventions §1.3. */
export const PAGE_LIMITS = {
  statuses: { default: 20, max: 40 },
  accounts: { default: 40, max: 80 },
  notifications: { default: 40, max: 80 },
  tags: { default: 100, max: 200 },
  trends: { default: 10, max: 20 },
  unread: { default: 100, max: 1000 },
} as const satisfies Record<string, PageLimits>

/** Offsets beyond this are refused: a deep offset costs as much as everything it skips. */
export const OFFSET_MAX = 10_000

const CURSORS = ['max_id', 'since_id', 'min_id'] as const

/** Clamps, never rejects: `min(abs(limit), max)`. `min_id` wins over `since_id`. */
export function readPage(params: Params, limits: PageLimits): Page {
  const minId = params.cursor('min_id')
  return {
    maxId: params.cursor('max_id'),
    sinceId: minId === undefined ? params.cursor('since_id') : undefined,
    minId,
    limit: readLimit(params, limits),
  }
}

export function readLimit(params: Params, limits: PageLimits): number {
  const digits = /^\s*[-+]?(\d+)/.exec(params.text('limit') ?? '')?.[1]
  return digits === undefined ? limits.default : Math.min(Number(digits), limits.max)
}

/** Throws `bad_request` for a negative offset or limit, as Mastodon does where it pages by offset. */
export function readOffset(params: Params): number {
  const negative = ['offset', 'limit'].some((name) => /^\s*-\d*[1-9]/.test(params.text(name) ?? ''))
  if (negative) throw new AppError('bad_request', 'Pagination values for `offset` and `limit` must be positive')
  const offset = Number(/^\s*\+?(\d+)/.exec(params.text('offset') ?? '')?.[1] ?? 0)
  if (offset > OFFSET_MAX) throw new AppError('bad_request', `The offset must be at most ${OFFSET_MAX}`)
  return offset
}

/**
 * Longer queries are nobody's page: they would come back twice in one header, which proxies and clients bound (nginx at
 * 4 KiB for all headers, Node at 16 KiB).
 */
const LINKED_QUERY_CHARACTERS_MAX = 1_000

/** Whatever could end the address or the header early; the path is escaped already as the client sent it. */
const UNSAFE_IN_LINK = /[^\w\-.~!$&'()*+;=:@/%]/g

/** Names and values that need no escaping: cursors are numbers. */
export interface Links {
  next?: Record<string, string>
  prev?: Record<string, string>
}

export interface LinkStyle {
  /** The parameter of the link to newer rows. */
  prev: 'min_id' | 'since_id'
  /** `always`: an older page is offered whenever this one has rows; `full`: only when it is full. */
  next: 'always' | 'full'
}

/** Timelines, notifications and other lists whose cursor is the entity's id. */
export const TIMELINE_LINKS: LinkStyle = { prev: 'min_id', next: 'always' }
/** Lists of people: the cursor is the id of the edge. */
export const PEOPLE_LINKS: LinkStyle = { prev: 'since_id', next: 'full' }
/** Favourites and bookmarks. */
export const MARKS_LINKS: LinkStyle = { prev: 'min_id', next: 'full' }

/** The cursors of a page, newest first; none for an empty one, or clients would follow it for ever. */
export function pageLinks(cursors: readonly bigint[], limit: number, style: LinkStyle): Links {
  const newest = cursors[0]
  const oldest = cursors.at(-1)
  if (newest === undefined || oldest === undefined) return {}
  const hasNext = style.next === 'always' || cursors.length >= limit
  return {
    ...(hasNext && { next: { max_id: oldest.toString() } }),
    prev: { [style.prev]: newest.toString() },
  }
}

/**
 * The Link header's value, next first; undefined when there is nothing to link to, or the query is too long to be sent
 * back. The other query parameters are kept, with brackets and commas escaped: clients split the header at commas.
 */
export function linkHeader(base: string, pathAndQuery: string, links: Links): string | undefined {
  return linker(base, pathAndQuery)(links)
}

/** `linkHeader` for one address and any cursors. */
export function linker(base: string, pathAndQuery: string): (links: Links) => string | undefined {
  const [path = '', query = ''] = splitOnce(pathAndQuery, '?')
  if (query.length > LINKED_QUERY_CHARACTERS_MAX) return () => undefined
  const search = new URLSearchParams(query)
  for (const name of [...CURSORS, 'offset', 'page', 'access_token']) search.delete(name)
  const kept = search.size === 0 ? '' : `${search.toString()}&`
  const address = `${base}${path.replaceAll(UNSAFE_IN_LINK, encodeURIComponent)}?${kept}`
  const href = (cursor: Record<string, string>): string => {
    const cursors = Object.entries(cursor).map(([name, value]) => `${name}=${value}`)
    return `<${address}${cursors.join('&')}>`
  }
  return (links) => {
    const parts: string[] = []
    if (links.next) parts.push(`${href(links.next)}; rel="next"`)
    if (links.prev) parts.push(`${href(links.prev)}; rel="prev"`)
    return parts.length === 0 ? undefined : parts.join(', ')
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
