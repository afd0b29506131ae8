/** The statements on the tables of the graph that change pairs, or load them; lists.ts has the pages of people. */
import { sql, type Db, type SqlFragment } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { sameFollow, type Edge, type Follow, type Mute, type Pair } from './pair.ts'

export interface Ends {
  source: AccountId
  target: AccountId
}

/**
 * Locks the pairs for this transaction and gives their version: above every earlier one of these pairs, and the 15
 * numbers after it are as good.
 */
export async function lockPairs(tx: Db, edges: readonly Ends[]): Promise<bigint> {
  const row = await tx.one<{ version: bigint }>`
    select graph_begin(${edges.map(({ source }) => source)}::int8[], ${edges.map(({ target }) => target)}::int8[])
      as version`
  if (row === undefined) throw new Error('graph_begin gives one row')
  return row.version
}

interface EdgeRow extends Ends {
  place: bigint
  follow: boolean
  show_boosts: boolean
  notify: boolean
  languages: string[] | null
  request: boolean
  request_show_boosts: boolean
  request_notify: boolean
  request_languages: string[] | null
  blocked: boolean
  mute: boolean
  mute_notifications: boolean
  expires_at: Date | null
  endorsed: boolean
}

/** What the accounts of each edge are to each other, in the order asked; `out` is the edge as given. */
export async function readPairs(db: Db, edges: readonly Ends[]): Promise<Pair[]> {
  const sources = edges.flatMap(({ source, target }) => [source, target])
  const targets = edges.flatMap(({ source, target }) => [target, source])
  const rows = await db.rows<EdgeRow>`
    select edge.place, edge.source, edge.target,
      f.id is not null as follow, f.show_boosts, f.notify, f.languages,
      r.id is not null as request, r.show_boosts as request_show_boosts, r.notify as request_notify,
      r.languages as request_languages,
      b.id is not null as blocked,
      m.id is not null as mute, m.notifications as mute_notifications, m.expires_at,
      e.id is not null as endorsed
    from unnest(${sources}::int8[], ${targets}::int8[]) with ordinality as edge (source, target, place)
    left join follows f on f.source = edge.source and f.target = edge.target
    left join follow_requests r on r.source = edge.source and r.target = edge.target
    left join blocks b on b.source = edge.source and b.target = edge.target
    left join mutes m on m.source = edge.source and m.target = edge.target
    left join endorsements e on e.source = edge.source and e.target = edge.target
    order by edge.place`
  return edges.map((_edge, index) => ({ out: edgeOf(rows[index * 2]), back: edgeOf(rows[index * 2 + 1]) }))
}

function edgeOf(row: EdgeRow | undefined): Edge {
  if (row === undefined) throw new Error('one row for each direction')
  const { show_boosts: showBoosts, notify, languages } = row
  const request = { showBoosts: row.request_show_boosts, notify: row.request_notify, languages: row.request_languages }
  return {
    follow: row.follow ? { showBoosts, notify, languages } : null,
    request: row.request ? request : null,
    blocked: row.blocked,
    mute: row.mute ? { notifications: row.mute_notifications, expiresAtMs: row.expires_at?.getTime() ?? null } : null,
    endorsed: row.endorsed,
  }
}

/** Writes what is different in `after`. */
export async function writeEdge(tx: Db, ends: Ends, before: Edge, after: Edge): Promise<void> {
  const { source, target } = ends
  await writeFollow(tx, ends, before.follow, after.follow)
  await writeRequest(tx, ends, before.request, after.request)
  await writeMute(tx, ends, before.mute, after.mute)
  if (!before.blocked && after.blocked) {
    await tx.run`insert into blocks (source, target) values (${source}, ${target})`
  } else if (before.blocked && !after.blocked) {
    await tx.run`delete from blocks where source = ${source} and target = ${target}`
  }
  if (!before.endorsed && after.endorsed) {
    await tx.run`insert into endorsements (source, target) values (${source}, ${target})`
  } else if (before.endorsed && !after.endorsed) {
    await tx.run`delete from endorsements where source = ${source} and target = ${target}`
  }
}

async function writeFollow(tx: Db, ends: Ends, before: Follow | null, after: Follow | null): Promise<void> {
  const { source, target } = ends
  if (after === null) {
    if (before !== null) await tx.run`delete from follows where source = ${source} and target = ${target}`
  } else if (before === null || !sameFollow(before, after)) {
    await tx.run`
      insert into follows (source, target, show_boosts, notify, languages)
      values (${source}, ${target}, ${after.showBoosts}, ${after.notify}, ${after.languages})
      on conflict (source, target) do update
      set show_boosts = excluded.show_boosts, notify = excluded.notify, languages = excluded.languages`
  }
}

async function writeRequest(tx: Db, ends: Ends, before: Follow | null, after: Follow | null): Promise<void> {
  const { source, target } = ends
  if (after === null) {
    if (before !== null) await tx.run`delete from follow_requests where source = ${source} and target = ${target}`
  } else if (before === null || !sameFollow(before, after)) {
    await tx.run`
      insert into follow_requests (source, target, show_boosts, notify, languages)
      values (${source}, ${target}, ${after.showBoosts}, ${after.notify}, ${after.languages})
      on conflict (source, target) do update
      set show_boosts = excluded.show_boosts, notify = excluded.notify, languages = excluded.languages`
  }
}

async function writeMute(tx: Db, ends: Ends, before: Mute | null, after: Mute | null): Promise<void> {
  const { source, target } = ends
  if (after === null) {
    if (before !== null) await tx.run`delete from mutes where source = ${source} and target = ${target}`
  } else if (before?.notifications !== after.notifications || before.expiresAtMs !== after.expiresAtMs) {
    const expiresAt = after.expiresAtMs === null ? null : new Date(after.expiresAtMs)
    await tx.run`
      insert into mutes (source, target, notifications, expires_at)
      values (${source}, ${target}, ${after.notifications}, ${expiresAt})
      on conflict (source, target) do update
      set notifications = excluded.notifications, expires_at = excluded.expires_at`
  }
}

/** Plain follows where neither blocks the other and there is none yet; the pairs are locked. Gives the new ones. */
export function insertFollows(tx: Db, edges: readonly Ends[]): Promise<Ends[]> {
  return tx.rows<Ends>`
    with wanted as (
      select distinct source, target
      from unnest(${edges.map(({ source }) => source)}::int8[], ${edges.map(({ target }) => target)}::int8[])
        as edge (source, target)
      where source <> target and not exists (
        select from blocks b
        where (b.source, b.target) in ((edge.source, edge.target), (edge.target, edge.source))
      )
    ), answered as (
      delete from follow_requests r using wanted w where r.source = w.source and r.target = w.target
    )
    insert into follows (source, target)
    select source, target from wanted
    on conflict (source, target) do nothing
    returning source, target`
}

/** Mutes that ended before `nowMs`, the longest ago first. */
export function lapsedMutes(db: Db, nowMs: number, limit: number): Promise<Ends[]> {
  return db.rows<Ends>`
    select source, target from mutes where expires_at <= ${new Date(nowMs)} order by expires_at limit ${limit}`
}

/** Edges of all follows in the order of their ids: one batch after `afterId`, as two columns of equal length. */
export async function followsAfter(
  db: Db,
  afterId: bigint,
  limit: number,
): Promise<{ sources: AccountId[]; targets: AccountId[]; lastId: bigint | null }> {
  // Arrays, because a row object for every one of a million edges would cost more than all the rest.
  const batch = await db.one<{ sources: AccountId[] | null; targets: AccountId[] | null; last_id: bigint | null }>`
    select array_agg(source) as sources, array_agg(target) as targets, max(id) as last_id
    from (select id, source, target from follows where id > ${afterId} order by id limit ${limit}) as batch`
  return { sources: batch?.sources ?? [], targets: batch?.targets ?? [], lastId: batch?.last_id ?? null }
}

/** Where edges are that hold more than a plain follow. */
export const SPECIAL_EDGES: readonly SqlFragment[] = [
  sql`from follows where (not show_boosts or notify or languages is not null)`,
  sql`from follow_requests where true`,
  sql`from blocks where true`,
  sql`from mutes where true`,
  sql`from endorsements where true`,
]

/** One batch of them, in the order of their ids. */
export function specialEdgesAfter(
  db: Db,
  where: SqlFragment,
  afterId: bigint,
  limit: number,
): Promise<(Ends & { id: bigint })[]> {
  return db.rows<Ends & { id: bigint }>`
    select id, source, target ${where} and id > ${afterId} order by id limit ${limit}`
}
