/** The model's world as the rows of PostgreSQL have it: for what happened in an order that nobody knows. */
import type { Db } from '../../src/engines/database/contract.ts'
import type { Follow, Mark, ModelPost, ModelWorld, Mute, Visibility } from './model.ts'
import { Names } from './oracle-names.ts'

const VISIBILITIES: readonly Visibility[] = ['public', 'unlisted', 'private', 'direct']

interface EdgeRow {
  source: bigint
  target: bigint
}

interface MarkRow {
  account_id: bigint
  status_id: bigint
}

/** Posts numbered anew, in the order of their ids; those that are gone keep their place. */
export function renumbered(names: Names, people: number): Names {
  const fresh = new Names()
  for (let person = 0; person < people; person++) fresh.addPerson(names.idOfPerson(person))
  const ids = names.posts().map((post) => BigInt(names.idOfPost(post)))
  for (const [index, id] of ids.sort((a, b) => (a < b ? -1 : 1)).entries()) fresh.addPost(index + 1, id.toString())
  return fresh
}

/** Without notices, which only history tells; a mute is over or lasts, by `nowMs`. */
export async function worldFromRows(db: Db, names: Names, nowMs: number): Promise<ModelWorld> {
  const person = (id: bigint) => names.personOf(id.toString())
  const marks = (rows: readonly MarkRow[]): Mark[] =>
    rows.map((row) => ({ by: person(row.account_id), of: names.postOf(row.status_id.toString()) }))
  const accounts = await db.rows<{ id: bigint; locked: boolean; suspended: boolean }>`
    select id, locked, suspended_at is not null as suspended from accounts order by id`
  const mutes = await db.rows<EdgeRow & { notifications: boolean; expires_at: Date | null }>`
    select source, target, notifications, expires_at from mutes order by id`
  const threads = await db.rows<{ account_id: bigint; conversation: bigint }>`
    select account_id, conversation from conversation_mutes`
  return {
    people: accounts
      .toSorted((a, b) => person(a.id) - person(b.id))
      .map(({ locked, suspended }) => ({ locked, suspended })),
    posts: await postsFromRows(db, names),
    follows: await followsFrom(db, names, 'follows'),
    requests: await followsFrom(db, names, 'follow_requests'),
    blocks: (await db.rows<EdgeRow>`select source, target from blocks order by id`).map((row) => ({
      by: person(row.source),
      to: person(row.target),
    })),
    mutes: mutes.map((row): Mute => ({
      by: person(row.source),
      to: person(row.target),
      notifications: row.notifications,
      endsAtMinute: row.expires_at === null ? null : row.expires_at.getTime() > nowMs ? 1 : 0,
    })),
    favourites: marks(await db.rows<MarkRow>`select account_id, status_id from favourites order by id`),
    bookmarks: marks(await db.rows<MarkRow>`select account_id, status_id from bookmarks order by id`),
    pins: marks(await db.rows<MarkRow>`select account_id, status_id from pins order by id`),
    mutedThreads: threads.map((row) => ({
      by: person(row.account_id),
      thread: names.postOf(row.conversation.toString()),
    })),
    notices: [],
    minute: 0,
  }
}

async function postsFromRows(db: Db, names: Names): Promise<ModelPost[]> {
  const rows = await db.rows<{
    id: bigint
    account_id: bigint
    visibility: number
    boost_of: bigint | null
    in_reply_to: bigint | null
    in_reply_to_account: bigint | null
    conversation: bigint
    text: string
    language: string | null
    mentions: bigint[]
    revision: number
  }>`
    select id, account_id, visibility, boost_of, in_reply_to, in_reply_to_account, conversation, text, language, mentions,
      revision
    from statuses order by id`
  const person = (id: bigint) => names.personOf(id.toString())
  const post = (id: bigint) => names.postOf(id.toString())
  return rows.map((row) => ({
    post: post(row.id),
    author: person(row.account_id),
    visibility: VISIBILITIES[row.visibility] ?? 'direct',
    boostOf: row.boost_of === null ? null : post(row.boost_of),
    replyTo: row.in_reply_to === null ? null : post(row.in_reply_to),
    replyToPerson: row.in_reply_to_account === null ? null : person(row.in_reply_to_account),
    thread: post(row.conversation),
    words: row.text.split(' ')[0] ?? '',
    language: row.language,
    mentions: row.mentions.map(person),
    edits: row.revision,
  }))
}

async function followsFrom(db: Db, names: Names, table: 'follows' | 'follow_requests'): Promise<Follow[]> {
  type Row = EdgeRow & { show_boosts: boolean; notify: boolean; languages: string[] | null }
  const rows =
    table === 'follows'
      ? await db.rows<Row>`select source, target, show_boosts, notify, languages from follows order by id`
      : await db.rows<Row>`select source, target, show_boosts, notify, languages from follow_requests order by id`
  return rows.map(({ source, target, show_boosts: boosts, notify: bell, languages }) => ({
    by: names.personOf(source.toString()),
    to: names.personOf(target.toString()),
    boosts,
    bell,
    languages,
  }))
}
