import assert from 'node:assert/strict'

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** One route, wired: token → limits → scopes → body → handler → answer. */
import type { TokenIdentity } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { AuthRule, Bearer } from './auth.ts'
import { authorise, identifyBearer } from './auth.ts'
import { readParams, UPLOAD_BYTES_MAX } from './bodies.ts'
import { Call } from './call.ts'
import type { UserCall } from './call.ts'
import { parseForm } from './form.ts'
import { CACHE, isApi, PAGE_CSP } from './headers.ts'
import type { HotPath } from './hot-path.ts'
import { generalThrottles, isPaging, type RateLimiter } from './rate-limiter.ts'
import type { ThrottleName } from './rate-limits.ts'
import { ruleOf } from './rate-limits.ts'
import type { Method, RegisteredRoute, Route } from './routing.ts'

/** How long a body without files may take to arrive. */
const BODY_TIMEOUT_MS = 30_000

export interface RouteDeps {
  hotPath: HotPath
  urls: { base: string }
  identify: (token: string) => Promise<TokenIdentity | 'revoked' | undefined>
  seen?: (account: AccountId) => void
  limiter: RateLimiter
  /** True: the connection ends with the answer, so that its client sends nothing more into the void. */
  isDraining: () => boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    call: Call | null
  }
}

/** Registers the route for each of its methods and returns its lines of the policy table. */
export function addRoute(server: FastifyInstance, route: Route, deps: RouteDeps): RegisteredRoute[] {
  const methods: readonly Method[] = typeof route.method === 'string' ? [route.method] : route.method
  const answers = route.answers ?? 'json'
  const rule: AuthRule = {
    auth: route.auth,
    scopes: route.auth === 'public' ? [] : route.scopes,
    anyStanding: route.auth === 'user' && route.anyStanding === true,
  }
  const limits = route.limits ?? []
  if (route.auth === 'user' && route.hot !== undefined) {
    assert(limits.length === 0 && isApi(route.path), 'only the general limits are counted there')
    deps.hotPath.add(route.path, rule, route.hot)
  }
  const shared = { limiter: deps.limiter, urls: deps.urls }
  const gate = gateOf(route, rule, deps)
  server.route({
    method: [...methods],
    url: route.path,
    onRequest: async (request, reply) => {
      const call = new Call(request, reply, shared)
      request.call = call
      await gate(call)
    },
    handler: async (request, reply) => answer(route, callOf(request), reply, deps),
    ...(limits.some((name) => ruleOf(name).successOnly === true) && {
      onSend: async (request, reply) => {
        if (reply.statusCode >= 400) request.call?.refund()
      },
    }),
  })
  return methods.map((method) => ({
    method,
    path: route.path,
    auth: rule.auth,
    scopes: rule.scopes,
    limits,
    uploads: route.uploads === true,
    answers,
  }))
}

function callOf(request: FastifyRequest): Call {
  if (request.call === null) throw new Error('a handler ran before its gate')
  return request.call
}

/** What happens before the body is read: who asks, how often, and whether they may. */
function gateOf(route: Route, rule: AuthRule, deps: RouteDeps): (call: Call) => Promise<void> {
  const general = isApi(route.path)
  const own = (route.limits ?? []).filter((name) => ruleOf(name).by !== 'given')
  return async (call) => {
    call.query = parseForm(queryText(call.request))
    const bearer = await identifyBearer(call.header('authorization'), deps.identify)
    if (general) {
      const counted = generalThrottles(bearer, isPaging(call.query), () => call.address)
      for (const [name, key] of counted) call.throttle(name, key)
    }
    for (const name of own) throttleBy(call, name, bearer)
    call.showLimit()
    call.identity = authorise(rule, bearer)
    if (call.viewer !== undefined) deps.seen?.(call.viewer)
    if (route.uploads !== true) limitBodyTime(call.request)
  }
}

/** Throttles by user do not concern those without: they are turned away, or counted by address. */
function throttleBy(call: Call, name: ThrottleName, bearer: Bearer): void {
  const { by } = ruleOf(name)
  if (by === 'ip') call.throttle(name, call.address)
  if (by === 'user' && typeof bearer === 'object' && bearer.accountId !== null) {
    call.throttle(name, bearer.accountId.toString())
  }
}

async function answer(route: Route, call: Call, reply: FastifyReply, deps: RouteDeps): Promise<unknown> {
  call.params = await readParams(call.request, call.query, route.uploads === true ? UPLOAD_BYTES_MAX : 0)
  // The gate made sure that a `user` route has a viewer.
  const result = await (route.auth === 'user' ? route.handler(call as UserCall) : route.handler(call))
  if (result === reply || reply.sent) return reply
  if (deps.isDraining()) reply.header('connection', 'close')
  if (route.deprecatedSince !== undefined) reply.header('deprecation', `@${route.deprecatedSince}`)
  if (route.cache !== undefined && isAnonymous(call.request) && reply.statusCode === 200) {
    reply.header('cache-control', CACHE[route.cache])
  }
  return reply.send(body(route, result, reply))
}

function body(route: Route, result: unknown, reply: FastifyReply): unknown {
  switch (route.answers ?? 'json') {
    case 'other':
      return result
    case 'html':
      if (!reply.hasHeader('content-type')) {
        reply.header('content-security-policy', PAGE_CSP).type('text/html; charset=utf-8')
      }
      return result
    case 'json':
      reply.type('application/json; charset=utf-8')
      return typeof result === 'string' || Buffer.isBuffer(result) ? result : JSON.stringify(result ?? {})
  }
}

function isAnonymous(request: FastifyRequest): boolean {
  return request.headers.authorization === undefined && request.headers.cookie === undefined
}

/** `querystringParser` of the server keeps the text as it is. */
export function queryText(request: FastifyRequest): string {
  const { query } = request
  return typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : ''
}

/** Cuts a body that trickles in: the server's own limit leaves time for uploads. */
function limitBodyTime(request: FastifyRequest): void {
  const { raw } = request
  if (raw.complete || raw.method === 'GET' || raw.method === 'HEAD') return
  const cut = setTimeout(() => raw.destroy(new AppError('bad_request', 'The body took too long')), BODY_TIMEOUT_MS)
  cut.unref()
  raw.once('close', () => clearTimeout(cut))
  raw.once('end', () => clearTimeout(cut))
}
