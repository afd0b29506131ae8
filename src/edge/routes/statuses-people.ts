/** Who has favourited a status, and who has boosted it. */
import type { Cursored, Page } from '../../kit/page.ts'
import type { AccountId, StatusId } from '../../snowflake/contract.ts'
import { PAGE_LIMITS, readPage } from '../paging.ts'
import type { Edge } from '../routing.ts'
import { shownPeople } from './accounts-people.ts'
import { properView, type StatusRouteDeps } from './statuses-view.ts'

export function statusPeopleRoutes(edge: Edge, deps: StatusRouteDeps): void {
  peopleRoute(edge, deps, 'favourited_by', (id, page) => deps.statuses.favouritedBy(id, page))
  peopleRoute(edge, deps, 'reblogged_by', (id, page) => deps.statuses.boostedBy(id, page, { openly: true }))
}

function peopleRoute(
  edge: Edge,
  deps: StatusRouteDeps,
  name: string,
  list: (id: StatusId, page: Page) => Promise<Cursored<AccountId>[]>,
): void {
  edge.route({
    method: 'GET',
    path: `/api/v1/statuses/:id/${name}`,
    auth: 'optional',
    scopes: ['read:accounts'],
    handler: async (call) => {
      const { params, viewer } = call
      const { status } = await properView(deps, params.id<StatusId>('id'), viewer)
      // As Mastodon: here even the author does not meet people whom they block.
      const walk = { viewer, owner: undefined, read: (page: Page) => list(status.id, page) }
      const { links, views } = await shownPeople(deps, walk, readPage(params, PAGE_LIMITS.accounts))
      call.link(links)
      return deps.present.accounts(views)
    },
  })
}
