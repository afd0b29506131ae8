/** Who may hold a stream: caps by thread, account and address, and so many new ones a second. */
import { randomInt } from 'node:crypto'

import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import type { StreamLimits } from './limits.ts'

/** After a restart everyone comes at once; those turned away come back over this time. */
const RETRY_SECONDS_MAX = 15

export interface Applicant {
  address: string
  /** Streams that the account holds already. */
  held: number
}

export class Admission {
  readonly #limits: StreamLimits
  readonly #clock: Clock
  readonly #byAddress = new Map<string, number>()
  #held = 0
  #allowance: number
  #refilledAtMs: number
  #closed = false

  constructor(limits: StreamLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#allowance = limits.connectsPerSecond
    this.#refilledAtMs = clock.nowMs()
  }

  /** From now on nobody gets in. */
  close(): void {
    this.#closed = true
  }

  /** Takes a place, given back by `leave`. Throws `too_many` or `unavailable`; says why to `refused`. */
  enter({ address, held }: Applicant, refused: (reason: string) => void): void {
    const limits = this.#limits
    const refuse = (reason: string, code: 'too_many' | 'unavailable', text: string): AppError => {
      refused(reason)
      return new AppError(code, text, { retryAfterSeconds: randomInt(1, RETRY_SECONDS_MAX + 1) })
    }
    if (this.#closed) throw refuse('stopping', 'unavailable', 'The server is stopping')
    if (this.#held >= limits.streamsMax) throw refuse('full', 'unavailable', 'Too many streams are open')
    if (held >= limits.streamsPerAccountMax) throw refuse('account', 'too_many', 'Too many streams of this account')
    const ofAddress = this.#byAddress.get(address) ?? 0
    if (ofAddress >= limits.streamsPerAddressMax)
      throw refuse('address', 'too_many', 'Too many streams of this address')
    if (!this.#takeAllowance()) throw refuse('rush', 'unavailable', 'Too many streams are being opened')
    this.#byAddress.set(address, ofAddress + 1)
    this.#held += 1
  }

  leave(address: string): void {
    const left = (this.#byAddress.get(address) ?? 1) - 1
    if (left === 0) this.#byAddress.delete(address)
    else this.#byAddress.set(address, left)
    this.#held -= 1
  }

  #takeAllowance(): boolean {
    const nowMs = this.#clock.nowMs()
    const { connectsPerSecond } = this.#limits
    // The clock may have been set back.
    const passedMs = Math.max(0, nowMs - this.#refilledAtMs)
    this.#allowance = Math.min(connectsPerSecond, this.#allowance + (passedMs / 1_000) * connectsPerSecond)
    this.#refilledAtMs = nowMs
    if (this.#allowance < 1) return false
    this.#allowance -= 1
    return true
  }
}
