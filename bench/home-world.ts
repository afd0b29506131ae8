/** The world of the home benchmark: the seed's people with a token each, their follows and statuses, a server in a process. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startEmbeddedPostgres } from '../src/engines/database/embedded/start.ts'
import { loadConfig } from '../src/kit/config/load.ts'
import { silentLog } from '../src/kit/log.ts'
import { openBlocks } from '../src/roles/blocks.ts'
import { openEngines } from '../src/roles/engines.ts'
import { seedWorld } from '../src/seed/seed.ts'
import { planWorld } from '../src/seed/world.ts'
import { openStatusImport } from '../src/write-api/importing.ts'
import { startServer, type RunningServer } from '../tests/world/server.ts'
import { apiThreads } from './api-threads.ts'

const PEOPLE = 1_000
const POSTS = 20_000
const SEED = 7
/** Counted as for anyone, and never reached. */
const ENDLESS_LIMITS = {
  RATE_LIMITS: 'true',
  RATE_LIMIT_API_USER: '999999999/5m',
  RATE_LIMIT_API_TOKEN: '999999999/5m',
}

export interface HomeWorld extends AsyncDisposable {
  readonly server: RunningServer
  /** One of each person. */
  readonly tokens: readonly string[]
  readonly people: number
  readonly posts: number
  readonly follows: number
}

export async function openHomeWorld(): Promise<HomeWorld> {
  await using resources = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'dunlin-bench-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  const { connection } = resources.use(await startEmbeddedPostgres({ dataDir, log: silentLog }))
  const { host = '', user = '', database = '' } = connection
  const url = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`
  const seeded = await seed(dataDir, url)
  const profiling = process.env['SERVER_NODE_OPTIONS']
  const env = { DATABASE_URL: url, ...ENDLESS_LIMITS, ...(profiling !== undefined && { NODE_OPTIONS: profiling }) }
  const server = resources.use(await startServer({ dataDir, env, apiThreads: apiThreads() }))
  const opened = resources.move()
  return { server, ...seeded, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** Written by the blocks themselves, before the server starts. */
async function seed(dataDir: string, url: string): Promise<Omit<HomeWorld, 'server' | symbol>> {
  await using resources = new AsyncDisposableStack()
  const invocation = { flags: { 'data-dir': dataDir }, env: { DUNLIN_ENV: 'test', DATABASE_URL: url }, cwd: dataDir }
  const { config } = await loadConfig(invocation)
  const engines = await openEngines(config, silentLog, resources, () => {})
  const { graph, people, statuses } = await openBlocks(config, engines, resources)
  const { accounts, oauth } = people
  const { clock, database: db, outbox, snowflakes } = engines
  const writing = openStatusImport({ db, outbox, statuses, accounts, rules: { localDomain: config.localDomain } })
  const plan = planWorld({ people: PEOPLE, posts: POSTS, seed: SEED, endMs: clock.nowMs() })
  await seedWorld({ accounts, graph, statuses, writing, snowflakes }, plan, () => {})
  const { app } = await oauth.registerApp({
    name: 'Benchmark',
    website: null,
    redirectUris: ['https://app.example/callback'],
    scopes: ['read', 'write'],
  })
  const issue = async ({ username }: { username: string }): Promise<string[]> => {
    const account = await accounts.byUsername(username)
    return account === undefined ? [] : [(await oauth.issueToken(app, account.id, app.scopes)).token]
  }
  const tokens = (await Promise.all(plan.people.map(issue))).flat()
  return { tokens, people: PEOPLE, posts: POSTS, follows: plan.follows.length }
}
