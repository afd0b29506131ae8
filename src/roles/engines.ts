/** Opens what everything else stands on: database, ids, outbox, bus, files. */
import { hostname } from 'node:os'
import { join } from 'node:path'

import type { Bus, ParkingLot } from '../engines/bus/contract.ts'
import { openMemoryBus } from '../engines/bus/memory.ts'
import { openParking } from '../engines/bus/parking.ts'
import { openDatabase, type PooledDatabase } from '../engines/database/connection.ts'
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
import { openSnowflakes, type LeasedSnowflakes } from '../snowflake/leased.ts'
import { MIGRATIONS } from './migrations.ts'

export interface Engines {
  clock: Clock
  log: Log
  database: PooledDatabase
  /** The embedded PostgreSQL's process; null when it is down or not embedded. */
  databasePid: () => number | null
  /** True: this process alone uses the database. */
  embedded: boolean
  snowflakes: LeasedSnowflakes
  outbox: Outbox & OutboxQueue
  parking: ParkingLot
  bus: Bus
  files: Files
}

/** Opens them onto `resources`, which closes them in reverse order. `tell` gets a line for each thing that takes time. */
export async function openEngines(
  config: Config,
  log: Log,
  resources: AsyncDisposableStack,
  tell: (line: string) => void,
): Promise<Engines> {
  const clock = systemClock
  const { connection, databasePid, embedded } = await openPostgres(config, log, resources, tell)
  const database = resources.use(openDatabase({ connection, poolSize: config.database.poolSize, log }))
  await migrate(database, MIGRATIONS, log)
  const owner = `${hostname()}, process ${process.pid}`
  const snowflakes = resources.use(await openSnowflakes({ db: database, clock, log, owner }))
  const outbox = openOutbox({ db: database, clock })
  const parking = openParking(database)
  const bus = resources.use(openMemoryBus({ clock, log, parking, accepts: isKnownEvent }))
  const mediaFolder = join(config.dataDir, 'media')
  await makeFolder(mediaFolder, 0o700)
  const files = resources.use(await openDiskFiles(mediaFolder, clock))
  return { clock, log, database, databasePid, embedded, snowflakes, outbox, parking, bus, files }
}

async function openPostgres(
  config: Config,
  log: Log,
  resources: AsyncDisposableStack,
  tell: (line: string) => void,
): Promise<{
  connection: Parameters<typeof openDatabase>[0]['connection']
  databasePid: () => number | null
  embedded: boolean
}> {
  const { url } = config.database
  if (url !== undefined) {
    const connection = await externalPostgres({ connectionString: url, log })
    return { connection, databasePid: () => null, embedded: false }
  }
  tell('Starting PostgreSQL …')
  const postgres = resources.use(await startEmbeddedPostgres({ dataDir: config.dataDir, log }))
  return { connection: postgres.connection, databasePid: () => postgres.pid() ?? null, embedded: true }
}
