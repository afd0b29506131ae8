/** What the world is told of a fault: one table of codes, Mastodon's bodies, and never a stack trace. */
import type { ErrorCode } from '../kit/errors.ts'
import { AppError } from '../kit/errors.ts'

const HTTP_STATUS: Record<ErrorCode, number> = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  invalid: 422,
  too_many: 429,
  unavailable: 503,
}

export const INTERNAL_TEXT = 'We encountered an internal error'
export const NOT_FOUND_TEXT = 'Not Found'

/** Seconds that a client should wait when the fault does not say. */
const RETRY_AFTER_SECONDS = 5

export interface ErrorBody {
  error: string
  error_description?: string
  details?: AppError['details']
  [extra: string]: unknown
}

/** An answer with a body or headers of its own, thrown by routes (OAuth's `{error, error_description}`, say). */
export class Refusal extends Error {
  readonly status: number
  readonly body: ErrorBody
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, body: ErrorBody, headers: Readonly<Record<string, string>> = {}) {
    super(body.error)
    this.name = 'Refusal'
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** RFC 6750: how a client learns what is wrong with its token. */
export function bearerChallenge(error: 'invalid_token' | 'insufficient_scope', description: string): string {
  return `Bearer realm="Doorkeeper", error="${error}", error_description="${description}"`
}

/** Texts for the faults that Fastify finds before a route runs. */
const PROTOCOL_TEXT: Record<number, string> = {
  400: 'The request is malformed',
  404: NOT_FOUND_TEXT,
  408: 'The request took too long to arrive',
  411: 'The request needs a Content-Length',
  413: 'The request is too large',
  414: 'The address is too long',
  415: 'The content type is not supported: send JSON, a urlencoded form or multipart/form-data',
  431: 'The request headers are too large',
}

/** The answer to an error; undefined for a bug of ours, which is logged and answered with 500. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  if (error instanceof AppError) return refusalOfAppError(error)
  const status = protocolStatus(error)
  return status === undefined ? undefined : new Refusal(status, { error: PROTOCOL_TEXT[status] ?? 'Bad Request' })
}

function refusalOfAppError(error: AppError): Refusal {
  const status = HTTP_STATUS[error.code]
  const headers: Record<string, string> = {}
  if (error.code === 'unauthenticated') headers['www-authenticate'] = bearerChallenge('invalid_token', error.message)
  const wait = error.retryAfterSeconds ?? (status === 503 || status === 429 ? RETRY_AFTER_SECONDS : undefined)
  if (wait !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(wait)))
  return new Refusal(status, { error: error.message, ...(error.details && { details: error.details }) }, headers)
}

/** Fastify's own client errors carry `statusCode` and a code that begins with FST_ERR. */
function protocolStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  const { statusCode } = error
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined
}
