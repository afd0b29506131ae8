/** The edge alone, on a free port: routes of the test's own, people who are only their tokens, and a clock that stands. */
import type { TokenIdentity } from '../../src/accounts/contract.ts'
import type { RateLimitSettings } from '../../src/edge/rate-limits.ts'
import type { Edge } from '../../src/edge/routing.ts'
import { createServer } from '../../src/edge/server.ts'
import type { EdgeOptions } from '../../src/edge/server.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'

/** In the middle of no window of any throttle but a day's. */
export const NOW_MS = Date.parse('2026-08-07T12:34:56.789Z')

export interface Answer {
  status: number
  headers: Headers
  text: string
  /** The parsed body; undefined when it is no JSON. */
  json: unknown
}

export interface EdgeWorld extends AsyncDisposable {
  edge: Edge
  base: string
  nowMs: number
  /** Tokens asked for, in order. */
  readonly identified: string[]
  readonly logged: object[]
  /** Who was seen. */
  readonly seen: AccountId[]
  call(method: string, path: string, init?: RequestInit): Promise<Answer>
}

/** An identity for a token; a person of id 1 with every scope unless said otherwise. */
export function identity(change: Partial<TokenIdentity> = {}): TokenIdentity {
  return {
    tokenId: 11n,
    tokenHash: 'ab',
    accountId: 1n as AccountId,
    appId: 1n,
    appName: 'Test',
    appWebsite: null,
    scopes: ['read', 'write', 'follow', 'push'],
    createdAtMs: 0,
    standing: 'ok',
    role: 'user',
    ...change,
  }
}

export function bearer(token: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } }
}

export function json(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
}

export async function edgeWorld(
  people: Record<string, TokenIdentity | 'revoked'> = {},
  options: Partial<EdgeOptions> & { limits?: RateLimitSettings } = {},
): Promise<EdgeWorld> {
  const world: Omit<EdgeWorld, 'edge' | 'base' | 'call' | typeof Symbol.asyncDispose> = {
    nowMs: NOW_MS,
    identified: [],
    logged: [],
    seen: [],
  }
  const edge = await createServer({
    urls: urls('https://dunlin.example', 'dunlin.example'),
    clock: { nowMs: () => made.nowMs, sleep: async () => {} },
    log: { debug() {}, info() {}, warn() {}, error: (fields) => void world.logged.push(fields) },
    identify: async (token) => {
      world.identified.push(token)
      return people[token]
    },
    seen: (account) => void world.seen.push(account),
    limits: { enforced: true },
    trustedProxies: [],
    ...options,
  })
  let port = 0
  const made: EdgeWorld = {
    ...world,
    edge,
    get base() {
      return `http://127.0.0.1:${port}`
    },
    async call(method, path, init = {}) {
      port ||= await edge.listen({ port: 0 })
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init, method })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, json: parsed(text) }
    },
    [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose](),
  }
  return made
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
