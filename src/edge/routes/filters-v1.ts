/** Filters as clients before Mastodon 4.0 know them: each is one keyword of a filter, and has the keyword's id. */
import type { Filters } from '../../filters/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { presentFilterV1 } from '../../mastodon/filter.ts'
import type { Params } from '../params.ts'
import type { Edge } from '../routing.ts'
import { read, readContexts, readExpiry, write } from './filters.ts'

export interface FilterV1Deps {
  filters: Filters
  clock: Clock
}

export function filterV1Routes(edge: Edge, { filters, clock }: FilterV1Deps): void {
  read(edge, '/api/v1/filters', async ({ viewer }) => {
    const list = await filters.list(viewer)
    return list.flatMap((filter) => filter.keywords.map((keyword) => presentFilterV1(filter, keyword)))
  })
  read(edge, '/api/v1/filters/:id', async ({ viewer, params }) => {
    const { filter, keyword } = await filters.findByKeyword(viewer, params.id('id'))
    return presentFilterV1(filter, keyword)
  })
  write(edge, 'POST', '/api/v1/filters', async ({ viewer, params }) => {
    const phrase = params.requireText('phrase')
    const filter = await filters.create(viewer, {
      title: titleOf(phrase),
      contexts: readContexts(params) ?? [],
      action: actionOf(params) ?? 'warn',
      expiresAtMs: readExpiry(params, clock) ?? null,
      keywords: [{ keyword: phrase, wholeWord: params.bool('whole_word') ?? false }],
    })
    return filter.keywords.map((keyword) => presentFilterV1(filter, keyword))[0]
  })
  write(edge, ['PUT', 'PATCH'], '/api/v1/filters/:id', async ({ viewer, params }) => {
    const id = params.id('id')
    const { filter } = await filters.findByKeyword(viewer, id)
    const phrase = params.text('phrase')
    const wholeWord = params.bool('whole_word')
    const contexts = readContexts(params)
    const action = actionOf(params)
    const expiresAtMs = readExpiry(params, clock)
    const changed = await filters.change(viewer, filter.id, {
      ...(contexts !== undefined && { contexts }),
      ...(action !== undefined && { action }),
      ...(expiresAtMs !== undefined && { expiresAtMs }),
      keywords: [
        { id, ...(phrase !== undefined && { keyword: phrase }), ...(wholeWord !== undefined && { wholeWord }) },
      ],
    })
    return changed.keywords
      .filter((keyword) => keyword.id === id)
      .map((keyword) => presentFilterV1(changed, keyword))[0]
  })
  write(edge, 'DELETE', '/api/v1/filters/:id', async ({ viewer, params }) => {
    const { filter, keyword } = await filters.findByKeyword(viewer, params.id('id'))
    await filters.removeKeyword(viewer, keyword.id)
    // A filter made by such a client is this keyword alone.
    if (filter.keywords.length === 1) await filters.remove(viewer, filter.id)
  })
}

function actionOf(params: Params): 'hide' | 'warn' | undefined {
  const irreversible = params.bool('irreversible')
  return irreversible === undefined ? undefined : irreversible ? 'hide' : 'warn'
}

function titleOf(phrase: string): string {
  return Array.from(phrase).slice(0, 256).join('')
}
