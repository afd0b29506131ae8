/** What the running server tells of itself to `dunlin ps`, at `/ps` of its admin listener. */
export interface SystemState {
  version: string
  url: string
  startedAtMs: number
  nowMs: number
  /** The embedded PostgreSQL's first process; null when it is down, or not embedded. */
  databasePid: number | null
  /** Rows that wait for the relay, and the age of the oldest in milliseconds. */
  outbox: { rows: number; oldestMs: number }
  threads: ThreadLine[]
  /** Everything that works in the background. */
  loops: LoopState[]
}

/** Null: it does not answer, or has no such thing. */
interface ThreadLine {
  name: string
  state: 'starting' | 'running' | 'restarting' | 'silent' | 'stopped'
  /** Since the start of the process. */
  restarts: number
  tid: number | null
  cpuSeconds: number | null
  heapBytes: number | null
  loopDelayP99Ms: number | null
  requests: number | null
}

interface LoopState {
  name: string
  /** Milliseconds since 1970; 0 before the first. */
  lastSuccessMs: number
  /** Null where there is no queue. */
  pending: number | null
  parked: number | null
}

/** Undefined when it is not what this version understands. */
export function asSystemState(value: unknown): SystemState | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const hasAll = 'version' in value && 'startedAtMs' in value && 'outbox' in value
  const hasLists = 'loops' in value && Array.isArray(value.loops) && 'threads' in value && Array.isArray(value.threads)
  return hasAll && hasLists ? (value as SystemState) : undefined // written by our own server
}
