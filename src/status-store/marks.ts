/** What people do with a status: favourites, bookmarks, pins, muted conversations. */
import type { Db } from '../engines/database/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import { PINS_MAX, type Marks, type StatusRecord } from './contract.ts'
import { votesOf } from './polls.ts'
import { newestFirst, PRIVATE, range, UNLISTED } from './rows.ts'

export async function marksOf(
  db: Db,
  viewer: AccountId,
  statuses: readonly StatusRecord[],
): Promise<Map<StatusId, Marks>> {
  if (statuses.length === 0) return new Map()
  const ids = statuses.map((status) => status.id)
  const conversations = statuses.map((status) => status.conversation)
  const rows = await db.rows<{ mark: keyof Marks; id: StatusId }>`
    select 'favourited' as mark, status_id as id from favourites where account_id = ${viewer} and status_id = any(${ids})
    union all
    select 'boosted', boost_of from statuses where account_id = ${viewer} and boost_of = any(${ids})
    union all
    select 'bookmarked', status_id from bookmarks where account_id = ${viewer} and status_id = any(${ids})
    union all
    select 'pinned', status_id from pins where account_id = ${viewer} and status_id = any(${ids})
    union all
    select 'muted', conversation from conversation_mutes
    where account_id = ${viewer} and conversation = any(${conversations})`
  const votes = await votesOf(db, viewer, statuses)
  const has = new Set(rows.map(({ mark, id }) => `${mark} ${id}`))
  return new Map(
    statuses.map(({ id, conversation }) => [
      id,
      {
        favourited: has.has(`favourited ${id}`),
        boosted: has.has(`boosted ${id}`),
        bookmarked: has.has(`bookmarked ${id}`),
        pinned: has.has(`pinned ${id}`),
        muted: has.has(`muted ${conversation}`),
        ...votes.get(id),
      },
    ]),
  )
}

export async function addFavourite(tx: Db, account: AccountId, status: StatusId): Promise<boolean> {
  const added = await tx.run`
    with fresh as (
      insert into favourites (account_id, status_id) values (${account}, ${status}) on conflict do nothing
      returning status_id
    )
    insert into status_counts (status_id, favourites) select status_id, 1 from fresh
    on conflict (status_id) do update set favourites = status_counts.favourites + 1`
  return added === 1
}

export async function removeFavourite(tx: Db, account: AccountId, status: StatusId): Promise<boolean> {
  const removed = await tx.run`
    with gone as (
      delete from favourites where account_id = ${account} and status_id = ${status} returning status_id
    )
    update status_counts set favourites = favourites - 1 from gone where status_counts.status_id = gone.status_id`
  return removed === 1
}

export async function addBookmark(tx: Db, account: AccountId, status: StatusId): Promise<boolean> {
  const added = await tx.run`
    insert into bookmarks (account_id, status_id) values (${account}, ${status}) on conflict do nothing`
  return added === 1
}

export async function removeBookmark(tx: Db, account: AccountId, status: StatusId): Promise<boolean> {
  return (await tx.run`delete from bookmarks where account_id = ${account} and status_id = ${status}`) === 1
}

export async function addPin(tx: Db, account: AccountId, status: StatusId): Promise<boolean> {
  // Two pins at once would both count four: the author's row of stats lets one wait for the other.
  await tx.run`
    insert into author_stats (account_id) values (${account})
    on conflict (account_id) do update set statuses = author_stats.statuses`
  const pinned = await tx.rows<{ status_id: StatusId }>`select status_id from pins where account_id = ${account}`
  if (pinned.some((pin) => pin.status_id === status)) return false
  if (pinned.length >= PINS_MAX) {
    throw new AppError('invalid', 'Validation failed: You have already pinned the maximum number of posts')
  }
  await tx.run`insert into pins (account_id, status_id) values (${account}, ${status})`
  return true
}

export async function removePin(tx: Db, account: AccountId, status: StatusId): Promise<boolean> {
  return (await tx.run`delete from pins where account_id = ${account} and status_id = ${status}`) === 1
}

export async function muteConversation(tx: Db, account: AccountId, conversation: StatusId): Promise<boolean> {
  const muted = await tx.run`
    insert into conversation_mutes (account_id, conversation) values (${account}, ${conversation})
    on conflict do nothing`
  return muted === 1
}

export async function unmuteConversation(tx: Db, account: AccountId, conversation: StatusId): Promise<boolean> {
  const unmuted = await tx.run`
    delete from conversation_mutes where account_id = ${account} and conversation = ${conversation}`
  return unmuted === 1
}

export async function isConversationMuted(db: Db, account: AccountId, conversation: StatusId): Promise<boolean> {
  const row = await db.one`
    select from conversation_mutes where account_id = ${account} and conversation = ${conversation}`
  return row !== undefined
}

interface CursorRow<Id> {
  cursor: bigint
  item: Id
}

export async function favouriteIds(db: Db, account: AccountId, page: Page): Promise<Cursored<StatusId>[]> {
  const within = range(page)
  const rows = await db.rows<CursorRow<StatusId>>`
    select id as cursor, status_id as item from favourites
    where account_id = ${account} and id < ${within.below} and id > ${within.above}
    order by id ${within.direction} limit ${page.limit}`
  return newestFirst(rows, within)
}

export async function bookmarkIds(db: Db, account: AccountId, page: Page): Promise<Cursored<StatusId>[]> {
  const within = range(page)
  const rows = await db.rows<CursorRow<StatusId>>`
    select id as cursor, status_id as item from bookmarks
    where account_id = ${account} and id < ${within.below} and id > ${within.above}
    order by id ${within.direction} limit ${page.limit}`
  return newestFirst(rows, within)
}

export async function favouritedBy(db: Db, status: StatusId, page: Page): Promise<Cursored<AccountId>[]> {
  const within = range(page)
  const rows = await db.rows<CursorRow<AccountId>>`
    select id as cursor, account_id as item from favourites
    where status_id = ${status} and id < ${within.below} and id > ${within.above}
    order by id ${within.direction} limit ${page.limit}`
  return newestFirst(rows, within)
}

export async function boostedBy(db: Db, status: StatusId, page: Page, openly: boolean): Promise<Cursored<AccountId>[]> {
  const within = range(page)
  const rows = await db.rows<CursorRow<AccountId>>`
    select id as cursor, account_id as item from statuses
    where boost_of = ${status} and visibility <= ${openly ? UNLISTED : PRIVATE} and id < ${within.below} and id > ${within.above}
    order by id ${within.direction} limit ${page.limit}`
  return newestFirst(rows, within)
}
