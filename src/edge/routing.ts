/**
 * How to write a route. A module in `edge/routes/` exports one function that adds its routes to the edge:
 *
 *   export function homeRoutes(edge: Edge, deps: { timelines: TimelineService; present: Presenting }): void {
 *     edge.route({
 *       method: 'GET',
 *       path: '/api/v1/timelines/home',
 *       auth: 'user',
 *       scopes: ['read:statuses'],
 *       handler: async (call) => {
 *         const page = readPage(call.params, PAGE_LIMITS.statuses)
 *         const { statuses } = await deps.timelines.home(call.viewer, page)
 *         call.link(pageLinks(statuses.map((view) => view.status.id), page.limit, TIMELINE_LINKS))
 *         return deps.present.statuses(statuses, call.viewer)
 *       },
 *     })
 *   }
 *
 * - **auth** is `public`, `optional` (token or not), `user`, `app` (any valid token) or `client` (token of an app alone);
 *   `scopes` means "one of these". They are checked before the body is read and before the handler runs (`auth.ts`), and
 *   `call.viewer` is an AccountId with `user`, AccountId or undefined with `optional`. `anyStanding` lets people in who
 *   are not confirmed or approved yet.
 * - **params** merge path over body over query, in every body format; read them typed: `call.params.text('status')`,
 *   `.requireText`, `.bool`, `.int`, `.id<StatusId>('id')` (malformed = 404), `.optionalId`, `.ids('id', max)`, `.texts`,
 *   `.choice`, `.nested('source')`, `.nestedList('fields_attributes', 4)`, `.file('avatar')`, `.moment`, `.has`.
 *   Files only where the route says `uploads: true`.
 * - **returns**: what the handler returns is sent as JSON with 200; `undefined` becomes `{}` (never 204). Another status:
 *   `call.status(202)`. A ready string or Buffer is sent as it is, as JSON. For HTML say `answers: 'html'` and return
 *   the text, or `return call.redirect(url)`; for anything else `answers: 'other'`, and set the type on `call.reply`.
 * - **errors** are thrown: `AppError` by code, `notFound()`, `invalid(name, 'is too short')` of `params.ts`, or `new Refusal(status, body)` of `errors.ts` for a body of your own. Anything else is a 500 and a log line.
 * - **limits** names throttles of `rate-limits.ts`; the general ones apply to all of /api by themselves. A throttle
 *   `by: 'given'` is asked for in the handler: `call.throttle('login_email', email)`.
 * - **cache**: `public` (15 s) or `instance` (5 min) for anonymous GETs; everything else is `private, no-store`.
 * - **hot** gives the same page without waiting, where all of it is in memory (`hot-path.ts`).
 * - POST, PUT, PATCH and DELETE all parse bodies. Where Mastodon routes PUT and PATCH alike, give `method: ['PUT', 'PATCH']`.
 *
 * Accounts and statuses are presented by the one `Presenting` of `presenting.ts`, which applies the viewer's filters;
 * presenters that it does not have are in `mastodon/` and take `present.site`.
 *
 * `edge.routes` lists every route with its auth and scopes: tests build the policy matrix from it.
 */
import type { FastifyInstance } from 'fastify'

import type { AuthKind } from './auth.ts'
import type { Call, UserCall } from './call.ts'
import type { HotPage } from './hot-path.ts'
import type { ThrottleName } from './rate-limits.ts'
import type { Scope } from './scopes.ts'
import type { StreamDoor } from './streaming.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

interface RouteBase {
  method: Method | readonly Method[]
  /** `:name` for a segment; a trailing slash is tolerated. */
  path: string
  limits?: readonly ThrottleName[]
  uploads?: boolean
  cache?: 'public' | 'instance'
  answers?: 'json' | 'html' | 'other'
  /** Seconds since 1970 at which Mastodon deprecated it: sends `Deprecation: @…`. */
  deprecatedSince?: number
}

/** What a handler gives: sent as JSON unless the route says otherwise. */
type Handler<C> = (call: C) => unknown

interface OpenRoute extends RouteBase {
  auth: 'public'
  handler: Handler<Call>
}

interface TokenRoute extends RouteBase {
  auth: 'optional' | 'app' | 'client'
  scopes: readonly Scope[]
  handler: Handler<Call>
}

interface UserRoute extends RouteBase {
  auth: 'user'
  /** Empty: any person's token. */
  scopes: readonly Scope[]
  anyStanding?: boolean
  handler: Handler<UserCall>
  /** The same answer to a GET, where everything is in memory. */
  hot?: HotPage
}

export type Route = OpenRoute | TokenRoute | UserRoute

/** One line of the policy table. */
export interface RegisteredRoute {
  method: Method
  path: string
  auth: AuthKind
  scopes: readonly Scope[]
  limits: readonly ThrottleName[]
  uploads: boolean
  answers: 'json' | 'html' | 'other'
}

export interface ListenOptions {
  /** 0 takes a free port. */
  port: number
  /** Loopback by default: the world comes in through a reverse proxy. */
  host?: string
  /** Lets several threads listen on the port. */
  reusePort?: boolean
}

export interface Edge extends AsyncDisposable {
  route(route: Route): void
  readonly routes: readonly RegisteredRoute[]
  /** Opens `/api/v1/streaming` and what is below it. */
  streams(door: StreamDoor): void
  /** For what the routes above cannot say (static files, upgrades). */
  readonly server: FastifyInstance
  /** Returns the port. Throws `unavailable` with a clear text when it is taken. */
  listen(options: ListenOptions): Promise<number>
  /** True once draining began: readiness shows it. */
  readonly draining: boolean
  /** Requests that were answered from memory, ahead of the router. */
  readonly answeredFromMemory: number
  /** Stops listening, lets requests finish, then cuts what is left. */
  drain(): Promise<void>
}
