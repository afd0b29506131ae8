/**
 * Migrations: each store exports its own as plain SQL by name, here the union runs in the order of the names.
 * Kysely's Migrator does it in one transaction behind a lock, so that of several processes that start together one
 * migrates and the others wait, and a crash in between leaves the database as it was.
 */
import { Kysely, Migrator, PostgresDialect, sql, type Migration } from 'kysely'

import { AppError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { PooledDatabase } from './connection.ts'
import { sqlState } from './contract.ts'

/** SQL by name: `0001-accounts`. A name that has run somewhere is never changed, nor is its SQL. */
export type Migrations = Readonly<Record<string, string>>

const UNDEFINED_TABLE = '42P01'

/**
 * Brings the database to the state that `migrations` describe. Throws `conflict` when the database has migrations that
 * this code does not know (a newer Dunlin used it), and PostgreSQL's own error when a migration fails.
 */
export async function migrate(database: PooledDatabase, migrations: Migrations, log: Log): Promise<void> {
  await refuseNewerDatabase(database, migrations)
  const kysely = new Kysely<unknown>({
    dialect: new PostgresDialect({
      pool: {
        connect: async () => {
          const client = await database.unlimitedClient()
          return { query: client.query.bind(client), release: () => client.release(true) }
        },
        end: async () => {}, // the connections are the database's
      },
    }),
  })
  const migrator = new Migrator({
    db: kysely,
    provider: { getMigrations: async () => kyselyMigrations(migrations) },
    // The stores number theirs independently of each other.
    allowUnorderedMigrations: true,
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  const failed = results.find((result) => result.status === 'Error')
  if (failed !== undefined) log.error({ event: 'migration.failed', migration: failed.migrationName, err: error })
  if (error !== undefined) throw error instanceof Error ? error : new Error('a migration failed', { cause: error })
  // One line: a first start has all of them, and a person reads what follows it.
  const latest = results.at(-1)
  if (latest !== undefined) {
    log.info({ event: 'migrations.done', count: results.length, latest: latest.migrationName })
  }
}

/** The union of the stores' migrations; two with one name are our bug. */
export function allMigrations(...stores: readonly Migrations[]): Migrations {
  const union = new Map<string, string>()
  for (const [name, text] of stores.flatMap((store) => Object.entries(store))) {
    if (union.has(name)) throw new Error(`two migrations are called ${name}`)
    union.set(name, text)
  }
  return Object.fromEntries(union)
}

function kyselyMigrations(migrations: Migrations): Record<string, Migration> {
  return Object.fromEntries(
    Object.entries(migrations).map(([name, text]) => [
      name,
      {
        up: async (db) => {
          await sql.raw(text).execute(db)
        },
      },
    ]),
  )
}

async function refuseNewerDatabase(database: PooledDatabase, migrations: Migrations): Promise<void> {
  const unknown = (await migrationsDone(database)).filter((name) => !Object.hasOwn(migrations, name))
  if (unknown.length === 0) return
  throw new AppError(
    'conflict',
    `This database was migrated by a newer Dunlin (it has ${unknown.join(', ')}). ` +
      'Start that version again, or restore a backup made before the upgrade.',
  )
}

async function migrationsDone(database: PooledDatabase): Promise<string[]> {
  try {
    const rows = await database.rows<{ name: string }>`select name from kysely_migration order by name`
    return rows.map((row) => row.name)
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return [] // a new database
    throw error
  }
}
