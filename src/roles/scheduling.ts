/** What is due at a time, and the scheduler that does it. Any number of processes and threads may run one. */
import type { DueWork, Scheduler } from '../scheduler/contract.ts'
import { startScheduler } from '../scheduler/scheduler.ts'
import { pollClosing } from '../write-api/poll-closing.ts'
import type { Blocks } from './blocks.ts'
import type { Engines } from './engines.ts'

export function startScheduling(engines: Engines, blocks: Blocks): Scheduler {
  const { clock, log } = engines
  return startScheduler({ clock, log, works: dueWorks(engines, blocks) })
}

function dueWorks({ database: db, outbox }: Engines, { statuses }: Blocks): DueWork[] {
  return [pollClosing({ db, outbox, statuses })]
}
