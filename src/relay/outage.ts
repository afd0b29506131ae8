/** A dependency that is down: one line when it goes, one when it is back, and a growing pause in between. */
import { randomInt } from 'node:crypto'

import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'

const BACK_OFF_BASE_MS = 50
/** Also the longest time between recovery and the next try. */
const BACK_OFF_MAX_MS = 2_000

export class Outage {
  readonly #what: string
  readonly #clock: Clock
  readonly #log: Log
  #failures = 0
  #beganMs = 0

  constructor(what: string, deps: { clock: Clock; log: Log }) {
    this.#what = what
    this.#clock = deps.clock
    this.#log = deps.log
  }

  failed(error: unknown): void {
    this.#failures += 1
    if (this.#failures > 1) return
    this.#beganMs = this.#clock.nowMs()
    this.#log.error({ event: `relay.${this.#what}_failed`, err: error }, 'trying again until it works')
  }

  succeeded(): void {
    if (this.#failures === 0) return
    const outageMs = this.#clock.nowMs() - this.#beganMs
    this.#log.info({ event: `relay.${this.#what}_recovered`, failures: this.#failures, outageMs })
    this.#failures = 0
  }

  /** Full jitter; nothing while all is well. */
  async pause(signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(backOffMs(this.#failures), signal)
  }
}

/** A random part of a delay that doubles with every failure after the first. */
export function backOffMs(failures: number): number {
  if (failures === 0) return 0
  return randomInt(Math.min(BACK_OFF_MAX_MS, BACK_OFF_BASE_MS * 2 ** Math.min(failures - 1, 20)) + 1)
}
