/**
 * From start to stop. What a process opens goes onto one stack and is closed in reverse order: doors first, the database
 * last. The first SIGTERM or SIGINT asks for that, a second one ends the process at once.
 */
import type { EventEmitter } from 'node:events'

import type { Log } from './log.ts'

/**
 * Requests under way have this long to finish after the first signal; then their connections are cut. Supervisors kill
 * ten seconds after the signal (Docker for one), and a database has to be stopped after the last request.
 */
export const DRAIN_MS_MAX = 7_000
/**
 * Ctrl+C under npm arrives twice, from the terminal and from npm: what follows this soon is the same signal. A person who
 * means it presses again.
 */
export const SAME_SIGNAL_MS_MAX = 500

const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const
type StopSignal = keyof typeof STOP_SIGNALS

export interface Lifecycle {
  /** Everything that has to be closed, in the order in which it was opened. */
  readonly resources: AsyncDisposableStack
  /** Aborted when stopping begins: readiness turns to no, nothing new is accepted. */
  readonly stopping: AbortSignal
  /** Aborted `DRAIN_MS_MAX` later: what still waits is cut off. */
  readonly drained: AbortSignal
  /** Begins stopping without a signal; `exitCode` 1 for a failure that cannot be mended. */
  stop(exitCode?: number): void
}

export interface LifecycleOptions {
  readonly log: Log
  /** Where signals come from; the process, except in tests. */
  readonly signals?: EventEmitter
  /** How the process ends at once; `process.exit`, except in tests. */
  readonly exit?: (code: number) => void
}

/**
 * Runs `start`, waits until stopping begins, closes everything, and returns the exit code. When `start` throws, what it
 * had opened is closed and the error passed on.
 */
export async function runUntilStopped(
  start: (lifecycle: Lifecycle) => Promise<void>,
  options: LifecycleOptions,
): Promise<number> {
  const { log, signals = process, exit = (status: number): void => process.exit(status) } = options
  const stopping = new AbortController()
  const drained = new AbortController()
  let code = 0
  let drainTimer: NodeJS.Timeout | undefined
  const begin = (reason: string, exitCode: number): void => {
    if (stopping.signal.aborted) return
    log.info({ event: 'stopping', reason })
    code = exitCode
    drainTimer = setTimeout(() => drained.abort(), DRAIN_MS_MAX)
    stopping.abort()
  }
  const release = onStopSignals(signals, {
    first: (signal) => begin(signal, 0),
    again: (signal) => {
      log.warn({ event: 'stopping.now', reason: signal }, 'stopped at once, as asked')
      exit(STOP_SIGNALS[signal])
    },
  })
  const resources = new AsyncDisposableStack()
  try {
    await using opened = resources
    await start({
      resources: opened,
      stopping: stopping.signal,
      drained: drained.signal,
      stop: (exitCode = 0) => begin('asked by the program', exitCode),
    })
    await aborted(stopping.signal)
  } finally {
    clearTimeout(drainTimer)
    release()
  }
  log.info({ event: 'stopped' })
  return code
}

interface SignalHandlers {
  first(signal: StopSignal): void
  again(signal: StopSignal): void
}

/** Listens until the returned function is called. */
function onStopSignals(signals: EventEmitter, handlers: SignalHandlers): () => void {
  let firstAtMs: number | undefined
  const listeners = (Object.keys(STOP_SIGNALS) as StopSignal[]).map((signal) => {
    const listener = (): void => {
      const nowMs = performance.now()
      if (firstAtMs === undefined) {
        firstAtMs = nowMs
        handlers.first(signal)
      } else if (nowMs - firstAtMs > SAME_SIGNAL_MS_MAX) {
        handlers.again(signal)
      }
    }
    signals.on(signal, listener)
    return { signal, listener }
  })
  return () => {
    for (const { signal, listener } of listeners) signals.off(signal, listener)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
