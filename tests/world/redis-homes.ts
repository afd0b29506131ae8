/** Homes that are read and written through Redis, with what the cache said and logged meanwhile. */
import type { Cache } from '../../src/engines/cache/contract.ts'
import { CacheError } from '../../src/engines/cache/contract.ts'
import { openRedis } from '../../src/engines/cache/redis.ts'
import { systemClock, systemSteadyClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { timelineLibrary } from '../../src/timeline-cache/redis/layout.ts'
import { openRedisTimelines } from '../../src/timeline-cache/redis/timelines.ts'
import { CachedHomes } from './cached-homes.ts'
import { until } from './redis.ts'

/** A cluster replaces a master, breakers try again, and shards are looked at, each in a few seconds on a quiet machine. */
const HEALED_MS_MAX = 120_000
const WARM_POSTS = 200

export interface RedisHomes extends AsyncDisposable {
  homes: CachedHomes
  /** Events of the log, in order. */
  events: string[]
  /** Calls that failed, by their fault. */
  faults: Map<string, number>
  /** Everything delivered, every home right, and all of them from the cache. */
  healed(): Promise<void>
}

/** Opened with homes that are in the cache. */
export async function openRedisHomes(url: string): Promise<RedisHomes> {
  await using resources = new AsyncDisposableStack()
  const events: string[] = []
  const note = (fields: object) => void ('event' in fields && events.push(String(fields.event)))
  const log = { ...silentLog, info: note, warn: note }
  const library = timelineLibrary()
  const steady = systemSteadyClock
  const opened = resources.use(await openRedis({ url, libraries: [library], log, steady }))
  const faults = new Map<string, number>()
  const cache = counting(opened, faults)
  const options = { cache, library: library.name, clock: systemClock, steady, log }
  const homes = new CachedHomes(resources.use(await openRedisTimelines(options)))
  resources.defer(() => homes.stop())
  const world = { homes, events, faults, healed: () => healed(homes) }
  for (let n = 0; n < WARM_POSTS; n++) homes.post()
  await world.healed()
  const owned = resources.move()
  return { ...world, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function healed(homes: CachedHomes): Promise<void> {
  await until('every post is delivered', HEALED_MS_MAX, async () => homes.undelivered === 0)
  await until('every home is right, and in the cache', HEALED_MS_MAX, async () => {
    const { equal, cached } = await homes.compare()
    return equal && cached === homes.readers.length
  })
}

/** The same cache; its failures are counted. */
function counting(cache: Cache, faults: Map<string, number>): Cache {
  return {
    async call(call) {
      try {
        return await cache.call(call)
      } catch (error) {
        if (error instanceof CacheError) faults.set(error.fault, (faults.get(error.fault) ?? 0) + 1)
        throw error
      }
    },
    addressOf: cache.addressOf.bind(cache),
    servers: cache.servers.bind(cache),
    keys: cache.keys.bind(cache),
    [Symbol.asyncDispose]: cache[Symbol.asyncDispose].bind(cache),
  }
}
