/** What Redis and its client say, in the project's terms. */
import { CacheError, type CacheFault } from './contract.ts'

/** What the client says when there is no connection to send on. */
const NO_CONNECTION =
  /Connection is closed|max retries per request|Stream isn't writeable|Cluster isn't ready|None of startup nodes|Cluster is ended|Socket timeout|Failed to refresh slots|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT/
/** The server has the connection, but is in no state to do anything: another one may be soon. */
const NO_STATE = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|READONLY|MISCONF|NOREPLICAS|BUSY|UNKILLABLE|TIMEOUT)\b/
const FUNCTION_MISSING = /Function not found/i

export function isFunctionMissing(error: unknown): boolean {
  return error instanceof Error && FUNCTION_MISSING.test(error.message)
}

export function cacheError(error: unknown): CacheError {
  if (error instanceof CacheError) return error
  return new CacheError(faultOf(error instanceof Error ? error.message : String(error)), error)
}

function faultOf(said: string): CacheFault {
  // After its last try the client quotes what the server said.
  const message = said.replace(/^Too many Cluster redirections\. Last error: (?:ReplyError: )?/, '')
  if (message.startsWith('OOM ')) return 'full'
  if (/^(?:TRYAGAIN|MOVED|ASK|CROSSSLOT)\b/.test(message)) return 'moving'
  if (NO_STATE.test(message) || NO_CONNECTION.test(message)) return 'down'
  return 'refused'
}

/** Whether a failure says something about the whole server, and not about one call. */
export function isOfServer(fault: CacheFault): boolean {
  return fault === 'late' || fault === 'down'
}
