/** The oracle's stories with the home timelines in Redis: tests/simulation/oracle.test.ts says what is held against what. */
import { after } from 'node:test'

import { oracleSuite } from '../simulation/oracle-suite.ts'
import { startRedis } from '../world/redis.ts'

/** Redis has so many; a story finds its own, or one that an earlier story has left. */
const DATABASES = 16

const redis = await startRedis()
after(() => redis[Symbol.asyncDispose]())

oracleSuite({
  name: 'oracle on Redis',
  seeds: 40,
  env: (n) => ({ TIMELINE_CACHE: 'redis', TIMELINE_SHARDS: '3', REDIS_URL: `${redis.url}/${n % DATABASES}` }),
})
