/** The rows of media: who owns them, what they are bound to, how they are described. */
import { sql, type Db, type SqlFragment } from '../engines/database/contract.ts'
import { AppError, notFound } from '../kit/errors.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'
import type { MediaDetailsChange, MediaRecord } from './contract.ts'

interface MediaRow {
  id: MediaId
  account_id: AccountId
  status_id: StatusId | null
  type: MediaRecord['type']
  mime: string
  key: string
  small_key: string
  width: number
  height: number
  small_width: number
  small_height: number
  focus_x: number | null
  focus_y: number | null
  blurhash: string | null
  description: string | null
  created_at: Date
}

const mediaColumns: SqlFragment = sql`
  id, account_id, status_id, type, mime, key, small_key, width, height, small_width, small_height, focus_x, focus_y,
  blurhash, description, created_at`

function mediaRecord(row: MediaRow): MediaRecord {
  return {
    id: row.id,
    accountId: row.account_id,
    statusId: row.status_id,
    type: row.type,
    mime: row.mime,
    key: row.key,
    smallKey: row.small_key,
    original: { width: row.width, height: row.height },
    small: { width: row.small_width, height: row.small_height },
    focus: row.focus_x === null || row.focus_y === null ? null : { x: row.focus_x, y: row.focus_y },
    blurhash: row.blurhash,
    description: row.description,
    createdAtMs: row.created_at.getTime(),
  }
}

export async function insertMedia(db: Db, media: MediaRecord): Promise<void> {
  const createdAt = new Date(media.createdAtMs)
  await db.run`
    insert into media_attachments (id, account_id, type, mime, key, small_key, width, height, small_width, small_height,
      focus_x, focus_y, blurhash, description, created_at, unattached_since)
    values (${media.id}, ${media.accountId}, ${media.type}, ${media.mime}, ${media.key}, ${media.smallKey},
      ${media.original.width}, ${media.original.height}, ${media.small.width}, ${media.small.height},
      ${media.focus?.x ?? null}, ${media.focus?.y ?? null}, ${media.blurhash}, ${media.description}, ${createdAt},
      ${createdAt})`
}

export async function findMedia(db: Db, owner: AccountId, id: MediaId): Promise<MediaRecord | undefined> {
  const row = await db.one<MediaRow>`
    select ${mediaColumns} from media_attachments where id = ${id} and account_id = ${owner}`
  return row && mediaRecord(row)
}

export async function mediaByIds(db: Db, ids: readonly MediaId[]): Promise<MediaRecord[]> {
  if (ids.length === 0) return []
  const rows = await db.rows<MediaRow>`select ${mediaColumns} from media_attachments where id = any(${ids})`
  return rows.map(mediaRecord)
}

export async function mediaOfStatus(db: Db, status: StatusId): Promise<MediaRecord[]> {
  const rows = await db.rows<MediaRow>`
    select ${mediaColumns} from media_attachments where status_id = ${status} order by id`
  return rows.map(mediaRecord)
}

export async function updateMedia(
  db: Db,
  owner: AccountId,
  id: MediaId,
  { description, focus }: MediaDetailsChange,
): Promise<MediaRecord> {
  const row = await db.one<MediaRow>`
    update media_attachments set
      description = case when ${description !== undefined} then ${description ?? null} else description end,
      focus_x = case when ${focus !== undefined} then ${focus?.x ?? null} else focus_x end,
      focus_y = case when ${focus !== undefined} then ${focus?.y ?? null} else focus_y end
    where id = ${id} and account_id = ${owner}
    returning ${mediaColumns}`
  if (row === undefined) throw notFound()
  return mediaRecord(row)
}

/** In the order of `ids`. Of two statuses that want one picture, the second waits for the first and is refused. */
export async function attachMedia(
  tx: Db,
  owner: AccountId,
  ids: readonly MediaId[],
  status: StatusId,
): Promise<MediaRecord[]> {
  const rows = await tx.rows<MediaRow>`
    update media_attachments set status_id = ${status}, unattached_since = null
    where id = any(${ids}) and account_id = ${owner} and (status_id is null or status_id = ${status})
    returning ${mediaColumns}`
  const attached = new Map(rows.map((row) => [row.id, mediaRecord(row)]))
  const refused = ids.filter((id) => !attached.has(id))
  if (refused.length > 0) {
    throw new AppError('invalid', `Media ${refused.join(', ')} not found or already attached to another post`)
  }
  return ids.flatMap((id) => attached.get(id) ?? [])
}

export async function detachMedia(tx: Db, status: StatusId, nowMs: number): Promise<MediaId[]> {
  const rows = await tx.rows<{ id: MediaId }>`
    update media_attachments set status_id = null, unattached_since = ${new Date(nowMs)}
    where status_id = ${status} returning id`
  return rows.map(({ id }) => id)
}

/** What is bound to a status stays. Returns what was deleted. */
export async function deleteMedia(db: Db, owner: AccountId, ids: readonly MediaId[]): Promise<MediaRecord[]> {
  const rows = await db.rows<MediaRow>`
    delete from media_attachments where account_id = ${owner} and id = any(${ids}) and status_id is null
    returning ${mediaColumns}`
  return rows.map(mediaRecord)
}

/** Rows that a status is just taking up are passed over. */
export async function deleteUnattached(db: Db, sinceMs: number, limit: number): Promise<MediaRecord[]> {
  const rows = await db.rows<MediaRow>`
    delete from media_attachments where id = any(array(
      select id from media_attachments where unattached_since <= ${new Date(sinceMs)}
      order by unattached_since limit ${limit} for update skip locked
    )) and unattached_since is not null
    returning ${mediaColumns}`
  return rows.map(mediaRecord)
}
