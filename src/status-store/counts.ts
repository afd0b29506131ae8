/** Counts that were kept while writing, so that reading never counts. */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { AuthorStats, StatusCounts } from './contract.ts'

export async function countsOf(db: Db, ids: readonly StatusId[]): Promise<Map<StatusId, StatusCounts>> {
  const counts = new Map(ids.map((id): [StatusId, StatusCounts] => [id, { replies: 0, boosts: 0, favourites: 0 }]))
  if (ids.length === 0) return counts
  const rows = await db.rows<StatusCounts & { status_id: StatusId }>`
    select status_id, replies, boosts, favourites from status_counts where status_id = any(${ids})`
  for (const { status_id: id, ...counted } of rows) counts.set(id, counted)
  return counts
}

export async function authorStatsOf(db: Db, ids: readonly AccountId[]): Promise<Map<AccountId, AuthorStats>> {
  const stats = new Map(ids.map((id): [AccountId, AuthorStats] => [id, { statuses: 0, lastStatusAtMs: null }]))
  if (ids.length === 0) return stats
  const rows = await db.rows<{ account_id: AccountId; statuses: number; last_status_at: Date | null }>`
    select account_id, statuses, last_status_at from author_stats where account_id = any(${ids})`
  for (const row of rows) {
    stats.set(row.account_id, { statuses: row.statuses, lastStatusAtMs: row.last_status_at?.getTime() ?? null })
  }
  return stats
}

/** One row an author: thousands, where the statuses are millions. */
export async function totalStatuses(db: Db): Promise<number> {
  const row = await db.one<{ total: bigint }>`select coalesce(sum(statuses), 0)::bigint as total from author_stats`
  return Number(row?.total ?? 0n)
}
