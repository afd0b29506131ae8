/** The stories and seeds of the oracle as tests, on whichever engines a server is configured with. */
import { suite, test } from 'node:test'

import { runCrowd } from './oracle-crowd.ts'
import { planStory, type Story } from './oracle-plan.ts'
import { runStory, type RunOptions } from './oracle-run.ts'
import { failure } from './oracle-shrink.ts'
import { STORIES } from './oracle-stories.ts'

const ONLY = process.env['SEED'] === undefined ? undefined : Number(process.env['SEED'])
/** A story that hangs fails by then; a failing one is shortened within it. */
const STORY_MS_MAX = 600_000
/** Stories at a time: most of the time each waits for PostgreSQL. */
const AT_A_TIME = 3
/** Acts of a story, by the seed. */
const ACTS = [30, 50, 80, 120, 30, 200]
/** Of all surfaces, home apart, so many are looked at in the end: many stories find more than many looks at one. */
const SHARE = 0.5
const HTTP_SHARE = 0.15
/** Messages of every third seed come so late, as on a busy machine: what only haste makes right fails everywhere. */
const LATE_MS = 40
const LATE_EVERY = 3

interface Way {
  name: string
  http: boolean
  hasty: boolean
  crowd: boolean
}

const IN_TURN: Way = { name: 'one act after another', http: false, hasty: false, crowd: false }
const IN_HASTE: Way = { name: 'one act after another, in haste', http: false, hasty: true, crowd: false }
const AT_ONCE: Way = { name: 'all at once', http: false, hasty: true, crowd: true }

/** By the seed. */
const WAYS: readonly Way[] = [
  IN_TURN,
  IN_HASTE,
  AT_ONCE,
  { ...IN_TURN, name: 'over HTTP', http: true },
  IN_TURN,
  IN_HASTE,
  AT_ONCE,
  { ...AT_ONCE, name: 'over HTTP, all at once', http: true },
]

export interface OracleSettings {
  name: string
  /** Played unless SEEDS says otherwise. */
  seeds: number
  /** Of the server that plays the n-th story. */
  env?: (n: number) => Record<string, string>
}

export function oracleSuite({ name: engine, seeds: preset, env = () => ({}) }: OracleSettings): void {
  suite(engine, { concurrency: AT_A_TIME }, () => {
    let stories = 0
    const nextEnv = () => env(stories++)

    for (const { name, http, ...story } of STORIES) {
      test(name, { skip: ONLY !== undefined, timeout: STORY_MS_MAX }, () =>
        runStory(story, { seed: 1, http, hasty: false, lateMs: LATE_MS, share: 1, env: nextEnv() }),
      )
    }
    const count = Number(process.env['SEEDS'] ?? preset)
    const seeds = Array.from({ length: count }, (_, n) => n + 1)
    for (const seed of ONLY === undefined ? seeds : [ONLY]) {
      const way = WAYS[seed % WAYS.length] ?? IN_TURN
      test(`seed ${seed}, ${way.name}`, { timeout: STORY_MS_MAX }, () => play(seed, way, nextEnv()))
    }
  })
}

async function play(seed: number, { http, hasty, crowd }: Way, env: Record<string, string>): Promise<void> {
  const acts = ACTS[Math.floor(seed / WAYS.length) % ACTS.length] ?? 25
  const story = planStory(seed, { acts })
  const lateMs = seed % LATE_EVERY === 0 ? LATE_MS : 0
  const options: RunOptions = { seed, http, hasty, lateMs, share: http ? HTTP_SHARE : SHARE, env }
  const run = (shorter: Story) => (crowd ? runCrowd(shorter, options) : runStory(shorter, options))
  try {
    await run(story)
  } catch (error) {
    throw await failure(story, { seed, error, run: crowd ? undefined : run })
  }
}
