/** The real PostgreSQL from npm, as a child process of this one: what a Dunlin without DATABASE_URL runs on. */
import { chmod, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'

import pg from 'pg'

import { makeFolder } from '../../../kit/folders.ts'
import type { Log } from '../../../kit/log.ts'
import { clientConfig, type ConnectionSettings } from '../connection.ts'
import { databaseFailure } from '../failures.ts'
import { postgresAccount } from './account.ts'
import { postgresBinaries } from './binaries.ts'
import { DATABASE_NAME, writeClusterSettings } from './cluster-settings.ts'
import { homePath, prepareCluster, prepareHome, prepareSocketDir } from './cluster.ts'
import { dataFolderOwner, lockDataFolder } from './data-folder-lock.ts'
import { readPidFile } from './pid-file.ts'
import { Postmaster, type PostmasterState } from './postmaster.ts'
import { isPostmaster } from './processes.ts'

export interface EmbeddedOptions {
  /** Dunlin's data folder; PostgreSQL's part of it is `postgres`. Made when missing. */
  readonly dataDir: string
  readonly log: Log
  /** As `START_MS_MAX`, for tests. */
  readonly startMsMax?: number
}

export interface EmbeddedPostgres extends AsyncDisposable {
  readonly connection: ConnectionSettings
  /** The server's process id; undefined while it is down. */
  pid(): number | undefined
  state(): PostmasterState
}

/**
 * Takes the data folder, starts PostgreSQL on it and keeps it running until disposed; a server that dies is started
 * again, and meanwhile statements are `unavailable`. The connection settings stay the same.
 * Throws `conflict` when another Dunlin uses the folder or something has to be put right by a person, `unavailable`
 * when PostgreSQL does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log } = options
  await using resources = new AsyncDisposableStack()
  if ((await makeFolder(options.dataDir)) !== undefined) await chmod(options.dataDir, 0o755)
  const dataDir = await realpath(options.dataDir)
  resources.use(await lockDataFolder(dataDir))

  const account = await postgresAccount(homePath(dataDir), log)
  const binaries = await postgresBinaries(account, log)
  const home = await prepareHome(dataDir, account, log)
  const clusterDir = await prepareCluster(home, binaries, account, log)
  const socketDir = await prepareSocketDir(home, account)
  await writeClusterSettings(clusterDir, { socketDir, account })

  const { startMsMax } = options
  const postmaster = resources.use(
    new Postmaster({ binaries, account, clusterDir, log, ...(startMsMax !== undefined && { startMsMax }) }),
  )
  await postmaster.start()
  const connection = connectionThrough(socketDir)
  await createDatabase(connection)

  const opened = resources.move()
  return {
    connection,
    pid: () => postmaster.pid,
    state: () => postmaster.state,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** How to connect to the PostgreSQL of a Dunlin that runs on `dataDir`; undefined when none does. */
export async function runningPostgres(dataDir: string): Promise<ConnectionSettings | undefined> {
  const owner = await dataFolderOwner(dataDir).catch(() => undefined)
  if (owner === undefined) return undefined
  const home = await realpath(homePath(dataDir)).catch(() => undefined)
  if (home === undefined) return undefined
  for (const name of await readdir(home)) {
    const clusterDir = join(home, name)
    const file = await readPidFile(clusterDir)
    if (file?.socketDir === undefined || file.status !== 'ready') continue
    if (await isPostmaster(file.pid, clusterDir)) return connectionThrough(file.socketDir)
  }
  return undefined
}

function connectionThrough(socketDir: string): ConnectionSettings {
  return { host: socketDir, user: DATABASE_NAME, database: DATABASE_NAME }
}

async function createDatabase(connection: ConnectionSettings): Promise<void> {
  const admin = new pg.Client(clientConfig({ ...connection, database: 'postgres' }))
  try {
    await admin.connect()
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [DATABASE_NAME])
    if (rowCount === 0) await admin.query(`create database ${DATABASE_NAME}`)
  } catch (error) {
    throw databaseFailure(error)
  } finally {
    await admin.end()
  }
}
