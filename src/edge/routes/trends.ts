/** What many people talk about now: hashtags, links and statuses, paged by offset. */
import type { Discovery, Stretch } from '../../discovery/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { presentTrendingLink } from '../../mastodon/trending-link.ts'
import type { TagFollows } from '../../tag-follows/contract.ts'
import type { Call } from '../call.ts'
import { PAGE_LIMITS, readLimit, readOffset, type PageLimits } from '../paging.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import { presentTags } from './tag-entities.ts'

export interface TrendRouteDeps {
  discovery: Discovery
  tagFollows: Pick<TagFollows, 'followedBy'>
  present: Presenting
  clock: Clock
}

type List = (call: Call, stretch: Stretch) => Promise<readonly unknown[]>

export function trendRoutes(edge: Edge, deps: TrendRouteDeps): void {
  const { discovery, present, clock } = deps
  const tags: List = async (call, stretch) => {
    const trends = await discovery.trends('tag', stretch)
    const names = trends.map(({ subject }) => subject)
    return presentTags(deps, names, call.viewer)
  }
  // The first name is the old one.
  listRoute(edge, '/api/v1/trends', PAGE_LIMITS.trends, tags)
  listRoute(edge, '/api/v1/trends/tags', PAGE_LIMITS.trends, tags)
  listRoute(edge, '/api/v1/trends/links', PAGE_LIMITS.trends, async (_call, stretch) => {
    const trends = await discovery.trends('link', stretch)
    return trends.map(({ subject, days }) => presentTrendingLink(subject, days, clock.nowMs()))
  })
  listRoute(edge, '/api/v1/trends/statuses', PAGE_LIMITS.statuses, async (call, stretch) => {
    const views = await discovery.trendingStatuses(call.viewer, stretch)
    return present.statuses(views, call.viewer)
  })
}

function listRoute(edge: Edge, path: string, limits: PageLimits, list: List): void {
  edge.route({
    method: 'GET',
    path,
    auth: 'optional',
    scopes: [],
    cache: 'public',
    handler: async (call) => {
      const stretch = { limit: readLimit(call.params, limits), offset: readOffset(call.params) }
      const items = stretch.limit === 0 ? [] : await list(call, stretch)
      const { limit, offset } = stretch
      call.link({
        ...(limit > 0 && items.length === limit && { next: { offset: String(offset + limit) } }),
        ...(offset > 0 && { prev: { offset: String(Math.max(0, offset - limit)) } }),
      })
      return items
    },
  })
}
