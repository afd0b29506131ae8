/** The one way to change something: rows and the events that tell of them in one transaction, then the relay is woken. */
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox, OutboxMessage } from '../engines/outbox/contract.ts'
import { failpoint } from '../kit/failpoint.ts'

export interface Committing {
  db: Database
  outbox: Outbox
}

/** `tell` adds an event to the transaction. Whatever `work` throws, nothing of it remains. */
export async function commit<Result>(
  { db, outbox }: Committing,
  work: (tx: Db, tell: (event: OutboxMessage) => void) => Promise<Result>,
): Promise<Result> {
  const events: OutboxMessage[] = []
  const result = await db.transaction(async (tx) => {
    const done = await work(tx, (event) => events.push(event))
    if (events.length > 0) await outbox.append(tx, events)
    failpoint('W2')
    return done
  })
  failpoint('W3')
  if (events.length > 0) outbox.wake()
  return result
}
