import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import test from 'node:test'

import { openDatabase } from '../../src/engines/database/connection.ts'
import { externalPostgres } from '../../src/engines/database/external.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

/** The URL of a test's database, or of another one on the same server. */
function urlOf({ connection }: TestDatabase, database = connection.database): string {
  if (connection.connectionString !== undefined) {
    return database === undefined
      ? connection.connectionString
      : connection.connectionString.replace(/[^/]+$/, database)
  }
  return `postgres://${connection.user}@/${database}?host=${encodeURIComponent(connection.host ?? '')}`
}

/** Runs what takes no parameters. */
async function command(database: TestDatabase, text: string): Promise<void> {
  const client = await database.unlimitedClient()
  try {
    await client.query(text)
  } finally {
    client.release(true)
  }
}

function refused(code: AppError['code'], text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error))
    assert.equal(error.code, code)
    assert.match(error.message, text)
    return true
  }
}

test('an existing PostgreSQL is used as it is', async () => {
  await using given = await openTestDatabase()
  const connection = await externalPostgres({ connectionString: urlOf(given), log: silentLog })
  await using database = openDatabase({ connection, poolSize: 2, log: silentLog })
  assert.deepEqual(await database.one`select 1 as one`, { one: 1 })
})

test('a server that does not wait for its disk does so for us', async () => {
  await using given = await openTestDatabase()
  const [row] = await given.rows<{ name: string }>`select quote_ident(current_database()) as name`
  await command(given, `alter database ${row?.name} set synchronous_commit = off`)
  const connection = await externalPostgres({ connectionString: urlOf(given), log: silentLog })
  await using database = openDatabase({ connection, poolSize: 2, log: silentLog })
  assert.deepEqual(await database.one`select current_setting('synchronous_commit') as value`, { value: 'on' })
})

test('a database that is not UTF-8, or is Mastodon’s, is refused before anything is written', async () => {
  await using given = await openTestDatabase()
  await command(given, "create database latin encoding 'LATIN1' locale 'C' template template0")
  const latin = externalPostgres({ connectionString: urlOf(given, 'latin'), log: silentLog })
  await assert.rejects(latin, refused('conflict', /encoded in LATIN1.*encoding 'UTF8'/))
  await command(given, 'drop database latin')
  await given.run`create table ar_internal_metadata (key text)`
  const attempt = externalPostgres({ connectionString: urlOf(given), log: silentLog })
  await assert.rejects(attempt, refused('conflict', /Mastodon's.*one of its own/))
})

test('a database that does not exist is told at once, a server that is down after waiting for it', async () => {
  await using given = await openTestDatabase()
  const first = externalPostgres({ connectionString: urlOf(given, 'no_such_database'), log: silentLog })
  await assert.rejects(first, refused('conflict', /cannot connect.*no_such_database/))

  const listener = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => listener.once('listening', resolve))
  const address = listener.address()
  listener.close()
  assert.ok(typeof address === 'object' && address !== null)
  const down = `postgres://dunlin@127.0.0.1:${address.port}/dunlin`
  const startedMs = performance.now()
  const second = externalPostgres({ connectionString: down, log: silentLog, waitMsMax: 1_500 })
  await assert.rejects(second, refused('unavailable', /cannot connect.*ECONNREFUSED/))
  assert.ok(performance.now() - startedMs >= 1_000, 'it was tried again')

  // Time stands still here: without the stop this would never end.
  const stop = new AbortController()
  const waited: object[] = []
  let tries = 0
  const clock = {
    nowMs: (): number => 0,
    sleep: async (): Promise<void> => {
      tries += 1
      if (tries === 3) stop.abort()
    },
  }
  const log = { ...silentLog, warn: (fields: object): void => void waited.push(fields) }
  const third = externalPostgres({ connectionString: down, log, clock, signal: stop.signal })
  await assert.rejects(third, refused('unavailable', /cannot connect.*ECONNREFUSED/))
  assert.equal(tries, 3, 'who is told to stop waits no longer')
  assert.equal(waited.length, 1, 'one reason is told once')
})
