/** All blocks in one thread: for tests, and for programs that write a world before a server starts. */
import type { Earlybird } from '../earlybird/open.ts'
import { recentLives } from '../fanout/lives.ts'
import type { Config } from '../kit/config/config.ts'
import type { Relay } from '../relay/contract.ts'
import type { StatusId } from '../snowflake/contract.ts'
import { startBackground } from './background.ts'
import type { Engines } from './engines.ts'
import { openSearchIndex } from './search-index.ts'
import { openServing, type Serving } from './serving.ts'
import { openStores } from './stores.ts'
import { openTimelineCache, type OpenTimelineCache } from './timeline-cache.ts'

export interface Blocks extends Serving {
  timelineCache: OpenTimelineCache
  relay: Relay
  searchIndex: Earlybird
}

/** `startsEmpty` false: timelines outside of this process' memory are still true. */
export async function openBlocks(
  config: Config,
  engines: Engines,
  resources: AsyncDisposableStack,
  startsEmpty = true,
): Promise<Blocks> {
  const { clock, log } = engines
  const stores = await openStores(config, engines, resources)
  const cache = await openTimelineCache(config.timelines, { clock, log, graph: stores.graph, startsEmpty }, resources)
  const search = await openSearchIndex(config, engines, stores, resources)
  const lives = recentLives()
  const background = {
    timelineCache: cache,
    lives: { find: async (id: StatusId) => lives.find(id) },
    earlybird: search.index.reader,
  }
  const serving = openServing({ config, engines, stores, background }, resources)
  return {
    ...serving,
    timelineCache: cache,
    searchIndex: search.index,
    relay: startBackground({ config, engines, stores, cache, lives, search }, resources),
  }
}
