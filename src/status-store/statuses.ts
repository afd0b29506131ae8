/**
 * Statuses themselves: inserted, edited, removed, and found by id, with the counts that belong to them.
 *
 * Rows are locked in one order everywhere, so that no two transactions wait for each other: statuses (by age), then
 * counts, then the authors' stats (by id).
 */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import { EDITS_MAX, type NewStatus, type StatusEdit, type StatusEditRecord, type StatusRecord } from './contract.ts'
import { removePoll, removeVotes } from './polls.ts'
import { DIRECT, PUBLIC, statusColumns, statusRecord, UNLISTED, visibilityNumber, type StatusRow } from './rows.ts'

export async function statusesByIds(db: Db, ids: readonly StatusId[]): Promise<StatusRecord[]> {
  if (ids.length === 0) return []
  const rows = await db.rows<StatusRow>`select ${statusColumns} from statuses where id = any(${ids})`
  return rows.map(statusRecord)
}

export async function lockStatus(tx: Db, id: StatusId): Promise<StatusRecord | undefined> {
  const row = await tx.one<StatusRow>`select ${statusColumns} from statuses where id = ${id} for no key update`
  return row && statusRecord(row)
}

/** `for key share`: in the way of a delete only, not of `lockStatus`, and shared by all who reply, boost or favourite. */
export async function holdStatus(tx: Db, id: StatusId): Promise<StatusRecord | undefined> {
  const row = await tx.one<StatusRow>`select ${statusColumns} from statuses where id = ${id} for key share`
  return row && statusRecord(row)
}

/** As `holdStatus`, of many; passes over those that a delete has locked, so that a batch never waits for one of them. */
export async function holdUnlocked(tx: Db, ids: readonly StatusId[]): Promise<Set<StatusId>> {
  if (ids.length === 0) return new Set()
  const rows = await tx.rows<{ id: StatusId }>`
    select id from statuses where id = any(${ids}) order by id for key share skip locked`
  return new Set(rows.map(({ id }) => id))
}

/** One round trip: the row, and what it changes elsewhere. Stats read the counts only to be locked after them. */
export async function insertStatus(tx: Db, status: NewStatus): Promise<boolean> {
  const inserted = await tx.one<{ id: StatusId }>`
    with fresh as (
      insert into statuses (id, account_id, visibility, boost_of, boosted_account, in_reply_to, in_reply_to_account,
        conversation, text, spoiler_text, sensitive, language, mentions, tags, media, app_id, created_at)
      values (${status.id}, ${status.accountId}, ${visibilityNumber(status.visibility)}, ${status.boostOf},
        (select account_id from statuses where id = ${status.boostOf}), ${status.inReplyTo}, ${status.inReplyToAccount},
        ${status.conversation}, ${status.text}, ${status.spoilerText}, ${status.sensitive}, ${status.language},
        ${status.mentions}, ${status.tags}, ${status.media}, ${status.appId}, ${new Date(status.createdAtMs)})
      on conflict (boost_of, account_id) where boost_of is not null do nothing
      returning id, account_id, visibility, boost_of, in_reply_to, tags, created_at
    ),
    counted as (
      insert into status_counts (status_id, replies, boosts)
      select coalesce(boost_of, in_reply_to), (boost_of is null)::int, (boost_of is not null)::int
      from fresh
      where boost_of is not null or (in_reply_to is not null and visibility <= ${UNLISTED})
      on conflict (status_id) do update set
        replies = status_counts.replies + excluded.replies, boosts = status_counts.boosts + excluded.boosts
      returning 1
    ),
    known as (
      insert into author_stats (account_id, statuses, last_status_at)
      select account_id, 1, created_at from fresh, (select count(*) from counted) as after_counts
      where visibility < ${DIRECT}
      on conflict (account_id) do update set statuses = author_stats.statuses + 1,
        last_status_at = greatest(author_stats.last_status_at, excluded.last_status_at)
    ),
    tagged as (
      insert into status_tags (tag, status_id)
      select tag, id from fresh, unnest(fresh.tags) as tag where visibility = ${PUBLIC}
      on conflict do nothing
    )
    select id from fresh`
  return inserted !== undefined
}

export async function removeStatus(tx: Db, id: StatusId): Promise<StatusRecord[]> {
  const [own] = await tx.rows<StatusRow>`delete from statuses where id = ${id} returning ${statusColumns}`
  if (own === undefined) return []
  const boosts = await tx.rows<StatusRow>`delete from statuses where boost_of = ${id} returning ${statusColumns}`
  const removed = [own, ...boosts].map(statusRecord)
  await forgetDependents(tx, removed)
  if (own.has_poll) await removePoll(tx, id)
  await uncountAtTarget(tx, statusRecord(own)) // the counts that boosts were in are gone already
  await uncountAtAuthors(tx, removed)
  return removed
}

/** What hangs on removed statuses by their id. */
async function forgetDependents(tx: Db, removed: readonly StatusRecord[]): Promise<void> {
  const ids = removed.map(({ id }) => id)
  const tags = [...new Set(removed.flatMap((status) => status.tags))]
  await tx.run`
    with favours as (delete from favourites where status_id = any(${ids})),
      marks as (delete from bookmarks where status_id = any(${ids})),
      pinned as (delete from pins where status_id = any(${ids})),
      edits as (delete from status_edits where status_id = any(${ids})),
      tagged as (delete from status_tags where tag = any(${tags}::text[]) and status_id = any(${ids}))
    delete from status_counts where status_id = any(${ids})`
}

/** Takes a removed status out of the count of what it replied to or boosted. */
async function uncountAtTarget(tx: Db, removed: StatusRecord): Promise<void> {
  if (removed.boostOf !== null) {
    await tx.run`update status_counts set boosts = boosts - 1 where status_id = ${removed.boostOf}`
  } else if (removed.inReplyTo !== null && visibilityNumber(removed.visibility) <= UNLISTED) {
    await tx.run`update status_counts set replies = replies - 1 where status_id = ${removed.inReplyTo}`
  }
}

/** Takes removed statuses out of what their authors have written. */
async function uncountAtAuthors(tx: Db, removed: readonly StatusRecord[]): Promise<void> {
  const authors = removed.filter((status) => status.visibility !== 'direct').map((status) => status.accountId)
  if (authors.length === 0) return
  await tx.run`
    with gone as (select account_id, count(*)::int as statuses from unnest(${authors}::bigint[]) as account_id group by 1),
      locked as (select account_id from author_stats where account_id = any(${authors}) order by account_id for update)
    update author_stats set statuses = author_stats.statuses - gone.statuses
    from gone, locked where author_stats.account_id = gone.account_id and locked.account_id = gone.account_id`
}

/** `any(array(…))` reads its rows once; a limit inside `in (…)` counts anew for each row it is compared with. */
export async function removeDependentsOf(
  tx: Db,
  id: StatusId,
  limit: number,
): Promise<{ boosts: StatusRecord[]; more: boolean }> {
  const rows = await tx.rows<StatusRow>`
    delete from statuses where boost_of = ${id}
      and id = any(array(select id from statuses where boost_of = ${id} order by id limit ${limit}))
    returning ${statusColumns}`
  const boosts = rows.map(statusRecord)
  if (boosts.length > 0) {
    await forgetDependents(tx, boosts)
    await tx.run`update status_counts set boosts = boosts - ${boosts.length} where status_id = ${id}`
    await uncountAtAuthors(tx, boosts)
  }
  const favourites = await tx.run`
    delete from favourites where status_id = ${id}
      and id = any(array(select id from favourites where status_id = ${id} order by id limit ${limit}))`
  await tx.run`update status_counts set favourites = favourites - ${favourites} where status_id = ${id}`
  const bookmarks = await tx.run`
    delete from bookmarks where status_id = ${id}
      and account_id = any(array(select account_id from bookmarks where status_id = ${id} limit ${limit}))`
  const votes = await removeVotes(tx, id, limit)
  return { boosts, more: [boosts.length, favourites, bookmarks, votes].some((count) => count === limit) }
}

export async function editStatus(tx: Db, id: StatusId, edit: StatusEdit, atMs: number): Promise<StatusRecord> {
  const before = await tx.one<{ tags: string[]; visibility: number; revision: number }>`
    with old as (select * from statuses where id = ${id}),
    kept as (
      insert into status_edits (status_id, revision, created_at, text, spoiler_text, sensitive, mentions, media,
        media_descriptions, poll_options)
      select id, revision, coalesce(edited_at, created_at), text, spoiler_text, sensitive, mentions, media,
        ${edit.previousMediaDescriptions}::text[], ${edit.previousPollOptions ?? null}::text[]
      from old
    )
    select tags, visibility, revision from old`
  if (before === undefined) throw new Error(`status ${id} is edited without being locked`)
  const row = await tx.one<StatusRow>`
    update statuses set text = ${edit.text}, spoiler_text = ${edit.spoilerText}, sensitive = ${edit.sensitive},
      language = ${edit.language}, mentions = ${edit.mentions}, tags = ${edit.tags}, media = ${edit.media},
      edited_at = ${new Date(atMs)}, revision = revision + 1
    where id = ${id} returning ${statusColumns}`
  if (row === undefined) throw new Error(`status ${id} vanished under its lock`)
  await tx.run`delete from status_edits where status_id = ${id} and revision <= ${before.revision - EDITS_MAX}`
  if (before.visibility === PUBLIC) {
    await tx.run`delete from status_tags where tag = any(${before.tags}::text[]) and status_id = ${id}`
    await tx.run`insert into status_tags (tag, status_id) select tag, ${id} from unnest(${edit.tags}::text[]) as tag`
  }
  return statusRecord(row)
}

export async function editsOf(db: Db, status: StatusId): Promise<StatusEditRecord[]> {
  const rows = await db.rows<
    Pick<StatusRow, 'created_at' | 'text' | 'spoiler_text' | 'sensitive' | 'mentions' | 'media'> & {
      media_descriptions: (string | null)[]
      poll_options: string[] | null
    }
  >`
    select created_at, text, spoiler_text, sensitive, mentions, media, media_descriptions, poll_options
    from status_edits
    where status_id = ${status} order by revision limit ${EDITS_MAX}`
  return rows.map((row) => ({
    createdAtMs: row.created_at.getTime(),
    text: row.text,
    spoilerText: row.spoiler_text,
    sensitive: row.sensitive,
    mentions: row.mentions,
    media: row.media.map((id, index) => ({ id, description: row.media_descriptions[index] ?? null })),
    pollOptions: row.poll_options,
  }))
}

export async function boostOf(db: Db, account: AccountId, status: StatusId): Promise<StatusId | undefined> {
  const row = await db.one<{ id: StatusId }>`
    select id from statuses where boost_of = ${status} and account_id = ${account}`
  return row?.id
}
