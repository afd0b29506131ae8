/** How far somebody has read: one marker a timeline, with a version that rises with every change. */
import type { Database, Db } from '../engines/database/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Marker } from './contract.ts'

interface MarkerRow {
  timeline: Marker['timeline']
  last_read_id: bigint
  version: number
  updated_at: Date
}

export async function readMarkers(db: Db, account: AccountId, timelines: readonly string[]): Promise<Marker[]> {
  const rows = await db.rows<MarkerRow>`
    select timeline, last_read_id, version, updated_at from markers
    where account_id = ${account} and timeline = any(${timelines}::text[])
    order by timeline`
  return rows.map(markerOf)
}

/** The id up to which notifications are read; 0 before the first marker. */
export async function notificationsReadUpTo(db: Db, account: AccountId): Promise<bigint> {
  const row = await db.one<{ last_read_id: bigint }>`
    select last_read_id from markers where account_id = ${account} and timeline = 'notifications'`
  return row?.last_read_id ?? 0n
}

/** All marks or none. An unchanged one keeps its version, as in Mastodon. */
export async function writeMarkers(
  database: Database,
  account: AccountId,
  marks: readonly { timeline: Marker['timeline']; lastReadId: bigint }[],
  nowMs: number,
): Promise<Marker[]> {
  return database.transaction(async (tx) => {
    const before = await readMarkers(
      tx,
      account,
      marks.map(({ timeline }) => timeline),
    )
    const after: Marker[] = []
    for (const mark of marks) {
      const old = before.find(({ timeline }) => timeline === mark.timeline)
      if (old !== undefined && old.lastReadId === mark.lastReadId.toString()) after.push(old)
      else after.push(await writeMarker(tx, { account, old, ...mark, now: new Date(nowMs) }))
    }
    return after
  })
}

async function writeMarker(
  tx: Db,
  mark: { account: AccountId; timeline: string; lastReadId: bigint; old: Marker | undefined; now: Date },
): Promise<Marker> {
  const { account, timeline, lastReadId, old, now } = mark
  // Whoever was faster has raised the version (or made the row): then neither statement finds what it looks for.
  const row =
    old === undefined
      ? await tx.one<MarkerRow>`
          insert into markers (account_id, timeline, last_read_id, updated_at)
          values (${account}, ${timeline}, ${lastReadId}, ${now})
          on conflict do nothing
          returning timeline, last_read_id, version, updated_at`
      : await tx.one<MarkerRow>`
          update markers set last_read_id = ${lastReadId}, version = version + 1, updated_at = ${now}
          where account_id = ${account} and timeline = ${timeline} and version = ${old.version}
          returning timeline, last_read_id, version, updated_at`
  if (row === undefined) throw new AppError('conflict', 'Conflict during update, please try again')
  return markerOf(row)
}

function markerOf(row: MarkerRow): Marker {
  return {
    timeline: row.timeline,
    lastReadId: row.last_read_id.toString(),
    version: row.version,
    updatedAtMs: row.updated_at.getTime(),
  }
}
