/** Counts requests in fixed windows aligned to the epoch, as rack-attack does, and says what is left. */
import type { Clock } from '../kit/clock.ts'
import type { Bearer } from './auth.ts'
import type { Fields } from './form.ts'
import type { RateCounters, Window } from './rate-counters.ts'
import type { RateLimitSettings, ThrottleName } from './rate-limits.ts'
import { throttleOf } from './rate-limits.ts'

export interface Verdict {
  name: ThrottleName
  allowed: boolean
  limit: number
  remaining: number
  /** End of the window, seconds since 1970. */
  resetSeconds: number
  /** The same as ISO 8601 with six decimals, as Mastodon sends it and Mastodon.py reads it. */
  resetText: string
  /** Seconds until then. */
  waitSeconds: number
}

export class RateLimiter {
  readonly #clock: Clock
  readonly #settings: RateLimitSettings
  readonly #counters: RateCounters
  readonly #resetTexts = new Map<ThrottleName, { endSeconds: number; text: string }>()

  constructor(clock: Clock, settings: RateLimitSettings, counters: RateCounters) {
    this.#clock = clock
    this.#settings = settings
    this.#counters = counters
  }

  /** Counts one request of `key`. Never throws. */
  take(name: ThrottleName, key: string): Verdict {
    const { limit, periodSeconds } = throttleOf(this.#settings, name)
    const window = this.#window(periodSeconds)
    const count = this.#settings.enforced ? this.#counters.add(`${name} ${key}`, window, 1) : 0
    return {
      name,
      allowed: count <= limit,
      limit,
      remaining: Math.max(0, limit - count),
      resetSeconds: window.endSeconds,
      resetText: this.#resetText(name, window.endSeconds),
      waitSeconds: window.endSeconds - window.nowSeconds,
    }
  }

  /** Takes back the count of a request that failed; in a later window there is nothing to take back. */
  giveBack(verdict: Verdict, key: string): void {
    const window = this.#window(throttleOf(this.#settings, verdict.name).periodSeconds)
    if (!this.#settings.enforced || window.endSeconds !== verdict.resetSeconds) return
    this.#counters.add(`${verdict.name} ${key}`, window, -1)
  }

  /** The same text for every request of a window. */
  #resetText(name: ThrottleName, endSeconds: number): string {
    const known = this.#resetTexts.get(name)
    if (known?.endSeconds === endSeconds) return known.text
    const text = new Date(endSeconds * 1000).toISOString().replace('Z', '000Z')
    this.#resetTexts.set(name, { endSeconds, text })
    return text
  }

  #window(periodSeconds: number): Window {
    const nowSeconds = Math.floor(this.#clock.nowMs() / 1000)
    return { nowSeconds, endSeconds: nowSeconds - (nowSeconds % periodSeconds) + periodSeconds }
  }
}

/** The throttle nearest its end: what the X-RateLimit headers tell of. */
export function nearest(one: Verdict | undefined, other: Verdict): Verdict {
  if (one === undefined || (one.allowed && !other.allowed)) return other
  return other.remaining < one.remaining ? other : one
}

const PAGING = ['page', 'min_id', 'max_id', 'since_id'] as const

/** Whether a query asks for a further page, which is counted by a throttle of its own. */
export function isPaging(query: Fields): boolean {
  return PAGING.some((name) => query[name] !== undefined)
}

/** The throttles that count each request to the API, with the keys they count by. `address` is asked for without a token. */
export function generalThrottles(bearer: Bearer, paging: boolean, address: () => string): [ThrottleName, string][] {
  if (typeof bearer !== 'object') {
    const key = address()
    return paging
      ? [
          ['api_anonymous', key],
          ['paging_anonymous', key],
        ]
      : [['api_anonymous', key]]
  }
  const counted: [ThrottleName, string][] = [['api_token', bearer.tokenId.toString()]]
  if (bearer.accountId === null) return counted
  const user = bearer.accountId.toString()
  counted.push(['api_user', user])
  if (paging) counted.push(['paging_user', user])
  return counted
}
