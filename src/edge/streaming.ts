/**
 * Where streams come in: server-sent events and WebSocket on one path. Address, headers, CORS, token, limits and errors are
 * those of any request; then the connection is taken from HTTP and given to the door of the streams.
 */
import assert from 'node:assert/strict'
import { ServerResponse, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { TokenIdentity } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { authorise, identifyBearer, type AuthRule } from './auth.ts'
import { addressKey } from './client-address.ts'
import { parseForm, type Fields } from './form.ts'
import { pathOf } from './headers.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { bareSocketOf } from './raw-connection.ts'
import { queryText } from './route.ts'

export const STREAMING_PATH = '/api/v1/streaming'

/** What the door of the streams is told of whoever asks. */
interface StreamCaller {
  account: AccountId
  tokenHash: string
  scopes: readonly string[]
  address: string
  isStillGood(): Promise<boolean>
}

interface StreamRequest {
  path: string
  query: Fields
  lastEventId: string | undefined
}

/** The door of the streams, as the edge sees it (`http-push` has its contract). */
export interface StreamDoor {
  events(caller: StreamCaller, request: StreamRequest): Promise<{ open(socket: Socket): void; abandon(): void }>
  webSocket(
    caller: StreamCaller,
    request: StreamRequest,
    upgrade: { message: IncomingMessage; socket: Socket; head: Buffer },
  ): Promise<void>
  drain(): void
}

export interface StreamingDeps {
  identify: (token: string) => Promise<TokenIdentity | 'revoked' | undefined>
  seen?: (account: AccountId) => void
  limiter: RateLimiter
}

/** Any good token; then a person's, in good standing. Scopes are asked for by each stream. */
const WITH_TOKEN: AuthRule = { auth: 'app', scopes: [], anyStanding: false }
const PERSON: AuthRule = { auth: 'user', scopes: [], anyStanding: false }
const EVENT_STREAM = {
  'content-type': 'text/event-stream; charset=utf-8',
  // nginx would collect events until its buffer is full.
  'x-accel-buffering': 'no',
  // Nothing says where the stream ends but its end.
  connection: 'close',
}

/** Whether a request wants to become a WebSocket here; any other upgrade is answered as if it had not been asked for. */
export function isStreamUpgrade(message: IncomingMessage): boolean {
  return message.headers.upgrade?.toLowerCase() === 'websocket' && (message.url ?? '').startsWith(STREAMING_PATH)
}

export function acceptStreams(server: FastifyInstance, door: StreamDoor, deps: StreamingDeps): void {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>()
  server.server.on('upgrade', (message, socket, head) => {
    if (!(socket instanceof Socket)) return void socket.destroy() // never: this server speaks no TLS
    socket.on('error', () => socket.destroy()) // until the stream listens itself
    const answer = new ServerResponse(message)
    if (!assigned(answer, socket)) return void socket.destroy()
    // Whatever is answered over HTTP is the last thing said. Nobody reads on: the end of the other side would not be seen.
    answer.shouldKeepAlive = false
    answer.once('finish', () => socket.destroySoon())
    upgrades.set(message, { socket, head, answer })
    server.routing(message, answer)
  })
  const handler = (request: FastifyRequest, reply: FastifyReply) => {
    const upgrade = upgrades.get(request.raw)
    upgrades.delete(request.raw)
    return takeStream(request, reply, { ...deps, door, upgrade })
  }
  for (const url of [STREAMING_PATH, `${STREAMING_PATH}/*`]) {
    server.route({ method: 'GET', url, exposeHeadRoute: false, handler })
  }
  server.addHook('preClose', (done) => {
    door.drain()
    done()
  })
}

interface Upgrade {
  socket: Socket
  head: Buffer
  /** What carries a refusal. */
  answer: ServerResponse
}

interface Taking extends StreamingDeps {
  door: StreamDoor
  upgrade: Upgrade | undefined
}

async function takeStream(request: FastifyRequest, reply: FastifyReply, deps: Taking): Promise<void> {
  const { door, upgrade } = deps
  const query = parseForm(queryText(request))
  const path = pathOf(request)
    .slice(STREAMING_PATH.length)
    .replaceAll(/^\/+|\/+$/g, '')
  // Without a stream there is nothing to answer a plain GET with; Mastodon's own address of streams lies elsewhere.
  if (upgrade === undefined && path === '') throw new AppError('not_found', 'Not Found')
  const caller = await identifyCaller(request, query, deps)
  const lastEventId = request.headers['last-event-id']
  const asked = { path, query, lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined }
  if (upgrade !== undefined) {
    const { socket, head, answer } = upgrade
    // From here on `door` answers; if it refuses, we do.
    await door
      .webSocket(caller, asked, { message: request.raw, socket: released(answer, socket), head })
      .catch((error) => {
        answer.assignSocket(socket)
        throw error
      })
    // Nothing is returned: whoever waits for the reply waits, and keeps the request, as long as the stream is held.
    reply.hijack()
    return
  }
  const acceptor = await door.events(caller, asked)
  reply.hijack()
  await nextTurn() // out of the parser that brought the request
  const socket = bareSocketOf(reply.raw)
  if (socket === undefined) {
    acceptor.abandon()
    // Where earlier requests of the connection are still being answered, this one would never have its turn.
    return void request.raw.socket.destroy()
  }
  socket.write(headOf(reply))
  acceptor.open(socket)
}

/** False when a request before it, sent without waiting for its answer, still has the socket. */
function assigned(answer: ServerResponse, socket: Socket): boolean {
  try {
    answer.assignSocket(socket)
    return true
  } catch {
    return false
  }
}

function released(answer: ServerResponse, socket: Socket): Socket {
  answer.detachSocket(socket)
  return socket
}

/** Header, then sub-protocol, then query: a query is the last resort of browsers, which can set nothing else. */
async function identifyCaller(request: FastifyRequest, query: Fields, deps: Taking): Promise<StreamCaller> {
  const token = tokenOf(request, query)
  const bearer = await identifyBearer(token === undefined ? undefined : `Bearer ${token}`, deps.identify)
  const address = addressKey(request.ip)
  limit(deps.limiter, 'streaming_ip', address)
  authorise(WITH_TOKEN, bearer)
  const identity = authorise(PERSON, bearer)
  assert(identity !== undefined && identity.accountId !== null && token !== undefined, 'authorise saw to it')
  const { accountId: account, tokenHash, scopes } = identity
  limit(deps.limiter, 'streaming_user', account.toString())
  deps.seen?.(account)
  return { account, tokenHash, scopes, address, isStillGood: checkOf(deps.identify, token) }
}

/** A function of its own: it lives as long as the stream, and would keep the whole request with it. */
function checkOf(identify: StreamingDeps['identify'], token: string): () => Promise<boolean> {
  return async () => {
    const now = await identify(token)
    return typeof now === 'object' && now.standing === 'ok'
  }
}

function tokenOf(request: FastifyRequest, query: Fields): string | undefined {
  const { authorization, 'sec-websocket-protocol': protocols } = request.headers
  if (authorization !== undefined) return /^bearer\s+(\S+)$/i.exec(authorization.trim())?.[1] ?? ''
  const protocol = protocols?.split(',', 1)[0]?.trim()
  if (protocol !== undefined && protocol !== '') return protocol
  const asked = query['access_token']
  return typeof asked === 'string' ? asked : undefined
}

function limit(limiter: RateLimiter, name: 'streaming_ip' | 'streaming_user', key: string): void {
  const { allowed, waitSeconds } = limiter.take(name, key)
  if (!allowed) throw new AppError('too_many', 'Too many requests', { retryAfterSeconds: waitSeconds })
}

/** The answer that begins a stream, with the headers of every answer. */
function headOf(reply: FastifyReply): string {
  const headers = Object.entries({ ...reply.getHeaders(), ...EVENT_STREAM })
  const lines = headers.map(([name, value]) => `${name}: ${String(value)}`)
  return `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`
}
