/** Hashtags of public statuses, for those who begin to type one. */
import type { Db } from '../engines/database/contract.ts'

/** Tags looked at for one prefix, in alphabetical order; a longer prefix looks at others. */
const CANDIDATES_MAX = 200
/** A tag used more often than this counts as used this often. */
const USES_MAX = 1_000
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
