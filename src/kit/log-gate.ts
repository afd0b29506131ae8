/** At most one line of a class of failures in LOG_GATE_MS, with the number left out: an outage must not drown in its log. */
import type { Clock } from './clock.ts'

const LOG_GATE_MS = 1_000

export class LogGate {
  readonly #clock: Clock
  #openAtMs = 0
  #missed = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `write` with how many were left out since the last line, unless that line is too recent. */
  pass(write: (missed: number) => void): void {
    const nowMs = this.#clock.nowMs()
    // Far in the future means that the clock was set back meanwhile.
    if (nowMs < this.#openAtMs && this.#openAtMs - nowMs <= LOG_GATE_MS) {
      this.#missed += 1
      return
    }
    const missed = this.#missed
    this.#missed = 0
    this.#openAtMs = nowMs + LOG_GATE_MS
    write(missed)
  }
}
