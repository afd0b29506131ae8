/** What all threads of a process see: memory that is made once, and handed to each of them. */
import { randomInt } from 'node:crypto'

import { rateMemory, RATE_COUNTERS_MAX } from '../edge/rate-counters.ts'
import { mergedAuthorsMemory } from '../timeline-cache/contract.ts'

/** Can be posted to a thread. */
export interface SharedState {
  rateCounters: { seed: number; memory: SharedArrayBuffer }
  mergedAuthors: SharedArrayBuffer
}

export function sharedState(): SharedState {
  return {
    rateCounters: { seed: randomInt(2 ** 32 - 1) | 0, memory: rateMemory(RATE_COUNTERS_MAX) },
    mergedAuthors: mergedAuthorsMemory(),
  }
}
