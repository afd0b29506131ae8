/**
 * What a command needs of the system, whether a server runs or not: its database is spoken to directly, and started for
 * the command where none runs. What a running server must hear of, it hears through the outbox.
 */
import type { AccountsBlock } from '../accounts/contract.ts'
import { openAccounts } from '../accounts/open.ts'
import { openDatabase, type ConnectionSettings, type PooledDatabase } from '../engines/database/connection.ts'
import { dataFolderOwner } from '../engines/database/embedded/data-folder-lock.ts'
import { runningPostgres, startEmbeddedPostgres } from '../engines/database/embedded/start.ts'
import { externalPostgres } from '../engines/database/external.ts'
import { migrate } from '../engines/database/migrate.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { openOutbox } from '../engines/outbox/postgres.ts'
import { systemClock } from '../kit/clock.ts'
import type { Config } from '../kit/config/config.ts'
import { AppError } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { MIGRATIONS } from '../roles/migrations.ts'
import type { Snowflakes } from '../snowflake/contract.ts'
import { openSnowflakes } from '../snowflake/leased.ts'
import { readRunFile } from './admin-client.ts'
import { configurationOf, type Run } from './command.ts'

/** A command does one thing at a time, beside the pools of a server. */
const POOL_SIZE = 2
/** Waiting for a worker number; a server may wait longer, a person at a terminal does not. */
const LEASE_WAIT_MS_MAX = 10_000
/** A server that just starts, or another command, gets this long before the database is used in whatever state. */
const WAIT_MS_MAX = 30_000
const POLL_MS = 100

export interface CommandWorld extends AsyncDisposable {
  readonly config: Config
  readonly database: PooledDatabase
  readonly block: AccountsBlock
  readonly snowflakes: Snowflakes
  readonly outbox: Outbox
}

export async function openWorld(run: Run): Promise<CommandWorld> {
  const { config } = await configurationOf(run)
  const log = warningsOn(run)
  await using resources = new AsyncDisposableStack()
  const connection = await connect(config, log, resources)
  const database = resources.use(openDatabase({ connection, poolSize: POOL_SIZE, log }))
  await migrate(database, MIGRATIONS, log)
  const owner = `command line, process ${process.pid}`
  const leasing = { db: database, clock: systemClock, log, owner, waitMsMax: LEASE_WAIT_MS_MAX }
  const snowflakes = resources.use(await openSnowflakes(leasing))
  const outbox = openOutbox({ db: database, clock: systemClock })
  const block = resources.use(
    openAccounts({ db: database, outbox, snowflakes, clock: systemClock, log, bus: undefined }),
  )
  const opened = resources.move()
  return { config, database, block, snowflakes, outbox, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function connect(config: Config, log: Log, resources: AsyncDisposableStack): Promise<ConnectionSettings> {
  if (config.database.url !== undefined) {
    return externalPostgres({ connectionString: config.database.url, log, waitMsMax: 0 })
  }
  const { dataDir } = config
  const deadlineMs = systemClock.nowMs() + WAIT_MS_MAX
  for (;;) {
    const isLate = systemClock.nowMs() > deadlineMs
    // Only a server that is up: one that starts has no tables yet, and another command's database ends with that command.
    const running = isLate || (await isServed(dataDir)) ? await runningPostgres(dataDir) : undefined
    if (running !== undefined) return running
    try {
      resources.use(exitOnSignals())
      return resources.use(await startEmbeddedPostgres({ dataDir, log })).connection
    } catch (error) {
      const isTaken = error instanceof AppError && error.code === 'conflict' && (await isOwned(dataDir))
      if (!isTaken || isLate) throw error
      await systemClock.sleep(POLL_MS)
    }
  }
}

/**
 * A signal would end this process without a word to the database that it started; by `exit` it is stopped. A command that
 * listens to signals itself ends in its own way, unless it is told twice.
 */
function exitOnSignals(): Disposable {
  let isTold = false
  const exit = (name: NodeJS.Signals, number: number): void => {
    if (isTold || process.listenerCount(name) === 1) process.exit(128 + number) // as a shell tells of a signal
    isTold = true
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, exit)
  return {
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, exit)
    },
  }
}

/** Whether whoever has the data folder is a server that is up. */
async function isServed(dataDir: string): Promise<boolean> {
  const file = await readRunFile(dataDir).catch(() => undefined)
  return file !== undefined && (await dataFolderOwner(dataDir).catch(() => undefined))?.pid === file.pid
}

async function isOwned(dataDir: string): Promise<boolean> {
  return (await dataFolderOwner(dataDir).catch(() => undefined)) !== undefined
}

/** Commands speak for themselves; of the blocks below, only what is wrong is told. */
export function warningsOn({ terminal }: Pick<Run, 'terminal'>): Log {
  const tell = (_fields: object, text?: string): void => {
    if (text !== undefined) terminal.err(`dunlin: ${text}`)
  }
  return { debug() {}, info() {}, warn: tell, error: tell }
}
