/**
 * People by names that are nearly theirs, and lists of people for search. Names are compared by their trigrams, three
 * characters in a row, as pg_trgm does it, but in a column of our own: that extension is not on every PostgreSQL, and in a C
 * locale it knows ASCII letters only.
 */
import { sql, type Db } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { displayKey } from './account-table.ts'

/** Names that share less than this part of the question's trigrams are others. */
const SHARE_MIN = 0.4
/** Characters of a name that are compared. */
const NAME_CHARACTERS_MAX = 60

interface IdRow {
  id: AccountId
}

/** Those most alike first. People in waiting and suspended ones are left out. */
export async function idsOfSimilarNames(db: Db, name: string, limit: number): Promise<AccountId[]> {
  const key = [...displayKey(name)].slice(0, NAME_CHARACTERS_MAX).join('')
  const rows = await db.rows<IdRow>`
    with wanted as (select name_trigrams(${key}) as trigrams)
    select accounts.id from wanted, accounts join users on users.account_id = accounts.id, lateral (
      select count(*)::real / nullif(cardinality(wanted.trigrams), 0) as share
      from unnest(accounts.trigrams) as trigram where trigram = any(wanted.trigrams)
    ) as likeness
    where accounts.trigrams && wanted.trigrams and likeness.share >= ${SHARE_MIN}
      and suspended_at is null and approved and confirmed_at is not null
    order by likeness.share desc, length(username), accounts.id limit ${limit}`
  return rows.map(({ id }) => id)
}

export async function idsWithoutConsent(db: Db): Promise<AccountId[]> {
  const rows = await db.rows<IdRow>`select id from accounts where not indexable order by id`
  return rows.map(({ id }) => id)
}

/** Who wants to be found by strangers: those who were here last first, or the newest. */
export async function discoverableIds(
  db: Db,
  order: 'active' | 'new',
  limit: number,
  offset: number,
): Promise<AccountId[]> {
  const by = order === 'active' ? sql`users.last_active_at desc, accounts.id desc` : sql`accounts.id desc`
  const rows = await db.rows<IdRow>`
    select accounts.id from accounts join users on users.account_id = accounts.id
    where discoverable and suspended_at is null and not silenced and approved and confirmed_at is not null
    order by ${by} limit ${limit} offset ${offset}`
  return rows.map(({ id }) => id)
}
