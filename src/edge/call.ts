import type { FastifyReply, FastifyRequest } from 'fastify'

/** One request as a route sees it. */
import type { TokenIdentity } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { addressKey } from './client-address.ts'
import type { Fields } from './form.ts'
import { NO_FIELDS } from './form.ts'
import type { Links } from './paging.ts'
import { linkHeader } from './paging.ts'
import { Params } from './params.ts'
import type { RateLimiter, Verdict } from './rate-limiter.ts'
import { nearest } from './rate-limiter.ts'
import type { ThrottleName } from './rate-limits.ts'
import { ruleOf } from './rate-limits.ts'

const NO_PARAMS = new Params(NO_FIELDS)

/** Longest key handed to a throttle: an e-mail address has at most 320 characters. */
const THROTTLE_KEY_MAX = 320

export class Call {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly #limiter: RateLimiter
  readonly #urls: { readonly base: string }
  #verdict: Verdict | undefined
  readonly #refundable: [Verdict, string][] = []

  /** Query, body and path together. */
  params: Params = NO_PARAMS
  /** The query alone, known before the body is read. */
  query: Fields = NO_FIELDS
  identity: TokenIdentity | undefined

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    shared: { limiter: RateLimiter; urls: { readonly base: string } },
  ) {
    this.request = request
    this.reply = reply
    this.#limiter = shared.limiter
    this.#urls = shared.urls
  }

  /** The person who asks; undefined for an anonymous one, or an app alone. */
  get viewer(): AccountId | undefined {
    return this.identity?.accountId ?? undefined
  }

  /** The client's address as limits count it: an IPv4 address or an IPv6 /64. */
  get address(): string {
    return addressKey(this.request.ip)
  }

  /** Names the request in logs and answers. */
  get id(): string {
    return this.request.id
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name.toLowerCase()]
    return Array.isArray(value) ? value[0] : value
  }

  status(code: number): void {
    this.reply.code(code)
  }

  setHeader(name: string, value: string): void {
    this.reply.header(name, value)
  }

  /** Only to addresses of our own making: never to one that a request named unchecked. */
  redirect(url: string, status: 301 | 302 | 303 = 302): FastifyReply {
    return this.reply.redirect(url, status)
  }

  /** Sets the Link header; nothing for an empty page. */
  link(links: Links): void {
    const value = linkHeader(this.#urls.base, this.request.raw.url ?? '/', links)
    if (value !== undefined) this.reply.header('link', value)
  }

  /** Counts the request; throws `too_many` when the limit is passed. `key`: an e-mail address, an account's id. */
  throttle(name: ThrottleName, key: string): void {
    const counted = key.trim().toLowerCase().slice(0, THROTTLE_KEY_MAX)
    const verdict = this.#limiter.take(name, counted)
    if (ruleOf(name).successOnly === true) this.#refundable.push([verdict, counted])
    this.#verdict = nearest(this.#verdict, verdict)
    if (verdict.allowed) return
    this.showLimit()
    throw new AppError('too_many', 'Too many requests', { retryAfterSeconds: verdict.waitSeconds })
  }

  /** Gives counts back that only successes use up. */
  refund(): void {
    for (const [verdict, key] of this.#refundable) this.#limiter.giveBack(verdict, key)
    this.#refundable.length = 0
  }

  /** Tells of the throttle nearest its end. */
  showLimit(): void {
    if (this.#verdict === undefined) return
    this.reply.header('x-ratelimit-limit', this.#verdict.limit)
    this.reply.header('x-ratelimit-remaining', this.#verdict.remaining)
    this.reply.header('x-ratelimit-reset', this.#verdict.resetText)
  }
}

/** A call of a person. */
export type UserCall = Call & { readonly viewer: AccountId; readonly identity: TokenIdentity }
