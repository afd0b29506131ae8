/** The statements on the tables of filters. Every one that changes something names the owner. */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { FilterAction, FilterContext, FilterDraft, FilterKeyword, FilterRecord, FilterStatus } from './contract.ts'

interface FilterRow {
  id: bigint
  account_id: AccountId
  title: string
  contexts: FilterContext[]
  action: FilterAction
  expires_at: Date | null
}

interface KeywordRow {
  id: bigint
  filter_id: bigint
  keyword: string
  whole_word: boolean
}

interface StatusRow {
  id: bigint
  filter_id: bigint
  status_id: StatusId
}

/** All filters of an account, oldest first. */
export async function filtersOf(db: Db, account: AccountId): Promise<FilterRecord[]> {
  const filters = await db.rows<FilterRow>`
    select id, account_id, title, contexts, action, expires_at from filters
    where account_id = ${account} order by id`
  return filters.length === 0 ? [] : withParts(db, filters)
}

export async function filterOf(db: Db, account: AccountId, id: bigint): Promise<FilterRecord | undefined> {
  const row = await db.one<FilterRow>`
    select id, account_id, title, contexts, action, expires_at from filters
    where id = ${id} and account_id = ${account}`
  return row && (await withParts(db, [row]))[0]
}

async function withParts(db: Db, filters: readonly FilterRow[]): Promise<FilterRecord[]> {
  const ids = filters.map(({ id }) => id)
  const keywords = await db.rows<KeywordRow>`
    select id, filter_id, keyword, whole_word from filter_keywords where filter_id = any(${ids}::bigint[]) order by id`
  const statuses = await db.rows<StatusRow>`
    select id, filter_id, status_id from filter_statuses where filter_id = any(${ids}::bigint[]) order by id`
  return filters.map((row) => ({
    id: row.id,
    accountId: row.account_id,
    title: row.title,
    contexts: row.contexts,
    action: row.action,
    expiresAtMs: row.expires_at?.getTime() ?? null,
    keywords: keywords.filter((keyword) => keyword.filter_id === row.id).map(keywordOf),
    statuses: statuses.filter((status) => status.filter_id === row.id).map(statusOf),
  }))
}

export async function insertFilter(tx: Db, account: AccountId, draft: Omit<FilterDraft, 'keywords'>): Promise<bigint> {
  const row = await tx.one<{ id: bigint }>`
    insert into filters (account_id, title, contexts, action, expires_at)
    values (${account}, ${draft.title}, ${draft.contexts}::text[], ${draft.action}, ${timeOf(draft.expiresAtMs)})
    returning id`
  if (row === undefined) throw new Error('an insert returned no row')
  return row.id
}

/** False when it is not the account's. */
export async function updateFilter(tx: Db, filter: FilterRecord): Promise<boolean> {
  const changed = await tx.run`
    update filters set title = ${filter.title}, contexts = ${filter.contexts}::text[], action = ${filter.action},
      expires_at = ${timeOf(filter.expiresAtMs)}, lapsed = false
    where id = ${filter.id} and account_id = ${filter.accountId}`
  return changed > 0
}

export async function deleteFilter(tx: Db, account: AccountId, id: bigint): Promise<boolean> {
  return (await tx.run`delete from filters where id = ${id} and account_id = ${account}`) > 0
}

export async function countFilters(tx: Db, account: AccountId): Promise<number> {
  const row = await tx.one<{ count: bigint }>`select count(*) from filters where account_id = ${account}`
  return Number(row?.count ?? 0n)
}

/** The filter that a keyword of the account belongs to. */
export async function filterOfKeyword(db: Db, account: AccountId, keywordId: bigint): Promise<bigint | undefined> {
  const row = await db.one<{ id: bigint }>`
    select filters.id from filters join filter_keywords on filter_keywords.filter_id = filters.id
    where filter_keywords.id = ${keywordId} and filters.account_id = ${account}`
  return row?.id
}

export async function insertKeyword(
  tx: Db,
  filterId: bigint,
  keyword: { keyword: string; wholeWord: boolean },
): Promise<FilterKeyword> {
  const row = await tx.one<KeywordRow>`
    insert into filter_keywords (filter_id, keyword, whole_word)
    values (${filterId}, ${keyword.keyword}, ${keyword.wholeWord})
    returning id, filter_id, keyword, whole_word`
  if (row === undefined) throw new Error('an insert returned no row')
  return keywordOf(row)
}

export async function updateKeyword(tx: Db, filterId: bigint, keyword: FilterKeyword): Promise<void> {
  await tx.run`
    update filter_keywords set keyword = ${keyword.keyword}, whole_word = ${keyword.wholeWord}
    where id = ${keyword.id} and filter_id = ${filterId}`
}

export async function deleteKeyword(tx: Db, filterId: bigint, keywordId: bigint): Promise<void> {
  await tx.run`delete from filter_keywords where id = ${keywordId} and filter_id = ${filterId}`
}

/** The row of a listed status of the account, with its filter. */
export async function listedStatus(
  db: Db,
  account: AccountId,
  filterStatusId: bigint,
): Promise<{ filterId: bigint; status: FilterStatus } | undefined> {
  const row = await db.one<StatusRow>`
    select filter_statuses.id, filter_id, status_id
    from filter_statuses join filters on filters.id = filter_statuses.filter_id
    where filter_statuses.id = ${filterStatusId} and filters.account_id = ${account}`
  return row && { filterId: row.filter_id, status: statusOf(row) }
}

export async function insertStatus(tx: Db, filterId: bigint, status: StatusId): Promise<FilterStatus> {
  // The update changes nothing; it makes an existing row come back.
  const row = await tx.one<StatusRow>`
    insert into filter_statuses (filter_id, status_id) values (${filterId}, ${status})
    on conflict (filter_id, status_id) do update set status_id = excluded.status_id
    returning id, filter_id, status_id`
  if (row === undefined) throw new Error('an insert returned no row')
  return statusOf(row)
}

export async function deleteStatus(tx: Db, filterId: bigint, filterStatusId: bigint): Promise<void> {
  await tx.run`delete from filter_statuses where id = ${filterStatusId} and filter_id = ${filterId}`
}

function keywordOf(row: KeywordRow): FilterKeyword {
  return { id: row.id, keyword: row.keyword, wholeWord: row.whole_word }
}

function statusOf(row: StatusRow): FilterStatus {
  return { id: row.id, statusId: row.status_id }
}

function timeOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}
