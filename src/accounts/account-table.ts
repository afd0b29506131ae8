/** The `accounts` table: what everyone may know of a person. */
import { noSql, sql } from '../engines/database/contract.ts'
import type { Db, SqlFragment } from '../engines/database/contract.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { AccountField, AccountPicture, AccountRecord } from './contract.ts'

interface AccountRow {
  id: AccountId
  username: string
  displayName: string
  note: string
  fields: AccountField[]
  avatar: AccountPicture | null
  header: AccountPicture | null
  locked: boolean
  bot: boolean
  discoverable: boolean | null
  indexable: boolean
  hideCollections: boolean | null
  silenced: boolean
  suspendedAt: Date | null
  createdAt: Date
}

function toRecord({ suspendedAt, createdAt, ...row }: AccountRow): AccountRecord {
  return { ...row, suspended: suspendedAt !== null, createdAtMs: createdAt.getTime() }
}

/** False when the name is taken, in any case. */
export async function insertAccount(
  tx: Db,
  account: { id: AccountId; username: string; indexable: boolean; createdAt: Date },
): Promise<boolean> {
  const { id, username, indexable, createdAt } = account
  const inserted = await tx.run`
    insert into accounts (id, username, indexable, created_at)
    values (${id}, ${username}, ${indexable}, ${createdAt})
    on conflict do nothing`
  return inserted === 1
}

export async function accountsByIds(db: Db, ids: readonly AccountId[]): Promise<AccountRecord[]> {
  if (ids.length === 0) return []
  const rows = await db.rows<AccountRow>`
    select id, username, display_name as "displayName", note, fields, avatar, header, locked, bot, discoverable,
      indexable, hide_collections as "hideCollections", silenced, suspended_at as "suspendedAt",
      created_at as "createdAt"
    from accounts where id = any(${ids}::bigint[])`
  return rows.map(toRecord)
}

/** The account of a change that is about to be written: nobody else changes it meanwhile. */
export async function lockAccount(tx: Db, id: AccountId): Promise<AccountRecord | undefined> {
  const locked = await tx.run`select 1 from accounts where id = ${id} for update`
  return locked === 0 ? undefined : (await accountsByIds(tx, [id]))[0]
}

export async function accountsByUsernames(db: Db, usernames: readonly string[]): Promise<AccountRecord[]> {
  if (usernames.length === 0) return []
  const rows = await db.rows<AccountRow>`
    select id, username, display_name as "displayName", note, fields, avatar, header, locked, bot, discoverable,
      indexable, hide_collections as "hideCollections", silenced, suspended_at as "suspendedAt",
      created_at as "createdAt"
    from accounts where lower(username) = any(${usernames.map(asciiLower)}::text[])`
  return rows.map(toRecord)
}

/** Exact name first, then names that begin so, then display names; shorter before longer. People in waiting are left out. */
export async function idsByPrefix(db: Db, prefix: string, limit: number, offset: number): Promise<AccountId[]> {
  const name = asciiLower(prefix)
  const namePattern = `${escapeLike(name)}%`
  const displayPattern = `${escapeLike(displayKey(prefix))}%`
  // The empty fragment keeps the statement unprepared: only a plan made for this very prefix can walk an index by it.
  const rows = await db.rows<{ id: AccountId }>`
    select accounts.id from accounts join users on users.account_id = accounts.id
    where (lower(username) like ${namePattern} or (display_key <> '' and display_key like ${displayPattern}))
      and suspended_at is null and approved and confirmed_at is not null
    order by lower(username) = ${name} desc, lower(username) like ${namePattern} desc, length(username), accounts.id
    limit ${limit} offset ${offset} ${noSql}`
  return rows.map(({ id }) => id)
}

export async function allAccountIds(db: Db): Promise<AccountId[]> {
  const rows = await db.rows<{ id: AccountId }>`select id from accounts order by id`
  return rows.map(({ id }) => id)
}

/** Ids of one page, newest first. */
export async function accountIdsOfPage(db: Db, page: Page): Promise<AccountId[]> {
  const newerFirst: SqlFragment = page.minId === undefined ? sql`desc` : sql`asc`
  const above = page.minId ?? page.sinceId ?? 0n
  const rows = await db.rows<{ id: AccountId }>`
    select account_id as id from users
    where account_id > ${above} and (${page.maxId ?? null}::bigint is null or account_id < ${page.maxId ?? null})
    order by account_id ${newerFirst} limit ${page.limit}`
  const ids = rows.map(({ id }) => id)
  return page.minId === undefined ? ids : ids.reverse()
}

export async function updateProfile(tx: Db, account: AccountRecord): Promise<void> {
  await tx.run`
    update accounts set display_name = ${account.displayName}, display_key = ${displayKey(account.displayName)},
      note = ${account.note}, fields = ${JSON.stringify(account.fields)}::jsonb,
      avatar = ${jsonOrNull(account.avatar)}::jsonb, header = ${jsonOrNull(account.header)}::jsonb,
      locked = ${account.locked}, bot = ${account.bot}, discoverable = ${account.discoverable},
      indexable = ${account.indexable}, hide_collections = ${account.hideCollections}
    where id = ${account.id}`
}

/** False when it was so already, or there is no such account. */
export async function updateSuspension(tx: Db, id: AccountId, suspendedAt: Date | null): Promise<boolean> {
  const changed = await tx.run`
    update accounts set suspended_at = ${suspendedAt}
    where id = ${id} and (suspended_at is null) = ${suspendedAt !== null}`
  return changed === 1
}

/** Usernames are ASCII; anything else in a question matches none of them, whatever its case. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

export function displayKey(displayName: string): string {
  return displayName.normalize('NFKC').toLowerCase().slice(0, 400)
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&')
}

function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value)
}
