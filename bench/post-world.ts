/** The world of the post benchmark: PostgreSQL as Dunlin runs it, people who follow each other, a server in a process. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { ConnectionSettings } from '../src/engines/database/connection.ts'
import { startEmbeddedPostgres } from '../src/engines/database/embedded/start.ts'
import { loadConfig } from '../src/kit/config/load.ts'
import { silentLog } from '../src/kit/log.ts'
import { openBlocks } from '../src/roles/blocks.ts'
import { openEngines } from '../src/roles/engines.ts'
import { seededRandom } from '../src/seed/random.ts'
import type { AccountId } from '../src/snowflake/contract.ts'
import { IMPORT_FOLLOWS_MAX, type FollowEdge } from '../src/social-graph/contract.ts'
import { startServer, type RunningServer } from '../tests/world/server.ts'
import { apiThreads } from './api-threads.ts'

/** What the goal says: followers of an author, on average. */
export const FOLLOWERS_MEAN = 75
/** Popularity falls as this power of the rank, as in the seed's world. */
const POPULARITY_EXPONENT = 0.78
const SEED = 5

export interface PostWorld extends AsyncDisposable {
  readonly server: RunningServer
  readonly connection: ConnectionSettings
  /** The postmaster's process id. */
  readonly postgresPid: number
  /** One of each person. */
  readonly tokens: readonly string[]
  /** Person `follower` follows person `followed`; by their places in `tokens`. */
  readonly followOf: { follower: number; followed: number }
}

export async function openPostWorld(people: number): Promise<PostWorld> {
  await using resources = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'dunlin-bench-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  const postgres = resources.use(await startEmbeddedPostgres({ dataDir, log: silentLog }))
  const { connection } = postgres
  const { host = '', user = '', database = '' } = connection
  const url = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`
  const seeded = await seed(dataDir, url, people)
  const env = { DATABASE_URL: url, ...profiling() }
  const server = resources.use(await startServer({ dataDir, env, apiThreads: apiThreads() }))
  const opened = resources.move()
  return {
    server,
    connection,
    postgresPid: postgres.pid() ?? 0,
    ...seeded,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** `SERVER_NODE_OPTIONS="--cpu-prof --cpu-prof-dir=…"` shows where the server's time goes. */
function profiling(): Record<string, string> {
  const options = process.env['SERVER_NODE_OPTIONS']
  return options === undefined ? {} : { NODE_OPTIONS: options }
}

/** People, follows and tokens, written by the blocks themselves before the server starts. */
async function seed(dataDir: string, url: string, count: number): Promise<Pick<PostWorld, 'followOf' | 'tokens'>> {
  await using resources = new AsyncDisposableStack()
  const invocation = { flags: { 'data-dir': dataDir }, env: { DUNLIN_ENV: 'test', DATABASE_URL: url }, cwd: dataDir }
  const { config } = await loadConfig(invocation)
  const engines = await openEngines(config, silentLog, resources, () => {})
  const { graph, people } = await openBlocks(config, engines, resources)
  const nowMs = engines.clock.nowMs()
  const persons = Array.from({ length: count }, (_, index) => ({
    id: engines.snowflakes.next<AccountId>(),
    username: `person${index}`,
    email: `person${index}@localhost.example`,
    displayName: `Person ${index}`,
    note: 'Writes.',
    locale: 'en',
    defaultLanguage: null,
    createdAtMs: nowMs,
    lastActiveMs: nowMs,
  }))
  await people.accounts.importPeople(persons)
  const ids = persons.map(({ id }) => id)
  const follows = planFollows(count)
  const edges = follows.flatMap(({ follower, followed }): FollowEdge[] => {
    const [source, target] = [ids[follower], ids[followed]]
    return source === undefined || target === undefined ? [] : [{ source, target }]
  })
  for (let from = 0; from < edges.length; from += IMPORT_FOLLOWS_MAX) {
    await graph.importFollows(edges.slice(from, from + IMPORT_FOLLOWS_MAX))
  }
  const { app } = await people.oauth.registerApp({
    name: 'Benchmark',
    website: null,
    redirectUris: ['https://app.example/callback'],
    scopes: ['read', 'write'],
  })
  const tokens: string[] = []
  for (const id of ids) tokens.push((await people.oauth.issueToken(app, id, app.scopes)).token)
  const [followOf] = follows
  if (followOf === undefined) throw new Error('a world without a follow')
  return { tokens, followOf }
}

/** FOLLOWERS_MEAN follows a person, of people by their popularity: so an author drawn evenly has as many followers. */
function planFollows(people: number): { follower: number; followed: number }[] {
  const random = seededRandom(SEED)
  const sums = new Float64Array(people)
  let sum = 0
  for (let rank = 0; rank < people; rank++) sums[rank] = sum += (rank + 1) ** -POPULARITY_EXPONENT
  return Array.from({ length: people }, (_, follower) => {
    const chosen = new Set<number>()
    while (chosen.size < Math.min(FOLLOWERS_MEAN, people - 1)) {
      const wanted = random.unit() * sum
      const followed = sums.findIndex((upTo) => upTo > wanted)
      if (followed !== follower) chosen.add(followed)
    }
    return [...chosen].map((followed) => ({ follower, followed }))
  }).flat()
}
