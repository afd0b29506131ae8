/** Whom to follow, and the directory of those who want to be found. */
import type { Accounts } from '../../accounts/contract.ts'
import type { Discovery } from '../../discovery/contract.ts'
import type { AccountView, Hydration } from '../../hydration/contract.ts'
import { isSilencedFor } from '../../hydration/contract.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'
import { PAGE_LIMITS, readLimit, readOffset } from '../paging.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import { requireMember, type Users } from './members.ts'

export interface SuggestionRouteDeps {
  accounts: Pick<Accounts, 'discoverableIds'> & Users
  discovery: Pick<Discovery, 'dismiss' | 'suggestions'>
  graph: Pick<SocialGraph, 'relation'>
  hydration: Pick<Hydration, 'accounts'>
  present: Presenting
}

export function suggestionRoutes(edge: Edge, deps: SuggestionRouteDeps): void {
  const { discovery, present } = deps
  const versions = {
    '/api/v2/suggestions': (view: AccountView, source: string) => ({
      source: 'global',
      sources: [source],
      account: present.account(view),
    }),
    '/api/v1/suggestions': (view: AccountView) => present.account(view),
  }
  for (const [path, shown] of Object.entries(versions)) {
    edge.route({
      method: 'GET',
      path,
      auth: 'user',
      scopes: ['read:accounts'],
      handler: async ({ viewer, params }) => {
        const stretch = { limit: readLimit(params, PAGE_LIMITS.accounts), offset: readOffset(params) }
        const found = stretch.limit === 0 ? [] : await discovery.suggestions(viewer, stretch)
        return found.map(({ view, source }) => shown(view, source))
      },
    })
  }
  edge.route({
    method: 'DELETE',
    path: '/api/v1/suggestions/:account_id',
    auth: 'user',
    scopes: ['write:accounts'],
    handler: async ({ viewer, params }) => {
      const { account } = await requireMember(deps, params.id<AccountId>('account_id'))
      await discovery.dismiss(viewer, account.id)
      return {}
    },
  })
  directoryRoute(edge, deps)
}

function directoryRoute(edge: Edge, { accounts, graph, hydration, present }: SuggestionRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/directory',
    auth: 'optional',
    scopes: [],
    cache: 'public',
    handler: async ({ viewer, params }) => {
      const [limit, offset] = [readLimit(params, PAGE_LIMITS.accounts), readOffset(params)]
      // Everybody here is local, so `local` takes nobody away.
      const order = params.text('order') === 'new' ? 'new' : 'active'
      const ids = limit === 0 ? [] : await accounts.discoverableIds(order, limit, offset)
      const views = await hydration.accounts(ids)
      const shown = views.filter(
        ({ account }) =>
          viewer === undefined || account.id === viewer || !isSilencedFor(graph.relation(viewer, account.id)),
      )
      return present.accounts(shown)
    },
  })
}
