/** Headers of every answer, good or bad: request id, CORS, and what browsers must not do. */
import type { FastifyReply, FastifyRequest } from 'fastify'

import { corsMethods, EXPOSED_HEADERS } from './cors.ts'

const HSTS = 'max-age=63072000; includeSubDomains'

/** For answers that are no pages: nothing in them may be run, framed or fetched from. */
const DATA_CSP = "default-src 'none'; frame-ancestors 'none'"
/** For our own pages: styles and pictures of our own, forms to ourselves, no script. */
export const PAGE_CSP =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

export const PRIVATE_CACHE = 'private, no-store'
export const CACHE: Record<'public' | 'instance', string> = {
  public: 'max-age=15, public, stale-while-revalidate=30',
  instance: 'max-age=300, public, stale-while-revalidate=30',
}

/** `secure`: the server is reached by https, so browsers may be told to keep to it. */
export function setCommonHeaders(request: FastifyRequest, reply: FastifyReply, secure: boolean): void {
  reply.header(REQUEST_ID, request.id)
  for (const [name, value] of commonHeaders(pathOf(request), secure)) reply.header(name, value)
}

/** The first of every answer. */
export const REQUEST_ID = 'x-request-id'

/** The headers of every answer on a path, apart from the request's id. */
export function commonHeaders(path: string, secure: boolean): [name: string, value: string][] {
  return [
    ['x-content-type-options', 'nosniff'],
    ['x-frame-options', 'DENY'],
    ['referrer-policy', 'no-referrer'],
    ['content-security-policy', DATA_CSP],
    ['cache-control', PRIVATE_CACHE],
    ...(secure ? [['strict-transport-security', HSTS] satisfies [string, string]] : []),
    ['vary', isApi(path) ? 'Authorization, Origin' : 'Authorization, Cookie, Origin'],
    ...(corsMethods(path) === undefined ? [] : CORS_HEADERS),
  ]
}

const CORS_HEADERS: [name: string, value: string][] = [
  ['access-control-allow-origin', '*'],
  ['access-control-expose-headers', EXPOSED_HEADERS],
]

export function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? '/'
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}

/** Where answers are JSON whatever happens. */
export function isApi(path: string): boolean {
  return path.startsWith('/api/') || path === '/api'
}

const MACHINE_PATHS = /^\/(oauth\/(token|revoke|userinfo)|\.well-known|nodeinfo|health|livez|readyz)(\/|$)/

/** Whether errors on this path are told to a person by a page. */
export function wantsPage(request: FastifyRequest): boolean {
  const path = pathOf(request)
  if (isApi(path) || MACHINE_PATHS.test(path)) return false
  return request.headers.accept?.includes('text/html') === true
}
