/** The timeline cache's contract on a Redis of its own and on a cluster of three masters and three replicas. */
import { after } from 'node:test'

import type { Cache } from '../../src/engines/cache/contract.ts'
import { openRedis } from '../../src/engines/cache/redis.ts'
import { systemSteadyClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { timelineLibrary } from '../../src/timeline-cache/redis/layout.ts'
import { openRedisTimelines } from '../../src/timeline-cache/redis/timelines.ts'
import { timelineCacheContract, type OpenTimelines } from '../contracts/timeline-cache.ts'
import { startRedis, startRedisCluster, type RedisServer } from '../world/redis.ts'

/** These tests are about what is right; a machine that has much else to do may take longer. */
const PATIENT_MS = 10_000

const library = timelineLibrary()
const steady = systemSteadyClock
const resources = new AsyncDisposableStack()
after(() => resources.disposeAsync())

/** Empty timelines over one connection; `masters` hold the keys. */
function opener(cache: Cache, masters: readonly RedisServer[]): OpenTimelines {
  return async (clock) => {
    await Promise.all(masters.map((server) => server.run('FLUSHALL')))
    return openRedisTimelines({ cache, library: library.name, clock, steady, log: silentLog })
  }
}

async function connect(url: string): Promise<Cache> {
  return resources.use(await openRedis({ url, libraries: [library], log: silentLog, steady, callMsMax: PATIENT_MS }))
}

const alone = resources.use(await startRedis())
timelineCacheContract('redis', opener(await connect(alone.url), [alone]), 20)

const cluster = resources.use(await startRedisCluster())
timelineCacheContract('redis cluster', opener(await connect(cluster.url), cluster.servers.slice(0, 3)), 8)
