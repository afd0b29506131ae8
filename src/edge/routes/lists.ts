/** Lists, their members, and their timelines. */
import type { Hydration } from '../../hydration/contract.ts'
import { AppError, notFound } from '../../kit/errors.ts'
import { LIST_MEMBERS_MAX, REPLIES_POLICIES, type ListId, type Lists } from '../../lists/contract.ts'
import { presentList } from '../../mastodon/list.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'
import type { TimelineService } from '../../timeline-service/contract.ts'
import type { UserCall } from '../call.ts'
import { PAGE_LIMITS, pageLinks, PEOPLE_LINKS, readPage, TIMELINE_LINKS } from '../paging.ts'
import { invalid } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'
import { requireMember, type Users } from './members.ts'

/** Accounts of one request. */
const ACCOUNTS_MAX = 100

const READ: readonly Scope[] = ['read:lists']
const WRITE: readonly Scope[] = ['write:lists']

export interface ListRouteDeps {
  lists: Lists
  accounts: Users
  graph: Pick<SocialGraph, 'relation'>
  hydration: Pick<Hydration, 'accounts'>
  timelines: Pick<TimelineService, 'list'>
  present: Presenting
}

const listId = (call: UserCall) => call.params.id<ListId>('id')

export function listRoutes(edge: Edge, deps: ListRouteDeps): void {
  crudRoutes(edge, deps)
  memberRoutes(edge, deps)
  edge.route({
    method: 'GET',
    path: '/api/v1/timelines/list/:list_id',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const view = await deps.lists.view(call.viewer, call.params.id<ListId>('list_id'))
      const page = readPage(call.params, PAGE_LIMITS.statuses)
      const { statuses } = await deps.timelines.list(view, page)
      const ids = statuses.map(({ status }) => status.id)
      call.link(pageLinks(ids, page.limit, TIMELINE_LINKS))
      return deps.present.statusPage(statuses, call.viewer)
    },
  })
}

function crudRoutes(edge: Edge, { lists }: ListRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/lists',
    auth: 'user',
    scopes: READ,
    handler: async (call) => (await lists.of(call.viewer)).map(presentList),
  })
  edge.route({
    method: 'POST',
    path: '/api/v1/lists',
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => {
      const { title = '', repliesPolicy = 'list', exclusive = false } = readDraft(call)
      return presentList(await lists.create(call.viewer, { title, repliesPolicy, exclusive }))
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/lists/:id',
    auth: 'user',
    scopes: READ,
    handler: async (call) => presentList(await lists.find(call.viewer, listId(call))),
  })
  edge.route({
    method: ['PUT', 'PATCH'],
    path: '/api/v1/lists/:id',
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => presentList(await lists.change(call.viewer, listId(call), readDraft(call))),
  })
  edge.route({
    method: 'DELETE',
    path: '/api/v1/lists/:id',
    auth: 'user',
    scopes: WRITE,
    handler: (call) => lists.remove(call.viewer, listId(call)),
  })
}

/** What was sent, and only that. */
function readDraft({ params }: UserCall) {
  const title = params.text('title')
  const repliesPolicy = params.choice('replies_policy', REPLIES_POLICIES)
  const exclusive = params.bool('exclusive')
  return {
    ...(title !== undefined && { title }),
    ...(repliesPolicy !== undefined && { repliesPolicy }),
    ...(exclusive !== undefined && { exclusive }),
  }
}

function memberRoutes(edge: Edge, deps: ListRouteDeps): void {
  const { lists, hydration, present } = deps
  const path = '/api/v1/lists/:id/accounts'
  edge.route({
    method: 'GET',
    path,
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const asked = readPage(call.params, PAGE_LIMITS.accounts)
      // As Mastodon: no limit at all is the limit 0.
      const whole = asked.limit === 0
      const page = whole ? { limit: LIST_MEMBERS_MAX } : asked
      const members = await lists.members(call.viewer, listId(call), page)
      const cursors = members.map(({ cursor }) => cursor)
      if (!whole) call.link(pageLinks(cursors, page.limit, PEOPLE_LINKS))
      return present.accounts(await hydration.accounts(members.map(({ item }) => item)))
    },
  })
  edge.route({
    method: 'POST',
    path,
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => {
      await lists.find(call.viewer, listId(call))
      const ids = readMembers(call)
      if (!ids.every((id) => mayBeMember(deps, call.viewer, id))) throw notFound()
      await lists.add(call.viewer, listId(call), ids)
    },
  })
  edge.route({
    method: 'DELETE',
    path,
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => {
      await lists.find(call.viewer, listId(call))
      await lists.removeMembers(call.viewer, listId(call), readMembers(call))
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/:id/lists',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const { account } = await requireMember(deps, call.params.id<AccountId>('id'))
      return (await lists.containing(call.viewer, account.id)).map(presentList)
    },
  })
}

function readMembers({ params }: UserCall): AccountId[] {
  if (params.texts('account_ids', ACCOUNTS_MAX).length === 0) throw invalid('account_ids', "can't be blank")
  const ids = params.ids<AccountId>('account_ids', ACCOUNTS_MAX)
  if (ids.length === 0) throw new AppError('not_found', 'Record not found')
  return ids
}

/** As Mastodon: oneself, and people whom one follows or has asked to. */
function mayBeMember({ graph }: ListRouteDeps, viewer: AccountId, id: AccountId): boolean {
  if (id === viewer) return true
  const { following, requested } = graph.relation(viewer, id)
  return following || requested
}
