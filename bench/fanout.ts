import type { Handler } from '../src/engines/bus/contract.ts'
/**
 * Deliveries per second into 200,000 present timelines in shared memory, on one thread, from authors whose follower counts
 * fall as a power of rank. Three loops take turns over the same follower lists:
 *
 * - *fan-out*: the whole block, from the message of a committed status to the last timeline;
 * - *timeline cache*: `insert` alone, which finds each follower's ring, keeps it in order and publishes for other threads;
 * - *bare loop*: the reference. The same 24 bytes into the next place of rings of the same total size in one typed array,
 *   followers already known as ring numbers, nothing checked.
 */
import { encodeEvent } from '../src/events/contract.ts'
import { FOLLOWERS_PAGE, startFanout } from '../src/fanout/fanout.ts'
import { recentLives } from '../src/fanout/lives.ts'
import { systemClock } from '../src/kit/clock.ts'
import { seededRandom, type Random } from '../src/seed/random.ts'
import type { AccountId, StatusId } from '../src/snowflake/contract.ts'
import { GraphMemory } from '../src/social-graph/memory.ts'
import { MergedAuthors, type TimelineCache, type TimelineEntry } from '../src/timeline-cache/contract.ts'
import { openSharedMemoryTimelines } from '../src/timeline-cache/shared-memory.ts'
import { median, rounded, type BenchOptions, type BenchResult } from './report.ts'

const TIMELINES = 200_000
const AUTHORS = 2_000
/** Of the most followed author; the next have this · rank ^ −POPULARITY_EXPONENT. */
const FOLLOWERS_MAX = 10_000
const POPULARITY_EXPONENT = 0.78
/** What every timeline holds when the measurement begins. */
const ENTRIES_BEFORE = 40
const TIMELINE_BYTES = 2 * 2 ** 30
const SEED = 7

const ENTRY_WORDS = 6
const BARE_PLACES = 64

interface Author {
  id: AccountId
  followers: AccountId[]
  /** The same people as ring numbers, ascending. */
  rings: Uint32Array
}

interface World {
  readers: AccountId[]
  authors: Author[]
  graph: GraphMemory
  /** Every post after the other: ids rise. */
  nextId(): StatusId
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 5 : 9
  const deliveriesPerRound = quick ? 1_000_000 : 2_000_000
  const world = makeWorld(seededRandom(SEED))
  await using cache = openSharedMemoryTimelines({
    clock: systemClock,
    bytesLimit: TIMELINE_BYTES,
    placeOf: (id) => world.graph.placeOf(id),
  })
  await fillTimelines(world, cache)
  const loops = {
    'fan-out': fanoutLoop(world, cache),
    'timeline cache': cacheLoop(world, cache),
    'bare loop': bareLoop(world),
  }
  const rates: Record<string, number[]> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const [name, loop] of Object.entries(loops)) {
      const rate = await deliveriesPerSecond(world, loop, deliveriesPerRound)
      if (round > 0) (rates[name] ??= []).push(rate) // the first compiles
    }
  }
  const rate = (name: keyof typeof loops) => median(rates[name] ?? [])
  const reference = rate('bare loop')
  const { entries, bytes, present } = cache.stats()
  const meanFollowers = world.authors.reduce((sum, { rings }) => sum + rings.length, 0) / AUTHORS
  return {
    rows: Object.entries(rates).map(([name, all]) => ({
      measured: name,
      'deliveries/s': Math.round(median(all)),
      best: Math.round(Math.max(...all)),
      'posts/s': Math.round(median(all) / meanFollowers),
      'of bare loop': rounded(median(all) / reference),
    })),
    summary: {
      bench: 'fanout',
      deliveriesPerSecond: Math.round(rate('fan-out')),
      cacheDeliveriesPerSecond: Math.round(rate('timeline cache')),
      referenceDeliveriesPerSecond: Math.round(reference),
      ratio: rounded(rate('fan-out') / reference),
      cacheRatio: rounded(rate('timeline cache') / reference),
      timelines: present,
      entries,
      bytes,
      meanFollowers: rounded(meanFollowers),
    },
  }
}

/** Delivers one post of the author; returns to how many. */
type Loop = (author: Author, id: StatusId) => Promise<number>

async function deliveriesPerSecond(world: World, loop: Loop, atLeast: number): Promise<number> {
  const beginMs = performance.now()
  let delivered = 0
  while (delivered < atLeast) {
    for (const author of world.authors) delivered += await loop(author, world.nextId())
  }
  return (delivered / (performance.now() - beginMs)) * 1000
}

function makeWorld(random: Random): World {
  // Ids as they come from sign-ups over time, not in ring order.
  const ids = Array.from({ length: TIMELINES + AUTHORS }, (_, n) => BigInt(n + 1) << 24n)
  const readers = ids.slice(0, TIMELINES) as AccountId[]
  const graph = new GraphMemory()
  const authors = ids.slice(TIMELINES).map((id, rank) => {
    const count = Math.round(FOLLOWERS_MAX * (rank + 1) ** -POPULARITY_EXPONENT)
    const rings = new Set<number>()
    while (rings.size < count) rings.add(random.below(TIMELINES))
    const ascending = Uint32Array.from(rings).sort()
    const followers = Array.from(ascending, (ring) => readers[ring]).filter((reader) => reader !== undefined)
    for (const follower of followers) graph.loadFollow(follower, id as AccountId)
    return { id: id as AccountId, followers, rings: ascending }
  })
  graph.settle()
  let lastId = 2n ** 60n
  return { readers, authors: shuffled(authors, random), graph, nextId: () => (lastId += 4096n) as StatusId }
}

/** Popular and unknown authors post in turn, as in life. */
function shuffled<T>(items: T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.unit() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

async function fillTimelines(world: World, cache: TimelineCache): Promise<void> {
  for (const reader of world.readers) {
    const ticket = await cache.beginBuild(reader)
    if (ticket !== undefined) await cache.finishBuild(ticket, [], 0n)
  }
  for (const author of world.authors.slice(0, ENTRIES_BEFORE)) {
    await cache.insert(plainEntry(author, world.nextId()), world.readers)
  }
}

function plainEntry(author: Author, id: StatusId): TimelineEntry {
  return { id, author: author.id, boostOf: 0n, flags: 0 }
}

function fanoutLoop(world: World, cache: TimelineCache): Loop {
  let handler: Handler = () => Promise.reject(new Error('fan-out did not join'))
  const lives = recentLives()
  startFanout({
    bus: {
      join: (_group, _types, joined) => {
        handler = joined
        return { [Symbol.asyncDispose]: async () => {} }
      },
    },
    graph: {
      relation: (viewer, target) => world.graph.relation(viewer, target, 0),
      followerCount: (id) => world.graph.followerCount(id),
      followersPage: (author, after, limit) => world.graph.followersPage(author, after, limit),
      followerPlaces: (author, after, limit) => world.graph.followerPlaces(author, after, limit),
      apply: async () => {},
    },
    statuses: { byIds: async () => [], homeIds: async () => [] },
    cache,
    merged: new MergedAuthors(FOLLOWERS_MAX),
    lives,
    clock: systemClock,
  })
  return async (author, id) => {
    const event = encodeEvent('status.created', author.id, {
      id,
      author: author.id,
      visibility: 'public',
      boostOf: null,
      boostedAuthor: null,
      inReplyTo: null,
      inReplyToAuthor: null,
      mentions: [],
      acceptedAtMs: 0,
    })
    await handler({ ...event, id, createdAtMs: 0 })
    return lives.find(id)?.delivered ?? 0
  }
}

function cacheLoop(_world: World, cache: TimelineCache): Loop {
  return async (author, id) => {
    const entry = plainEntry(author, id)
    let delivered = 0
    for (let from = 0; from < author.followers.length; from += FOLLOWERS_PAGE) {
      delivered += await cache.insert(entry, author.followers.slice(from, from + FOLLOWERS_PAGE))
    }
    return delivered
  }
}

function bareLoop(_world: World): Loop {
  const written = new Uint32Array(TIMELINES)
  const words = new Uint32Array(TIMELINES * BARE_PLACES * ENTRY_WORDS)
  words.fill(1) // has the memory before the measurement, as the timelines have
  return async (author, id) => {
    const [idLow, idHigh] = [Number(id & 0xffff_ffffn), Number(id >> 32n)]
    const [authorLow, authorHigh] = [Number(author.id & 0xffff_ffffn), Number(author.id >> 32n)]
    for (const ring of author.rings) {
      const n = written[ring] ?? 0
      const at = (ring * BARE_PLACES + (n % BARE_PLACES)) * ENTRY_WORDS
      words[at] = idLow
      words[at + 1] = idHigh
      words[at + 2] = 0
      words[at + 3] = 0
      words[at + 4] = authorLow
      words[at + 5] = authorHigh
      written[ring] = n + 1
    }
    return author.rings.length
  }
}
