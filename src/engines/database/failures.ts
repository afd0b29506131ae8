/** The database's failures in the project's terms: what is out of our hands becomes `unavailable`, our bugs stay raw. */
import { AppError } from '../../kit/errors.ts'
import { sqlState } from './contract.ts'

/** Seconds after which a caller may try again: a crashed PostgreSQL is usually back by then. */
const RETRY_AFTER_SECONDS = 2

const NETWORK_FAILURES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOENT', // the socket of a server that is not up
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EACCES',
])

/** SQLSTATEs and classes (two characters) after which the same statement may succeed later. */
const PASSING_STATES = new Set([
  '08', // connection exceptions
  '53', // no more connections, memory or disk
  '57P01', // terminated by an administrator
  '57P02', // all sessions reset after a crash
  '57P03', // starting up or shutting down
  '57P05', // idle session ended
  '57014', // statement_timeout
  '25006', // read only: a standby, or an administrator's switch
  '25P03', // idle in transaction for too long
  '55P03', // lock_timeout
  '40001', // serialisation failure
  '40P01', // deadlock: this side was chosen to give way
])

/** SQLSTATEs of a connection that is gone, or about to be. */
const FATAL_STATES = new Set(['08', '57P01', '57P02', '57P03', '57P05', '25P03', '53300'])

/** `pg` gives these no code. */
const CONNECTION_TEXTS =
  /connection terminated|timeout exceeded when trying to connect|read timeout|connection error and is not queryable|client was closed|after calling end on the pool|ended the connection/i

/** SQLSTATEs of text that PostgreSQL cannot store: a NUL character, or one without an equivalent. */
const UNSTORABLE_STATES = new Set(['22021', '22P05'])

/** True when the connection that gave `error` must not be used again. */
export function breaksConnection(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== undefined && !NETWORK_FAILURES.has(state)) return hasState(FATAL_STATES, state)
  return isNetworkFailure(error)
}

/** `error` as the caller shall see it: `unavailable`, `invalid` for text that cannot be stored, or itself. */
export function databaseFailure(error: unknown): unknown {
  if (error instanceof AppError) return error
  const state = sqlState(error)
  if (state !== undefined && UNSTORABLE_STATES.has(state)) {
    return new AppError('invalid', 'The text contains a character that cannot be stored', { cause: error })
  }
  const passing = isNetworkFailure(error) || (state !== undefined && hasState(PASSING_STATES, state))
  return passing ? unavailable(error) : error
}

export function unavailable(cause: unknown): AppError {
  return new AppError('unavailable', 'The database is not available at the moment', {
    cause,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}

function hasState(states: ReadonlySet<string>, state: string): boolean {
  return states.has(state) || states.has(state.slice(0, 2))
}

function isNetworkFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && NETWORK_FAILURES.has(error.code)) return true
  if (error instanceof AggregateError) return error.errors.some(isNetworkFailure)
  return CONNECTION_TEXTS.test(error.message)
}
