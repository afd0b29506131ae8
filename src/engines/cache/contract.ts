/**
 * A cache reached over a network: Redis from 7.0 on or Valkey, alone or as a cluster.
 *
 * It is used through *functions*: code that runs inside the server, each call in one piece, on keys of one hash tag. Nothing
 * in it is truth: it may forget any key, everything, or what it acknowledged a second ago.
 *
 * No call waits longer than CALL_MS_MAX. A server that does not answer, refuses or is gone makes `unavailable` (CacheError),
 * and after FAILURES_MAX such calls in a row further ones are shed at once, until a trial call succeeds.
 */
import { AppError } from '../../kit/errors.ts'

/** One call, with every redirection and repetition. */
export const CALL_MS_MAX = 250
/** Calls to one server that have not been answered; more are shed. */
export const CALLS_IN_FLIGHT_MAX = 1_024
/** Calls in a row that fail before a server is left alone for a while. */
export const FAILURES_MAX = 3

/** Code that registers functions, each named `library_function`. */
export interface FunctionLibrary {
  /** Changes with the code, so that two versions of a program can use one server. */
  readonly name: string
  readonly code: string
}

/** `prefix` and a number in NUMBER_DIGITS hexadecimal digits, as `numberedKey` makes them. */
export interface NumberedKeys {
  readonly prefix: string
  readonly numbers: readonly bigint[]
}

export const NUMBER_DIGITS = 16

/** `number`: 64 bits, not negative. */
export function numberedKey(prefix: string, number: bigint): string {
  return prefix + number.toString(16).padStart(NUMBER_DIGITS, '0')
}

export interface FunctionCall {
  readonly name: string
  /** All of one hash tag; the first decides where the call goes. */
  readonly keys: readonly string[]
  /** More keys after these: hundreds of them without a string each. */
  readonly numbered?: NumberedKeys
  readonly args: readonly (string | number | Buffer)[]
  readonly readOnly?: boolean
  /** Large work that nobody waits for: it has a connection of its own, so that small calls pass it by. */
  readonly bulk?: boolean
}

export type Reply = number | Buffer | null | readonly Reply[]

/**
 * late: no answer in time, the call may still happen. down: no connection. shed: not even tried. full: the server's memory
 * is. moving: the keys are on their way to another server. refused: anything else that the server says.
 */
export type CacheFault = 'late' | 'down' | 'shed' | 'full' | 'moving' | 'refused'

/** Seconds after which a client may try again. */
const RETRY_AFTER_SECONDS = 2

export class CacheError extends AppError {
  readonly fault: CacheFault

  constructor(fault: CacheFault, cause?: unknown) {
    super('unavailable', 'The cache is not available at the moment', { cause, retryAfterSeconds: RETRY_AFTER_SECONDS })
    this.name = 'CacheError'
    this.fault = fault
  }
}

/** A server that holds keys, as it describes itself. */
export interface CacheServer {
  /** As `addressOf` gives it. */
  readonly address: string
  /** Another one after each start of the server. */
  readonly run: string
  readonly usedBytes: number
  /** The server's limit, or the machine's memory when it has none. */
  readonly limitBytes: number
}

export interface Cache extends AsyncDisposable {
  /** Throws CacheError. */
  call(call: FunctionCall): Promise<Reply>
  /** Where a key is, as far as is known: `host:port`. */
  addressOf(key: string): string
  /** The servers that answer. Never throws. */
  servers(): Promise<CacheServer[]>
  /** Every key that begins with `prefix`, some of them twice, in batches. Throws CacheError. */
  keys(prefix: string): AsyncIterable<string[]>
}
