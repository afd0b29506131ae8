/**
 * The group 'conversations' of the bus: direct statuses become part of the conversations of whoever takes part, and go.
 * The status is held while the rows are written, so that the event of its removal finds them.
 */
import type { Bus } from '../engines/bus/contract.ts'
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { decodeEvent, encodeEvent } from '../events/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'

interface ConsumerDeps {
  bus: Pick<Bus, 'join'>
  db: Database
  outbox: Outbox
  statuses: Pick<StatusStore, 'hold'>
}

export function conversationConsumer(deps: ConsumerDeps): AsyncDisposable {
  const types = ['status.created', 'status.edited', 'status.deleted', 'account.changed'] as const
  return deps.bus.join('conversations', types, async (message) => {
    switch (message.type) {
      case 'status.created': {
        const { id, visibility } = decodeEvent('status.created', message)
        return visibility === 'direct' ? add(deps, id) : undefined
      }
      case 'status.deleted': {
        const { id, visibility } = decodeEvent('status.deleted', message)
        return visibility === 'direct' ? remove(deps.db, id) : undefined
      }
      case 'account.changed': {
        const { id, change } = decodeEvent('account.changed', message)
        if (change === 'deleted') await deps.db.run`delete from conversations where account_id = ${id}`
      }
    }
  })
}

async function add({ db, outbox, statuses }: ConsumerDeps, id: StatusId): Promise<void> {
  const told = await db.transaction(async (tx) => {
    const status = await statuses.hold(tx, id)
    if (status === undefined) return 0
    const changed = await addFor(tx, status)
    await outbox.append(
      tx,
      changed.map(({ id: conversation, account }) =>
        encodeEvent('conversation.updated', account, { account, conversation, status: id }),
      ),
    )
    return changed.length
  })
  if (told > 0) outbox.wake()
}

/** The conversations that have the status as their newest from now on. */
async function addFor(tx: Db, status: StatusRecord): Promise<{ id: bigint; account: AccountId }[]> {
  const everyone = [...new Set([status.accountId, ...status.mentions])].toSorted((a, b) => (a < b ? -1 : 1))
  const changed: { id: bigint; account: AccountId }[] = []
  // In ascending order, so that two statuses at once do not wait for each other in a circle.
  for (const account of everyone) {
    const others = everyone.filter((id) => id !== account)
    const row = await tx.one<{ id: bigint; is_news: boolean }>`
      insert into conversations as old (account_id, thread, participants, last_status, unread)
      values (${account}, ${status.conversation}, ${others}, ${status.id}, ${account !== status.accountId})
      on conflict (account_id, thread, participants) do update set
        unread = case when old.last_status < excluded.last_status then excluded.unread else old.unread end,
        removed = old.removed and old.last_status >= excluded.last_status,
        last_status = greatest(old.last_status, excluded.last_status)
      returning id, last_status = ${status.id} as is_news`
    if (row === undefined) continue
    const added = await tx.run`
      insert into conversation_statuses (conversation, status_id) values (${row.id}, ${status.id}) on conflict do nothing`
    if (added === 1 && row.is_news) changed.push({ id: row.id, account })
  }
  return changed
}

/** What is left has an older newest status, or is gone. */
async function remove(db: Db, id: StatusId): Promise<void> {
  await db.run`
    with gone as (delete from conversation_statuses where status_id = ${id} returning conversation),
      newest as (
        select gone.conversation, (
          select max(status_id) from conversation_statuses as left_over
          where left_over.conversation = gone.conversation and status_id <> ${id}
        ) as status
        from gone
      ),
      emptied as (
        delete from conversations using newest
        where conversations.id = newest.conversation and newest.status is null
      )
    update conversations set last_status = newest.status from newest
    where conversations.id = newest.conversation and newest.status is not null`
}
