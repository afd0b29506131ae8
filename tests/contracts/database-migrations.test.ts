import assert from 'node:assert/strict'
import test from 'node:test'

import { allMigrations, migrate } from '../../src/engines/database/migrate.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import { openTestDatabase } from '../world/database.ts'

const people = { '0001-people': 'create table people (id int8 primary key); create index on people (id desc)' }
const posts = { '0002-posts': 'create table posts (id int8 primary key, author int8 references people)' }

test('migrations run in the order of their names, and only once', async () => {
  await using db = await openTestDatabase()
  const both = allMigrations(posts, people)
  await migrate(db, both, silentLog)
  await migrate(db, both, silentLog)
  assert.deepEqual(await db.rows`select name from kysely_migration order by timestamp, name`, [
    { name: '0001-people' },
    { name: '0002-posts' },
  ])
  assert.deepEqual(await db.rows`select * from posts`, [])
})

test('however many migrations run, the log has one line of them', async () => {
  await using db = await openTestDatabase()
  const said: object[] = []
  const log = { ...silentLog, info: (fields: object): void => void said.push(fields) }
  const both = allMigrations(posts, people)
  await migrate(db, both, log)
  await migrate(db, both, log)
  assert.deepEqual(said, [{ event: 'migrations.done', count: 2, latest: '0002-posts' }])
})

test('a store may add a migration whose name sorts before those that have run', async () => {
  await using db = await openTestDatabase()
  await migrate(db, people, silentLog)
  await migrate(db, { ...people, '0000-earlier': 'create table earlier (id int8)' }, silentLog)
  assert.deepEqual(await db.rows`select * from earlier`, [])
})

test('a migration that fails leaves the database as it was, and the next start can go on', async () => {
  await using db = await openTestDatabase()
  const broken = { ...people, '0002-posts': 'create table posts (id int8); select no_such_column' }
  await assert.rejects(migrate(db, broken, silentLog), /no_such_column/)
  assert.deepEqual(await db.one`select to_regclass('people') as table`, { table: null })
  await migrate(db, allMigrations(people, posts), silentLog)
  assert.deepEqual(await db.rows`select * from posts`, [])
})

test('of several that start together one migrates and the others wait', async () => {
  await using db = await openTestDatabase()
  const slow = { '0001-slow': 'select pg_sleep(0.3); create table once (id int8)' }
  await Promise.all([migrate(db, slow, silentLog), migrate(db, slow, silentLog), migrate(db, slow, silentLog)])
  assert.deepEqual(await db.rows`select name from kysely_migration`, [{ name: '0001-slow' }])
})

test('a migration may take longer than a statement of a request', async () => {
  await using db = await openTestDatabase()
  const limit = { '0001-limit': "create table seen as select current_setting('statement_timeout') as ms" }
  await migrate(db, limit, silentLog)
  assert.deepEqual(await db.rows`select ms from seen`, [{ ms: '0' }])
  const [usual] = await db.rows<{ ms: string }>`select current_setting('statement_timeout') as ms`
  assert.notEqual(usual?.ms, '0', 'the connection of the migration is not used for requests')
})

test('a database that a newer Dunlin has migrated is refused by name', async () => {
  await using db = await openTestDatabase()
  await migrate(db, allMigrations(people, posts), silentLog)
  await assert.rejects(migrate(db, people, silentLog), (error: unknown) => {
    assert.ok(error instanceof AppError)
    assert.equal(error.code, 'conflict')
    assert.match(error.message, /newer Dunlin.*0002-posts/)
    return true
  })
})

test('two stores cannot use one name', () => {
  assert.throws(() => allMigrations(people, people), /two migrations are called 0001-people/)
})
