/**
 * Statuses of an import, a thousand in one statement. Counts are kept by what is new in it, in the order of ids, so that
 * two imports and any number of posts never wait for each other in a circle (statuses.ts has the order of locks).
 */
import { fixedSql, noSql, type Db, type SqlFragment } from '../engines/database/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { AuthorStats, ImportedStatus, Inserted, StatusRecord } from './contract.ts'
import { DIRECT, PUBLIC, statusColumns, statusRecord, UNLISTED, visibilityNumber, type StatusRow } from './rows.ts'

/** As `holdStatus`, the oldest first. */
export async function holdStatuses(tx: Db, ids: readonly StatusId[]): Promise<StatusRecord[]> {
  if (ids.length === 0) return []
  const rows = await tx.rows<StatusRow>`
    select ${statusColumns} from statuses where id = any(${ids}) order by id for key share`
  return rows.map(statusRecord)
}

/** What has the locks of all authors, in the statement below. */
const STATS_LOCKED = fixedSql`select count(*) from known`

/**
 * As `insertStatus`. Lists within a row travel as words with spaces between: PostgreSQL's arrays of arrays are
 * rectangles, and neither ids nor hashtags have spaces.
 */
export async function insertStatuses(
  tx: Db,
  statuses: readonly ImportedStatus[],
  told: (after: SqlFragment) => SqlFragment = () => noSql,
): Promise<Inserted> {
  if (statuses.length === 0) return { ids: new Set(), stats: new Map() }
  const rows = await tx.rows<InsertedRow>`
    with fresh as (
      insert into statuses (id, account_id, visibility, boost_of, boosted_account, in_reply_to, in_reply_to_account,
        conversation, text, spoiler_text, sensitive, language, mentions, tags, media, app_id, created_at)
      select id, account_id, visibility, boost_of, boosted_account, in_reply_to, in_reply_to_account, conversation, text,
        spoiler_text, sensitive, language, string_to_array(mentions, ' ')::bigint[], string_to_array(tags, ' '),
        string_to_array(media, ' ')::bigint[], app_id, created_at
      from unnest(
        ${statuses.map(({ id }) => id)}::bigint[],
        ${statuses.map(({ accountId }) => accountId)}::bigint[],
        ${statuses.map(({ visibility }) => visibilityNumber(visibility))}::smallint[],
        ${statuses.map(({ boostOf }) => boostOf)}::bigint[],
        ${statuses.map(({ boostedAccount }) => boostedAccount)}::bigint[],
        ${statuses.map(({ inReplyTo }) => inReplyTo)}::bigint[],
        ${statuses.map(({ inReplyToAccount }) => inReplyToAccount)}::bigint[],
        ${statuses.map(({ conversation }) => conversation)}::bigint[],
        ${statuses.map(({ text }) => text)}::text[],
        ${statuses.map(({ spoilerText }) => spoilerText)}::text[],
        ${statuses.map(({ sensitive }) => sensitive)}::boolean[],
        ${statuses.map(({ language }) => language)}::text[],
        ${statuses.map(({ mentions }) => mentions.join(' '))}::text[],
        ${statuses.map(({ tags }) => tags.join(' '))}::text[],
        ${statuses.map(({ media }) => media.join(' '))}::text[],
        ${statuses.map(({ appId }) => appId)}::bigint[],
        ${statuses.map(({ createdAtMs }) => new Date(createdAtMs))}::timestamptz[]
      ) as given (id, account_id, visibility, boost_of, boosted_account, in_reply_to, in_reply_to_account, conversation,
        text, spoiler_text, sensitive, language, mentions, tags, media, app_id, created_at)
      order by id
      on conflict do nothing
      returning id, account_id, visibility, boost_of, in_reply_to, tags, created_at
    ),
    counted as (
      insert into status_counts (status_id, replies, boosts)
      select coalesce(boost_of, in_reply_to), count(*) filter (where boost_of is null),
        count(*) filter (where boost_of is not null)
      from fresh
      where boost_of is not null or (in_reply_to is not null and visibility <= ${UNLISTED})
      group by 1 order by 1
      on conflict (status_id) do update set
        replies = status_counts.replies + excluded.replies, boosts = status_counts.boosts + excluded.boosts
      returning 1
    ),
    known as (
      insert into author_stats (account_id, statuses, last_status_at)
      select account_id, count(*), max(created_at) from fresh, (select count(*) from counted) as after_counts
      where visibility < ${DIRECT}
      group by 1 order by 1
      on conflict (account_id) do update set statuses = author_stats.statuses + excluded.statuses,
        last_status_at = greatest(author_stats.last_status_at, excluded.last_status_at)
      returning account_id, statuses, last_status_at
    ),
    tagged as (
      insert into status_tags (tag, status_id)
      select tag, id from fresh, unnest(fresh.tags) as tag where visibility = ${PUBLIC}
      on conflict do nothing
    )${told(STATS_LOCKED)}
    select id as status, null as author, null as statuses, null as last_status_at from fresh
    union all
    select null, account_id, statuses, last_status_at from known`
  return insertedOf(rows)
}

function insertedOf(rows: readonly InsertedRow[]): Inserted {
  const ids = new Set<StatusId>()
  const stats = new Map<AccountId, AuthorStats>()
  for (const row of rows) {
    if (row.status !== null) ids.add(row.status)
    else stats.set(row.author, { statuses: row.statuses, lastStatusAtMs: row.last_status_at?.getTime() ?? null })
  }
  return { ids, stats }
}

type InsertedRow =
  | { status: StatusId }
  | { status: null; author: AccountId; statuses: number; last_status_at: Date | null }
