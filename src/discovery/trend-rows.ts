/** The statements on the tables of trends. */
import type { Database, Db } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { DayOfUses, Stretch, Trend, TrendKind } from './contract.ts'

export const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Days of history that clients draw. */
const HISTORY_DAYS = 7
/** Single uses are kept so long; then only their days are. */
const USES_KEPT_MS = 2 * DAY_MS
const DAYS_KEPT_MS = 9 * DAY_MS
/** What happened so long ago counts half. */
const HALF_LIFE_HOURS: Readonly<Record<TrendKind, number>> = { tag: 6, link: 6, status: 4 }
/** Fewer people are no trend. */
const ACCOUNTS_MIN = 2
/** Ranks kept of each kind. */
const RANKS_MAX = 200
const DELETE_ROWS_MAX = 10_000

export const KINDS: readonly TrendKind[] = ['tag', 'link', 'status']

export interface Use {
  kind: TrendKind
  subject: string
  account: AccountId
  source: bigint
  atMs: number
}

/** Idempotent. */
export async function insertUses(db: Db, uses: readonly Use[]): Promise<void> {
  if (uses.length === 0) return
  const hours = uses.map(({ atMs }) => new Date(atMs - (atMs % HOUR_MS)))
  await db.run`
    insert into trend_uses (hour, kind, subject, account_id, source)
    select * from unnest(
      ${hours}::timestamptz[], ${uses.map(({ kind }) => KINDS.indexOf(kind))}::smallint[],
      ${uses.map(({ subject }) => subject)}::text[], ${uses.map(({ account }) => account)}::bigint[],
      ${uses.map(({ source }) => source)}::bigint[]
    ) on conflict do nothing`
}

/** Today and yesterday, counted anew from the single uses. */
export async function rollUp(db: Db, nowMs: number): Promise<void> {
  const from = new Date(startOfDay(nowMs) - DAY_MS)
  await db.run`
    insert into trend_days (day, kind, subject, uses, accounts)
    select date_bin('1 day', hour, '2000-01-01T00:00:00Z'), kind, subject, count(distinct source), count(distinct account_id)
    from trend_uses where hour >= ${from} group by 1, 2, 3
    on conflict (day, kind, subject) do update set uses = excluded.uses, accounts = excluded.accounts`
}

/**
 * Ranks what more people used in the last day than on a usual one, as Mastodon's `Trends::Tags`: the square of what is more
 * than expected, over what is expected. Each person counts once, at the time of their last use, and less by the hour.
 */
export async function rank(db: Database, nowMs: number): Promise<void> {
  const [now, dayAgo] = [new Date(nowMs), new Date(nowMs - DAY_MS)]
  const [today, weekAgo] = [new Date(startOfDay(nowMs)), new Date(startOfDay(nowMs) - HISTORY_DAYS * DAY_MS)]
  await db.transaction(async (tx) => {
    await tx.run`delete from trend_ranks`
    for (const [kind, name] of KINDS.entries()) {
      await tx.run`
        with people as (
          select subject, account_id, max(hour) as hour from trend_uses
          where hour > ${dayAgo} and kind = ${kind} group by 1, 2
        ), observed as (
          select subject, sum(power(0.5, extract(epoch from ${now}::timestamptz - hour) / 3600 / ${HALF_LIFE_HOURS[name]}::int)) as weight
          from people group by 1 having count(*) >= ${ACCOUNTS_MIN}
        ), scored as (
          select subject, weight::real as weight, greatest(1, (
            select coalesce(sum(accounts), 0) from trend_days
            where trend_days.kind = ${kind} and trend_days.subject = observed.subject and day >= ${weekAgo} and day < ${today}
          ) / ${HISTORY_DAYS}::real)::real as expected from observed
        )
        insert into trend_ranks (kind, subject, score)
        select ${kind}, subject, power(weight - expected, 2) / expected * sign(weight - expected) from scored
        where weight > expected / 2
        order by 3 desc, subject limit ${RANKS_MAX}`
    }
  })
}

/** In batches, so that nothing is locked for long. */
export async function forgetOld(db: Db, nowMs: number): Promise<void> {
  const hour = new Date(nowMs - USES_KEPT_MS)
  for (;;) {
    const gone = await db.run`
      delete from trend_uses where ctid = any(array(select ctid from trend_uses where hour < ${hour} limit ${DELETE_ROWS_MAX}))`
    if (gone < DELETE_ROWS_MAX) break
  }
  await db.run`delete from trend_days where day < ${new Date(nowMs - DAYS_KEPT_MS)}`
}

/** Best first, those that a moderator refused left out; with `reviewed` only those that one allowed. */
export async function rankedSubjects(
  db: Db,
  kind: TrendKind,
  { limit, offset }: Stretch,
  reviewed: boolean,
): Promise<string[]> {
  const rows = await db.rows<{ subject: string }>`
    select subject from trend_ranks left join trend_reviews using (kind, subject)
    where kind = ${KINDS.indexOf(kind)} and coalesce(allowed, ${!reviewed})
    order by score desc, subject limit ${limit} offset ${offset}`
  return rows.map(({ subject }) => subject)
}

export async function historyOf(
  db: Db,
  kind: TrendKind,
  subjects: readonly string[],
  nowMs: number,
): Promise<Map<string, DayOfUses[]>> {
  const history = new Map<string, DayOfUses[]>()
  if (subjects.length === 0) return history
  const from = new Date(startOfDay(nowMs) - (HISTORY_DAYS - 1) * DAY_MS)
  const rows = await db.rows<{ subject: string; day: Date; uses: number; accounts: number }>`
    select subject, day, uses, accounts from trend_days
    where kind = ${KINDS.indexOf(kind)} and subject = any(${subjects}::text[]) and day >= ${from} order by day desc`
  for (const { subject, day, uses, accounts } of rows) {
    const days = history.get(subject) ?? []
    days.push({ startMs: day.getTime(), uses, accounts })
    history.set(subject, days)
  }
  return history
}

export function withHistory(subjects: readonly string[], history: ReadonlyMap<string, DayOfUses[]>): Trend[] {
  return subjects.map((subject) => ({ subject, days: history.get(subject) ?? [] }))
}

export async function writeReview(db: Db, kind: TrendKind, subject: string, allowed: boolean | null): Promise<void> {
  const number = KINDS.indexOf(kind)
  if (allowed === null) await db.run`delete from trend_reviews where kind = ${number} and subject = ${subject}`
  else {
    await db.run`
      insert into trend_reviews (kind, subject, allowed) values (${number}, ${subject}, ${allowed})
      on conflict (kind, subject) do update set allowed = excluded.allowed`
  }
}

function startOfDay(ms: number): number {
  return ms - (ms % DAY_MS)
}
