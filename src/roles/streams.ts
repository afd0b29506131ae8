/** Opens the streams of this thread and puts them behind its public door. */
import { filterSource } from '../edge/filter-source.ts'
import { streamStateRoutes } from '../edge/routes/debug-streams.ts'
import type { Edge } from '../edge/routing.ts'
import type { HttpPush } from '../http-push/contract.ts'
import { openHttpPush } from '../http-push/door.ts'
import type { Site } from '../mastodon/site.ts'
import type { ThreadEngines } from './engines.ts'
import type { Serving } from './serving.ts'

export function openStreams(edge: Edge, engines: ThreadEngines, blocks: Serving, site: Site): HttpPush {
  const { bus, clock, log } = engines
  const { graph, hydration, lists, notifications, people, tagFollows } = blocks
  const push = openHttpPush({
    bus,
    clock,
    log,
    graph,
    hydration,
    lists,
    tagFollows,
    notifications,
    filters: filterSource(blocks.filters),
    site,
  })
  edge.streams(push)
  edge.server.addHook('onClose', () => push[Symbol.asyncDispose]())
  streamStateRoutes(edge, { accounts: people.accounts, streams: async () => [push.state()] })
  return push
}
