/**
 * Requests that can be answered from memory, in front of the router: nothing is awaited, no body is read, and the headers
 * that never change were put together before. The framework's way through hooks and promises costs several times more than
 * reading a warm timeline.
 *
 * A route takes part by its `hot`. Everything that is the least unusual (no token in memory, a limit reached, a body, a
 * parameter that cannot be read, something missing in memory) falls through to the ordinary route, which then does all
 * of it anew: so this is an optimisation and decides nothing. Both give the same bytes.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'

import type { TokenIdentity } from '../accounts/contract.ts'
import type { Log } from '../kit/log.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { authorise, bearerToken, type AuthRule } from './auth.ts'
import { parseForm } from './form.ts'
import { commonHeaders, REQUEST_ID } from './headers.ts'
import { KeptPages } from './kept-pages.ts'
import { LentBuffers } from './lent-buffers.ts'
import { linker, pageLinks, readPage, type Links, type LinkStyle, type PageLimits } from './paging.ts'
import { Params } from './params.ts'
import { generalThrottles, isPaging, nearest, type RateLimiter, type Verdict } from './rate-limiter.ts'

/** A page of a person, from memory. */
export interface HotPage {
  limits: PageLimits
  links: LinkStyle
  /** Undefined when anything is not in memory. The body lies in memory that `lend` gave. */
  read(viewer: AccountId, page: Page, lend: (bytes: number) => Buffer): HotAnswer | undefined
}

export interface HotAnswer {
  body: Buffer
  cursors: readonly bigint[]
  /** For as long as it says so, another read gives the same; left out where nothing can tell. */
  isStill?: () => boolean
}

export interface HotPathDeps {
  urls: { base: string }
  log: Log
  identifyNow: (token: string) => TokenIdentity | undefined
  seen?: (account: AccountId) => void
  limiter: RateLimiter
  requestId: (request: IncomingMessage) => string
  isDraining: () => boolean
}

interface HotRoute {
  rule: AuthRule
  page: HotPage
  /** Names and values by turns. */
  headers: readonly string[]
  /** What was read out of queries before; emptied when full. */
  queries: Map<string, HotQuery | undefined>
  kept: KeptPages<HotQuery>
}

/** A query that was read before. */
interface HotQuery {
  page: Page
  paging: boolean
  link: (links: Links) => string | undefined
}

const QUERIES_MAX = 1_000
const QUERY_CHARACTERS_MAX = 200
const CONTENT_TYPE = ['content-type', 'application/json; charset=utf-8'] as const

export class HotPath {
  readonly #deps: HotPathDeps
  readonly #secure: boolean
  readonly #routes = new Map<string, HotRoute>()
  readonly #buffers = new LentBuffers()
  #answered = 0

  constructor(deps: HotPathDeps) {
    this.#deps = deps
    this.#secure = deps.urls.base.startsWith('https:')
  }

  /** Requests answered here. */
  get answered(): number {
    return this.#answered
  }

  add(path: string, rule: AuthRule, page: HotPage): void {
    const headers = commonHeaders(path, this.#secure).flat()
    this.#routes.set(path, { rule, page, headers, queries: new Map(), kept: new KeptPages() })
  }

  /** Stands before whoever answers the server's requests now. */
  standBefore(server: Server): void {
    const ordinary = server.listeners('request') as RequestListener[]
    server.removeAllListeners('request')
    server.on('request', (request, response) => {
      if (this.#answers(request, response)) return
      for (const listener of ordinary) listener.call(server, request, response)
    })
  }

  #answers(request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url = '' } = request
    if (method !== 'GET') return false
    const mark = url.indexOf('?')
    const route = this.#routes.get(mark < 0 ? url : url.slice(0, mark))
    if (route === undefined || hasBody(request) || this.#deps.isDraining()) return false
    try {
      return this.#answersRoute(route, request, response)
    } catch (error) {
      if (response.headersSent) throw error
      this.#deps.log.error({ event: 'hot_path.failed', err: error })
      return false
    }
  }

  #answersRoute(route: HotRoute, request: IncomingMessage, response: ServerResponse): boolean {
    const { identifyNow, requestId, seen } = this.#deps
    const query = this.#query(route, request.url ?? '')
    const token = bearerToken(request.headers.authorization)
    if (query === undefined || token === undefined) return false
    const identity = identifyNow(token)
    const viewer = identity === undefined ? undefined : personOf(route.rule, identity)
    if (identity === undefined || viewer === undefined) return false
    const lent: Buffer[] = []
    const lend = (bytes: number): Buffer => {
      const buffer = this.#buffers.lend(bytes)
      lent.push(buffer)
      return buffer
    }
    const kept = route.kept.find(viewer, query)
    const answer: HotAnswer | undefined = kept ?? route.page.read(viewer, query.page, lend)
    const verdict = answer === undefined ? undefined : this.#count(identity, query.paging)
    if (answer === undefined || verdict === undefined) {
      for (const buffer of lent) this.#buffers.giveBack(buffer)
      return false
    }
    seen?.(viewer)
    if (kept === undefined) route.kept.note(viewer, query, answer)
    const { body, cursors } = answer
    const link = query.link(pageLinks(cursors, query.page.limit, route.page.links))
    const headers = [REQUEST_ID, requestId(request), ...route.headers, ...limitHeaders(verdict)]
    if (link !== undefined) headers.push('link', link)
    headers.push(...CONTENT_TYPE, 'content-length', String(body.length))
    response.writeHead(200, headers)
    // When it is in the hands of the system; a connection that breaks keeps it until it is collected.
    const [buffer] = lent
    if (buffer !== undefined) response.once('finish', () => this.#buffers.giveBack(buffer))
    response.end(body)
    this.#answered += 1
    return true
  }

  /** Counts the request as the ordinary route does; undefined, and nothing counted, when a limit is passed. */
  #count(identity: TokenIdentity, paging: boolean): Verdict | undefined {
    const { limiter } = this.#deps
    let shown: Verdict | undefined
    const taken: [Verdict, string][] = []
    for (const [name, key] of generalThrottles(identity, paging, () => '')) {
      const verdict = limiter.take(name, key)
      taken.push([verdict, key])
      shown = nearest(shown, verdict)
    }
    if (taken.every(([{ allowed }]) => allowed)) return shown
    for (const [verdict, key] of taken) limiter.giveBack(verdict, key)
    return undefined
  }

  #query({ page, queries }: HotRoute, url: string): HotQuery | undefined {
    const mark = url.indexOf('?')
    const text = mark < 0 ? '' : url.slice(mark + 1)
    if (text.length > QUERY_CHARACTERS_MAX) return undefined
    if (queries.has(text)) return queries.get(text)
    const query = readQuery(this.#deps.urls.base, url, text, page.limits)
    if (queries.size >= QUERIES_MAX) queries.clear()
    queries.set(text, query)
    return query
  }
}

/** Undefined for what the ordinary route refuses. */
function readQuery(base: string, url: string, text: string, limits: PageLimits): HotQuery | undefined {
  try {
    const fields = parseForm(text)
    return { page: readPage(new Params(fields), limits), paging: isPaging(fields), link: linker(base, url) }
  } catch {
    return undefined
  }
}

/** Undefined for whom the ordinary route refuses. */
function personOf(rule: AuthRule, identity: TokenIdentity): AccountId | undefined {
  try {
    return authorise(rule, identity)?.accountId ?? undefined
  } catch {
    return undefined
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

function limitHeaders({ limit, remaining, resetText }: Verdict): string[] {
  return [
    'x-ratelimit-limit',
    String(limit),
    'x-ratelimit-remaining',
    String(remaining),
    'x-ratelimit-reset',
    resetText,
  ]
}
