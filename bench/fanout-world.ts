/** People, their follows by a power law, and their timelines in shared memory: what the fan-out benchmarks deliver to. */
import type { BusMessage, Handler } from '../src/engines/bus/contract.ts'
import { encodeEvent } from '../src/events/contract.ts'
import { startFanout } from '../src/fanout/fanout.ts'
import { recentLives } from '../src/fanout/lives.ts'
import { systemClock } from '../src/kit/clock.ts'
import { seededRandom, type Random } from '../src/seed/random.ts'
import type { AccountId, StatusId } from '../src/snowflake/contract.ts'
import { GraphMemory } from '../src/social-graph/memory.ts'
import { MergedAuthors, type TimelineCache, type TimelineEntry } from '../src/timeline-cache/contract.ts'
import { openSharedMemoryTimelines, type SharedMemoryTimelines } from '../src/timeline-cache/shared-memory.ts'

const POPULARITY_EXPONENT = 0.78
const TIMELINES_BYTES = 4 * 2 ** 30
const SEED = 7

export interface Author {
  id: AccountId
  /** The followers as their places in the graph, ascending. */
  places: Uint32Array
}

export interface FanoutWorld extends AsyncDisposable {
  readers: AccountId[]
  authors: Author[]
  graph: GraphMemory
  cache: SharedMemoryTimelines
  /** Every post after the other: ids rise. */
  nextId(): StatusId
  /** The message of a committed status. */
  message(author: AccountId, id?: StatusId): BusMessage
  /** What Fanout does with a message; returns to how many timelines it delivered. */
  fanOut(message: BusMessage): Promise<number>
}

export interface WorldPlan {
  timelines: number
  /** Of each author in turn. */
  followers: readonly number[]
  /** What every timeline holds at the beginning. */
  entriesBefore: number
  /** Authors above it are merged at read. */
  celebrityFollowers: number
}

/** Follower counts of `authors` people that fall as a power of rank, with this mean. */
export function powerLaw(authors: number, mean: number): number[] {
  const shares = Array.from({ length: authors }, (_, rank) => (rank + 1) ** -POPULARITY_EXPONENT)
  const scale = (mean * authors) / shares.reduce((a, b) => a + b)
  return shares.map((share) => Math.round(share * scale))
}

export async function makeFanoutWorld(plan: WorldPlan): Promise<FanoutWorld> {
  const random = seededRandom(SEED)
  const graph = new GraphMemory()
  // Ids as they come from sign-ups over time.
  const idOf = (n: number) => (BigInt(n + 1) << 24n) as AccountId
  const readers = Array.from({ length: plan.timelines }, (_, n) => idOf(n))
  for (const reader of readers) graph.placeOf(reader)
  const ids = plan.followers.map((_, n) => idOf(plan.timelines + n))
  plan.followers.forEach((count, n) => follow(graph, readers, ids[n] ?? idOf(0), { count, random }))
  graph.settle()
  const cache = openSharedMemoryTimelines({
    clock: systemClock,
    bytesLimit: TIMELINES_BYTES,
    placeOf: (id) => graph.placeOf(id),
  })
  let lastId = 2n ** 60n
  const nextId = () => (lastId += 4096n) as StatusId
  await fillTimelines(cache, readers, Array.from({ length: plan.entriesBefore }, nextId))
  const fanOut = fanoutOf(graph, cache, plan.celebrityFollowers)
  const authors = ids.map((id, n) => ({ id, places: graph.followerPlaces(id, -1, plan.followers[n] ?? 0) }))
  return {
    readers,
    // Popular and unknown authors post in turn, as in life.
    authors: shuffled(authors, random),
    graph,
    cache,
    nextId,
    message: (author, id = nextId()) => messageOf(author, id),
    fanOut,
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  }
}

/** Everyone, or so many people by chance. */
function follow(
  graph: GraphMemory,
  readers: readonly AccountId[],
  author: AccountId,
  { count, random }: { count: number; random: Random },
): void {
  const chosen = new Set<AccountId>(count >= readers.length ? readers : [])
  while (chosen.size < Math.min(count, readers.length)) {
    const reader = readers[random.below(readers.length)]
    if (reader !== undefined) chosen.add(reader)
  }
  for (const reader of chosen) graph.loadFollow(reader, author)
}

function shuffled<T>(items: T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.unit() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

async function fillTimelines(cache: TimelineCache, readers: AccountId[], ids: readonly StatusId[]): Promise<void> {
  for (const reader of readers) {
    const ticket = await cache.beginBuild(reader)
    if (ticket !== undefined) await cache.finishBuild(ticket, [], 0n)
  }
  for (const id of ids) await cache.insert(plainEntry(1n as AccountId, id), readers)
}

export function plainEntry(author: AccountId, id: StatusId): TimelineEntry {
  return { id, author, boostOf: 0n, flags: 0 }
}

function messageOf(author: AccountId, id: StatusId): BusMessage {
  const event = encodeEvent('status.created', author, {
    id,
    author,
    visibility: 'public',
    boostOf: null,
    boostedAuthor: null,
    inReplyTo: null,
    inReplyToAuthor: null,
    mentions: [],
    acceptedAtMs: 0,
  })
  return { ...event, id, createdAtMs: 0 }
}

/** The block with everything but the bus, the database and the rest of the server. */
function fanoutOf(graph: GraphMemory, cache: TimelineCache, celebrityFollowers: number): FanoutWorld['fanOut'] {
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
      relation: (viewer, target) => graph.relation(viewer, target, 0),
      followerCount: (id) => graph.followerCount(id),
      followersPage: (author, after, limit) => graph.followersPage(author, after, limit),
      followerPlaces: (author, after, limit) => graph.followerPlaces(author, after, limit),
      apply: async () => {},
      placeOf: (id) => graph.placeOf(id),
    },
    statuses: { byIds: async () => [], homeIds: async () => [] },
    cache,
    merged: new MergedAuthors(celebrityFollowers),
    lives,
    clock: systemClock,
  })
  return async (message) => {
    await handler(message)
    return lives.find(message.id as StatusId)?.delivered ?? 0 // messages here carry their status' id
  }
}
