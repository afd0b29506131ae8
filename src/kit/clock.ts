/** The one place that reads the clock. Everything else receives a `Clock`, so that any test can replay. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z; may step back, as wall clocks do. */
  nowMs(): number
  sleep(ms: number): Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: async (ms) => {
    await sleep(ms)
  },
}
