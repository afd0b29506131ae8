/** How many people and statuses there are, counted now and then: counting on every request would keep a database busy. */
import type { Accounts } from '../accounts/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { StatusStore } from '../status-store/contract.ts'

export interface ServerCounts {
  users: number
  activeMonth: number
  activeHalfYear: number
  statuses: number
}

export interface CountDeps {
  accounts: Pick<Accounts, 'count'>
  statuses: Pick<StatusStore, 'totalStatuses'>
  clock: Clock
}

const COUNTS_MS = 10_000

/** The figures of the last few seconds; requests that come while they are counted wait for the same count. */
export function serverCounts({ accounts, statuses, clock }: CountDeps): () => Promise<ServerCounts> {
  let counted: Promise<ServerCounts> | undefined
  let countedAtMs = 0
  const count = async (): Promise<ServerCounts> => {
    const [people, total] = await Promise.all([accounts.count(), statuses.totalStatuses()])
    return { ...people, statuses: total }
  }
  return () => {
    const nowMs = clock.nowMs()
    if (counted === undefined || Math.abs(nowMs - countedAtMs) >= COUNTS_MS) {
      countedAtMs = nowMs
      counted = count()
      // A failure is told once, not remembered.
      counted.catch(() => {
        counted = undefined
      })
    }
    return counted
  }
}
