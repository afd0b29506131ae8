/** Asks every due work once a second. Any number of schedulers may run: rows are claimed, not owned. */
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { DUE_PER_BATCH, type DueWork, type DueWorkState, type Scheduler } from './contract.ts'

/** How late something may be; an index that has nothing to give is asked so often. */
const EVERY_MS = 1_000

export interface SchedulerDeps {
  clock: Clock
  log: Log
  works: readonly DueWork[]
}

export function startScheduler({ clock, log, works }: SchedulerDeps): Scheduler {
  const stop = new AbortController()
  const states = new Map(works.map((work) => [work, { name: work.name, done: 0, lastSuccessMs: 0 }]))
  const runAll = () =>
    Promise.all(
      Array.from(states, ([work, state]) =>
        runDue(work, state, clock, stop.signal).catch((error: unknown) =>
          // What could not be done is still due: it is tried again in a second.
          log.warn({ event: 'scheduler.failed', work: work.name, err: error }),
        ),
      ),
    )
  const loop = (async () => {
    while (!stop.signal.aborted) {
      await runAll()
      await clock.sleep(EVERY_MS, stop.signal)
    }
  })()
  return {
    state: () => [...states.values()].map((state) => ({ ...state })),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await loop
    },
  }
}

async function runDue(work: DueWork, state: DueWorkState, clock: Clock, stop: AbortSignal): Promise<void> {
  for (let looked = DUE_PER_BATCH; looked === DUE_PER_BATCH && !stop.aborted; state.done += looked) {
    looked = await work.run(clock.nowMs(), DUE_PER_BATCH)
  }
  state.lastSuccessMs = clock.nowMs()
}
