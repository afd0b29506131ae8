/** The group 'lists' of the bus: whoever is not followed any more is on no list, and who is gone has none. */
import type { Bus } from '../engines/bus/contract.ts'
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { decodeEvent, encodeEvent } from '../events/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { deleteAccount, deleteMember } from './rows.ts'

interface MembershipDeps {
  bus: Pick<Bus, 'join'>
  db: Database
  outbox: Outbox
  /** Whether the account follows the other, or has asked to, as far as is known by now. */
  isFollowing: (account: AccountId, other: AccountId) => boolean
}

/** Idempotent: whoever is followed again by the time an old event comes stays on the lists. */
export function listMembership({ bus, db, outbox, isFollowing }: MembershipDeps): AsyncDisposable {
  const write = async (work: (tx: Db) => Promise<AccountId[]>): Promise<void> => {
    await db.transaction(async (tx) => {
      const owners = await work(tx)
      await outbox.append(
        tx,
        owners.map((account) => encodeEvent('lists.changed', account, { account })),
      )
    })
    outbox.wake()
  }
  return bus.join('lists', ['graph.changed', 'account.changed'], async (message) => {
    if (message.type === 'account.changed') {
      const { id, change } = decodeEvent('account.changed', message)
      if (change === 'deleted') await write((tx) => deleteAccount(tx, id))
      return
    }
    const { source, target, change } = decodeEvent('graph.changed', message)
    const ends = change === 'unfollowed' || change === 'request_withdrawn' || change === 'request_rejected'
    if (!ends || isFollowing(source, target)) return
    await write(async (tx) => ((await deleteMember(tx, source, target)) > 0 ? [source] : []))
  })
}
