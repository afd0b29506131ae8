/** The statements on the table of notifications: writing them and taking them back. */
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { encodeEvent } from '../events/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import type { NotificationRecord, NotificationType } from './contract.ts'

/** Rows deleted by one statement, so that none holds its locks for long. */
const DELETE_ROWS_MAX = 1_000

/**
 * Insertions for one recipient happen one after another, so that ids become visible in their order and no walk by
 * `since_id` or `min_id` passes over a slower transaction (I4). The locks are shared by recipients of one stripe.
 */
const LOCK_STRIPES = 64n
/** The class of our advisory locks, arbitrary but ours alone. */
const LOCK_CLASS = 4_004

export interface NotificationRow {
  id: bigint
  recipient: AccountId
  type: NotificationType
  sender: AccountId
  status_id: StatusId | null
  group_key: string | null
  filtered: boolean
  created_at: Date
}

/** The same news for several recipients. */
export interface News {
  type: NotificationType
  sender: AccountId
  /** The status or boost that caused it; null for follows and requests. */
  source: StatusId | null
  status: StatusId | null
  groupKey: string | null
  version: bigint
  createdAtMs: number
}

export interface Recipient {
  id: AccountId
  filtered: boolean
}

export function recordOf(row: NotificationRow): NotificationRecord {
  return {
    id: row.id,
    recipient: row.recipient,
    type: row.type,
    from: row.sender,
    status: row.status_id,
    // What is held back stands alone until it is let through.
    groupKey: row.filtered ? null : row.group_key,
    filtered: row.filtered,
    createdAtMs: row.created_at.getTime(),
  }
}

export interface WriteDeps {
  database: Database
  outbox: Outbox
  statuses: Pick<StatusStore, 'hold'>
}

/**
 * Writes what is not there yet and tells the outbox of it, in one transaction. A row of an older version is replaced (and
 * gets a new id, so that it is news again); anything else that exists stays as it is, dismissed ones included. Nothing is
 * written when the source has gone; held, it cannot go in between, so the event of its removal finds what was written.
 */
export async function writeNews(
  deps: WriteDeps,
  news: News,
  recipients: readonly Recipient[],
): Promise<NotificationRecord[]> {
  if (recipients.length === 0) return []
  const written = await deps.database.transaction(async (tx) => {
    if (news.source !== null && (await deps.statuses.hold(tx, news.source)) === undefined) return []
    await lockRecipients(tx, recipients)
    const rows = await tx.rows<NotificationRow>`
      insert into notifications as old
        (recipient, type, sender, source, status_id, group_key, filtered, version, created_at)
      select new.recipient, ${news.type}, ${news.sender}, ${news.source ?? 0n}, ${news.status}, ${news.groupKey},
        new.filtered, ${news.version}, ${new Date(news.createdAtMs)}
      from unnest(${recipients.map(({ id }) => id)}::int8[], ${recipients.map(({ filtered }) => filtered)}::bool[])
        as new (recipient, filtered)
      on conflict (recipient, type, sender, source) do update
        set id = excluded.id, status_id = excluded.status_id, group_key = excluded.group_key,
          filtered = excluded.filtered, dismissed = false, version = excluded.version, created_at = excluded.created_at
        where old.version < excluded.version
      returning id, recipient, type, sender, status_id, group_key, filtered, created_at`
    const records = rows.map(recordOf)
    await deps.outbox.append(tx, records.filter(({ filtered }) => !filtered).map(createdEvent))
    return records
  })
  if (written.length > 0) deps.outbox.wake()
  return written
}

/** A request that has become a follow. Where there was none (almost always), nothing is remembered. */
export async function dismissRequest(
  db: Db,
  edge: { recipient: AccountId; sender: AccountId; version: bigint },
): Promise<void> {
  await db.run`
    update notifications set dismissed = true, version = ${edge.version}
    where recipient = ${edge.recipient} and type = 'follow_request' and sender = ${edge.sender} and source = 0
      and version < ${edge.version}`
}

/** Remembers that an edge has gone, so that an older event that comes later does not bring its notification back. */
export async function retractEdge(
  db: Db,
  edge: { type: 'follow' | 'follow_request'; recipient: AccountId; sender: AccountId; version: bigint; atMs: number },
): Promise<void> {
  await db.run`
    insert into notifications as old (recipient, type, sender, source, dismissed, version, created_at)
    values (${edge.recipient}, ${edge.type}, ${edge.sender}, 0, true, ${edge.version}, ${new Date(edge.atMs)})
    on conflict (recipient, type, sender, source) do update
      set dismissed = true, version = excluded.version
      where old.version < excluded.version`
}

export async function deleteFavourite(db: Db, status: StatusId, by: AccountId): Promise<void> {
  await db.run`
    delete from notifications where type = 'favourite' and status_id = ${status} and sender = ${by}`
}

/** Whatever tells of the status, or of it as a boost. */
export async function deleteOfStatus(db: Db, id: StatusId): Promise<void> {
  await inBatches(
    () => db.run`
      delete from notifications where id in (
        select id from notifications where status_id = ${id} or (type = 'reblog' and source = ${id})
        limit ${DELETE_ROWS_MAX})`,
  )
}

/** Whatever `recipient` was told of `sender`; kept as dismissed, so that an event delivered again does not bring it back. */
export async function dismissFrom(db: Db, recipient: AccountId, sender: AccountId): Promise<void> {
  await db.run`
    update notifications set dismissed = true
    where recipient = ${recipient} and sender = ${sender} and not dismissed`
}

/** Everything to and from an account that is gone. */
export async function deleteOfAccount(db: Db, id: AccountId): Promise<void> {
  await inBatches(
    () => db.run`
      delete from notifications where id in (
        select id from notifications where sender = ${id} or recipient = ${id} limit ${DELETE_ROWS_MAX})`,
  )
  await db.run`delete from markers where account_id = ${id}`
  await db.run`delete from notification_policies where account_id = ${id}`
  await db.run`delete from notification_permissions where account_id = ${id} or sender = ${id}`
}

/** Dismissed ones that no redelivered event can concern any more. Returns how many went. */
export async function pruneDismissed(db: Db, beforeMs: number): Promise<number> {
  return inBatches(
    () => db.run`
      delete from notifications where id in (
        select id from notifications where dismissed and created_at < ${new Date(beforeMs)} limit ${DELETE_ROWS_MAX})`,
  )
}

async function inBatches(deleteSome: () => Promise<number>): Promise<number> {
  let total = 0
  for (;;) {
    const deleted = await deleteSome()
    total += deleted
    if (deleted < DELETE_ROWS_MAX) return total
  }
}

async function lockRecipients(tx: Db, recipients: readonly Recipient[]): Promise<void> {
  const stripes = [...new Set(recipients.map(({ id }) => Number(id % LOCK_STRIPES)))].toSorted((a, b) => a - b)
  // In ascending order (unnest keeps the array's), or two batches could wait for each other for ever.
  await tx.run`select pg_advisory_xact_lock(${LOCK_CLASS}::int4, stripe) from unnest(${stripes}::int4[]) as stripe`
}

function createdEvent(record: NotificationRecord) {
  return encodeEvent('notification.created', record.recipient, {
    id: record.id,
    recipient: record.recipient,
    type: record.type,
    from: record.from,
    status: record.status,
  })
}
