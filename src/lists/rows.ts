/** The statements on the tables of lists. */
import { noSql, sql, type Db } from '../engines/database/contract.ts'
import { AppError, notFound } from '../kit/errors.ts'
import type { Cursored, Page } from '../kit/page.ts'
import { ID_MAX, type AccountId } from '../snowflake/contract.ts'
import { LIST_MEMBERS_MAX, LISTS_MAX, type ListDraft, type ListId, type ListRecord, type ListView } from './contract.ts'

/** The class of our advisory locks, arbitrary but ours alone; within it, an account or a list. */
const LOCK_CLASS = 4_006
const LOCKS = 2n ** 31n

const columns = sql`lists.id, lists.account_id as account, title, replies_policy as "repliesPolicy", exclusive`

export function listsOf(db: Db, account: AccountId): Promise<ListRecord[]> {
  return db.rows<ListRecord>`select ${columns} from lists where account_id = ${account} order by id`
}

export async function findList(db: Db, account: AccountId, id: ListId): Promise<ListRecord> {
  const row = await db.one<ListRecord>`select ${columns} from lists where id = ${id} and account_id = ${account}`
  if (row === undefined) throw notFound()
  return row
}

export function listsContaining(db: Db, account: AccountId, member: AccountId): Promise<ListRecord[]> {
  return db.rows<ListRecord>`
    select ${columns} from lists join list_members on list_id = lists.id
    where lists.account_id = ${account} and list_members.account_id = ${member} order by lists.id`
}

export async function insertList(tx: Db, account: AccountId, draft: ListDraft): Promise<ListRecord> {
  // Two at once would both count one too few.
  await tx.run`select pg_advisory_xact_lock(${LOCK_CLASS}::int4, ${Number(account % LOCKS)}::int4)`
  if ((await listsOf(tx, account)).length >= LISTS_MAX) {
    throw new AppError('invalid', 'Validation failed: You have reached the maximum number of lists')
  }
  const row = await tx.one<ListRecord>`
    insert into lists (account_id, title, replies_policy, exclusive)
    values (${account}, ${draft.title}, ${draft.repliesPolicy}, ${draft.exclusive}) returning ${columns}`
  if (row === undefined) throw new Error('an insert returned no row')
  return row
}

export async function updateList(
  tx: Db,
  account: AccountId,
  id: ListId,
  { title, repliesPolicy, exclusive }: Partial<ListDraft>,
): Promise<ListRecord> {
  const row = await tx.one<ListRecord>`
    update lists set title = coalesce(${title ?? null}, title),
      replies_policy = coalesce(${repliesPolicy ?? null}, replies_policy),
      exclusive = coalesce(${exclusive ?? null}, exclusive)
    where id = ${id} and account_id = ${account} returning ${columns}`
  if (row === undefined) throw notFound()
  return row
}

export async function deleteList(tx: Db, account: AccountId, id: ListId): Promise<void> {
  if ((await tx.run`delete from lists where id = ${id} and account_id = ${account}`) === 0) throw notFound()
}

export async function membersPage(db: Db, id: ListId, page: Page): Promise<Cursored<AccountId>[]> {
  const ascending = page.minId !== undefined
  const rows = await db.rows<Cursored<AccountId>>`
    select id as cursor, account_id as item from list_members
    where list_id = ${id} and id < ${page.maxId ?? ID_MAX} and id > ${page.minId ?? page.sinceId ?? 0n}
    order by id ${ascending ? noSql : sql`desc`} limit ${page.limit}`
  return ascending ? rows.toReversed() : rows
}

/** The list is locked, so that the members of two requests at once are counted together. */
export async function insertMembers(tx: Db, list: ListRecord, members: readonly AccountId[]): Promise<void> {
  await tx.run`select from lists where id = ${list.id} for update`
  const before = await tx.one<{ count: number }>`
    select count(*)::int as count from list_members where list_id = ${list.id}`
  if ((before?.count ?? 0) + members.length > LIST_MEMBERS_MAX) {
    throw new AppError('invalid', `Validation failed: A list has at most ${LIST_MEMBERS_MAX} accounts`)
  }
  const added = await tx.run`
    insert into list_members (list_id, account_id) select ${list.id}, account from unnest(${members}::bigint[]) as account
    on conflict do nothing`
  if (added < members.length) throw new AppError('invalid', 'Validation failed: Account has already been taken')
}

export function deleteMembers(tx: Db, id: ListId, members: readonly AccountId[]): Promise<number> {
  return tx.run`delete from list_members where list_id = ${id} and account_id = any(${members})`
}

/** Takes `member` out of all lists of `account`. Returns of how many. */
export function deleteMember(tx: Db, account: AccountId, member: AccountId): Promise<number> {
  return tx.run`
    delete from list_members using lists
    where list_id = lists.id and lists.account_id = ${account} and list_members.account_id = ${member}`
}

/** Everything of an account that is gone. Returns whose lists have changed. */
export async function deleteAccount(tx: Db, account: AccountId): Promise<AccountId[]> {
  await tx.run`delete from lists where account_id = ${account}`
  const rows = await tx.rows<{ owner: AccountId }>`
    delete from list_members using lists where list_id = lists.id and list_members.account_id = ${account}
    returning lists.account_id as owner`
  return [account, ...new Set(rows.map(({ owner }) => owner))]
}

/** Lists with their members: those of these accounts that are exclusive, or among `ids`. */
export async function viewsOf(
  db: Db,
  accounts: readonly AccountId[] | 'all',
  ids: readonly ListId[],
): Promise<ListView[]> {
  const rows = await db.rows<ListRecord & { members: AccountId[] }>`
    select ${columns},
      array(select list_members.account_id from list_members where list_id = lists.id order by id) as members
    from lists
    where (exclusive and ${accounts === 'all' ? sql`true` : sql`account_id = any(${accounts})`}) or id = any(${ids})`
  return rows.map(({ members, ...record }) => ({ record, members: new Set(members) }))
}
