/** A cluster of three masters and three replicas that loses servers and moves slots: homes heal by themselves (F11–F13). */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { slotOf } from '../../src/engines/cache/slots.ts'
import { keysPrefix, SHARDS_PRESET } from '../../src/timeline-cache/redis/layout.ts'
import { openRedisHomes, type RedisHomes } from '../world/redis-homes.ts'
import { startRedisCluster, until, type RedisCluster, type RedisServer } from '../world/redis.ts'

const MS_MAX = 120_000
const READS = 100
/** A master remembers so much for a replica that comes back: the least that can be set. */
const BACKLOG = '16kb'
/** Far more than the backlog holds. */
const LOST_POSTS = 400

interface World extends RedisHomes {
  cluster: RedisCluster
  master: RedisServer
  replica: RedisServer
}

async function openWorld(settings: Record<string, string> = {}): Promise<World> {
  await using resources = new AsyncDisposableStack()
  const cluster = resources.use(await startRedisCluster(settings))
  const homes = resources.use(await openRedisHomes(cluster.url))
  const [master, , , replica] = cluster.servers
  assert(master !== undefined && replica !== undefined)
  const owned = resources.move()
  return { ...homes, cluster, master, replica, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function read(life: { reads: readonly unknown[] }, times: number): Promise<void> {
  const before = life.reads.length
  await until('homes go on being read', MS_MAX, async () => life.reads.length >= before + times)
}

/** The slots of shards that a server has. */
async function slotsOf(server: RedisServer): Promise<number[]> {
  const prefix = keysPrefix(SHARDS_PRESET)
  const slots = Array.from({ length: SHARDS_PRESET }, (_, shard) => slotOf(`${prefix}s${shard}}`))
  const counts = await Promise.all(slots.map((slot) => server.run('CLUSTER', 'COUNTKEYSINSLOT', slot)))
  return slots.filter((_, index) => Number(counts[index]) > 0)
}

test('F11: of three masters one is lost with its replica: the other homes stay in the cache, its own come from the store', async () => {
  await using world = await openWorld()
  const { homes, master, replica } = world
  {
    await using life = homes.live(true)
    await read(life, 10)
    await replica.kill()
    await master.kill()
    await until('some homes come from the cache and some from the store', MS_MAX, async () => {
      await read(life, homes.readers.length)
      const cached = life.reads.slice(-homes.readers.length).filter((one) => one.cached).length
      return cached > 0 && cached < homes.readers.length
    })
    await read(life, READS)
    await master.restart()
    await replica.restart()
    await read(life, READS)
  }
  await world.cluster.settle()
  await world.healed()
})

test('F13: a replica that lags behind takes over: what the cache had acknowledged is lost, and noticed', async () => {
  await using world = await openWorld({
    'repl-backlog-size': BACKLOG,
    // A replica that has fallen behind the backlog waits for the whole of it, in vain.
    'repl-diskless-sync': 'yes',
    'cluster-replica-validity-factor': '0',
  })
  const { events, homes, master, replica } = world
  await master.run('CONFIG', 'SET', 'repl-diskless-sync-delay', 3_600)
  replica.hang()
  await master.run('CLIENT', 'KILL', 'TYPE', 'replica')
  for (let n = 0; n < LOST_POSTS; n++) homes.post()
  await homes.delivered()
  replica.wake()
  await master.kill()
  await until('the replica is in charge', MS_MAX, async () => (await replica.info('role')) === 'master')
  assert.deepEqual(
    events.filter((event) => event === 'timelines.shard_began_anew'),
    [],
  )
  await world.healed()
  assert.ok(events.includes('timelines.shard_began_anew'), 'it lacked something')
})

test('F12: a replica takes over by order while people post and read', async () => {
  await using world = await openWorld()
  {
    await using life = world.homes.live(true)
    await read(life, 10)
    await world.replica.run('CLUSTER', 'FAILOVER')
    await until('the replica is in charge', MS_MAX, async () => (await world.replica.info('role')) === 'master')
    await read(life, READS)
  }
  assert.equal(await world.cluster.settle(), 3)
  await world.healed()
})

test('F12: slots move to another master and back while people post and read', async () => {
  await using world = await openWorld()
  const [from, to] = world.cluster.servers
  assert(from !== undefined && to !== undefined)
  const slots = await slotsOf(from)
  assert.ok(slots.length > 0, 'there is something to move')
  {
    await using life = world.homes.live(true, 2)
    await read(life, 10)
    for (const slot of slots) await world.cluster.moveSlot(slot, from, to)
    assert.deepEqual(await slotsOf(from), [])
    await read(life, READS)
    for (const slot of slots) await world.cluster.moveSlot(slot, to, from)
    await read(life, READS)
  }
  assert.deepEqual(await slotsOf(from), slots)
  await world.healed()
})
