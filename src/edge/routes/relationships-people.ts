/** One's own lists of people: requests, blocks, mutes, endorsements. Their cursors are the edges' ids, in Link alone. */
import type { AccountView } from '../../hydration/contract.ts'
import { AppError } from '../../kit/errors.ts'
import type { Cursored, Page } from '../../kit/page.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { UserCall } from '../call.ts'
import { PAGE_LIMITS, pageLinks, PEOPLE_LINKS, readPage } from '../paging.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'
import { relationshipWith, type RelationshipDeps } from './relationships-shown.ts'

export type PeopleRouteDeps = RelationshipDeps & { present: Presenting }

const WRITE_FOLLOWS: readonly Scope[] = ['write:follows']

export function peopleRoutes(edge: Edge, deps: PeopleRouteDeps): void {
  const { graph } = deps
  const lists: OwnList[] = [
    { name: 'follow_requests', scopes: ['read:follows'], read: (id, page) => graph.listRequests(id, page) },
    { name: 'blocks', scopes: ['read:blocks'], read: (id, page) => graph.listBlocks(id, page) },
    { name: 'endorsements', scopes: ['read:accounts'], read: (id, page) => graph.listEndorsed(id, page) },
  ]
  for (const list of lists) addList(edge, deps, list)
  muteRoutes(edge, deps)
  requestRoutes(edge, deps)
  domainBlockRoutes(edge)
}

interface OwnList {
  name: string
  scopes: readonly Scope[]
  read: (id: AccountId, page: Page) => Promise<Cursored<AccountId>[]>
}

function addList(edge: Edge, deps: PeopleRouteDeps, list: OwnList): void {
  edge.route({
    method: 'GET',
    path: `/api/v1/${list.name}`,
    auth: 'user',
    scopes: list.scopes,
    handler: async (call: UserCall) => {
      const page = readPage(call.params, PAGE_LIMITS.accounts)
      const rows = await list.read(call.viewer, page)
      linkPeople(call, rows, page)
      const views = await unsuspended(
        deps,
        rows.map(({ item }) => item),
      )
      return deps.present.accounts(views)
    },
  })
}

/** The cursors of all rows, shown or not, so that a walk goes on where nobody is shown. */
function linkPeople(call: UserCall, rows: readonly Cursored<unknown>[], page: Page): void {
  const cursors = rows.map(({ cursor }) => cursor)
  call.link(pageLinks(cursors, page.limit, PEOPLE_LINKS))
}

async function unsuspended({ hydration }: PeopleRouteDeps, ids: readonly AccountId[]): Promise<AccountView[]> {
  const views = await hydration.accounts(ids)
  return views.filter(({ account }) => !account.suspended)
}

function muteRoutes(edge: Edge, deps: PeopleRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/mutes',
    auth: 'user',
    scopes: ['read:mutes'],
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.accounts)
      const rows = await deps.graph.listMutes(call.viewer, page)
      linkPeople(call, rows, page)
      const expiry = new Map(rows.map(({ item }) => [item.id, item.expiresAtMs]))
      const views = await unsuspended(deps, [...expiry.keys()])
      return views.map((view) => deps.present.mutedAccount(view, expiry.get(view.account.id) ?? null))
    },
  })
}

function requestRoutes(edge: Edge, { graph }: PeopleRouteDeps): void {
  const decisions = {
    authorize: (viewer: AccountId, requester: AccountId) => graph.acceptRequest(viewer, requester),
    reject: (viewer: AccountId, requester: AccountId) => graph.rejectRequest(viewer, requester),
  }
  for (const [verb, decide] of Object.entries(decisions)) {
    edge.route({
      method: 'POST',
      path: `/api/v1/follow_requests/:account_id/${verb}`,
      auth: 'user',
      scopes: WRITE_FOLLOWS,
      handler: async (call) => {
        const requester = call.params.id<AccountId>('account_id')
        await decide(call.viewer, requester)
        return relationshipWith(graph, call.viewer, requester)
      },
    })
  }
}

/** There are no other servers here: none can be blocked, and unblocking one changes nothing. */
function domainBlockRoutes(edge: Edge): void {
  const path = '/api/v1/domain_blocks'
  edge.route({ method: 'GET', path, auth: 'user', scopes: ['read:blocks'], handler: () => [] })
  edge.route({
    method: 'POST',
    path,
    auth: 'user',
    scopes: ['write:blocks'],
    handler: (call) => {
      call.params.requireText('domain')
      throw new AppError('invalid', 'Validation failed: This server talks to no other, so there is no domain to block')
    },
  })
  edge.route({
    method: 'DELETE',
    path,
    auth: 'user',
    scopes: ['write:blocks'],
    handler: (call) => {
      call.params.requireText('domain')
    },
  })
}
