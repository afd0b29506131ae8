/** `dunlin seed`: a world of people, follows and statuses, the same for the same flags. */
import type { Command } from 'commander'

import { systemClock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import { seedWorld, type Seeded, type SeedStage } from '../seed/seed.ts'
import { planWorld, type WorldPlan, type WorldSize } from '../seed/world.ts'
import { openSocialGraph } from '../social-graph/graph.ts'
import { openStatusStore } from '../status-store/store.ts'
import { openStatusImport } from '../write-api/importing.ts'
import { defineCommand, textFlag, type Run, type Shell } from './command.ts'
import { openWorld, warningsOn, type CommandWorld } from './open.ts'
import { grouped, progressBar } from './progress-bar.ts'
import { UsageError } from './terminal.ts'

/** The plan is held in memory: of so many, the process took 1.5 GB. */
const POSTS_MAX = 1_000_000
const PEOPLE_MAX = 100_000
/** Seeds are words of 32 bits. */
const SEED_MAX = 2 ** 32 - 1
/** When a world ends unless told otherwise: always the same time, or the same seed would not give the same world. */
const END_PRESET = '2026-11-01'
/** The stretch of a world must lie after the first id. */
const END_EARLIEST = '2008-01-01'

export function seedCommand(program: Command, shell: Shell): void {
  defineCommand(
    shell,
    program
      .command('seed')
      .description('fill the server with people who follow each other and write; the same flags give the same world')
      .option('--people <number>', 'how many people', '1000')
      .option('--posts <number>', 'how many statuses and boosts', '20000')
      .option('--seed <number>', 'another number gives another world', '7')
      .option('--end <date>', 'when the world ends: its statuses are of the 30 days before', END_PRESET),
    seed,
  )
}

async function seed(run: Run): Promise<void> {
  const size = readSize(run)
  await using world = await openWorld(run)
  await using resources = new AsyncDisposableStack()
  resources.defer(await lockOutOtherSeeds(world))
  const plan = planWorld(size)
  const times = new StageTimes()
  const seeded = await seedThrough(world, plan, { run, times, resources })
  const summary = summaryOf(plan, seeded, times)
  run.answer(summary, () => wordsOf(summary))
}

function readSize(run: Run): WorldSize {
  return {
    people: numberFlag(run, 'people', { least: 1, most: PEOPLE_MAX }),
    posts: numberFlag(run, 'posts', { least: 1, most: POSTS_MAX }),
    seed: numberFlag(run, 'seed', { least: 0, most: SEED_MAX }),
    endMs: endFlag(textFlag(run, 'end') ?? END_PRESET),
  }
}

function numberFlag(run: Run, name: string, { least, most }: { least: number; most: number }): number {
  const text = textFlag(run, name) ?? ''
  const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN
  if (!(value >= least && value <= most)) {
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not ${text}.`)
  }
  return value
}

function endFlag(text: string): number {
  const endMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(endMs)) throw new UsageError(`--end must be a date such as ${END_PRESET}, not ${text}.`)
  if (endMs < Date.parse(END_EARLIEST) || endMs > systemClock.nowMs()) {
    throw new UsageError(`--end must lie between ${END_EARLIEST} and now: ${text} does not.`)
  }
  return endMs
}

/** Two at a time would both find the same statuses missing. The connection holds the lock; closing it lets go. */
async function lockOutOtherSeeds({ database }: CommandWorld): Promise<() => void> {
  const client = await database.unlimitedClient()
  const { rows } = await client.query<{ free: boolean }>(
    `select pg_try_advisory_lock(hashtextextended('dunlin: the seed', 0)) as free`,
  )
  if (rows[0]?.free === true) return () => client.release(true)
  client.release(true)
  throw new AppError('conflict', 'This server is being seeded already. Wait for that, or end it.')
}

async function seedThrough(
  world: CommandWorld,
  plan: WorldPlan,
  { run, times, resources }: { run: Run; times: StageTimes; resources: AsyncDisposableStack },
): Promise<Seeded> {
  const { config, database: db, block, outbox, snowflakes } = world
  const clock = systemClock
  const { accounts } = block
  const graph = resources.use(await openSocialGraph({ db, outbox, clock, log: warningsOn(run) }))
  const statuses = openStatusStore({ db, clock })
  const rules = { localDomain: config.localDomain }
  const writing = openStatusImport({ db, outbox, statuses, accounts, rules })
  const bar = run.isJson ? () => {} : progressBar(run.terminal, () => clock.nowMs())
  const isInterrupted = interruption(resources)
  return await seedWorld({ accounts, graph, statuses, writing, snowflakes }, plan, (stage, done, total) => {
    if (isInterrupted()) {
      throw new AppError('unavailable', 'Interrupted. The same command, given again, goes on where this one stopped.')
    }
    times.note(stage, done === total)
    bar(stage, done, total)
  })
}

/** Ctrl+C ends the seed between two batches, so that everything is closed as it should be. */
function interruption(resources: DisposableStack | AsyncDisposableStack): () => boolean {
  let interrupted = false
  const interrupt = () => {
    interrupted = true
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, interrupt)
    resources.defer(() => void process.off(signal, interrupt))
  }
  return () => interrupted
}

/** How long each stage took. */
class StageTimes {
  readonly #beganMs = new Map<SeedStage, number>()
  readonly #tookMs = new Map<SeedStage, number>()

  note(stage: SeedStage, isDone: boolean): void {
    const nowMs = performance.now()
    const beganMs = this.#beganMs.get(stage) ?? nowMs
    this.#beganMs.set(stage, beganMs)
    if (isDone) this.#tookMs.set(stage, nowMs - beganMs)
  }

  seconds(stage: SeedStage): number {
    return (this.#tookMs.get(stage) ?? 0) / 1_000
  }
}

interface Summary {
  people: number
  follows: number
  statuses: number
  /** New in this run. */
  added: Seeded
  seconds: number
  /** Of those added, while statuses were written; null when there was nothing to write. */
  statusesPerSecond: number | null
  celebrity: { username: string; displayName: string; followers: number }
}

function summaryOf(plan: WorldPlan, added: Seeded, times: StageTimes): Summary {
  const [star] = plan.people
  if (star === undefined) throw new Error('a world has people')
  const seconds = times.seconds('people') + times.seconds('follows') + times.seconds('statuses')
  return {
    people: plan.people.length,
    follows: plan.follows.length,
    statuses: plan.posts.length,
    added,
    seconds: Number(seconds.toFixed(2)),
    statusesPerSecond: added.statuses === 0 ? null : Math.round(added.statuses / times.seconds('statuses')),
    celebrity: {
      username: star.username,
      displayName: star.displayName,
      followers: plan.follows.filter(([, followed]) => followed === 0).length,
    },
  }
}

function wordsOf({ people, follows, statuses, added, seconds, statusesPerSecond, celebrity }: Summary): string {
  const isComplete = added.people === 0 && added.follows === 0 && added.statuses === 0
  const rest = added.people === 0 ? `, of which an earlier run left ${grouped(added.statuses)} statuses to write` : ''
  return [
    isComplete
      ? 'This world is here already: nothing was added.'
      : `Seeded ${grouped(people)} people, ${grouped(follows)} follows and ${grouped(statuses)} statuses in ` +
        `${seconds.toFixed(1)} s (${grouped(statusesPerSecond ?? 0)} statuses/s)${rest}.`,
    `The celebrity is ${celebrity.displayName}, @${celebrity.username}, with ${grouped(celebrity.followers)} followers.`,
    'Nobody here has a password. To use an app or curl as one of them:',
    `  dunlin token create ${celebrity.username}`,
    'To sign in on the website as one of them:',
    `  dunlin accounts reset-password ${celebrity.username}`,
  ].join('\n')
}
