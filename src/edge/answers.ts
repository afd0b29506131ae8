/** Error answers: JSON for programs, a plain page for people. */
import type { Socket } from 'node:net'

import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Log } from '../kit/log.ts'
import { escapeHtml } from '../text/render.ts'
import { BODY_BYTES_MAX } from './bodies.ts'
import { INTERNAL_TEXT, NOT_FOUND_TEXT, Refusal, refusalOf } from './errors.ts'
import { PAGE_CSP, PRIVATE_CACHE, setCommonHeaders, wantsPage } from './headers.ts'

export interface AnswerOptions {
  log: Log
  urls: { base: string }
  errorPage?: (status: number, text: string) => string
}

export function answerError(
  options: AnswerOptions,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  // Addresses that do not decode never reach the hook that sets these.
  if (!reply.hasHeader('x-request-id')) setCommonHeaders(request, reply, options.urls.base.startsWith('https:'))
  sendRefusal(options, refusalOf(error) ?? internal(options.log, error, request), request, reply)
}

export function answerMissing(options: AnswerOptions, request: FastifyRequest, reply: FastifyReply): void {
  sendRefusal(options, new Refusal(404, { error: NOT_FOUND_TEXT }), request, reply)
}

function sendRefusal(options: AnswerOptions, refusal: Refusal, request: FastifyRequest, reply: FastifyReply): void {
  reply.code(refusal.status).header('cache-control', PRIVATE_CACHE).removeHeader('link')
  if (isLongBodyUnread(request)) reply.header('connection', 'close')
  reply.headers(refusal.headers)
  if (!wantsPage(request)) {
    void reply.type('application/json; charset=utf-8').send(JSON.stringify(refusal.body))
    return
  }
  const text = typeof refusal.body.error === 'string' ? refusal.body.error : NOT_FOUND_TEXT
  const page = (options.errorPage ?? plainPage)(refusal.status, text)
  void reply.header('content-security-policy', PAGE_CSP).type('text/html; charset=utf-8').send(page)
}

/** Reading on just to throw it away would let anyone keep the line busy; small bodies are worth the connection. */
function isLongBodyUnread({ raw }: FastifyRequest): boolean {
  if (raw.complete) return false
  const length = raw.headers['content-length']
  return raw.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > BODY_BYTES_MAX)
}

/** A bug, or an engine's failure nobody translated: the log has the cause, the client the request's id. */
function internal(log: Log, error: unknown, request: FastifyRequest): Refusal {
  const { method, id, routeOptions } = request
  log.error({ event: 'request.failed', requestId: id, method, route: routeOptions.url ?? null, err: error })
  return new Refusal(500, { error: INTERNAL_TEXT })
}

function plainPage(status: number, text: string): string {
  const safe = escapeHtml(text)
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${status}</title><h1>${safe}</h1></html>`
}

const BROKEN: Record<string, [number, string]> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
}

/** A request that is not HTTP, too slow, or ambiguous about its length: answered without a route, and cut. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, reason] = BROKEN[error.code ?? ''] ?? [400, 'Bad Request']
  const body = JSON.stringify({ error: reason })
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}
