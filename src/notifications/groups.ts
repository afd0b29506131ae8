/**
 * Groups of the v2 API. A page walks down (or up) the notifications; the first one of a group stands for it, and the page
 * ends after `limit` groups. A group whose older notifications lie beyond comes again on the next page with the same key,
 * and clients join the two: so are Mastodon's pages, and so no notification is missed between two of them.
 */
import type { Database } from '../engines/database/contract.ts'
import type { AccountView } from '../hydration/contract.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import {
  GROUP_SAMPLE_MAX,
  type NotificationFilter,
  type NotificationGroup,
  type NotificationGroupPage,
  type NotificationView,
} from './contract.ts'
import { shownGroupKey } from './group-key.ts'
import { mayNotify } from './rules.ts'
import { visible, type VisibleDeps } from './visible.ts'

/** Newest senders of a group that are held against the rules; hidden ones beyond are still counted. */
const GROUP_SENDERS_MAX = 100

export interface GroupWalk {
  recipient: AccountId
  page: Page
  filter: NotificationFilter
  groupedTypes: readonly string[] | undefined
}

interface Representative {
  key: string
  view: NotificationView
}

/** The notification that stands for each group, in the order of the walk; at most `page.limit`. */
export async function representatives(deps: VisibleDeps, walk: GroupWalk): Promise<Representative[]> {
  const found = new Map<string, NotificationView>()
  const { limit } = walk.page
  if (limit === 0) return []
  // Excluded in SQL, so that ten thousand favourites of one status are not read one by one.
  const seenGroups = new Set<string>()
  for await (const view of visible(deps, { ...walk, seenGroups })) {
    const key = shownGroupKey(view.record, walk.groupedTypes)
    if (found.has(key)) continue
    found.set(key, view)
    if (key === view.record.groupKey) seenGroups.add(key)
    if (found.size === limit) break
  }
  return Array.from(found, ([key, view]) => ({ key, view }))
}

/** Newest first. */
export async function groupPage(deps: VisibleDeps, walk: GroupWalk): Promise<NotificationGroupPage> {
  const found = await representatives(deps, walk)
  const full = found.length === walk.page.limit
  const descending = walk.page.minId === undefined ? found : found.toReversed()
  const newest = descending[0]?.view.record.id
  const oldest = descending.at(-1)?.view.record.id
  if (newest === undefined || oldest === undefined) {
    return { groups: [], accounts: [], statuses: [], newest, oldest }
  }
  const range = full ? { from: oldest, upTo: newest } : openRange(walk.page, { newest, oldest })
  const page = await wholeGroups(deps, walk.recipient, descending, range)
  return { ...page, newest, oldest }
}

interface Range {
  from: bigint
  upTo: bigint | undefined
}

/** An incomplete page has come to the end of the rows: beyond its last representative, all belongs to its groups. */
function openRange(page: Page, { newest, oldest }: { newest: bigint; oldest: bigint }): Range {
  if (page.minId === undefined) return { from: (page.sinceId ?? 0n) + 1n, upTo: newest }
  return { from: oldest, upTo: page.maxId === undefined ? undefined : page.maxId - 1n }
}

/** Counts and samples of the groups that `found` stand for, from the rows with `from` ≤ id ≤ `upTo`. */
export async function wholeGroups(
  deps: VisibleDeps,
  recipient: AccountId,
  found: readonly Representative[],
  range: Range,
): Promise<Pick<NotificationGroupPage, 'groups' | 'accounts' | 'statuses'>> {
  const keys = found.filter(({ key, view }) => key === view.record.groupKey).map(({ key }) => key)
  const members = await membersOf(deps.database, recipient, keys, range)
  const senders = await deps.hydration.accounts([
    ...new Set([...members.values()].flatMap((row) => row.senders.slice(0, GROUP_SENDERS_MAX))),
  ])
  const shownSenders = new Map(
    senders.filter((view) => isShown(deps, recipient, view)).map((view) => [view.account.id, view]),
  )
  const groups = found.map(({ key, view }) => {
    const rows = members.get(key)
    return rows === undefined ? single(key, view) : joined(key, view, rows, shownSenders)
  })
  const accounts = new Map([...found.map(({ view }) => [view.from.account.id, view.from] as const), ...shownSenders])
  const statuses = new Map(found.flatMap(({ view }) => (view.status ? [[view.status.status.id, view.status]] : [])))
  const named = new Set(groups.flatMap(({ sampleAccounts }) => sampleAccounts))
  return {
    groups,
    accounts: [...accounts.values()].filter(({ account }) => named.has(account.id)),
    statuses: [...statuses.values()],
  }
}

interface Members {
  group_key: string
  total: number
  newest_id: bigint
  oldest_id: bigint
  newest_at: Date
  /** Newest first. */
  senders: AccountId[]
}

async function membersOf(
  database: Database,
  recipient: AccountId,
  keys: readonly string[],
  range: Range,
): Promise<Map<string, Members>> {
  if (keys.length === 0) return new Map()
  const rows = await database.rows<Members>`
    select key as group_key, total, newest_id, oldest_id, newest_at, senders
    from unnest(${keys}::text[]) as key
    cross join lateral (
      select count(*)::int4 as total, max(id) as newest_id, max(created_at) as newest_at,
        min(id) filter (where id >= ${range.from}) as oldest_id
      from notifications
      where recipient = ${recipient} and group_key = key and not dismissed and not filtered
        and (${range.upTo ?? null}::int8 is null or id <= ${range.upTo ?? null})
    ) as numbers
    cross join lateral (
      select array(
        select sender from notifications
        where recipient = ${recipient} and group_key = key and not dismissed and not filtered
          and (${range.upTo ?? null}::int8 is null or id <= ${range.upTo ?? null})
        order by id desc limit ${GROUP_SENDERS_MAX}
      ) as senders
    ) as newest
    where total > 0`
  return new Map(rows.map((row) => [row.group_key, row]))
}

function isShown(deps: VisibleDeps, recipient: AccountId, view: AccountView): boolean {
  const { id, suspended } = view.account
  const relation = deps.graph.relation(recipient, id)
  // The status is the same for the whole group, and its representative has passed.
  return mayNotify({ recipient, sender: id, senderSuspended: suspended, relation, status: null })
}

function single(key: string, { record, status }: NotificationView): NotificationGroup {
  return {
    groupKey: key,
    type: record.type,
    count: 1,
    mostRecentId: record.id,
    pageMinId: record.id,
    pageMaxId: record.id,
    latestAtMs: record.createdAtMs,
    sampleAccounts: [record.from],
    status: status?.status.id ?? null,
  }
}

function joined(
  key: string,
  view: NotificationView,
  rows: Members,
  shown: ReadonlyMap<AccountId, AccountView>,
): NotificationGroup {
  const senders = rows.senders.filter((id) => shown.has(id))
  const hidden = rows.senders.length - senders.length
  return {
    ...single(key, view),
    count: Math.max(1, rows.total - hidden),
    mostRecentId: rows.newest_id,
    pageMinId: rows.oldest_id ?? view.record.id,
    pageMaxId: rows.newest_id,
    latestAtMs: rows.newest_at.getTime(),
    sampleAccounts: senders.slice(0, GROUP_SAMPLE_MAX),
  }
}
