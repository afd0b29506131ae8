/**
 * Databases for tests: one PostgreSQL per test process, started when the first test asks, and an empty database per
 * call. The cluster is copied from a template that initdb made once for this version, runs without fsync, and goes away
 * with the process, however that ends: a shell between the two waits for its input to close, then stops PostgreSQL and
 * removes its folder.
 *
 * TEST_DATABASE_URL runs the same tests on a server of one's own instead: databases are made there and dropped again.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

import pg from 'pg'

import {
  clientConfig,
  openDatabase,
  type ConnectionSettings,
  type PooledDatabase,
} from '../../src/engines/database/connection.ts'
import { asAccount, postgresAccount, type Account } from '../../src/engines/database/embedded/account.ts'
import { postgresBinaries, type Binaries } from '../../src/engines/database/embedded/binaries.ts'
import { DATABASE_NAME, writeClusterSettings } from '../../src/engines/database/embedded/cluster-settings.ts'
import { giveTo, initialise, isCluster } from '../../src/engines/database/embedded/cluster.ts'
import { readPidFile } from '../../src/engines/database/embedded/pid-file.ts'
import { migrate, type Migrations } from '../../src/engines/database/migrate.ts'
import { silentLog } from '../../src/kit/log.ts'

const POOL_SIZE = 10
const START_MS_MAX = 60_000
const POLL_MS = 10

/** Only for tests: nothing here has to survive a power cut. */
const TEST_SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  max_connections: '200',
  checkpoint_timeout: '1h',
}

export interface TestDatabase extends PooledDatabase {
  /** For worlds that open pools of their own on it. */
  readonly connection: ConnectionSettings
}

/** A database of its own, migrated when `migrations` are given; dropped when disposed. */
export async function openTestDatabase(migrations?: Migrations): Promise<TestDatabase> {
  const cluster = await testCluster()
  const name = cluster.nextName()
  const template = migrations === undefined ? 'template1' : await cluster.migratedTemplate(migrations)
  await cluster.admin(`create database ${name} template ${template}`)
  const connection = inDatabase(cluster.connection, name)
  const database = openDatabase({ connection, poolSize: POOL_SIZE, log: silentLog })
  return {
    connection,
    rows: database.rows.bind(database),
    one: database.one.bind(database),
    run: database.run.bind(database),
    transaction: database.transaction.bind(database),
    healthy: database.healthy.bind(database),
    unlimitedClient: database.unlimitedClient.bind(database),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      await cluster.admin(`drop database ${name} with (force)`)
    },
  }
}

interface TestCluster {
  readonly connection: ConnectionSettings
  nextName(): string
  /** Migrates once per set of migrations; further databases are copies of it. */
  migratedTemplate(migrations: Migrations): Promise<string>
  admin(statement: string): Promise<void>
}

const testCluster = once(startTestCluster)

async function startTestCluster(): Promise<TestCluster> {
  const given = process.env['TEST_DATABASE_URL']
  return testClusterOn(given === undefined || given === '' ? await startEmbeddedCluster() : { connectionString: given })
}

/** The settings of a connection to the database `postgres` of a cluster that ends with this process. */
async function startEmbeddedCluster(): Promise<ConnectionSettings> {
  const account = await postgresAccount(join(tmpdir(), 'no-cluster-yet'), silentLog)
  const binaries = await postgresBinaries(account, silentLog)
  const template = await templateCluster(binaries, account)
  const home = await giveTo(account, await mkdtemp(join(tmpdir(), 'dunlin-test-')))
  const clusterDir = join(home, `${binaries.major}`)
  await promisify(execFile)('cp', ['-R', template, clusterDir], { ...asAccount(account), cwd: home })
  await writeClusterSettings(clusterDir, { socketDir: home, account, overrides: TEST_SETTINGS })
  await startUntilExit(binaries, account, home)
  return { host: home, user: DATABASE_NAME, database: 'postgres' }
}

function testClusterOn(connection: ConnectionSettings): TestCluster {
  const templates = new Map<Migrations, Promise<string>>()
  let databases = 0
  const nextName = (): string => `dunlin_test_${process.pid}_${(databases += 1)}`
  const admin = async (statement: string): Promise<void> => {
    const client = new pg.Client(clientConfig(connection))
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }
  const makeTemplate = async (migrations: Migrations): Promise<string> => {
    const name = nextName()
    await admin(`create database ${name}`)
    await using database = openDatabase({ connection: inDatabase(connection, name), poolSize: 2, log: silentLog })
    await migrate(database, migrations, silentLog)
    return name
  }
  const migratedTemplate = (migrations: Migrations): Promise<string> => {
    const made = templates.get(migrations) ?? makeTemplate(migrations)
    templates.set(migrations, made)
    return made
  }
  return { connection, nextName, migratedTemplate, admin }
}

function inDatabase(connection: ConnectionSettings, database: string): ConnectionSettings {
  if (connection.connectionString === undefined) return { ...connection, database }
  const url = new URL(connection.connectionString)
  url.pathname = `/${database}`
  return { connectionString: url.href }
}

/** Made once and kept between test runs: initdb takes longer than everything else here. */
async function templateCluster(binaries: Binaries, account: Account): Promise<string> {
  const template = join(tmpdir(), `dunlin-test-template-${binaries.version}-${account.uid}`)
  try {
    if (!(await isCluster(template))) await initialise(template, binaries, account, ['--no-sync', '--wal-segsize=1'])
  } catch (error) {
    if (!(await isCluster(template))) throw error // else another test process was faster
  }
  return template
}

async function startUntilExit(binaries: Binaries, account: Account, home: string): Promise<void> {
  const clusterDir = join(home, `${binaries.major}`)
  const script = '"$0" -D "$1" 2>"$2/server.log" & read _; kill -QUIT $!; wait; rm -rf "$2"'
  const shell = spawn('sh', ['-c', script, binaries.postgres, clusterDir, home], {
    ...asAccount(account),
    cwd: home,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  // Neither the shell nor the pipe to it keeps the test process running.
  shell.unref()
  if (shell.stdin instanceof Socket) shell.stdin.unref()
  const deadlineMs = performance.now() + START_MS_MAX
  while ((await readPidFile(clusterDir))?.status !== 'ready') {
    if (performance.now() > deadlineMs) throw new Error(`no PostgreSQL for tests; see ${join(home, 'server.log')}`)
    await sleep(POLL_MS)
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
