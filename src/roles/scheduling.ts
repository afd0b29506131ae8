/** What is due at a time, and the scheduler that does it: in the background thread, and in any number of processes. */
import { filterLapsing } from '../filters/lapsing.ts'
import type { Config } from '../kit/config/config.ts'
import type { DueWork, Scheduler } from '../scheduler/contract.ts'
import { startScheduler } from '../scheduler/scheduler.ts'
import { pollClosing } from '../write-api/poll-closing.ts'
import { scheduledPosting } from '../write-api/scheduling.ts'
import type { ThreadEngines } from './engines.ts'
import type { Stores } from './stores.ts'

export function startScheduling(config: Config, engines: ThreadEngines, stores: Stores): Scheduler {
  const { clock, log } = engines
  return startScheduler({ clock, log, works: dueWorks(config, engines, stores) })
}

export function dueWorks(config: Config, engines: ThreadEngines, stores: Stores): DueWork[] {
  const { database: db, outbox, snowflakes, clock, log } = engines
  const { people, statuses, graph, media, hydration } = stores
  const rules = { localDomain: config.localDomain, charactersMax: config.maxCharacters }
  const { accounts } = people
  const writing = { db, outbox, statuses, accounts, graph, media, hydration, snowflakes, clock, log, rules }
  return [pollClosing(writing), scheduledPosting(writing), filterLapsing({ db, outbox })]
}
