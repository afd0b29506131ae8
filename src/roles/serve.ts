/** `dunlin serve`: the supervisor of everything. It opens the database, starts the threads, and waits for a signal. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

import { keepLocalDomain } from '../accounts/local-domain.ts'
import { ownerExists } from '../accounts/user-table.ts'
import { portFor } from '../edge/listen.ts'
import { createSetupLink } from '../edge/pages/setup-link.ts'
import { openDatabase, type ConnectionSettings } from '../engines/database/connection.ts'
import { migrate } from '../engines/database/migrate.ts'
import { systemClock } from '../kit/clock.ts'
import { listeningOn, type Config } from '../kit/config/config.ts'
import { loadConfig, type Invocation } from '../kit/config/load.ts'
import { runUntilStopped, type Lifecycle } from '../kit/lifecycle.ts'
import type { Log } from '../kit/log.ts'
import { openAdminListener } from './admin-listener.ts'
import { openPostgres } from './engines.ts'
import { openLog } from './log.ts'
import { MIGRATIONS } from './migrations.ts'
import { sharedState } from './shared-state.ts'
import { adminAnswers } from './state.ts'
import { apiThreads } from './threads/api-threads.ts'
import { Supervisor } from './threads/supervisor.ts'

/** Connections for what is done before the threads have theirs. */
const POOL_SIZE = 2

const ENTRIES = {
  api: new URL('./threads/api.ts', import.meta.url),
  fanout: new URL('./threads/fanout.ts', import.meta.url),
}

export async function serve(invocation: Invocation): Promise<number> {
  const { config, warnings } = await loadConfig(invocation)
  for (const warning of warnings) tell(warning)
  const log = openLog(config)
  return runUntilStopped((lifecycle) => start(config, log, lifecycle), { log })
}

async function start(loaded: Config, log: Log, lifecycle: Lifecycle): Promise<void> {
  const { resources } = lifecycle
  const startedAtMs = performance.timeOrigin
  const version = ownVersion()
  const { port: wanted, bind: host, adminPort } = loaded.http
  const config = listeningOn(loaded, await portFor({ port: wanted, host }))
  const postgres = await openPostgres(config, log, lifecycle, tell)
  if (lifecycle.stopping.aborted) return
  const hasOwner = await prepareDatabase(config, postgres.connection, log)
  if (lifecycle.stopping.aborted) return
  const setup = hasOwner ? undefined : createSetupLink(systemClock.nowMs())
  const threads = apiThreads(config.http.apiThreads, availableParallelism(), process.platform)
  const supervisor = new Supervisor({
    clock: systemClock,
    log,
    apiThreads: threads,
    entryOf: (kind) => ENTRIES[kind],
    setup: {
      config,
      connection: postgres.connection,
      embedded: postgres.embedded,
      version,
      setupLink: setup?.link,
      shared: sharedState(),
      reusePort: threads > 1,
      isTerminal: process.stderr.isTTY,
    },
    giveUp: (text) => {
      process.stderr.write(`${text}\n`)
      lifecycle.stop(1)
    },
  })
  resources.use(supervisor)
  await supervisor.start()
  if (lifecycle.stopping.aborted) return
  const { databasePid } = postgres
  const answers = adminAnswers({ url: config.baseUrl, supervisor, databasePid, version, startedAtMs })
  resources.use(await openAdminListener({ port: adminPort, dataDir: config.dataDir, pid: process.pid }, answers))
  tell(`Dunlin is ready at ${config.baseUrl}`)
  if (setup !== undefined) {
    tell('')
    tell('Nobody owns this server yet. Open this link within 15 minutes to become its owner:')
    tell(`  ${config.baseUrl}/setup?token=${setup.token}`)
    tell('')
  }
}

/** Brings it up to this version. Whether the server has an owner. */
async function prepareDatabase(config: Config, connection: ConnectionSettings, log: Log): Promise<boolean> {
  await using database = openDatabase({ connection, poolSize: POOL_SIZE, log })
  await migrate(database, MIGRATIONS, log)
  await keepLocalDomain(database, config.localDomain, config.localDomainChange)
  return await ownerExists(database)
}

function ownVersion(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const hasVersion = typeof description === 'object' && description !== null && 'version' in description
  return hasVersion ? String(description.version) : '0'
}

/** For the person at the terminal; the log goes to the other stream. */
function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}
