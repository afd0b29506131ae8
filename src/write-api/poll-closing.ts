/** Ends polls when their time has come, and tells of it: their authors and voters are notified. */
import { encodeEvent } from '../events/contract.ts'
import type { DueWork } from '../scheduler/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import { commit, type Committing } from './commit.ts'

interface Closing extends Committing {
  statuses: Pick<StatusStore, 'closePolls'>
}

export function pollClosing(closing: Closing): DueWork {
  return {
    name: 'poll_closing',
    run: (nowMs, limit) =>
      commit(closing, async (tx, tell) => {
        const closed = await closing.statuses.closePolls(tx, nowMs, limit)
        for (const { status, account } of closed) {
          tell(encodeEvent('poll.closed', account, { status, author: account }))
        }
        return closed.length
      }),
  }
}
