/** Timelines and threads as ids only. Every page is read along an index, from its cursor on, and ends at its limit. */
import { allOf, noSql, sql, type Db, type SqlFragment } from '../engines/database/contract.ts'
import type { Page } from '../kit/page.ts'
import { ID_MAX, type AccountId, type StatusId } from '../snowflake/contract.ts'
import type { AccountStatusesFilter, ThreadRow, TimelineRow } from './contract.ts'
import { DIRECT, newestFirst, range } from './rows.ts'

/**
 * Statuses of one account that are looked at to fill one page, where a filter has no index: someone who only boosts has
 * no page without boosts, and finding that out must end.
 */
const ACCOUNT_SCAN_MAX = 10_000

const withMedia = sql`and media <> '{}'`

interface IdRow {
  id: StatusId
}

export async function publicIds(db: Db, page: Page, filter: { onlyMedia: boolean }): Promise<StatusId[]> {
  const within = range(page)
  // The conditions are, word for word, those of the indexes statuses_public and statuses_public_with_media.
  const rows = await db.rows<IdRow>`
    select id from statuses
    where visibility = 0 and boost_of is null
      and (in_reply_to_account is null or in_reply_to_account = account_id)
      ${filter.onlyMedia ? withMedia : noSql}
      and id < ${within.below} and id > ${within.above}
    order by id ${within.direction} limit ${page.limit}`
  return ids(newestFirst(rows, within))
}

export async function accountIds(
  db: Db,
  account: AccountId,
  page: Page,
  filter: AccountStatusesFilter,
): Promise<StatusId[]> {
  if (filter.pinned) return pinnedIds(db, account, page, filter)
  const within = range(page)
  const rows = await db.rows<IdRow>`
    select id from (
      select id, boost_of, in_reply_to_account, account_id, tags from statuses
      where account_id = ${account} and id < ${within.below} and id > ${within.above}
        ${filter.onlyMedia ? withMedia : noSql}
      order by id ${within.direction} limit ${ACCOUNT_SCAN_MAX}
    ) as looked_at
    where ${allOf(accountConditions(filter))}
    order by id ${within.direction} limit ${page.limit}`
  return ids(newestFirst(rows, within))
}

function accountConditions(filter: AccountStatusesFilter): SqlFragment[] {
  const conditions: SqlFragment[] = []
  if (filter.excludeBoosts) conditions.push(sql`boost_of is null`)
  // A thread with oneself is no reply.
  if (filter.excludeReplies) conditions.push(sql`(in_reply_to_account is null or in_reply_to_account = account_id)`)
  if (filter.tagged !== null) conditions.push(sql`${filter.tagged} = any(tags)`)
  return conditions
}

/** The last pinned first; with the other filters, as Mastodon. */
async function pinnedIds(db: Db, account: AccountId, page: Page, filter: AccountStatusesFilter): Promise<StatusId[]> {
  const { below, above } = range(page)
  const rows = await db.rows<IdRow>`
    select status_id as id from pins
    where account_id = ${account} and status_id < ${below} and status_id > ${above}
      and exists (
        select from statuses
        where id = pins.status_id and ${allOf(accountConditions(filter))} ${filter.onlyMedia ? withMedia : noSql}
      )
    order by pins.id desc limit ${page.limit}`
  return ids(rows)
}

interface HomeRow {
  id: StatusId
  account_id: AccountId
  boost_of: StatusId | null
  boosted_account: AccountId | null
  in_reply_to: StatusId | null
  in_reply_to_account: AccountId | null
}

/**
 * The newest of many authors, in one plan whose cost is bounded by 2 · limit · √authors index entries, however the authors
 * differ: a sample of each author's newest, of which the `limit`-th is a floor (what is older is not on the page), then
 * more of those few authors whose whole sample lies above the floor; there can be no more of them than √authors.
 *
 * Measured on 1,000,000 statuses of 20,000 authors, page of 800, warm: 200 authors 7 ms, 5,000 authors 48 ms. The two
 * simpler plans: the newest 800 of each author 14 and 290 ms; `account_id = any(…) order by id` 8 and 10 ms, but that
 * one walks the whole table when the authors have been silent lately, which the planner cannot know.
 */
export async function homeIds(
  db: Db,
  authors: readonly AccountId[],
  page: Page,
  viewer: AccountId | undefined,
): Promise<TimelineRow[]> {
  if (authors.length === 0 || page.limit === 0) return []
  const within = range(page)
  const distinct = [...new Set(authors)]
  const sample = Math.ceil(page.limit / Math.sqrt(distinct.length))
  // Named for the usual direction, newest first; a page above a cursor looks the other way.
  const newer = within.ascending ? sql`<` : sql`>`
  const older = within.ascending ? sql`>` : sql`<`
  const shown = viewer === undefined ? sql`true` : takesPart(viewer)
  const rows = await db.rows<HomeRow>`
    with sampled as materialized (
      select author, status.id, status.nth from unnest(${distinct}::bigint[]) as author, lateral (
        select id, row_number() over (order by id ${within.direction}) as nth from statuses
        where account_id = author and id < ${within.below} and id > ${within.above} and ${shown}
        order by id ${within.direction} limit ${sample}
      ) as status
    ),
    floor as (
      select id from sampled order by id ${within.direction} offset ${page.limit - 1} limit 1
    ),
    newest as (
      select id from sampled
      union all
      select further.id from sampled, lateral (
        select id from statuses
        where account_id = sampled.author and id ${older} sampled.id and id < ${within.below} and id > ${within.above}
          and id ${newer} coalesce((select id from floor), ${within.ascending ? ID_MAX : 0n}) and ${shown}
        order by id ${within.direction} limit ${page.limit}
      ) as further
      where sampled.nth = ${sample}
        and sampled.id ${newer} coalesce((select id from floor), ${within.ascending ? ID_MAX : 0n})
    )
    select id, account_id, boost_of, boosted_account, in_reply_to, in_reply_to_account from statuses
    where id in (select id from newest order by id ${within.direction} limit ${page.limit})
    order by id ${within.direction}`
  return newestFirst(rows, within).map((row) => ({
    id: row.id,
    author: row.account_id,
    boostOf: row.boost_of,
    boostedAuthor: row.boosted_account,
    inReplyTo: row.in_reply_to,
    inReplyToAccount: row.in_reply_to_account,
  }))
}

function takesPart(viewer: AccountId): SqlFragment {
  return sql`(visibility < ${DIRECT} or account_id = ${viewer} or ${viewer} = any(mentions))`
}

export async function conversationAround(db: Db, id: StatusId, limit: number): Promise<ThreadRow[]> {
  const rows = await db.rows<{ id: StatusId; in_reply_to: StatusId | null; account_id: AccountId }>`
    with recursive thread as (
      select id, in_reply_to, account_id, conversation, 0 as distance from statuses where id = ${id}
      union all
      select parent.id, parent.in_reply_to, parent.account_id, parent.conversation, thread.distance + 1
      from thread join statuses as parent on parent.id = thread.in_reply_to
      where thread.distance < ${limit}
    ),
    later as (
      select id, in_reply_to, account_id from statuses
      where conversation = (select conversation from statuses where id = ${id}) and in_reply_to is not null and id > ${id}
      order by id limit ${limit}
    )
    select id, in_reply_to, account_id from thread
    union all select id, in_reply_to, account_id from later
    order by id`
  return rows.map((row) => ({ id: row.id, inReplyTo: row.in_reply_to, accountId: row.account_id }))
}

function ids(rows: readonly IdRow[]): StatusId[] {
  return rows.map((row) => row.id)
}
