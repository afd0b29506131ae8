/** The one place that reads the clock. Everything else receives a `Clock`, so that any test can replay. */
import { uptime } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z; may step back, as wall clocks do. */
  nowMs(): number
  /** Resolves after `ms`, or early when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal && { signal }).catch((error: unknown) => {
      if (signal?.aborted !== true) throw error
    })
  },
}

/** Time that nobody sets: shows whether the wall clock was moved. Only differences mean something. */
export interface SteadyClock {
  /** Milliseconds, standing still while the machine sleeps. */
  awakeMs(): number
  /** Milliseconds the machine has slept; within 20 ms, and dearer than `awakeMs`: a file is read. */
  sleptMs(): number
}

export const systemSteadyClock: SteadyClock = {
  awakeMs: () => performance.now(),
  sleptMs: () => uptime() * 1000 - performance.now(),
}
