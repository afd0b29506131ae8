/** Pages of people, newest edge first, and the private notes. */
import { allOf, sql, type Db, type SqlFragment } from '../engines/database/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'

type People = Cursored<AccountId>

export function followersOf(db: Db, id: AccountId, page: Page): Promise<People[]> {
  return pageOf(
    page,
    ({ where, order }) => db.rows<People>`
    select id as cursor, source as item from follows where target = ${id} and ${where} ${order}`,
  )
}

export function followedBy(db: Db, id: AccountId, page: Page): Promise<People[]> {
  return pageOf(
    page,
    ({ where, order }) => db.rows<People>`
    select id as cursor, target as item from follows where source = ${id} and ${where} ${order}`,
  )
}

/** Those who ask to follow `id`. */
export function requestersOf(db: Db, id: AccountId, page: Page): Promise<People[]> {
  return pageOf(
    page,
    ({ where, order }) => db.rows<People>`
    select id as cursor, source as item from follow_requests where target = ${id} and ${where} ${order}`,
  )
}

export function blockedBy(db: Db, id: AccountId, page: Page): Promise<People[]> {
  return pageOf(
    page,
    ({ where, order }) => db.rows<People>`
    select id as cursor, target as item from blocks where source = ${id} and ${where} ${order}`,
  )
}

export function endorsedBy(db: Db, id: AccountId, page: Page): Promise<People[]> {
  return pageOf(
    page,
    ({ where, order }) => db.rows<People>`
    select id as cursor, target as item from endorsements where source = ${id} and ${where} ${order}`,
  )
}

export async function mutedBy(
  db: Db,
  id: AccountId,
  page: Page,
  nowMs: number,
): Promise<Cursored<{ id: AccountId; expiresAtMs: number | null }>[]> {
  const rows = await pageOf(
    page,
    ({ where, order }) => db.rows<People & { expires_at: Date | null }>`
    select id as cursor, target as item, expires_at from mutes
    where source = ${id} and (expires_at is null or expires_at > ${new Date(nowMs)}) and ${where} ${order}`,
  )
  return rows.map(({ cursor, item, expires_at }) => ({
    cursor,
    item: { id: item, expiresAtMs: expires_at?.getTime() ?? null },
  }))
}

/** `min_id` walks upwards and is turned round at the end, as the API has it. */
async function pageOf<Row>(
  page: Page,
  read: (parts: { where: SqlFragment; order: SqlFragment }) => Promise<Row[]>,
): Promise<Row[]> {
  const { maxId, minId, sinceId, limit } = page
  const above = minId ?? sinceId
  const bounds = [
    ...(maxId === undefined ? [] : [sql`id < ${maxId}`]),
    ...(above === undefined ? [] : [sql`id > ${above}`]),
  ]
  const upwards = minId !== undefined
  const order = upwards ? sql`order by id limit ${limit}` : sql`order by id desc limit ${limit}`
  const rows = await read({ where: allOf(bounds), order })
  return upwards ? rows.toReversed() : rows
}

/** An empty note is none. */
export async function writeNote(db: Db, viewer: AccountId, target: AccountId, note: string): Promise<void> {
  if (note === '') {
    await db.run`delete from account_notes where source = ${viewer} and target = ${target}`
    return
  }
  await db.run`
    insert into account_notes (source, target, note) values (${viewer}, ${target}, ${note})
    on conflict (source, target) do update set note = excluded.note`
}

export async function notesOf(
  db: Db,
  viewer: AccountId,
  targets: readonly AccountId[],
): Promise<Map<AccountId, string>> {
  if (targets.length === 0) return new Map()
  const rows = await db.rows<{ target: AccountId; note: string }>`
    select target, note from account_notes where source = ${viewer} and target = any(${targets}::int8[])`
  return new Map(rows.map(({ target, note }) => [target, note]))
}
