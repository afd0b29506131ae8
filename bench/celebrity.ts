/**
 * One post by someone with a million followers, all of whose timelines are present, until the last of them can read it; by
 * both policies:
 *
 * - *pushed*: fan-out delivers it in pages. Meanwhile people with ten followers post all the time, and each of their posts is
 *   timed from its message to the home of a follower that shows it;
 * - *merged at read*: fan-out passes it over, and it is readable as soon as readers have heard of it.
 *
 * Then what each policy costs, for the decision where one should begin: the nanoseconds of a delivery, and the microseconds by
 * which a home read is longer for each author that is merged into it. At a home, because people follow several such authors.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import type { BusMessage } from '../src/engines/bus/contract.ts'
import { silentLog } from '../src/kit/log.ts'
import type { AccountId, StatusId } from '../src/snowflake/contract.ts'
import { graphFacts } from '../src/social-graph/contract.ts'
import { MergedAuthors } from '../src/timeline-cache/contract.ts'
import { Celebrities } from '../src/timeline-service/celebrities.ts'
import { HomeSkeleton } from '../src/timeline-service/home.ts'
import { makeFanoutWorld, type FanoutWorld } from './fanout-world.ts'
import { median, percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'

const FOLLOWERS = 1_000_000
const SMALL_AUTHORS = 1_000
const SMALL_FOLLOWERS = 10
/** Pause between two posts of people with few followers. */
const SMALL_EVERY_MS = 1
/** Celebrities whom everyone follows, for what merging costs: none, then so many. */
const MERGED_AUTHORS = 10
/** Statuses of each celebrity that readers know. */
const RECENT = 40
const READS = 20_000
const PAGE = { limit: 20 }

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 3 : 7
  await using world = await makeFanoutWorld({
    timelines: FOLLOWERS,
    followers: [FOLLOWERS, ...Array.from({ length: SMALL_AUTHORS }, () => SMALL_FOLLOWERS)],
    entriesBefore: 4,
    celebrityFollowers: FOLLOWERS,
  })
  const pushed: Push[] = []
  for (let round = 0; round <= rounds; round++) {
    const push = await pushOne(world)
    if (round > 0) pushed.push(push) // the first compiles
  }
  const merging = new Merging(world)
  const merged: number[] = []
  for (let round = 0; round <= rounds * 10; round++) merged.push(await merging.postOne())
  const mergeMicros = await merging.microsPerAuthor()
  return report(pushed, merged, mergeMicros)
}

interface Push {
  seconds: number
  /** Milliseconds of each small post from its message to its reader. */
  smallMs: number[]
}

function celebrityOf(world: FanoutWorld): AccountId {
  const celebrity = world.authors.find(({ places }) => places.length === FOLLOWERS)
  if (celebrity === undefined) throw new Error('nobody is famous')
  return celebrity.id
}

async function pushOne(world: FanoutWorld): Promise<Push> {
  const message = world.message(celebrityOf(world))
  const small = world.authors.filter(({ places }) => places.length === SMALL_FOLLOWERS)
  const smallMs: number[] = []
  const last = world.readers[FOLLOWERS - 1]
  const outcome = { seconds: Number.NaN }
  const beginMs = performance.now()
  const deliver = async () => {
    const delivered = await world.fanOut(message)
    if (delivered !== FOLLOWERS || !(await isReadable(world, last, message))) throw new Error('not all can read it')
    outcome.seconds = (performance.now() - beginMs) / 1000
  }
  const large = deliver()
  for (let next = 0; Number.isNaN(outcome.seconds); next++) {
    const author = small[next % small.length]
    if (author === undefined) break
    const post = world.message(author.id)
    const sentMs = performance.now()
    await world.fanOut(post)
    const reader = world.readers[author.places[SMALL_FOLLOWERS - 1] ?? 0]
    if (!(await isReadable(world, reader, post))) throw new Error('a small post is not there')
    smallMs.push(performance.now() - sentMs)
    await sleep(SMALL_EVERY_MS)
  }
  await large
  return { seconds: outcome.seconds, smallMs }
}

async function isReadable(world: FanoutWorld, reader: AccountId | undefined, { id }: BusMessage): Promise<boolean> {
  if (reader === undefined) return false
  const page = await world.cache.read(reader, { limit: 5 })
  return page?.entries.some((entry) => entry.id === id) === true // messages here carry their status' id
}

/** Readers who merge: the celebrities' lists are kept up by events, as the Timeline service keeps them. */
class Merging {
  readonly #world: FanoutWorld
  readonly #merged = new MergedAuthors(FOLLOWERS - 1)
  readonly #home: HomeSkeleton
  readonly #celebrities: AccountId[]
  readonly #posts = new Map<AccountId, StatusId[]>()
  #hear: (message: BusMessage) => void = () => {}

  constructor(world: FanoutWorld) {
    this.#world = world
    const own = celebrityOf(world)
    this.#celebrities = [
      own,
      ...Array.from({ length: MERGED_AUTHORS - 1 }, (_, n) => (own + BigInt(n + 1)) as AccountId),
    ]
    for (const celebrity of this.#celebrities)
      this.#posts.set(
        celebrity,
        Array.from({ length: RECENT }, () => world.nextId()),
      )
    const statuses = {
      homeIds: async ([author]: readonly AccountId[]) =>
        (this.#posts.get(author ?? own) ?? []).toReversed().map((id) => ({
          id,
          author: author ?? own,
          boostOf: null,
          boostedAuthor: null,
          inReplyTo: null,
          inReplyToAccount: null,
        })),
    }
    const celebrities = new Celebrities(statuses)
    celebrities.listenTo({
      listen: (_types, hear) => {
        this.#hear = hear
        return { [Symbol.dispose]: () => {} }
      },
    })
    const follows = new Set(this.#celebrities)
    this.#home = new HomeSkeleton({
      cache: world.cache,
      celebrities,
      graph: {
        following: () => this.#celebrities,
        followerCount: () => FOLLOWERS,
        regards: () => (target) => graphFacts({ following: follows.has(target) }),
      },
      log: silentLog,
      merged: this.#merged,
      statuses,
    })
  }

  /** Seconds from the message to a page that shows it. */
  async postOne(): Promise<number> {
    const [own] = this.#celebrities
    const reader = this.#world.readers[FOLLOWERS - 1]
    if (own === undefined || reader === undefined) return Number.NaN
    const message = this.#world.message(own)
    this.#posts.get(own)?.push(message.id as StatusId) // committed before
    const beginMs = performance.now()
    this.#hear(message) // the bus tells listeners first
    this.#merged.passesOver(own, FOLLOWERS)
    const page = await this.#home.read(reader, PAGE)
    const seconds = (performance.now() - beginMs) / 1000
    if (!page.rows.some(({ cursor }) => cursor === message.id)) throw new Error('the post is not there')
    return seconds
  }

  async microsPerAuthor(): Promise<number> {
    const one = await this.#microsPerRead()
    for (const celebrity of this.#celebrities) this.#merged.passesOver(celebrity, FOLLOWERS)
    await this.#microsPerRead() // loads their lists
    return ((await this.#microsPerRead()) - one) / (MERGED_AUTHORS - 1)
  }

  async #microsPerRead(): Promise<number> {
    const { readers } = this.#world
    const beginMs = performance.now()
    for (let read = 0; read < READS; read++) {
      const reader = readers[(read * 7919) % FOLLOWERS]
      if (reader !== undefined && this.#home.readNow(reader, PAGE) === undefined) await this.#home.read(reader, PAGE)
    }
    return ((performance.now() - beginMs) * 1000) / READS
  }
}

function report(pushed: readonly Push[], merged: readonly number[], mergeMicros: number): BenchResult {
  const seconds = median(pushed.map((push) => push.seconds))
  const smallMs = pushed.flatMap((push) => push.smallMs)
  const mergedSeconds = median(merged)
  const deliveryNanos = (seconds * 1e9) / FOLLOWERS
  const small = (share: number) => rounded(percentile(smallMs, share))
  const row = (policy: string, values: readonly number[]) => ({
    policy,
    'last can read, ms': rounded(median(values) * 1000),
    'slowest, ms': rounded(Math.max(...values) * 1000),
  })
  return {
    rows: [
      {
        ...row(
          'pushed',
          pushed.map((push) => push.seconds),
        ),
        'small posts p50 ms': small(0.5),
        'p99 ms': small(0.99),
      },
      { ...row('merged at read', merged), 'small posts p50 ms': null, 'p99 ms': null },
    ],
    summary: {
      bench: 'celebrity',
      seconds: rounded(seconds),
      mergedSeconds: rounded(mergedSeconds),
      followers: FOLLOWERS,
      deliveriesPerSecond: Math.round(FOLLOWERS / seconds),
      smallPosts: smallMs.length,
      smallP50Ms: small(0.5),
      smallP99Ms: small(0.99),
      smallMaxMs: rounded(Math.max(...smallMs)),
      deliveryNanos: rounded(deliveryNanos),
      mergeMicrosPerReadAndAuthor: rounded(mergeMicros),
    },
  }
}
