/** What `src/engines/database/contract.ts` promises, asked of a real PostgreSQL. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '../../src/engines/database/connection.ts'
import { allOf, noSql, sql, sqlState, UNIQUE_VIOLATION } from '../../src/engines/database/contract.ts'
import type { Db } from '../../src/engines/database/contract.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import { openTestDatabase } from '../world/database.ts'

test('values come back as the types that the contract names', async () => {
  await using db = await openTestDatabase()
  const moment = new Date('2026-01-02T03:04:05.678Z')
  const bytes = Buffer.from([0, 1, 255])
  const row = await db.one`select
    ${9_007_199_254_740_993n}::int8 as big, 7::int4 as small, ${moment}::timestamptz as moment,
    ${JSON.stringify({ a: [1] })}::jsonb as document, ${bytes}::bytea as bytes, ${[1n, -2n]}::int8[] as ids,
    '{}'::int8[] as none, 1.50::numeric as exact, date '2026-01-02' as day, 0.5::float8 as half,
    ${['a,b', 'c"d', '']}::text[] as texts, ${null}::text as nothing, ${undefined}::text as missing`
  assert.deepEqual(row, {
    big: 9_007_199_254_740_993n,
    small: 7,
    moment,
    document: { a: [1] },
    bytes,
    ids: [1n, -2n],
    none: [],
    exact: '1.50',
    day: '2026-01-02',
    half: 0.5,
    texts: ['a,b', 'c"d', ''],
    nothing: null,
    missing: null,
  })
})

test('lists of ids are parameters, as arrays and as typed arrays', async () => {
  await using db = await openTestDatabase()
  await db.run`create table things (id int8 primary key)`
  await db.run`insert into things select * from unnest(${[1n, 2n, 3n, 2n ** 62n]}::int8[])`
  const wanted = [2n, 2n ** 62n, 99n]
  const found = [{ id: 2n }, { id: 2n ** 62n }]
  assert.deepEqual(await db.rows`select id from things where id = any(${wanted}) order by id`, found)
  assert.deepEqual(
    await db.rows`select id from things where id = any(${BigInt64Array.from(wanted)}) order by id`,
    found,
  )
  assert.deepEqual(
    await db.rows`select id from things where id = any(${BigUint64Array.from(wanted)}) order by id`,
    found,
  )
  assert.deepEqual(await db.rows`select id from things where id = any(${[]}::int8[])`, [])
})

test('run counts affected rows and one gives the first row or undefined', async () => {
  await using db = await openTestDatabase()
  await db.run`create table things (id int8 primary key)`
  assert.equal(await db.run`insert into things select generate_series(1, 5)`, 5)
  assert.equal(await db.run`delete from things where id > 10`, 0)
  assert.deepEqual(await db.one`select id from things order by id desc`, { id: 5n })
  assert.equal(await db.one`select id from things where id = 10`, undefined)
})

test('fragments nest and keep their values in order', async () => {
  await using db = await openTestDatabase()
  const below = (max: bigint) => sql`n < ${max}`
  const conditions = [sql`n > ${2n}`, sql`(${below(9n)} or ${false})`, sql`n <> ${5n}`]
  const page = (limit: number | undefined) => db.rows<{ n: bigint }>`
    select n from generate_series(${1n}::int8, ${12n}) n where ${allOf(conditions)}
    order by n ${limit === undefined ? noSql : sql`limit ${limit}`}`
  assert.deepEqual(
    (await page(undefined)).map((row) => row.n),
    [3n, 4n, 6n, 7n, 8n],
  )
  assert.deepEqual(
    (await page(2)).map((row) => row.n),
    [3n, 4n],
  )
  assert.deepEqual(await db.rows`select 1 as one where ${allOf([])}`, [{ one: 1 }])
})

test('a document that looks like a fragment stays a value', async () => {
  await using db = await openTestDatabase()
  const hostile: unknown = JSON.parse('{"strings": ["1); drop table people; --"], "values": []}')
  const row = await db.one<{ document: unknown }>`select ${hostile}::jsonb as document`
  assert.deepEqual(row?.document, hostile)
})

test('a statement without fragments is prepared once per connection, one with fragments is not kept', async () => {
  await using db = await openTestDatabase()
  await db.transaction(async (tx) => {
    const constant = (n: number) => tx.rows`select ${n}::int4 as constant_statement`
    const composed = (n: number) => tx.rows`select ${sql`${n}::int4`} as composed_statement`
    for (let n = 0; n < 3; n += 1) {
      assert.deepEqual(await constant(n), [{ constant_statement: n }])
      assert.deepEqual(await composed(n), [{ composed_statement: n }])
    }
    const prepared = await tx.rows<{ statement: string }>`select statement from pg_prepared_statements`
    const texts = prepared.map((row) => row.statement)
    assert.equal(texts.filter((text) => text.includes('constant_statement')).length, 1)
    assert.equal(texts.filter((text) => text.includes('composed_statement')).length, 0)
  })
})

test('a transaction commits what its work did', async () => {
  await using db = await openTestDatabase()
  await db.run`create table things (id int8 primary key)`
  const result = await db.transaction(async (tx) => {
    await tx.run`insert into things values (1)`
    assert.equal(await db.one`select 1 from things`, undefined, 'nobody else sees it yet')
    return tx.one`select current_setting('synchronous_commit') as sync, current_setting('transaction_isolation') as level`
  })
  assert.deepEqual(result, { sync: 'on', level: 'read committed' })
  assert.deepEqual(await db.rows`select id from things`, [{ id: 1n }])
})

test('a transaction whose work throws leaves nothing behind and passes the error on', async () => {
  await using db = await openTestDatabase()
  await db.run`create table things (id int8 primary key)`
  const reason = new Error('changed my mind')
  const failing = db.transaction(async (tx) => {
    await tx.run`insert into things values (1)`
    throw reason
  })
  await assert.rejects(failing, reason)
  assert.deepEqual(await db.rows`select id from things`, [])
})

test('a transaction whose work hides a failed statement does not pretend to have committed', async () => {
  await using db = await openTestDatabase()
  await db.run`create table things (id int8 primary key)`
  const hiding = db.transaction(async (tx) => {
    await tx.run`insert into things values (1)`
    await tx.run`insert into things values (1)`.catch(() => undefined)
  })
  await assert.rejects(hiding, /nothing was committed/)
  assert.deepEqual(await db.rows`select id from things`, [])
})

test('statements of one transaction called at once run in the order of the calls', async () => {
  await using db = await openTestDatabase()
  const warnings: Error[] = []
  const note = (warning: Error): void => void warnings.push(warning)
  process.on('warning', note)
  await db.run`create table things (n int4, at int8 generated always as identity)`
  await db.transaction(async (tx) => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => tx.run`insert into things (n) values (${n})`))
  })
  process.off('warning', note)
  assert.deepEqual(warnings, [], 'the driver was asked for one thing at a time')
  const rows = await db.rows<{ n: number }>`select n from things order by at`
  assert.deepEqual(
    rows.map((row) => row.n),
    Array.from({ length: 20 }, (_, n) => n),
  )
})

test('a transaction that has ended takes no more statements', async () => {
  await using db = await openTestDatabase()
  const leaked: Db = await db.transaction(async (tx) => tx)
  await assert.rejects(leaked.rows`select 1`, /has ended/)
})

test('a broken rule of the schema keeps its SQLSTATE, and the connection stays in use', async () => {
  await using db = await openTestDatabase()
  await using single = openDatabase({ connection: db.connection, poolSize: 1, log: silentLog })
  await single.run`create table things (id int8 primary key)`
  const backend = () => single.one`select pg_backend_pid() as pid`
  const before = await backend()
  await single.run`insert into things values (1)`
  const states: (string | undefined)[] = []
  await single.run`insert into things values (1)`.catch((error: unknown) => states.push(sqlState(error)))
  await single
    .transaction(async (tx) => tx.run`insert into things values (1)`)
    .catch((error: unknown) => states.push(sqlState(error)))
  assert.deepEqual(states, [UNIQUE_VIOLATION, UNIQUE_VIOLATION])
  assert.deepEqual(await backend(), before)
})

test('a NUL character in a text is invalid input, not a failure of ours', async () => {
  await using db = await openTestDatabase()
  await assert.rejects(db.rows`select ${'a\0b'}::text`, isAppError('invalid'))
})

test('a server that is not there is unavailable, at once and with a time to come back', async () => {
  const connection = { host: '/nonexistent', user: 'dunlin', database: 'dunlin' }
  await using db = openDatabase({ connection, poolSize: 2, log: silentLog })
  await assert.rejects(db.rows`select 1`, isAppError('unavailable'))
  await assert.rejects(
    db.transaction(async (tx) => tx.rows`select 1`),
    isAppError('unavailable'),
  )
  assert.equal(await db.healthy(1_000), false)
})

test('waiting for a connection has an end, and more than the queue holds are sent away', async () => {
  await using db = await openTestDatabase()
  await using single = openDatabase({ connection: db.connection, poolSize: 1, log: silentLog })
  const { promise: holding, resolve: letGo } = Promise.withResolvers<void>()
  const holder = single.transaction(async () => holding)
  const waiters = Array.from({ length: 2_100 }, () =>
    single.rows`select 1`.then(
      () => 'answered',
      (error: unknown) => error,
    ),
  )
  const first = await Promise.race(waiters)
  assert.ok(isAppError('unavailable')(first), 'the one that found the queue full')
  letGo()
  await holder
  const outcomes = await Promise.all(waiters)
  assert.equal(outcomes.filter((outcome) => outcome === 'answered').length, 2_000)
})

test('a session that the server ends is unavailable once; the pool heals', async () => {
  await using db = await openTestDatabase()
  await using single = openDatabase({ connection: db.connection, poolSize: 1, log: silentLog })
  const interrupted = single.transaction(async (tx) => {
    const row = await tx.one<{ pid: number }>`select pg_backend_pid() as pid`
    await db.rows`select pg_terminate_backend(${row?.pid})`
    await tx.rows`select 1`
  })
  await assert.rejects(interrupted, isAppError('unavailable'))
  assert.deepEqual(await single.rows`select 1 as one`, [{ one: 1 }])
  const idle = await single.one<{ pid: number }>`select pg_backend_pid() as pid`
  await db.rows`select pg_terminate_backend(${idle?.pid})`
  await sleep(100)
  assert.deepEqual(await single.rows`select 1 as one`, [{ one: 1 }])
})

test('a statement that runs too long is ended by the server and reported as unavailable', async () => {
  await using db = await openTestDatabase()
  await assert.rejects(
    db.transaction(async (tx) => {
      await tx.run`set local statement_timeout = '50ms'`
      await tx.rows`select pg_sleep(10)`
    }),
    isAppError('unavailable'),
  )
})

test('health is judged by an answer within the deadline', async () => {
  await using db = await openTestDatabase()
  assert.equal(await db.healthy(2_000), true)
  await using single = openDatabase({ connection: db.connection, poolSize: 1, log: silentLog })
  const { promise: holding, resolve: letGo } = Promise.withResolvers<void>()
  const holder = single.transaction(async () => holding)
  assert.equal(await single.healthy(50), false)
  letGo()
  await holder
})

test('closing waits for what is under way, and closing twice is one closing', async () => {
  await using db = await openTestDatabase()
  const pool = openDatabase({ connection: db.connection, poolSize: 1, log: silentLog })
  const underWay = pool.rows`select pg_sleep(0.2)::text as slept`
  await sleep(50)
  await Promise.all([pool[Symbol.asyncDispose](), pool[Symbol.asyncDispose]()])
  assert.equal((await underWay).length, 1)
  await assert.rejects(pool.rows`select 1`, isAppError('unavailable'))
})

function isAppError(code: AppError['code']): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error))
    assert.equal(error.code, code)
    assert.equal(error.retryAfterSeconds !== undefined, code === 'unavailable')
    return true
  }
}
