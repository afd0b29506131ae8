/** Opens what everything else stands on: database, ids, outbox, bus, files. */
import { hostname } from 'node:os'
import { join } from 'node:path'

import type { Bus, ParkingLot } from '../engines/bus/contract.ts'
import { openMemoryBus } from '../engines/bus/memory.ts'
import { openParking } from '../engines/bus/parking.ts'
import { openDatabase, type ConnectionSettings, type PooledDatabase } from '../engines/database/connection.ts'
import { startEmbeddedPostgres } from '../engines/database/embedded/start.ts'
import { externalPostgres } from '../engines/database/external.ts'
import { migrate } from '../engines/database/migrate.ts'
import type { Files } from '../engines/files/contract.ts'
import { openDiskFiles } from '../engines/files/disk.ts'
import type { Outbox, OutboxQueue } from '../engines/outbox/contract.ts'
import { openOutbox } from '../engines/outbox/postgres.ts'
import { isKnownEvent } from '../events/contract.ts'
import { systemClock, type Clock } from '../kit/clock.ts'
import type { Config } from '../kit/config/config.ts'
import { makeFolder } from '../kit/folders.ts'
import type { Log } from '../kit/log.ts'
import type { Siblings } from '../kit/siblings.ts'
import { openSnowflakes, type LeasedSnowflakes } from '../snowflake/leased.ts'
import { MIGRATIONS } from './migrations.ts'
import type { SharedState } from './shared-state.ts'

/** What the blocks of any thread stand on. */
export interface ThreadEngines {
  clock: Clock
  log: Log
  database: PooledDatabase
  snowflakes: LeasedSnowflakes
  outbox: Outbox
  /** Messages for listeners; groups are joined where the bus itself is. */
  bus: Pick<Bus, 'listen'>
  files: Files
  /** The other threads of this process; none if not given. */
  siblings?: Siblings
  /** What all threads of the process see. */
  shared?: SharedState
}

/** Those of the one thread in which the relay and the groups of the bus run. */
export interface Engines extends ThreadEngines {
  /** The embedded PostgreSQL's process; null when it is down or not embedded. */
  databasePid: () => number | null
  /** True: this process alone uses the database. */
  embedded: boolean
  outbox: Outbox & OutboxQueue
  parking: ParkingLot
  bus: Bus
}

/** Where the database is, and who runs it. */
export interface Postgres {
  connection: ConnectionSettings
  databasePid: () => number | null
  embedded: boolean
}

/** Everything for one thread alone. `tell` gets a line for each thing that takes time. */
export async function openEngines(
  config: Config,
  log: Log,
  resources: AsyncDisposableStack,
  tell: (line: string) => void,
): Promise<Engines> {
  const postgres = await openPostgres(config, log, { resources }, tell)
  await migrateDatabase(postgres.connection, log)
  const engines = await openThreadEngines({ config, log, connection: postgres.connection, thread: 'main' }, resources)
  return { ...engines, ...postgres, ...openRelayEngines(engines, resources) }
}

interface ThreadEnginesOptions {
  config: Config
  log: Log
  connection: ConnectionSettings
  thread: string
}

/** Onto `resources`, which closes them in reverse order. */
export async function openThreadEngines(
  { config, log, connection, thread }: ThreadEnginesOptions,
  resources: AsyncDisposableStack,
): Promise<Omit<ThreadEngines, 'bus' | 'outbox'>> {
  const clock = systemClock
  const database = resources.use(openDatabase({ connection, poolSize: config.database.poolSize, log }))
  const owner = `${hostname()}, process ${process.pid}, ${thread}`
  const snowflakes = resources.use(await openSnowflakes({ db: database, clock, log, owner }))
  const mediaFolder = join(config.dataDir, 'media')
  await makeFolder(mediaFolder, 0o700)
  const files = resources.use(await openDiskFiles(mediaFolder, clock))
  return { clock, log, database, snowflakes, files }
}

/** The bus with its groups, and the outbox with its queue. */
export function openRelayEngines(
  { database: db, clock, log, ...rest }: Pick<ThreadEngines, 'database' | 'clock' | 'log'> & { outboxOwner?: bigint },
  resources: AsyncDisposableStack,
): Pick<Engines, 'outbox' | 'parking' | 'bus'> {
  const parking = openParking(db)
  const bus = resources.use(openMemoryBus({ clock, log, parking, accepts: isKnownEvent }))
  const { outboxOwner } = rest
  const outbox = openOutbox({ db, clock, ...(outboxOwner !== undefined && { owner: outboxOwner }) })
  return { outbox, parking, bus }
}

export async function migrateDatabase(connection: ConnectionSettings, log: Log): Promise<void> {
  await using database = openDatabase({ connection, poolSize: 2, log })
  await migrate(database, MIGRATIONS, log)
}

/** Starts the embedded PostgreSQL, or looks at the one that is named. */
export async function openPostgres(
  config: Config,
  log: Log,
  { resources, stopping }: { resources: AsyncDisposableStack; stopping?: AbortSignal },
  tell: (line: string) => void,
): Promise<Postgres> {
  const { url } = config.database
  if (url !== undefined) {
    const connection = await externalPostgres({ connectionString: url, log, signal: stopping })
    return { connection, databasePid: () => null, embedded: false }
  }
  tell('Starting PostgreSQL …')
  const postgres = resources.use(await startEmbeddedPostgres({ dataDir: config.dataDir, log }))
  return { connection: postgres.connection, databasePid: () => postgres.pid() ?? null, embedded: true }
}
