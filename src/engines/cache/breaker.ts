/**
 * Leaves a server alone that fails: after FAILURES_MAX failures in a row nothing is sent for a while, then one trial call.
 * If it fails too, the next pause is twice as long. Shedding protects both sides: callers don't wait for a deadline each,
 * and a server that comes back isn't met by everything at once.
 */
import { FAILURES_MAX } from './contract.ts'

const PAUSE_MS_MIN = 250
const PAUSE_MS_MAX = 4_000

export class Breaker {
  readonly #nowMs: () => number
  #failures = 0
  #pauseMs = PAUSE_MS_MIN
  /** Undefined: calls go through. */
  #closedUntilMs: number | undefined
  #onTrial = false

  /** `nowMs`: of a clock that nobody sets. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Whether a call may be made now; whoever is told so reports how it went. */
  admits(): boolean {
    if (this.#closedUntilMs === undefined) return true
    if (this.#onTrial || this.#nowMs() < this.#closedUntilMs) return false
    this.#onTrial = true
    return true
  }

  /** Returns true when this reopened the server. */
  succeeded(): boolean {
    const reopened = this.#closedUntilMs !== undefined
    this.#failures = 0
    this.#pauseMs = PAUSE_MS_MIN
    this.#closedUntilMs = undefined
    this.#onTrial = false
    return reopened
  }

  /** Returns true when this closed the server. */
  failed(): boolean {
    this.#failures += 1
    const wasOpen = this.#closedUntilMs === undefined
    // Calls that were under way when the first failed say nothing new.
    if (wasOpen ? this.#failures < FAILURES_MAX : !this.#onTrial) return false
    this.#closedUntilMs = this.#nowMs() + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX)
    this.#onTrial = false
    return wasOpen
  }
}
