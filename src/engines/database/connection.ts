/**
 * `Database` on a bounded pool of `pg` connections.
 *
 * Every wait has an end: for a connection (`ACQUIRE_MS_MAX`, at most `WAITERS_MAX` in the queue), for a statement
 * (the server's `statement_timeout`, and a longer one here in case the server itself hangs), for a transaction that
 * somebody forgot (`IDLE_IN_TRANSACTION_MS_MAX`). What cannot be had in time is `unavailable`, never a hanging request.
 */
import assert from 'node:assert/strict'

import pg from 'pg'

import type { Log } from '../../kit/log.ts'
import type { Database, Db } from './contract.ts'
import { breaksConnection, databaseFailure, unavailable } from './failures.ts'
import { statementCompiler, type Compile, type Statement } from './statements.ts'
import { typeParsers } from './values.ts'

/** One statement, in the server. */
export const STATEMENT_MS_MAX = 15_000
/** One statement, seen from here: only a server that hangs reaches it. */
export const ANSWER_MS_MAX = 20_000
/** A transaction in which nothing happens. */
export const IDLE_IN_TRANSACTION_MS_MAX = 10_000
/** Waiting for a connection, whether for a free one or for a new one. */
export const ACQUIRE_MS_MAX = 5_000
/** Callers waiting for a connection of one pool. */
export const WAITERS_MAX = 2_000
/** An idle connection is closed after this time: a backend costs PostgreSQL several MiB. */
export const IDLE_CONNECTION_MS_MAX = 10_000
/** Closing waits this long for work under way, then cuts it off. */
export const CLOSE_MS_MAX = 5_000
/** Then the server has this long to see that the connections are closed. */
const GOODBYE_MS_MAX = 1_000
/** Failures of the pool are logged at most once in this time. */
const FAILURE_LOG_MS = 5_000

// The server gives up first: then the connection stays usable and the caller learns why.
assert(STATEMENT_MS_MAX < ANSWER_MS_MAX)

/** Where the database is. Plain data, so that it can be handed to a worker thread. */
export interface ConnectionSettings {
  /** `postgres://…`; then the other fields are not used. */
  readonly connectionString?: string
  /** A host name, or the folder of a Unix socket. */
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly database?: string
  /** Settings of each session, by PostgreSQL's names. */
  readonly session?: Readonly<Record<string, string>>
}

export interface DatabaseOptions {
  readonly connection: ConnectionSettings
  /** Connections at most. */
  readonly poolSize: number
  readonly log: Log
}

/** What `openDatabase` gives beyond the contract: for migrations, which bring their own query builder. */
export interface PooledDatabase extends Database {
  /** A connection for long work: no statement limit. Release it with `true`, so that it is not used for anything else. */
  unlimitedClient(): Promise<pg.PoolClient>
}

/** Opens lazily: the first statement connects. Never throws for a server that is down; statements do. */
export function openDatabase(options: DatabaseOptions): PooledDatabase {
  return new PgDatabase(options)
}

/** `pg`'s configuration for `settings`; everything said, so that PG* variables of the environment have no say. */
export function clientConfig(settings: ConnectionSettings): pg.ClientConfig {
  const session = Object.entries(settings.session ?? {}).map(([name, value]) => `-c ${name}=${value}`)
  const shared: pg.ClientConfig = {
    application_name: 'dunlin',
    connectionTimeoutMillis: ACQUIRE_MS_MAX,
    keepAlive: true,
    ...(session.length > 0 && { options: session.join(' ') }),
  }
  if (settings.connectionString !== undefined) return { ...shared, connectionString: settings.connectionString }
  const { host, port = 5432, user, database } = settings
  return { ...shared, host, port, user, database, ssl: false }
}

class PgDatabase implements PooledDatabase {
  readonly #pool: pg.Pool
  readonly #log: Log
  readonly #compile: Compile = statementCompiler()
  /** Connections in use, to be cut off when closing takes too long. */
  readonly #inUse = new Set<pg.PoolClient>()
  /** Connections that the server still knows: `pg` counts one as gone when it has only said goodbye. */
  #connections = 0
  readonly #allGone = Promise.withResolvers<void>()
  #failureLoggedAt = -Infinity
  #closing: Promise<void> | undefined

  constructor(options: DatabaseOptions) {
    assert(options.poolSize >= 1, 'a pool has at least one connection')
    this.#log = options.log
    this.#pool = new pg.Pool({
      ...clientConfig(options.connection),
      max: options.poolSize,
      types: typeParsers,
      statement_timeout: STATEMENT_MS_MAX,
      query_timeout: ANSWER_MS_MAX,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
      idleTimeoutMillis: IDLE_CONNECTION_MS_MAX,
    })
    // Without a listener of its own, a connection that dies would end the process.
    this.#pool.on('error', (error) => this.#logFailure(error))
    this.#pool.on('connect', (client) => {
      this.#connections += 1
      client.on('error', (error) => this.#logFailure(error))
    })
    this.#pool.on('remove', () => {
      this.#connections -= 1
      if (this.#connections === 0 && this.#closing !== undefined) this.#allGone.resolve()
    })
  }

  async rows<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]> {
    const { rows } = await this.#query(this.#compile(strings, values))
    return rows
  }

  async one<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined> {
    const { rows } = await this.#query(this.#compile(strings, values))
    return rows[0]
  }

  async run(strings: TemplateStringsArray, ...values: unknown[]): Promise<number> {
    const { rowCount } = await this.#query(this.#compile(strings, values))
    return rowCount ?? 0
  }

  async transaction<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    const client = await this.#acquire()
    const tx = new Transaction(client, this.#compile)
    let broken = true // until the connection is known to be outside a transaction again
    try {
      await tx.command('begin isolation level read committed')
      const result = await tx.settle(work)
      broken = false
      return result
    } catch (error) {
      broken = tx.open || breaksConnection(error)
      if (breaksConnection(error)) this.#logFailure(error)
      throw databaseFailure(error)
    } finally {
      this.#release(client, broken)
    }
  }

  async healthy(deadlineMs: number): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(resolve, deadlineMs, false)
    const answer = this.one`select 1`.then(
      () => true,
      () => false,
    )
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }

  async unlimitedClient(): Promise<pg.PoolClient> {
    const client = await this.#acquire()
    try {
      await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0')
      this.#inUse.delete(client) // closing waits for it: half a migration helps nobody
      return client
    } catch (error) {
      this.#release(client, true)
      throw databaseFailure(error)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const cutOff = setTimeout(() => {
      this.#log.warn({ event: 'database.cut_off', connections: this.#inUse.size }, 'closing with statements under way')
      for (const client of this.#inUse) this.#release(client, true)
    }, CLOSE_MS_MAX)
    await this.#pool.end()
    clearTimeout(cutOff)
    if (this.#connections === 0) return
    // The server is stopped after this: let it see the goodbyes first, unless it is gone itself.
    const late = setTimeout(this.#allGone.resolve, GOODBYE_MS_MAX)
    await this.#allGone.promise
    clearTimeout(late)
  }

  async #query(statement: Statement): Promise<pg.QueryResult> {
    const client = await this.#acquire()
    let broken = false
    try {
      return await client.query(statement)
    } catch (error) {
      broken = breaksConnection(error)
      if (broken) this.#logFailure(error)
      throw databaseFailure(error)
    } finally {
      this.#release(client, broken)
    }
  }

  async #acquire(): Promise<pg.PoolClient> {
    if (this.#pool.waitingCount >= WAITERS_MAX) throw unavailable(new Error(`${WAITERS_MAX} already wait`))
    try {
      const client = await this.#pool.connect()
      this.#inUse.add(client)
      return client
    } catch (error) {
      this.#logFailure(error)
      throw unavailable(error)
    }
  }

  #release(client: pg.PoolClient, broken: boolean): void {
    // Cut off by `#close` before: it must not be released twice.
    if (this.#inUse.delete(client)) client.release(broken)
  }

  #logFailure(error: unknown): void {
    const nowMs = performance.now()
    if (this.#closing !== undefined || nowMs - this.#failureLoggedAt < FAILURE_LOG_MS) return
    this.#failureLoggedAt = nowMs
    this.#log.warn({ event: 'database.connection_failed', err: error }, 'a database connection failed')
  }
}

/** One transaction on one connection. Statements run one after the other, in the order in which they were called. */
class Transaction implements Db {
  readonly #client: pg.PoolClient
  readonly #compile: Compile
  #last: Promise<unknown> = Promise.resolve()
  #finished = false
  /** True while the connection may be inside the transaction. */
  open = false

  constructor(client: pg.PoolClient, compile: Compile) {
    this.#client = client
    this.#compile = compile
  }

  async rows<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row[]> {
    const { rows } = await this.#query(strings, values)
    return rows
  }

  async one<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined> {
    const { rows } = await this.#query(strings, values)
    return rows[0]
  }

  async run(strings: TemplateStringsArray, ...values: unknown[]): Promise<number> {
    const { rowCount } = await this.#query(strings, values)
    return rowCount ?? 0
  }

  /** Does `work` and commits; rolls back when it throws. */
  async settle<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    let result: T
    try {
      result = await work(this)
    } catch (error) {
      this.#finished = true
      await this.#rollBack()
      throw error
    }
    this.#finished = true
    const { command } = await this.command('commit')
    // PostgreSQL answers ROLLBACK to a commit after a failed statement: `work` has swallowed its error.
    if (command !== 'COMMIT') throw new Error('a statement of this transaction had failed: nothing was committed')
    return result
  }

  async command(text: 'begin isolation level read committed' | 'commit' | 'rollback'): Promise<pg.QueryResult> {
    if (text !== 'rollback') this.open = true
    const result = await this.#inOrder({ text, values: [] })
    this.open = result.command === 'BEGIN'
    return result
  }

  async #rollBack(): Promise<void> {
    try {
      await this.command('rollback')
    } catch {
      // `open` stays true, so the connection is thrown away and the server rolls back by itself.
    }
  }

  #query(strings: TemplateStringsArray, values: readonly unknown[]): Promise<pg.QueryResult> {
    // A late statement would land in somebody else's transaction on the same connection.
    if (this.#finished) return Promise.reject(new Error('this transaction has ended: await what it does'))
    return this.#inOrder(this.#compile(strings, values))
  }

  #inOrder(statement: Statement): Promise<pg.QueryResult> {
    const answer = this.#last.then(() => this.#client.query(statement))
    this.#last = answer.catch(() => undefined)
    return answer
  }
}
