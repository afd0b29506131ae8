/** Filters, as clients since Mastodon 4.0 know them. */
import type { FilterChange, FilterDraft, Filters, KeywordChange } from '../../filters/contract.ts'
import { FILTER_ACTIONS, FILTER_CONTEXTS, FILTER_KEYWORDS_MAX } from '../../filters/contract.ts'
import type { Hydration } from '../../hydration/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import { presentFilter, presentFilterKeyword, presentFilterStatus } from '../../mastodon/filter.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import type { UserCall } from '../call.ts'
import type { Params } from '../params.ts'
import { invalid } from '../params.ts'
import type { Edge, Method } from '../routing.ts'

export interface FilterDeps {
  filters: Filters
  hydration: Pick<Hydration, 'status'>
  clock: Clock
}

/** Ten years: beyond that "never" is meant. */
const EXPIRES_IN_SECONDS_MAX = 10 * 366 * 86_400

export function filterRoutes(edge: Edge, deps: FilterDeps): void {
  const { filters } = deps
  read(edge, '/api/v2/filters', async ({ viewer }) => (await filters.list(viewer)).map(presentFilter))
  read(edge, '/api/v2/filters/:id', async ({ viewer, params }) =>
    presentFilter(await filters.find(viewer, params.id('id'))),
  )
  write(edge, 'POST', '/api/v2/filters', async ({ viewer, params }) =>
    presentFilter(await filters.create(viewer, readDraft(params, deps.clock))),
  )
  write(edge, ['PUT', 'PATCH'], '/api/v2/filters/:id', async ({ viewer, params }) =>
    presentFilter(await filters.change(viewer, params.id('id'), readChange(params, deps.clock))),
  )
  write(edge, 'DELETE', '/api/v2/filters/:id', async ({ viewer, params }) => {
    await filters.remove(viewer, params.id('id'))
  })
  keywordRoutes(edge, filters)
  statusRoutes(edge, deps)
}

function keywordRoutes(edge: Edge, filters: Filters): void {
  read(edge, '/api/v2/filters/:filter_id/keywords', async ({ viewer, params }) =>
    (await filters.find(viewer, params.id('filter_id'))).keywords.map(presentFilterKeyword),
  )
  write(edge, 'POST', '/api/v2/filters/:filter_id/keywords', async ({ viewer, params }) => {
    const keyword = { keyword: params.requireText('keyword'), wholeWord: params.bool('whole_word') ?? true }
    return presentFilterKeyword(await filters.addKeyword(viewer, params.id('filter_id'), keyword))
  })
  read(edge, '/api/v2/filters/keywords/:id', async ({ viewer, params }) =>
    presentFilterKeyword((await filters.findByKeyword(viewer, params.id('id'))).keyword),
  )
  write(edge, ['PUT', 'PATCH'], '/api/v2/filters/keywords/:id', async ({ viewer, params }) => {
    const keyword = params.text('keyword')
    const wholeWord = params.bool('whole_word')
    const change = { ...(keyword !== undefined && { keyword }), ...(wholeWord !== undefined && { wholeWord }) }
    return presentFilterKeyword(await filters.changeKeyword(viewer, params.id('id'), change))
  })
  write(edge, 'DELETE', '/api/v2/filters/keywords/:id', async ({ viewer, params }) => {
    await filters.removeKeyword(viewer, params.id('id'))
  })
}

function statusRoutes(edge: Edge, { filters, hydration }: FilterDeps): void {
  read(edge, '/api/v2/filters/:filter_id/statuses', async ({ viewer, params }) =>
    (await filters.find(viewer, params.id('filter_id'))).statuses.map(presentFilterStatus),
  )
  write(edge, 'POST', '/api/v2/filters/:filter_id/statuses', async ({ viewer, params }) => {
    const filterId = params.id('filter_id')
    params.requireText('status_id')
    // Whoever may not see a status does not learn here that it exists.
    const { status } = await hydration.status(params.id<StatusId>('status_id'), viewer)
    return presentFilterStatus(await filters.addStatus(viewer, filterId, status.id))
  })
  read(edge, '/api/v2/filters/statuses/:id', async ({ viewer, params }) =>
    presentFilterStatus(await filters.findByStatus(viewer, params.id('id'))),
  )
  write(edge, 'DELETE', '/api/v2/filters/statuses/:id', async ({ viewer, params }) =>
    presentFilterStatus(await filters.removeStatus(viewer, params.id('id'))),
  )
}

export function read(edge: Edge, path: string, handler: (call: UserCall) => unknown): void {
  edge.route({ method: 'GET', path, auth: 'user', scopes: ['read:filters'], handler })
}

export function write(
  edge: Edge,
  method: Method | readonly Method[],
  path: string,
  handler: (call: UserCall) => unknown,
): void {
  edge.route({ method, path, auth: 'user', scopes: ['write:filters'], handler })
}

function readDraft(params: Params, clock: Clock): FilterDraft {
  return {
    title: params.text('title') ?? '',
    contexts: readContexts(params) ?? [],
    action: params.choice('filter_action', FILTER_ACTIONS) ?? 'warn',
    expiresAtMs: readExpiry(params, clock) ?? null,
    keywords: readKeywords(params),
  }
}

function readChange(params: Params, clock: Clock): FilterChange {
  const title = params.text('title')
  const contexts = readContexts(params)
  const action = params.choice('filter_action', FILTER_ACTIONS)
  const expiresAtMs = readExpiry(params, clock)
  return {
    ...(title !== undefined && { title }),
    ...(contexts !== undefined && { contexts }),
    ...(action !== undefined && { action }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    keywords: readKeywords(params),
  }
}

export function readContexts(params: Params): FilterDraft['contexts'] | undefined {
  if (!params.has('context')) return undefined
  return params.texts('context', FILTER_CONTEXTS.length * 2).map((name) => {
    const context = FILTER_CONTEXTS.find((known) => known === name)
    if (context === undefined) {
      throw new AppError('invalid', 'Validation failed: Context None or invalid context supplied')
    }
    return context
  })
}

/** Milliseconds since 1970; null for never (a blank or zero `expires_in`); undefined when it was not sent. */
export function readExpiry(params: Params, clock: Clock): number | null | undefined {
  if (!params.has('expires_in')) return undefined
  const seconds = params.int('expires_in') ?? 0
  if (seconds < 0) throw invalid('expires_in', 'must be greater than or equal to 0')
  return seconds === 0 || seconds > EXPIRES_IN_SECONDS_MAX ? null : clock.nowMs() + seconds * 1000
}

function readKeywords(params: Params): KeywordChange[] {
  const list = params.nestedList('keywords_attributes', FILTER_KEYWORDS_MAX * 2) ?? []
  return list.map((fields) => {
    const id = fields.optionalId('id')
    const keyword = fields.text('keyword')
    const wholeWord = fields.bool('whole_word')
    return {
      ...(id !== undefined && { id }),
      ...(keyword !== undefined && { keyword }),
      ...(wholeWord !== undefined && { wholeWord }),
      ...(fields.bool('_destroy') === true && { remove: true }),
    }
  })
}
