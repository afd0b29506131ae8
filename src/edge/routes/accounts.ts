/** People, as others see them: profiles, what they wrote, whom they follow. */
import type { Accounts } from '../../accounts/contract.ts'
import type { Hydration } from '../../hydration/contract.ts'
import { notFound } from '../../kit/errors.ts'
import type { Site } from '../../mastodon/site.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'
import { parseHashtag } from '../../text/entities.ts'
import type { TimelineService } from '../../timeline-service/contract.ts'
import { PAGE_LIMITS, pageLinks, readPage, TIMELINE_LINKS } from '../paging.ts'
import type { Params } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'
import { membersAmong, requireMember, type Users } from './members.ts'

/** Accounts asked for by id at once. */
const ACCOUNT_IDS_MAX = 40

export interface AccountRouteDeps {
  accounts: Pick<Accounts, 'byUsername' | 'usersByIds'> & Users
  hydration: Pick<Hydration, 'accounts'>
  graph: SocialGraph
  timelines: Pick<TimelineService, 'account'>
  present: Presenting
}

const READ_ACCOUNTS: readonly Scope[] = ['read:accounts']

export function accountRoutes(edge: Edge, deps: AccountRouteDeps): void {
  profileRoutes(edge, deps)
  statusRoutes(edge, deps)
  emptyRoutes(edge, deps)
}

function profileRoutes(edge: Edge, deps: AccountRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts',
    auth: 'optional',
    scopes: READ_ACCOUNTS,
    handler: async (call) => {
      const ids = call.params.ids<AccountId>('id', ACCOUNT_IDS_MAX)
      const [views, members] = await Promise.all([deps.hydration.accounts(ids), membersAmong(deps.accounts, ids)])
      return deps.present.accounts(views.filter(({ account }) => members.has(account.id)))
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/lookup',
    auth: 'optional',
    scopes: READ_ACCOUNTS,
    handler: async (call) => {
      const username = localUsername(call.params.text('acct') ?? '', deps.present.site)
      const account = username === undefined ? undefined : await deps.accounts.byUsername(username)
      if (account === undefined) throw notFound()
      return deps.present.account(await requireMember(deps, account.id))
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/:id',
    auth: 'optional',
    scopes: READ_ACCOUNTS,
    handler: async (call) => deps.present.account(await requireMember(deps, call.params.id<AccountId>('id'))),
  })
}

function statusRoutes(edge: Edge, deps: AccountRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/:id/statuses',
    auth: 'optional',
    scopes: ['read:statuses'],
    handler: async (call) => {
      const { viewer, params } = call
      const { account } = await requireMember(deps, params.id<AccountId>('id'))
      const page = readPage(params, PAGE_LIMITS.statuses)
      const filter = readStatusesFilter(params)
      if (account.suspended || filter === undefined) return []
      const { statuses } = await deps.timelines.account(viewer, account.id, page, filter)
      const ids = statuses.map(({ status }) => status.id)
      call.link(pageLinks(ids, page.limit, TIMELINE_LINKS))
      return deps.present.statusPage(statuses, viewer)
    },
  })
}

/** Undefined: tagged with what cannot be a tag, so nothing is. */
function readStatusesFilter(params: Params) {
  const tagged = params.text('tagged') ?? ''
  const tag = tagged === '' ? null : parseHashtag(tagged)
  if (tag === undefined) return undefined
  return {
    onlyMedia: params.bool('only_media') === true,
    excludeReplies: params.bool('exclude_replies') === true,
    excludeBoosts: params.bool('exclude_reblogs') === true,
    pinned: params.bool('pinned') === true,
    tagged: tag,
  }
}

/** What this server does not offer, said in the way that clients understand. */
function emptyRoutes(edge: Edge, deps: AccountRouteDeps): void {
  const emptyList = async (call: { params: Params }) => {
    await requireMember(deps, call.params.id<AccountId>('id'))
    return []
  }
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/:id/featured_tags',
    auth: 'optional',
    scopes: [],
    handler: emptyList,
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/:id/identity_proofs',
    auth: 'user',
    scopes: [],
    handler: emptyList,
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/featured_tags',
    auth: 'user',
    scopes: READ_ACCOUNTS,
    handler: () => [],
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/featured_tags/suggestions',
    auth: 'user',
    scopes: READ_ACCOUNTS,
    handler: () => [],
  })
}

/** `name`, `@name` or `name@our.domain`; undefined for people of other servers. */
function localUsername(acct: string, site: Site): string | undefined {
  const [name = '', domain, ...rest] = acct.trim().replace(/^@/, '').split('@')
  const isLocal = domain === undefined || domain.toLowerCase() === site.urls.domain.toLowerCase()
  return name !== '' && isLocal && rest.length === 0 ? name : undefined
}
