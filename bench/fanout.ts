/**
 * Deliveries per second into 200,000 present timelines in shared memory, on one thread, from authors whose follower counts
 * fall as a power of rank. Three loops take turns over the same follower lists:
 *
 * - *fan-out*: the whole block, from the message of a committed status to the last timeline. Decoding, graph, order,
 *   idempotence, publication to other threads and the notes of the status' life are all in it;
 * - *timeline cache*: the same posts given to `insertPlaces` alone, follower by follower from the graph;
 * - *bare loop*: the reference, what is left when everything is taken away that is not the delivery itself. For each follower
 *   it writes 24 bytes into the next place of that follower's ring and moves the ring's end, in typed arrays of the same
 *   shared memory, with as many rings, of as many places as the timelines have entries, for the same followers in the same
 *   ascending order. It looks up, compares, checks and publishes nothing, and no reader could use what it writes.
 *
 * `deliveriesPerSecond` is the whole block's. `bareLoopRatio` sets delivery beside delivery: the timeline cache beside the bare
 * loop, from followers to timelines; `fanoutBareLoopRatio` has what a post costs before its first delivery besides.
 *
 * Then how cost grows: the whole block again with a hundredth and a tenth of the people, beside them all.
 */
import type { BusMessage } from '../src/engines/bus/contract.ts'
import { FOLLOWERS_PAGE } from '../src/fanout/fanout.ts'
import type { StatusId } from '../src/snowflake/contract.ts'
import { makeFanoutWorld, plainEntry, powerLaw, type Author, type FanoutWorld } from './fanout-world.ts'
import { median, rounded, type BenchOptions, type BenchResult } from './report.ts'

const TIMELINES = 200_000
/** A hundred people for each author who posts. */
const PEOPLE_PER_AUTHOR = 100
const FOLLOWERS_MEAN = 100
/** What every timeline holds when the measurement begins: its second block is opened soon, its third later. */
const ENTRIES_BEFORE = 40
const GROWTH = [1 / 100, 1 / 10]

/** Posts that come at once. */
const RELAY_BATCH = 100

const ENTRY_WORDS = 6
/** A power of two, as a ring's owner would choose: about what the timelines hold in the end. */
const BARE_PLACES = 128

/** Delivers one post of the author; returns to how many. */
interface Loop {
  prepare(author: Author): Post
  deliver(post: Post): number | Promise<number>
}

interface Post {
  author: Author
  id: StatusId
  message: BusMessage | undefined
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 7 : 15
  const deliveriesPerRound = quick ? 1_000_000 : 2_000_000
  await using world = await openWorld(TIMELINES)
  const before = world.cache.stats()
  const loops = { 'fan-out': fanoutLoop(world), 'timeline cache': cacheLoop(world), 'bare loop': bareLoop(world) }
  const measured = await takeTurns(world, loops, { rounds, deliveriesPerRound })
  const after = world.cache.stats()
  const ratesOf = (name: string) => (measured[name] ?? []).map(({ perSecond }) => perSecond)
  const reference = ratesOf('bare loop')
  const ratio = (name: keyof typeof loops) =>
    rounded(median(ratesOf(name).map((rate, round) => rate / (reference[round] ?? Number.NaN))))
  const meanFollowers = world.authors.reduce((sum, { places }) => sum + places.length, 0) / world.authors.length
  const grown = await growth(quick)
  return {
    rows: [
      ...Object.entries(measured).map(([name, all]) => ({
        measured: name,
        'deliveries/s': Math.round(median(ratesOf(name))),
        best: Math.round(Math.max(...ratesOf(name))),
        'deliveries/CPU s': Math.round(median(all.map(({ perCpuSecond }) => perCpuSecond))),
        'posts/s': Math.round(median(ratesOf(name)) / meanFollowers),
        'of bare loop': ratio(name as keyof typeof loops), // the keys of `loops`
        'entries/timeline': name === 'fan-out' ? rounded(after.entries / after.present) : null,
        'bytes/timeline': name === 'fan-out' ? Math.round(after.bytes / after.present) : null,
      })),
      ...grown.map(({ people, rates, entriesPerTimeline, bytesPerTimeline }) => ({
        measured: `fan-out, ${people.toLocaleString('en-US')} people`,
        'deliveries/s': Math.round(median(rates.map(({ perSecond }) => perSecond))),
        best: Math.round(Math.max(...rates.map(({ perSecond }) => perSecond))),
        'deliveries/CPU s': Math.round(median(rates.map(({ perCpuSecond }) => perCpuSecond))),
        'posts/s': Math.round(median(rates.map(({ perSecond }) => perSecond)) / meanFollowers),
        'of bare loop': null,
        'entries/timeline': entriesPerTimeline,
        'bytes/timeline': bytesPerTimeline,
      })),
    ],
    summary: {
      bench: 'fanout',
      deliveriesPerSecond: Math.round(median(ratesOf('fan-out'))),
      deliveriesPerCpuSecond: Math.round(median((measured['fan-out'] ?? []).map((rate) => rate.perCpuSecond))),
      cacheDeliveriesPerSecond: Math.round(median(ratesOf('timeline cache'))),
      referenceDeliveriesPerSecond: Math.round(median(reference)),
      bareLoopRatio: ratio('timeline cache'),
      fanoutBareLoopRatio: ratio('fan-out'),
      timelines: after.present,
      entries: after.entries,
      entriesPerTimeline: rounded(after.entries / after.present),
      bytesPerTimeline: Math.round(after.bytes / after.present),
      bytesPerTimelineBefore: Math.round(before.bytes / before.present),
      bytesPerThousandPeople: Math.round(((after.bytes + world.graph.bytes) / TIMELINES) * 1000),
      meanFollowers: rounded(meanFollowers),
      ...Object.fromEntries(
        grown.map(({ people, rates }) => [
          `deliveriesPerSecond${people}People`,
          Math.round(median(rates.map(({ perSecond }) => perSecond))),
        ]),
      ),
    },
  }
}

function openWorld(timelines: number): Promise<FanoutWorld> {
  return makeFanoutWorld({
    timelines,
    followers: powerLaw(timelines / PEOPLE_PER_AUTHOR, FOLLOWERS_MEAN),
    entriesBefore: ENTRIES_BEFORE,
    celebrityFollowers: timelines,
  })
}

/** Rates of each loop, round by round. */
async function takeTurns(
  world: FanoutWorld,
  loops: Record<string, Loop>,
  { rounds, deliveriesPerRound }: { rounds: number; deliveriesPerRound: number },
): Promise<Record<string, Rate[]>> {
  const rates: Record<string, Rate[]> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const [name, loop] of Object.entries(loops)) {
      const rate = await rateOf(world, loop, deliveriesPerRound)
      if (round > 0) (rates[name] ??= []).push(rate) // the first compiles
    }
  }
  return rates
}

interface Rate {
  perSecond: number
  /** Of this thread's own processor time: what others do to the machine hardly shows in it. */
  perCpuSecond: number
}

async function rateOf(world: FanoutWorld, loop: Loop, atLeast: number): Promise<Rate> {
  let delivered = 0
  let spentMs = 0
  let cpuMicros = 0
  for (let next = 0; delivered < atLeast || next % world.authors.length !== 0; next += RELAY_BATCH) {
    // What the relay hands over is there before.
    const batch = Array.from({ length: RELAY_BATCH }, (_, n) => world.authors[(next + n) % world.authors.length])
    const posts = batch.filter((author) => author !== undefined).map((author) => loop.prepare(author))
    const beginMs = performance.now()
    const begin = process.threadCpuUsage()
    for (const post of posts) {
      const one = loop.deliver(post)
      delivered += typeof one === 'number' ? one : await one
    }
    spentMs += performance.now() - beginMs
    const { user, system } = process.threadCpuUsage(begin)
    cpuMicros += user + system
  }
  return { perSecond: (delivered / spentMs) * 1000, perCpuSecond: (delivered / cpuMicros) * 1e6 }
}

interface Growth {
  people: number
  rates: Rate[]
  entriesPerTimeline: number
  bytesPerTimeline: number
}

/** The whole block with fewer people, whose authors have as many followers. */
async function growth(quick: boolean): Promise<Growth[]> {
  const grown: Growth[] = []
  for (const share of GROWTH) {
    const people = TIMELINES * share
    await using world = await openWorld(people)
    const plan = { rounds: quick ? 3 : 7, deliveriesPerRound: 500_000 }
    const { all = [] } = await takeTurns(world, { all: fanoutLoop(world) }, plan)
    const { bytes, entries, present } = world.cache.stats()
    grown.push({
      people,
      rates: all,
      entriesPerTimeline: rounded(entries / present),
      bytesPerTimeline: Math.round(bytes / present),
    })
  }
  return grown
}

function fanoutLoop(world: FanoutWorld): Loop {
  return {
    prepare: (author) => {
      const message = world.message(author.id)
      return { author, id: message.id as StatusId, message } // messages of this world carry their status' id
    },
    deliver: ({ message }) => (message === undefined ? 0 : world.fanOut(message)),
  }
}

function cacheLoop(world: FanoutWorld): Loop {
  return {
    prepare: (author) => ({ author, id: world.nextId(), message: undefined }),
    deliver: ({ author, id }) => {
      const entry = plainEntry(author.id, id)
      let delivered = 0
      let after = -1
      for (;;) {
        const places = world.graph.followerPlaces(author.id, after, FOLLOWERS_PAGE)
        delivered += world.cache.insertPlaces?.(entry, places) ?? 0
        if (places.length < FOLLOWERS_PAGE) return delivered
        after = places[places.length - 1] ?? after
      }
    },
  }
}

function bareLoop(world: FanoutWorld): Loop {
  const written = new Uint32Array(new SharedArrayBuffer(TIMELINES * 4))
  const words = new Uint32Array(new SharedArrayBuffer(TIMELINES * BARE_PLACES * ENTRY_WORDS * 4))
  words.fill(1) // has the memory before the measurement
  return {
    prepare: (author) => ({ author, id: world.nextId(), message: undefined }),
    deliver: ({ author, id }) => {
      const { places } = author
      const [idLow, idHigh] = [Number(id & 0xffff_ffffn), Number(id >> 32n)]
      const [authorLow, authorHigh] = [Number(author.id & 0xffff_ffffn), Number(author.id >> 32n)]
      // A plain index: what an iterator costs is not the delivery.
      for (let index = 0; index < places.length; index++) {
        const ring = places[index] ?? 0
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
      return places.length
    },
  }
}
