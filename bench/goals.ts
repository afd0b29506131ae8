/** What the figures in the summaries are wanted to be, for the page: reached or not is said beside each. */
import type { BenchResult } from './report.ts'

export interface Goal {
  bench: string
  /** The name in the summary. */
  figure: string
  least?: number
  most?: number
}

export const GOALS: readonly Goal[] = [
  { bench: 'fanout', figure: 'deliveriesPerSecond', least: 10_000_000 },
  { bench: 'fanout', figure: 'bareLoopRatio', least: 0.5 },
  { bench: 'fanout-redis', figure: 'redisBenchmarkRatio', least: 0.85 },
  { bench: 'celebrity', figure: 'seconds', most: 1 },
  { bench: 'home', figure: 'bareHttpRatio', least: 0.5 },
  { bench: 'freshness', figure: 'p50Ms', most: 20 },
  { bench: 'freshness', figure: 'p99Ms', most: 100 },
  { bench: 'suggest', figure: 'p50Ms', most: 50 },
  { bench: 'post', figure: 'postsPerSecond', least: 5_000 },
  { bench: 'post', figure: 'visibleP50Ms', most: 20 },
  { bench: 'post', figure: 'visibleP99Ms', most: 100 },
]

export interface Measured {
  goal: Goal
  /** Undefined when the benchmark failed or does not tell it. */
  value: number | undefined
  isReached: boolean
}

export function measureGoals(summaries: ReadonlyMap<string, BenchResult['summary']>): Measured[] {
  return GOALS.filter(({ bench }) => summaries.has(bench)).map((goal) => {
    const told = summaries.get(goal.bench)?.[goal.figure]
    const value = typeof told === 'number' ? told : undefined
    const { least = -Infinity, most = Infinity } = goal
    return { goal, value, isReached: value !== undefined && value >= least && value <= most }
  })
}
