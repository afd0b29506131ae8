/** What an api thread has: stores, the blocks that answer, and the door. Add a block to `openServing`, a door to `openEdge`. */
import { openOutbox } from '../../engines/outbox/postgres.ts'
import type { Config } from '../../kit/config/config.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import { openEdge, type PublicDoor, type Site } from '../doors.ts'
import type { ThreadEngines } from '../engines.ts'
import { openServing } from '../serving.ts'
import type { SharedState } from '../shared-state.ts'
import { openStores } from '../stores.ts'
import { openTimelineCache } from '../timeline-cache.ts'
import type { DeskClient } from './desk-client.ts'
import type { SiblingLinks } from './sibling-links.ts'

export interface ApiSideDeps {
  config: Config
  engines: Omit<ThreadEngines, 'bus' | 'outbox' | 'siblings' | 'shared'>
  links: SiblingLinks
  desk: DeskClient
  shared: SharedState
  site: Site
}

export interface ApiSide {
  /** It does not listen yet. */
  edge: PublicDoor
  /** Requests taken so far. */
  requests: () => number
}

export async function openApiSide(deps: ApiSideDeps, resources: AsyncDisposableStack): Promise<ApiSide> {
  const { config, links, desk, shared, site } = deps
  const { clock, log, database } = deps.engines
  const rows = openOutbox({ db: database, clock })
  const outbox: ThreadEngines['outbox'] = {
    append: (tx, messages) => rows.append(tx, messages),
    wake: () => desk.wake(),
  }
  const engines: ThreadEngines = { ...deps.engines, outbox, bus: desk.bus, siblings: links, shared }
  const stores = await openStores(config, engines, resources, false)
  const timelineCache =
    config.timelines.cache === 'shared-memory'
      ? desk.timelines
      : await openTimelineCache(config.timelines, { clock, log, graph: stores.graph, startsEmpty: false }, resources)
  const lives = { find: (id: StatusId) => desk.call('findLife', [id]) }
  const background = { timelineCache, earlybird: desk.index.reader, lives }
  const serving = openServing({ config, engines, stores, background }, resources)
  const edge = resources.use(await openEdge(config, engines, serving, site))
  let requests = 0
  const { server } = edge.server
  // First of all that hear of a request: it must see what any other thread has answered before it was sent.
  for (const event of ['request', 'upgrade'] as const) {
    if (server.listenerCount(event) === 0) continue
    server.prependListener(event, () => {
      requests += 1
      links.catchUp()
    })
  }
  return { edge, requests: () => requests }
}
