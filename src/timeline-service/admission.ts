/**
 * Lets a few pieces of work run at a time and a bounded number wait, not for long. What is asked of PostgreSQL when timelines
 * are missing passes through here: losing the cache must not become losing the database.
 */
import assert from 'node:assert/strict'

import { AppError } from '../kit/errors.ts'

/** Seconds after which a client may try again. */
const RETRY_AFTER_SECONDS = 2

export interface AdmissionLimits {
  readonly running: number
  readonly waiting: number
  /** Who has waited so long is turned away. */
  readonly waitMs: number
}

export class Admission {
  readonly #limits: AdmissionLimits
  readonly #waiting: Set<() => void> = new Set()
  #running = 0

  constructor(limits: AdmissionLimits) {
    assert(limits.running > 0)
    this.#limits = limits
  }

  /** Runs `work` in its turn, first come first served. Throws `unavailable` when there is no turn in time. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limits.running) this.#running += 1
    else await this.#turn()
    try {
      return await work()
    } finally {
      this.#pass()
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.size >= this.#limits.waiting) return Promise.reject(turnedAway())
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      this.#waiting.delete(admit)
      reject(turnedAway())
    }, this.#limits.waitMs)
    const admit = () => {
      clearTimeout(timer)
      resolve()
    }
    this.#waiting.add(admit)
    return promise
  }

  /** The turn goes to whoever has waited longest. */
  #pass(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#running -= 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}

function turnedAway(): AppError {
  return new AppError('unavailable', 'Too many timelines are being read from the database', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
