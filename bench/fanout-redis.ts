/**
 * Deliveries per second into one Redis, from authors whose follower counts fall as a power of rank. In turns, on one server:
 *
 * - *timeline cache*: `insert` of one post after the other, some under way at a time, as Fanout does it;
 * - *redis-benchmark*: the reference. `redis-benchmark -P 64` with LPUSHX of the same 24 bytes to as many lists of the same
 *   length, chosen at random; nothing is looked up, compared or trimmed, and nobody asks how many took it.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { openRedis } from '../src/engines/cache/redis.ts'
import { systemClock, systemSteadyClock } from '../src/kit/clock.ts'
import { silentLog } from '../src/kit/log.ts'
import { seededRandom, type Random } from '../src/seed/random.ts'
import type { AccountId, StatusId } from '../src/snowflake/contract.ts'
import type { TimelineCache } from '../src/timeline-cache/contract.ts'
import { ENTRY_BYTES, timelineLibrary } from '../src/timeline-cache/redis/layout.ts'
import { openRedisTimelines } from '../src/timeline-cache/redis/timelines.ts'
import { startRedis, type RedisServer } from '../tests/world/redis.ts'
import { median, rounded, type BenchOptions, type BenchResult } from './report.ts'

const AUTHORS = 1_000
/** Of the most followed author; the next have this · rank ^ −POPULARITY_EXPONENT. */
const FOLLOWERS_MAX = 5_000
const POPULARITY_EXPONENT = 0.68
/** Posts under way at a time. */
const POSTS_UNDER_WAY = 256
/** What every list holds when the measurement begins. */
const ENTRIES_BEFORE = 40
/** Commands that redis-benchmark sends at once. */
const PIPELINE = 64
/** Waiting is no failure here: the machine may have much else to do. */
const CALL_MS_MAX = 10_000
const BUILDS_UNDER_WAY = 64
const SEED = 7

interface Plan {
  timelines: number
  rounds: number
  deliveriesPerRound: number
}

interface World {
  readers: AccountId[]
  /** The followers of each author, in the order in which authors post. */
  followers: AccountId[][]
  /** Every post after the other: ids rise. */
  nextId(): StatusId
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const plan: Plan = quick
    ? { timelines: 20_000, rounds: 5, deliveriesPerRound: 300_000 }
    : { timelines: 100_000, rounds: 9, deliveriesPerRound: 1_000_000 }
  await using server = await startRedis()
  const library = timelineLibrary()
  const steady = systemSteadyClock
  const connection = { url: server.url, libraries: [library], log: silentLog, steady, callMsMax: CALL_MS_MAX }
  await using redis = await openRedis(connection)
  const opened = { cache: redis, library: library.name, clock: systemClock, steady, log: silentLog }
  await using cache = await openRedisTimelines(opened)
  const world = makeWorld(plan.timelines, seededRandom(SEED))
  const emptyBytes = Number(await server.info('used_memory'))
  await fillTimelines(world, cache)
  const bytes = Number(await server.info('used_memory')) - emptyBytes
  await fillReference(server, plan.timelines)

  const rounds: Round[] = []
  for (let round = 0; round <= plan.rounds; round++) {
    const cpuBefore = process.cpuUsage()
    const own = await onServer(server, () => deliver(world, cache, plan.deliveriesPerRound))
    const { user, system } = process.cpuUsage(cpuBefore)
    const reference = await onServer(server, () => redisBenchmark(server, plan))
    const clientMicros = (user + system) / own.deliveries
    if (round > 0) rounds.push({ own, reference, clientMicros }) // the first compiles
  }
  return report(plan, rounds, { bytes, entries: cache.stats().entries, world })
}

interface Run {
  deliveries: number
  perSecond: number
}

/** One run, with the processor time of the server. */
interface ServerRun extends Run {
  serverMicros: number
}

interface Round {
  own: ServerRun
  reference: ServerRun
  clientMicros: number
}

async function onServer(server: RedisServer, work: () => Promise<Run>): Promise<ServerRun> {
  const cpuSeconds = async () => Number(await server.info('used_cpu_user')) + Number(await server.info('used_cpu_sys'))
  const before = await cpuSeconds()
  const done = await work()
  return { ...done, serverMicros: (((await cpuSeconds()) - before) * 1e6) / done.deliveries }
}

function report(
  plan: Plan,
  rounds: readonly Round[],
  measured: { bytes: number; entries: number; world: World },
): BenchResult {
  // Neighbours in time share what else the machine had to do.
  const ratio = median(rounds.map(({ own, reference }) => own.perSecond / reference.perSecond))
  const { followers } = measured.world
  const meanFollowers = followers.reduce((sum, { length }) => sum + length, 0) / followers.length
  const own = rounds.map((round) => round.own)
  const reference = rounds.map((round) => round.reference)
  // Redis' own time alone: what others do to the machine hardly shows in it.
  const cpuRatio = median(rounds.map((round) => round.reference.serverMicros / round.own.serverMicros))
  const rate = (runs: readonly ServerRun[]) => median(runs.map(({ perSecond }) => perSecond))
  const serverMicros = (runs: readonly ServerRun[]) => rounded(median(runs.map((one) => one.serverMicros)))
  const row = (name: string, runs: readonly ServerRun[]) => ({
    measured: name,
    'deliveries/s': Math.round(rate(runs)),
    best: Math.round(Math.max(...runs.map(({ perSecond }) => perSecond))),
    'posts/s': Math.round(rate(runs) / meanFollowers),
    'Redis µs each': serverMicros(runs),
  })
  return {
    rows: [
      { ...row('timeline cache', own), 'of redis-benchmark': rounded(ratio) },
      { ...row(`redis-benchmark -P ${PIPELINE} LPUSHX`, reference), 'of redis-benchmark': 1 },
    ],
    summary: {
      bench: 'fanout-redis',
      deliveriesPerSecond: Math.round(rate(own)),
      referenceDeliveriesPerSecond: Math.round(rate(reference)),
      redisBenchmarkRatio: rounded(ratio),
      redisCpuRatio: rounded(cpuRatio),
      redisMicrosPerDelivery: serverMicros(own),
      referenceMicrosPerDelivery: serverMicros(reference),
      clientMicrosPerDelivery: rounded(median(rounds.map(({ clientMicros }) => clientMicros))),
      timelines: plan.timelines,
      entries: measured.entries,
      bytesPerTimeline: Math.round(measured.bytes / plan.timelines),
      meanFollowers: rounded(meanFollowers),
    },
  }
}

async function deliver(world: World, cache: TimelineCache, atLeast: number): Promise<Run> {
  const beginMs = performance.now()
  let deliveries = 0
  let next = 0
  const poster = async () => {
    while (deliveries < atLeast) {
      const owners = world.followers[next++ % world.followers.length] ?? []
      const entry = { id: world.nextId(), author: 1n as AccountId, boostOf: 0n, flags: 0 } as const
      const took = await cache.insert(entry, owners)
      deliveries += took
    }
  }
  await Promise.all(Array.from({ length: POSTS_UNDER_WAY }, poster))
  return { deliveries, perSecond: (deliveries / (performance.now() - beginMs)) * 1000 }
}

async function redisBenchmark(server: RedisServer, plan: Plan): Promise<Run> {
  const args = ['-p', `${server.port}`, '-P', `${PIPELINE}`, '-n', `${plan.deliveriesPerRound}`]
  const command = ['LPUSHX', 'reference:__rand_int__', 'x'.repeat(ENTRY_BYTES)]
  const spread = ['-r', `${plan.timelines}`, '--csv']
  const { stdout } = await promisify(execFile)('redis-benchmark', [...args, ...spread, ...command])
  // "test","rps","avg_latency_ms",… and one line of figures
  const rate = Number(/^"LPUSHX[^\n]*?","([\d.]+)"/m.exec(stdout)?.[1])
  if (!(rate > 0)) throw new Error(`redis-benchmark said: ${stdout}`)
  return { deliveries: plan.deliveriesPerRound, perSecond: rate }
}

function makeWorld(timelines: number, random: Random): World {
  // Ids as they come from sign-ups over time.
  const readers = Array.from({ length: timelines }, (_, n) => (BigInt(n + 1) << 24n) as AccountId)
  const followers = Array.from({ length: AUTHORS }, (_, rank) => {
    const count = Math.round(FOLLOWERS_MAX * (rank + 1) ** -POPULARITY_EXPONENT)
    const chosen = new Set<AccountId>()
    while (chosen.size < count) {
      const reader = readers[random.below(timelines)]
      if (reader !== undefined) chosen.add(reader)
    }
    return { followers: [...chosen], at: random.unit() }
  })
  let lastId = 2n ** 60n
  return {
    readers,
    // Popular and unknown authors post in turn, as in life.
    followers: followers.toSorted((a, b) => a.at - b.at).map((author) => author.followers),
    nextId: () => (lastId += 4096n) as StatusId,
  }
}

async function fillTimelines(world: World, cache: TimelineCache): Promise<void> {
  const entries = Array.from({ length: ENTRIES_BEFORE }, () => {
    return { id: world.nextId(), author: 1n as AccountId, boostOf: 0n, flags: 0 } as const
  })
  let next = 0
  const builder = async () => {
    while (next < world.readers.length) {
      const reader = world.readers[next++]
      const ticket = reader === undefined ? undefined : await cache.beginBuild(reader)
      if (ticket !== undefined) await cache.finishBuild(ticket, entries, 0n)
    }
  }
  await Promise.all(Array.from({ length: BUILDS_UNDER_WAY }, builder))
}

/** Lists of the same length under the names that redis-benchmark makes. */
async function fillReference(server: RedisServer, lists: number): Promise<void> {
  const script = `
    local entries = {}
    for n = 1, ${ENTRIES_BEFORE} do entries[n] = string.rep('x', ${ENTRY_BYTES}) end
    for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
      redis.call('RPUSH', string.format('reference:%012d', n), unpack(entries))
    end`
  const step = 10_000
  for (let from = 0; from < lists; from += step) await server.run('EVAL', script, 0, from, from + step - 1)
}
