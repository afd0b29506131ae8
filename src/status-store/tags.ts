/** Hashtags of public statuses: for those who begin to type one, and for those who read what was said under it. */
import { allOf, sql, type Db, type SqlFragment } from '../engines/database/contract.ts'
import type { Page } from '../kit/page.ts'
import type { StatusId } from '../snowflake/contract.ts'
import type { TagQuery } from './contract.ts'
import { newestFirst, range } from './rows.ts'

/** Tags looked at for one prefix, in alphabetical order; a longer prefix looks at others. */
const CANDIDATES_MAX = 200
/** A tag used more often than this counts as used this often. */
const USES_MAX = 1_000
/**
 * Statuses under a hashtag that are looked at to fill one page, where more than the hashtag is asked for: of a busy one
 * nothing may fit, and finding that out must end.
 */
const TAG_SCAN_MAX = 5_000
/** Sorts after every character that a tag can have. */
const LAST_CHARACTER = '\u{10FFFF}'

/**
 * Jumps from tag to tag in the primary key instead of reading every use, then counts the uses of each up to USES_MAX: at
 * most CANDIDATES_MAX × USES_MAX index entries, and no counter that all posts with one tag would queue for.
 */
export async function tagsByPrefix(db: Db, prefix: string, limit: number): Promise<string[]> {
  const end = prefix + LAST_CHARACTER
  const rows = await db.rows<{ tag: string }>`
    with recursive candidates(tag, nth) as (
      (select tag, 1 from status_tags where tag >= ${prefix} and tag < ${end} order by tag limit 1)
      union all
      select following.tag, candidates.nth + 1 from candidates, lateral (
        select tag from status_tags where tag > candidates.tag and tag < ${end} order by tag limit 1
      ) as following
      where candidates.nth < ${CANDIDATES_MAX}
    )
    select candidates.tag from candidates, lateral (
      select count(*) as uses from (
        select from status_tags where status_tags.tag = candidates.tag limit ${USES_MAX}
      ) as counted
    ) as used
    order by used.uses desc, candidates.tag limit ${limit}`
  return rows.map((row) => row.tag)
}

/**
 * The primary key gives each tag's statuses in order, so each is read from the cursor on and the ends are merged: no tag
 * is read further than the page, or the scan, is long.
 */
export async function tagIds(db: Db, query: TagQuery, page: Page): Promise<StatusId[]> {
  if (query.any.length === 0) return []
  const within = range(page)
  const conditions = tagConditions(query)
  const looked = conditions.length === 0 ? page.limit : Math.max(page.limit, TAG_SCAN_MAX)
  const rows = await db.rows<{ id: StatusId }>`
    select id from (
      select distinct used.status_id as id from unnest(${query.any}::text[]) as wanted, lateral (
        select status_id from status_tags
        where tag = wanted and status_id < ${within.below} and status_id > ${within.above}
        order by status_id ${within.direction} limit ${looked}
      ) as used
      order by id ${within.direction} limit ${looked}
    ) as looked_at
    where ${allOf(conditions)}
    order by id ${within.direction} limit ${page.limit}`
  return newestFirst(rows, within).map((row) => row.id)
}

function tagConditions({ all, none, onlyMedia }: TagQuery): SqlFragment[] {
  const has = (tag: string) => sql`exists (select from status_tags where tag = ${tag} and status_id = looked_at.id)`
  const conditions = [...all.map(has), ...none.map((tag) => sql`not ${has(tag)}`)]
  if (onlyMedia) conditions.push(sql`exists (select from statuses where id = looked_at.id and media <> '{}')`)
  return conditions
}
