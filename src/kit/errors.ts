/**
 * One error for the world's faults, with a closed set of codes and a text that is safe to show.
 * `assert` is for our own bugs. `edge/errors.ts` maps the codes to HTTP in one table.
 */
export type ErrorCode =
  | 'bad_request' // the request itself is malformed
  | 'unauthenticated' // no or bad token
  | 'forbidden' // the actor may not do this, and may know that the thing exists
  | 'not_found' // missing, or hidden from the actor: the same answer
  | 'conflict'
  | 'gone'
  | 'too_large'
  | 'invalid' // well-formed, but against a rule
  | 'too_many'
  | 'unavailable' // try again later: an engine is down, a limit of concurrency is reached

/** Validation details by field, as Mastodon's `details`. */
export type ErrorDetails = Record<string, { error: string; description: string }[]>

export interface AppErrorOptions {
  cause?: unknown
  details?: ErrorDetails
  /** Seconds after which trying again makes sense. */
  retryAfterSeconds?: number
}

export class AppError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails | undefined
  readonly retryAfterSeconds: number | undefined

  /** `safeText` is shown to clients; whatever is private goes into `options.cause`. */
  constructor(code: ErrorCode, safeText: string, options: AppErrorOptions = {}) {
    super(safeText, { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.details = options.details
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** Hidden and missing answer alike, so that nobody learns of an object by its error. */
export function notFound(): AppError {
  return new AppError('not_found', 'Record not found')
}
