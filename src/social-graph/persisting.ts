/** Work of the graph in the background, which goes on whatever fails. */
import type { Database } from '../engines/database/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { LogGate } from '../kit/log-gate.ts'
import type { Log } from '../kit/log.ts'
import { lapse, type Act } from './pair.ts'
import { lapsedMutes, type Ends } from './rows.ts'

const LAPSE_EVERY_MS = 60_000
const LAPSE_BATCH = 200

const REREAD_PAUSE_MS = 1_000

export interface Failures {
  /** So that an outage does not fill the log. */
  readonly log: LogGate
  /** Aborted when the graph is closed. */
  readonly signal: AbortSignal
}

/** Tries again and again until `work` succeeds, or aborted. */
export async function untilItWorks(
  { clock, log }: { clock: Clock; log: Log },
  failures: Failures,
  work: () => Promise<void>,
): Promise<void> {
  while (!failures.signal.aborted) {
    try {
      await work()
      return
    } catch (error) {
      failures.log.pass((missed) => log.warn({ event: 'social_graph.reread_failed', missed, err: error }))
      await clock.sleep(REREAD_PAUSE_MS, failures.signal)
    }
  }
}

/** Removes mutes whose time is over; until then `relation` passes over them. */
export async function endLapsedMutes(
  { clock, db, log }: { clock: Clock; db: Database; log: Log },
  act: (mute: Ends, lapse: Act) => Promise<void>,
  failures: Failures,
): Promise<void> {
  const { signal } = failures
  while (!signal.aborted) {
    try {
      const nowMs = clock.nowMs()
      const lapsed = await lapsedMutes(db, nowMs, LAPSE_BATCH)
      for (const mute of lapsed) await act(mute, lapse(nowMs))
      if (lapsed.length === LAPSE_BATCH) continue
    } catch (error) {
      failures.log.pass((missed) => log.warn({ event: 'social_graph.lapsing_failed', missed, err: error }))
    }
    await clock.sleep(LAPSE_EVERY_MS, signal)
  }
}
