/** What has to be tidied now and then: expired sessions and codes, orphaned media, timelines of people away. */
import { setTimeout as sleep } from 'node:timers/promises'

import type { Blocks } from './blocks.ts'
import type { Engines } from './engines.ts'

const EVERY_MS = 10 * 60_000
/** Timelines of people not seen for this long are dropped (DESIGN §4). */
const AWAY_MS = 30 * 86_400_000
/** A dismissed notification stays so long, in case its event is delivered again. */
const DISMISSED_MS = 30 * 86_400_000

interface Chore {
  name: string
  run(): Promise<unknown>
}

/** A chore that fails is logged and tried again next time; it holds up no other. */
export function startHousekeeping(engines: Engines, blocks: Blocks): AsyncDisposable {
  const { clock, log } = engines
  const chores: Chore[] = [
    { name: 'sessions', run: () => blocks.people.sweep() },
    { name: 'media', run: () => blocks.media.prune() },
    { name: 'idempotency_keys', run: () => blocks.statuses.prune() },
    { name: 'notifications', run: () => blocks.notifications.prune(clock.nowMs() - DISMISSED_MS) },
    { name: 'trends', run: () => blocks.discovery.refresh() },
    { name: 'push_log', run: () => blocks.push.prune(clock.nowMs()) },
    { name: 'timelines', run: () => blocks.timelineCache.dropUnread(clock.nowMs() - AWAY_MS) },
  ]
  const stop = new AbortController()
  const work = (async () => {
    for (;;) {
      await sleep(EVERY_MS, undefined, { signal: stop.signal, ref: false }).catch(() => undefined)
      if (stop.signal.aborted) return
      for (const chore of chores) {
        await chore
          .run()
          .catch((error: unknown) => log.warn({ event: 'housekeeping.failed', chore: chore.name, error }))
      }
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await work
    },
  }
}
