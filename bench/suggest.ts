/**
 * Whom to follow: SALSA over the circle of trust, for people of a graph of 100,000 × 50 follows whose popularity falls by a
 * power law, on the graph as a server has it in memory. Beside it, in turns, the plain count of how many friends follow
 * somebody, over the same lists: what the ranking costs beyond reading them.
 */
import { rankByCircle } from '../src/discovery/suggestions.ts'
import { seededRandom } from '../src/seed/random.ts'
import type { AccountId } from '../src/snowflake/contract.ts'
import { GraphMemory } from '../src/social-graph/memory.ts'
import { percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'

const PEOPLE = 100_000
const FOLLOWS = 50
/** As in the seed's world. */
const POPULARITY_EXPONENT = 0.78
const SEED = 11
const WARM_UP = 50
const NOW_MS = 0

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const asked = quick ? 300 : 2_000
  const random = seededRandom(SEED)
  const beganMs = performance.now()
  const graph = openGraph(random)
  const loadMs = performance.now() - beganMs
  const viewers = Array.from({ length: asked + WARM_UP }, () => idOf(random.below(PEOPLE)))
  const salsaMs: number[] = []
  const countMs: number[] = []
  let suggested = 0
  for (const [turn, viewer] of viewers.entries()) {
    const found = timed(() => suggestions(graph, viewer), turn < WARM_UP ? [] : salsaMs)
    timed(() => counted(graph, viewer), turn < WARM_UP ? [] : countMs)
    suggested += found.length
  }
  const row = (measured: string, times: readonly number[]) => ({
    measured,
    'p50 ms': rounded(percentile(times, 0.5)),
    'p99 ms': rounded(percentile(times, 0.99)),
  })
  return {
    rows: [row('suggestions (SALSA)', salsaMs), row('count of common friends', countMs)],
    summary: {
      bench: 'suggest',
      p50Ms: rounded(percentile(salsaMs, 0.5)),
      p99Ms: rounded(percentile(salsaMs, 0.99)),
      countP50Ms: rounded(percentile(countMs, 0.5)),
      people: PEOPLE,
      follows: graph.follows,
      bytesPerFollow: rounded(graph.bytes / graph.follows),
      loadMs: Math.round(loadMs),
      suggestedMean: rounded(suggested / viewers.length),
    },
  }
}

function timed<Result>(act: () => Result, times: number[]): Result {
  const began = performance.now()
  const result = act()
  times.push(performance.now() - began)
  return result
}

/** As the server does: ranked, then whoever is followed, blocked or muted is left out. */
function suggestions(graph: GraphMemory, viewer: AccountId): AccountId[] {
  const found: AccountId[] = []
  for (const { id } of rankByCircle(graph, viewer)) {
    if (id === viewer) continue
    const { following, blocking, muting } = graph.relation(viewer, id, NOW_MS)
    if (!following && !blocking && !muting) found.push(id)
    if (found.length === 40) break
  }
  return found
}

function counted(graph: GraphMemory, viewer: AccountId): [AccountId, number][] {
  const common = new Map<AccountId, number>()
  for (const friend of graph.following(viewer)) {
    for (const id of graph.following(friend)) common.set(id, (common.get(id) ?? 0) + 1)
  }
  return [...common].toSorted((one, other) => other[1] - one[1]).slice(0, 40)
}

function openGraph(random: ReturnType<typeof seededRandom>): GraphMemory {
  const graph = new GraphMemory()
  for (let person = 0; person < PEOPLE; person += 1) {
    for (let n = 0; n < FOLLOWS; n += 1) {
      // By inversion of the power law; following oneself or somebody twice is dropped by the graph.
      const popular = Math.floor(PEOPLE * random.unit() ** (1 / (1 - POPULARITY_EXPONENT)))
      if (popular !== person) graph.loadFollow(idOf(person), idOf(popular))
    }
  }
  graph.settle()
  return graph
}

function idOf(person: number): AccountId {
  return (BigInt(person) + 1n) as AccountId
}
