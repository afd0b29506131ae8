/** Opens the timeline cache that the configuration names. */
import { openRedis } from '../engines/cache/redis.ts'
import { systemSteadyClock, type Clock } from '../kit/clock.ts'
import type { Config } from '../kit/config/config.ts'
import { AppError } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { TimelineCache } from '../timeline-cache/contract.ts'
import type { TimelineMemory } from '../timeline-cache/memory.ts'
import { timelineLibrary } from '../timeline-cache/redis/layout.ts'
import { openRedisTimelines } from '../timeline-cache/redis/timelines.ts'
import { openSharedMemoryTimelines } from '../timeline-cache/shared-memory.ts'

export type OpenTimelineCache = TimelineCache & {
  /** Where other threads read them; undefined when they are not in this process' memory. */
  memory?: TimelineMemory
}

interface TimelineCacheDeps {
  clock: Clock
  log: Log
  graph: Pick<SocialGraph, 'placeOf'>
  /** What `MergedAuthors` knows lives as long as this process, and timelines must not outlive it. */
  startsEmpty: boolean
}

export async function openTimelineCache(
  config: Config['timelines'],
  { clock, log, graph, startsEmpty }: TimelineCacheDeps,
  resources: AsyncDisposableStack,
): Promise<OpenTimelineCache> {
  if (config.cache === 'shared-memory') {
    return resources.use(openSharedMemoryTimelines({ clock, placeOf: (id) => graph.placeOf(id) }))
  }
  const { redisUrl: url, shards } = config
  if (url === undefined) throw new AppError('invalid', 'REDIS_URL is not set')
  const library = timelineLibrary()
  const steady = systemSteadyClock
  const cache = resources.use(await openRedis({ url, libraries: [library], log, steady }))
  return resources.use(
    await openRedisTimelines({ cache, library: library.name, shards, startsEmpty, clock, steady, log }),
  )
}
