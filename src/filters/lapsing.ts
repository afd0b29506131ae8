/** Tells that filters have lapsed: open apps read their filters again. Matching needs no telling, it asks the clock. */
import type { Database } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { encodeEvent } from '../events/contract.ts'
import type { DueWork } from '../scheduler/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'

export function filterLapsing({ db, outbox }: { db: Database; outbox: Outbox }): DueWork {
  return {
    name: 'filter_lapsing',
    async run(nowMs, limit) {
      const lapsed = await db.transaction(async (tx) => {
        const rows = await tx.rows<{ account_id: AccountId }>`
          update filters set lapsed = true where id = any(array(
            select id from filters where expires_at <= ${new Date(nowMs)} and not lapsed
            order by expires_at limit ${limit} for update skip locked
          ))
          returning account_id`
        const accounts = new Set(rows.map((row) => row.account_id))
        await outbox.append(
          tx,
          Array.from(accounts, (account) => encodeEvent('filters.changed', account, { account })),
        )
        return rows.length
      })
      if (lapsed > 0) outbox.wake()
      return lapsed
    },
  }
}
