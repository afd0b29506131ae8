/** What a thread tells of itself, for `dunlin ps` and metrics. */
import { readlinkSync } from 'node:fs'
import type { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

import type { GroupState } from '../../engines/bus/contract.ts'
import type { StreamsState } from '../../http-push/contract.ts'
import type { RelayState } from '../../relay/contract.ts'
import type { TimelineCacheStats } from '../../timeline-cache/contract.ts'

/** At the event loop. */
export const LOOK_EVERY_MS = 20

export interface ThreadState {
  /** The machine's number of it; null where the machine does not tell. */
  tid: number | null
  cpuSeconds: number
  /** Used by JavaScript, shared memory not counted. */
  heapBytes: number
  /** Since the state was asked for last. */
  loopDelayP99Ms: number
  /** Of the thread, by name. */
  checks: Record<string, boolean>
  /** Taken since the thread's start; null where none are taken. */
  requests: number | null
  /** What is held and told there; null where none are taken. */
  streams: StreamsState | null
  /** Only of the thread that works in the background. */
  background: BackgroundState | null
}

export interface BackgroundState {
  relay: RelayState
  groups: GroupState[]
  timelines: TimelineCacheStats
  outbox: { rows: number; oldestMs: number }
}

export function ownFigures(
  loopDelay: ReturnType<typeof monitorEventLoopDelay>,
): Pick<ThreadState, 'tid' | 'cpuSeconds' | 'heapBytes' | 'loopDelayP99Ms'> {
  const { user, system } = process.threadCpuUsage()
  // What is measured is the time between two looks.
  const loopDelayP99Ms = loopDelay.count === 0 ? 0 : Math.max(0, loopDelay.percentile(99) / 1e6 - LOOK_EVERY_MS)
  loopDelay.reset()
  return {
    tid: ownTid(),
    cpuSeconds: (user + system) / 1e6,
    heapBytes: getHeapStatistics().used_heap_size,
    loopDelayP99Ms,
  }
}

function ownTid(): number | null {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return null // only Linux has it
  }
}
