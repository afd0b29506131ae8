/** Statuses that are to be posted later: what was written, and when it is due. A row is gone as soon as it is posted. */
import type { Db } from '../engines/database/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'
import { SCHEDULED_MAX, SCHEDULED_PER_DAY_MAX, type ScheduledRecord } from './contract.ts'
import { newestFirst, range } from './rows.ts'

/** The class of our advisory locks, arbitrary but ours alone; within it, an account. */
const LOCK_CLASS = 4_005
const LOCKS = 2n ** 31n
const DAY_MS = 86_400_000

interface ScheduledRow {
  id: StatusId
  account_id: AccountId
  scheduled_at: Date
  draft: unknown
  media: MediaId[]
}

function scheduledRecord(row: ScheduledRow): ScheduledRecord {
  const { id, account_id: account, scheduled_at: scheduledAt, draft, media } = row
  return { id, account, scheduledAtMs: scheduledAt.getTime(), draft, media }
}

export async function insertScheduled(tx: Db, record: ScheduledRecord): Promise<void> {
  await refuseTooMany(tx, record)
  await tx.run`
    insert into scheduled_statuses (id, account_id, scheduled_at, due_at, draft, media)
    values (${record.id}, ${record.account}, ${new Date(record.scheduledAtMs)}, ${new Date(record.scheduledAtMs)},
      ${JSON.stringify(record.draft)}::jsonb, ${record.media})`
}

/** Two at once would both count one too few: those of one account wait for each other. */
async function refuseTooMany(tx: Db, { id, account, scheduledAtMs }: Omit<ScheduledRecord, 'draft' | 'media'>) {
  await tx.run`select pg_advisory_xact_lock(${LOCK_CLASS}::int4, ${Number(account % LOCKS)}::int4)`
  const dayMs = Math.floor(scheduledAtMs / DAY_MS) * DAY_MS
  const row = await tx.one<{ total: number; daily: number }>`
    select count(*)::int as total,
      (count(*) filter (where scheduled_at >= ${new Date(dayMs)} and scheduled_at < ${new Date(dayMs + DAY_MS)}))::int
        as daily
    from scheduled_statuses where account_id = ${account} and id <> ${id}`
  if ((row?.total ?? 0) >= SCHEDULED_MAX) throw tooMany(`${SCHEDULED_MAX} scheduled posts`)
  if ((row?.daily ?? 0) >= SCHEDULED_PER_DAY_MAX) throw tooMany(`${SCHEDULED_PER_DAY_MAX} scheduled posts for that day`)
}

function tooMany(limit: string): AppError {
  return new AppError('invalid', `Validation failed: You have exceeded the limit of ${limit}`)
}

export async function moveScheduled(
  tx: Db,
  account: AccountId,
  id: StatusId,
  scheduledAtMs: number,
): Promise<ScheduledRecord | undefined> {
  await refuseTooMany(tx, { id, account, scheduledAtMs })
  const row = await tx.one<ScheduledRow>`
    update scheduled_statuses
    set scheduled_at = ${new Date(scheduledAtMs)}, due_at = ${new Date(scheduledAtMs)}, attempts = 0
    where id = ${id} and account_id = ${account}
    returning id, account_id, scheduled_at, draft, media`
  return row && scheduledRecord(row)
}

export async function removeScheduled(tx: Db, account: AccountId, id: StatusId): Promise<boolean> {
  return (await tx.run`delete from scheduled_statuses where id = ${id} and account_id = ${account}`) === 1
}

export async function takeScheduled(tx: Db, id: StatusId, nowMs: number): Promise<boolean> {
  const taken = await tx.run`
    delete from scheduled_statuses where id = any(array(
      select id from scheduled_statuses where id = ${id} and due_at <= ${new Date(nowMs)} for update skip locked
    ))`
  return taken === 1
}

export async function putOffScheduled(db: Db, id: StatusId, untilMs: number | null): Promise<number> {
  const row = await db.one<{ attempts: number }>`
    update scheduled_statuses
    set attempts = attempts + 1, due_at = ${untilMs === null ? null : new Date(untilMs)}
    where id = ${id} returning attempts`
  return row?.attempts ?? 0
}

export async function dueScheduled(db: Db, nowMs: number, limit: number): Promise<ScheduledRecord[]> {
  const rows = await db.rows<ScheduledRow>`
    select id, account_id, scheduled_at, draft, media from scheduled_statuses
    where due_at <= ${new Date(nowMs)} order by due_at limit ${limit}`
  return rows.map(scheduledRecord)
}

export async function findScheduled(db: Db, account: AccountId, id: StatusId): Promise<ScheduledRecord | undefined> {
  const row = await db.one<ScheduledRow>`
    select id, account_id, scheduled_at, draft, media from scheduled_statuses
    where id = ${id} and account_id = ${account}`
  return row && scheduledRecord(row)
}

export async function scheduledOf(db: Db, account: AccountId, page: Page): Promise<ScheduledRecord[]> {
  const within = range(page)
  const rows = await db.rows<ScheduledRow>`
    select id, account_id, scheduled_at, draft, media from scheduled_statuses
    where account_id = ${account} and id < ${within.below} and id > ${within.above}
    order by id ${within.direction} limit ${page.limit}`
  return newestFirst(rows, within).map(scheduledRecord)
}
