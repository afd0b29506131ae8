/** What search asks of the rows: which statuses the index should have, and what only one person may find. */
import type { Db } from '../engines/database/contract.ts'
import type { Visibility } from '../events/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { LibraryRow } from './contract.ts'
import { UNLISTED } from './rows.ts'

/** Own statuses looked through for what they boost and answer, newest first. */
const OWN_SCAN_MAX = 2_000

interface IdRow {
  id: StatusId
}

/** Ascending; by the primary key. */
export async function openIdsBetween(db: Db, after: StatusId, until: StatusId, limit: number): Promise<StatusId[]> {
  const rows = await db.rows<IdRow>`
    select id from statuses where id > ${after} and id <= ${until} and visibility <= ${UNLISTED}
    order by id limit ${limit}`
  return rows.map(({ id }) => id)
}

/** Ascending; by statuses_by_account. */
export async function openIdsOf(db: Db, account: AccountId, after: StatusId, limit: number): Promise<StatusId[]> {
  const rows = await db.rows<IdRow>`
    select id from statuses where account_id = ${account} and id > ${after} and visibility <= ${UNLISTED}
    order by id limit ${limit}`
  return rows.map(({ id }) => id)
}

/** Newest first; by statuses_closed. */
export async function closedIdsOf(db: Db, account: AccountId, limit: number): Promise<StatusId[]> {
  const rows = await db.rows<IdRow>`
    select id from statuses where account_id = ${account} and visibility >= 2 and boost_of is null
    order by id desc limit ${limit}`
  return rows.map(({ id }) => id)
}

/** Of each kind the newest `limit`. */
export async function libraryOf(db: Db, account: AccountId, limit: number): Promise<LibraryRow[]> {
  const rows = await db.rows<{ id: StatusId; accountId: AccountId; visibility: number }>`
    with own as (
      select boost_of, in_reply_to from statuses where account_id = ${account} order by id desc limit ${OWN_SCAN_MAX}
    )
    select id, account_id as "accountId", visibility from statuses where id in (
      (select status_id from favourites where account_id = ${account} order by id desc limit ${limit})
      union (select status_id from bookmarks where account_id = ${account} order by id desc limit ${limit})
      union (select boost_of from own where boost_of is not null limit ${limit})
      union (select in_reply_to from own where in_reply_to is not null limit ${limit})
    ) and visibility <= ${UNLISTED}`
  return rows.map(({ id, accountId, visibility }) => ({ id, accountId, visibility: visibilityOf(visibility) }))
}

function visibilityOf(visibility: number): Visibility {
  return visibility === UNLISTED ? 'unlisted' : 'public'
}
