import { randomInt, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/**
 * The HTTP server. A request crosses: address and headers → CORS → token → limits → scopes → body → handler → answer.
 * Whatever goes wrong on the way becomes a JSON body (or a plain page) with the headers of a good answer.
 */
import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import type { FastifyError, FastifyInstance } from 'fastify'

import type { TokenIdentity } from '../accounts/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Urls } from '../mastodon/urls.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { answerBrokenRequest, answerError, answerMissing } from './answers.ts'
import { BODY_BYTES_MAX, registerBodyParsers } from './bodies.ts'
import { Call } from './call.ts'
import { preflightHeaders } from './cors.ts'
import { isApi, pathOf, setCommonHeaders } from './headers.ts'
import { HotPath } from './hot-path.ts'
import { drain, listen } from './listen.ts'
import { RateCounters } from './rate-counters.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { RateLimitSettings } from './rate-limits.ts'
import { addRoute } from './route.ts'
import type { Edge, ListenOptions, RegisteredRoute, Route } from './routing.ts'
import { acceptStreams, isStreamUpgrade, type StreamDoor } from './streaming.ts'

export interface EdgeOptions {
  urls: Urls
  clock: Clock
  log: Log
  /** OAuth's `identify`: asked for every bearer token, so it should answer from memory. */
  identify: (token: string) => Promise<TokenIdentity | 'revoked' | undefined>
  /** The same from memory alone; undefined when it is not there. Without it nothing is answered ahead of the router. */
  identifyNow?: (token: string) => TokenIdentity | undefined
  /** Hears of every authenticated request: Accounts' `touch`. */
  seen?: (account: AccountId) => void
  limits: RateLimitSettings
  /** Addresses and CIDR ranges of proxies whose X-Forwarded-For is believed. Empty: nobody's. */
  trustedProxies: readonly string[]
  /** Counters that several threads share; own ones by default. */
  counters?: RateCounters
  /** A page for people instead of the plain one; gets a safe text. */
  errorPage?: (status: number, text: string) => string
}

const HEADER_BYTES_MAX = 16 * 1024
const HEADERS_MAX = 100
const HEADERS_TIMEOUT_MS = 10_000
/** Uploads over slow lines; other bodies have to arrive within BODY_TIMEOUT_MS of `route.ts`. */
const REQUEST_TIMEOUT_MS = 300_000
/** More than the 60 s of nginx and Caddy, so that they do not reuse a connection just closed. */
const KEEP_ALIVE_MS = 65_000
const CONNECTIONS_CHECK_MS = 5_000
/** Tags and group keys are the longest parts of a path. */
const PATH_PART_MAX = 600

const REQUEST_ID = /^[\w-]{1,255}$/

export async function createServer(options: EdgeOptions): Promise<Edge> {
  const server = buildFastify(options)
  server.decorateRequest('call', null)
  await server.register(cookie)
  await registerBodyParsers(server)
  const secure = options.urls.base.startsWith('https:')
  server.addHook('onRequest', (request, reply, done) => {
    setCommonHeaders(request, reply, secure)
    if (request.method !== 'OPTIONS') return done()
    const headers = preflightHeaders(pathOf(request), request.headers['access-control-request-headers'])
    if (headers === undefined) return done()
    reply.code(204).headers(headers).send()
  })
  server.setErrorHandler((error: FastifyError, request, reply) => {
    answerError(options, error, request, reply)
  })
  return edgeOf(server, options)
}

function buildFastify(options: EdgeOptions): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: options.trustedProxies.length === 0 ? false : [...options.trustedProxies],
    genReqId: requestId,
    clientErrorHandler: answerBrokenRequest,
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: PATH_PART_MAX,
      // Parsed where an error can be answered: the router would let it crash the process.
      querystringParser: (text) => ({ text }),
    },
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      insecureHTTPParser: false,
      shouldUpgradeCallback: isStreamUpgrade,
    },
    frameworkErrors: (error, request, reply) => {
      answerError(options, error, request, reply)
    },
  })
  server.server.maxHeadersCount = HEADERS_MAX
  return server
}

function edgeOf(server: FastifyInstance, options: EdgeOptions): Edge {
  const limiter = new RateLimiter(
    options.clock,
    options.limits,
    options.counters ?? new RateCounters(randomInt(2 ** 32 - 1) | 0),
  )
  // Probing for routes counts like any other request without a token.
  server.setNotFoundHandler((request, reply) => {
    if (isApi(pathOf(request))) {
      const call = new Call(request, reply, { limiter, urls: options.urls })
      call.throttle('api_anonymous', call.address)
      call.showLimit()
    }
    answerMissing(options, request, reply)
  })
  const routes: RegisteredRoute[] = []
  const isDraining = () => draining !== undefined
  const { identifyNow = () => undefined, log, seen, urls } = options
  const hotPath = new HotPath({ urls, log, identifyNow, limiter, requestId, isDraining, ...(seen && { seen }) })
  hotPath.standBefore(server.server)
  let draining: Promise<void> | undefined
  return {
    server,
    routes,
    route: (route: Route) => {
      routes.push(...addRoute(server, route, { ...options, limiter, isDraining, hotPath }))
    },
    streams: (door: StreamDoor) => acceptStreams(server, door, { ...options, limiter }),
    listen: (at: ListenOptions) => listen(server, at),
    get draining() {
      return draining !== undefined
    },
    get answeredFromMemory() {
      return hotPath.answered
    },
    drain: () => (draining ??= drain(server)),
    [Symbol.asyncDispose]: () => (draining ??= drain(server)),
  }
}

/** A proxy's id is kept when it is one, so that its log and ours meet. */
function requestId(request: { headers: IncomingMessage['headers'] }): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}
