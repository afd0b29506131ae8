/** The world of the streams benchmark: people, half a thousand of them followers of one author, a token each, a server. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startEmbeddedPostgres } from '../src/engines/database/embedded/start.ts'
import { loadConfig } from '../src/kit/config/load.ts'
import { silentLog } from '../src/kit/log.ts'
import { openBlocks } from '../src/roles/blocks.ts'
import { openEngines } from '../src/roles/engines.ts'
import type { AccountId } from '../src/snowflake/contract.ts'
import { startServer, type RunningServer } from '../tests/world/server.ts'

const TOKENS_AT_ONCE = 16

export interface StreamsWorld extends AsyncDisposable {
  readonly server: RunningServer
  /** Whose posts everyone gets. */
  readonly author: string
  /** Tokens of the others; the first `followers` of them follow the author. */
  readonly tokens: readonly string[]
}

export async function openStreamsWorld(people: number, followers: number): Promise<StreamsWorld> {
  await using resources = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'dunlin-bench-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  const { connection } = resources.use(await startEmbeddedPostgres({ dataDir, log: silentLog }))
  const { host = '', user = '', database = '' } = connection
  const url = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`
  const [author = '', ...tokens] = await seed({ dataDir, url, people, followers })
  const profiling = process.env['SERVER_NODE_OPTIONS']
  const env = { DATABASE_URL: url, ...(profiling !== undefined && { NODE_OPTIONS: profiling }) }
  const server = resources.use(await startServer({ dataDir, env }))
  const opened = resources.move()
  return { server, author, tokens, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

interface Plan {
  dataDir: string
  url: string
  people: number
  followers: number
}

/** A token of each person, the author's first. */
async function seed({ dataDir, url, people: count, followers }: Plan): Promise<string[]> {
  await using resources = new AsyncDisposableStack()
  const invocation = { flags: { 'data-dir': dataDir }, env: { DUNLIN_ENV: 'test', DATABASE_URL: url }, cwd: dataDir }
  const { config } = await loadConfig(invocation)
  const engines = await openEngines(config, silentLog, resources, () => {})
  const { graph, people } = await openBlocks(config, engines, resources)
  const nowMs = engines.clock.nowMs()
  const persons = Array.from({ length: count + 1 }, (_, index) => ({
    id: engines.snowflakes.next<AccountId>(),
    username: `person${index}`,
    email: `person${index}@localhost.example`,
    displayName: `Person ${index}`,
    note: 'Listens.',
    locale: 'en',
    defaultLanguage: null,
    createdAtMs: nowMs,
    lastActiveMs: nowMs,
  }))
  await people.accounts.importPeople(persons)
  const [author, ...others] = persons.map(({ id }) => id)
  if (author === undefined) throw new Error('nobody was made')
  await graph.importFollows(others.slice(0, followers).map((source) => ({ source, target: author })))
  const { app } = await people.oauth.registerApp({
    name: 'Benchmark',
    website: null,
    redirectUris: ['https://app.example/callback'],
    scopes: ['read', 'write'],
  })
  const tokens: string[] = []
  const ids = [author, ...others]
  for (let from = 0; from < ids.length; from += TOKENS_AT_ONCE) {
    const issued = ids.slice(from, from + TOKENS_AT_ONCE).map((id) => people.oauth.issueToken(app, id, app.scopes))
    tokens.push(...(await Promise.all(issued)).map(({ token }) => token))
  }
  return tokens
}
