/** A Redis alone that is flushed, hung, full, killed: homes are read all the time, and heal by themselves (F10, F14, F15). */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openRedis } from '../../src/engines/cache/redis.ts'
import { systemClock, systemSteadyClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { timelineLibrary } from '../../src/timeline-cache/redis/layout.ts'
import { openRedisTimelines } from '../../src/timeline-cache/redis/timelines.ts'
import { openRedisHomes, type RedisHomes } from '../world/redis-homes.ts'
import { startRedis, until, type RedisServer, type RedisSettings } from '../world/redis.ts'

const MS_MAX = 120_000
/** So many reads after a fault are enough to see what becomes of them. */
const READS = 100
/** Few enough that timelines do not fit, and enough for Redis itself. */
const LITTLE_MEMORY = '2500kb'
/** Three to close the breaker, those under way by then, and a trial now and then: whatever the machine's pace. */
const LATE_CALLS_MAX = 50

interface World extends RedisHomes {
  server: RedisServer
}

async function openWorld(settings: RedisSettings = {}): Promise<World> {
  await using resources = new AsyncDisposableStack()
  const server = resources.use(await startRedis(settings))
  const homes = resources.use(await openRedisHomes(server.url))
  const owned = resources.move()
  return { ...homes, server, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Homes go on being read: so many times more. */
async function read(life: { reads: readonly unknown[] }, times: number): Promise<void> {
  const before = life.reads.length
  await until('homes go on being read', MS_MAX, async () => life.reads.length >= before + times)
}

test('F10: everything flushed in the middle of posts and reads: missing, never empty', async () => {
  await using world = await openWorld()
  {
    await using life = world.homes.live(true)
    for (let round = 0; round < 5; round++) {
      await read(life, READS / 5)
      await world.server.run('FLUSHALL')
    }
    await read(life, READS)
  }
  await world.healed()
})

test('functions that a server has forgotten are loaded again, and nobody notices', async () => {
  await using world = await openWorld()
  {
    await using life = world.homes.live(true)
    await read(life, 10)
    await world.server.run('FUNCTION', 'FLUSH')
    await read(life, READS)
  }
  await world.healed()
  assert.ok(!world.events.includes('timelines.shard_began_anew'), 'nothing was built anew')
})

test('F15: a server that hangs is given up after its deadline, then shed; when it wakes, nothing is lost', async () => {
  await using world = await openWorld()
  const count = (fault: string) => world.faults.get(fault) ?? 0
  {
    await using life = world.homes.live(true, 2)
    await read(life, 10)
    const lateBefore = count('late')
    world.server.hang()
    await until('calls are shed', MS_MAX, async () => count('shed') >= READS)
    await read(life, READS)
    const late = count('late') - lateBefore
    assert.ok(late > 0 && late <= LATE_CALLS_MAX, `${late} calls waited for their deadline, ${count('shed')} were shed`)
    assert.ok(world.events.includes('cache.closed'), 'the breaker has closed')
    world.server.wake()
    await until('the breaker opens', MS_MAX, async () => world.events.includes('cache.reopened'))
  }
  await world.healed()
})

test('a server that is killed and comes back empty', async () => {
  await using world = await openWorld()
  {
    await using life = world.homes.live(true)
    await read(life, 10)
    await world.server.kill()
    await read(life, READS)
    await world.server.restart()
    await read(life, READS)
  }
  await world.healed()
})

test('a server that comes back with an old snapshot has its timelines built anew', async () => {
  await using world = await openWorld()
  await world.server.run('SAVE')
  for (let n = 0; n < 50; n++) world.homes.post()
  await world.homes.delivered()
  await world.server.kill()
  await world.server.restart()
  assert.ok(Number(await world.server.run('DBSIZE')) > world.homes.readers.length, 'the snapshot is there')
  await world.healed()
  assert.ok(world.events.includes('timelines.shard_began_anew'))
})

test('a process that starts after a restart of Redis distrusts what it finds', async () => {
  await using world = await openWorld()
  await world.server.run('SAVE')
  const kept = Number(await world.server.run('DBSIZE'))
  await world.server.kill()
  await world.server.restart()
  const library = timelineLibrary()
  const options = { log: silentLog, steady: systemSteadyClock }
  await using cache = await openRedis({ url: world.server.url, libraries: [library], ...options })
  await using late = await openRedisTimelines({ cache, library: library.name, clock: systemClock, ...options })
  assert.equal(Number(await world.server.run('DBSIZE')), kept)
  for (const reader of world.homes.readers) {
    const page = await late.read(reader, { limit: 1 })
    assert.equal(page, undefined, 'nobody knows what the server lost with its restart')
  }
})

test('F14: timelines that Redis evicts are missing, never empty or short', async () => {
  await using world = await openWorld()
  await limitMemory(world, 'allkeys-lru')
  await fill(world, async () => Number(await world.server.info('evicted_keys')) > 0)
  await expectRight(world)
})

test('F14: a full Redis that evicts nothing drops what it cannot keep up', async () => {
  await using world = await openWorld()
  await limitMemory(world, 'noeviction')
  await fill(world, async () => /errorstat_OOM:count=[1-9]/.test(String(await world.server.run('INFO', 'errorstats'))))
  await expectRight(world)
})

async function limitMemory({ server }: World, policy: string): Promise<void> {
  await server.run('CONFIG', 'SET', 'maxmemory-policy', policy)
  await server.run('CONFIG', 'SET', 'maxmemory', LITTLE_MEMORY)
}

/** Posts and reads until Redis has been full, and then some more. */
async function fill(world: World, hasBeenFull: () => Promise<boolean>): Promise<void> {
  await using life = world.homes.live(true, 1)
  await until('Redis is full', MS_MAX, async () => {
    for (let n = 0; n < 100; n++) world.homes.post()
    await read(life, 20)
    return hasBeenFull()
  })
  for (let n = 0; n < 300; n++) world.homes.post()
  await read(life, READS)
}

async function expectRight({ homes }: World): Promise<void> {
  await until('every post is delivered', MS_MAX, async () => homes.undelivered === 0)
  await until('every home is right', MS_MAX, async () => (await homes.compare()).equal)
}
