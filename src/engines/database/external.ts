/** An existing PostgreSQL, named by DATABASE_URL: looked at once, before anything is written to it. */
import pg from 'pg'

import { systemClock, type Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { clientConfig, type ConnectionSettings } from './connection.ts'
import { breaksConnection } from './failures.ts'

/** As `server_version_num` tells it: 15.0. */
export const VERSION_MIN = 150_000
/** A database that starts together with us gets this long to answer. */
export const WAIT_MS_MAX = 30_000
const RETRY_MS = 1_000

export interface ExternalOptions {
  readonly connectionString: string
  readonly log: Log
  readonly clock?: Clock
  /** As `WAIT_MS_MAX`, for tests. */
  readonly waitMsMax?: number
  /** When aborted, nobody waits for the database any longer. */
  readonly signal?: AbortSignal | undefined
}

interface Facts {
  readonly version: number
  readonly versionText: string
  readonly encoding: string
  readonly synchronousCommit: string
  readonly isStandby: boolean
  readonly isMastodons: boolean
}

/**
 * How to connect to it. Throws `unavailable` when it does not answer in time, `conflict` with what to do when it is too
 * old, not UTF-8, a standby, or somebody else's.
 */
export async function externalPostgres(options: ExternalOptions): Promise<ConnectionSettings> {
  const { connectionString, log } = options
  const facts = await factsOf(options)
  const objection = objectionTo(facts)
  if (objection !== undefined) throw new AppError('conflict', `DATABASE_URL: ${objection}`)
  log.info({ event: 'postgres.external', version: facts.versionText })
  // A server may wait for less than its disk by default; what we have acknowledged must be on it.
  const isWeak = facts.synchronousCommit === 'off' || facts.synchronousCommit === 'local'
  return isWeak ? { connectionString, session: { synchronous_commit: 'on' } } : { connectionString }
}

function objectionTo(facts: Facts): string | undefined {
  if (facts.version < VERSION_MIN) {
    return `this server is PostgreSQL ${facts.versionText}; Dunlin needs ${VERSION_MIN / 10_000} or newer.`
  }
  if (facts.encoding !== 'UTF8') {
    return `this database is encoded in ${facts.encoding}; make one with: create database dunlin encoding 'UTF8' template template0`
  }
  if (facts.isStandby) return 'this server is a standby, which cannot be written to; name its primary.'
  if (facts.isMastodons) return "this database is Mastodon's (it has ar_internal_metadata); give Dunlin one of its own."
  return undefined
}

async function factsOf({
  connectionString,
  log,
  clock = systemClock,
  waitMsMax = WAIT_MS_MAX,
  signal,
}: ExternalOptions): Promise<Facts> {
  const deadlineMs = clock.nowMs() + waitMsMax
  let told: string | undefined
  for (;;) {
    try {
      return await askFacts(connectionString)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const isPassing = breaksConnection(error)
      if (!isPassing || signal?.aborted === true || clock.nowMs() + RETRY_MS > deadlineMs) {
        throw new AppError(isPassing ? 'unavailable' : 'conflict', `DATABASE_URL: cannot connect (${reason}).`, {
          cause: error,
        })
      }
      if (reason !== told) {
        const text = 'the database does not answer yet; it is tried again every second'
        log.warn({ event: 'postgres.external_waiting', reason, forAtMostMs: waitMsMax }, text)
      }
      told = reason
      await clock.sleep(RETRY_MS, signal)
    }
  }
}

async function askFacts(connectionString: string): Promise<Facts> {
  const client = new pg.Client(clientConfig({ connectionString }))
  // Its end is seen by the statement under way; without a listener it would also end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<Facts>(`
      select current_setting('server_version_num')::int4 as "version",
             current_setting('server_version') as "versionText",
             pg_encoding_to_char(encoding) as "encoding",
             current_setting('synchronous_commit') as "synchronousCommit",
             pg_is_in_recovery() as "isStandby",
             to_regclass('ar_internal_metadata') is not null as "isMastodons"
      from pg_database where datname = current_database()`)
    const [facts] = rows
    if (facts === undefined) throw new Error('the server tells nothing about itself')
    return facts
  } finally {
    await client.end().catch(() => undefined)
  }
}
