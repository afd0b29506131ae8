/** Statuses for tests: a store on a database of its own, and rows with everything a test does not care about. */
import type { Db } from '../../src/engines/database/contract.ts'
import type { Clock } from '../../src/kit/clock.ts'
import type { AccountId, MediaId, StatusId } from '../../src/snowflake/contract.ts'
import type { NewStatus, StatusRecord, StatusStore } from '../../src/status-store/contract.ts'
import { migrations } from '../../src/status-store/migrations.ts'
import { openStatusStore } from '../../src/status-store/store.ts'
import { openTestDatabase, type TestDatabase } from './database.ts'

export const accountId = (id: number | bigint): AccountId => BigInt(id) as AccountId
export const statusId = (id: number | bigint): StatusId => BigInt(id) as StatusId
export const mediaId = (id: number | bigint): MediaId => BigInt(id) as MediaId

export const NOON_MS = Date.UTC(2026, 0, 2, 12)

/** A clock that stands still until it is moved. */
export interface HandClock extends Clock {
  ms: number
}

export function handClock(ms = NOON_MS): HandClock {
  const clock: HandClock = { ms, nowMs: () => clock.ms, sleep: async () => {} }
  return clock
}

export interface StatusWorld extends AsyncDisposable {
  db: TestDatabase
  store: StatusStore
  clock: HandClock
  /** Inserts in a transaction of its own; false as the store's. */
  insert(status: NewStatus): Promise<boolean>
}

export async function openStatusWorld(): Promise<StatusWorld> {
  const db = await openTestDatabase(migrations)
  const clock = handClock()
  const store = openStatusStore({ db, clock })
  return {
    db,
    store,
    clock,
    insert: (status) => db.transaction((tx) => store.insert(tx, status)),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  }
}

/** A public status of account 1 without anything special, but for what `fields` says. */
export function plainStatus(id: number, fields: Partial<NewStatus> = {}): NewStatus {
  return {
    id: statusId(id),
    accountId: accountId(1),
    visibility: 'public',
    boostOf: null,
    inReplyTo: null,
    inReplyToAccount: null,
    conversation: statusId(id),
    text: `status ${id}`,
    spoilerText: '',
    sensitive: false,
    language: 'en',
    mentions: [],
    tags: [],
    media: [],
    appId: null,
    createdAtMs: NOON_MS + id,
    ...fields,
  }
}

export function replyTo(parent: NewStatus, id: number, fields: Partial<NewStatus> = {}): NewStatus {
  const { id: inReplyTo, accountId: inReplyToAccount, conversation } = parent
  return plainStatus(id, { inReplyTo, inReplyToAccount, conversation, ...fields })
}

export function boostOf(original: NewStatus, id: number, booster: number): NewStatus {
  return plainStatus(id, { accountId: accountId(booster), boostOf: original.id, text: '' })
}

/** A new status as the store gives it back. */
export function asRecord(status: NewStatus): StatusRecord {
  return { ...status, editedAtMs: null, revision: 0 }
}

/** Every count that is kept, and the same counted anew: equal whenever nobody writes (I11). */
export async function countsAndRecounts(db: Db): Promise<{ kept: unknown; recounted: unknown }> {
  const kept = await db.rows`
    select status_id, replies, boosts, favourites from status_counts
    where replies <> 0 or boosts <> 0 or favourites <> 0 order by 1`
  const recounted = await db.rows`
    select * from (
      select id as status_id,
        (select count(*)::int from statuses r where r.in_reply_to = s.id and r.visibility <= 1) as replies,
        (select count(*)::int from statuses b where b.boost_of = s.id) as boosts,
        (select count(*)::int from favourites f where f.status_id = s.id) as favourites
      from statuses s
    ) as counted where replies <> 0 or boosts <> 0 or favourites <> 0 order by 1`
  const keptAuthors = await db.rows`select account_id, statuses from author_stats where statuses <> 0 order by 1`
  const recountedAuthors = await db.rows`
    select account_id, count(*)::int as statuses from statuses where visibility < 3 group by 1 order by 1`
  return { kept: { kept, authors: keptAuthors }, recounted: { kept: recounted, authors: recountedAuthors } }
}
