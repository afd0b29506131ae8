/**
 * The walk over one person's notifications that every reading shares: rows in the order of their ids, batch after batch,
 * hydrated and held against the rules, until the reader has enough. So a page is full where there is more (filter first,
 * then cut), whatever the rules leave out.
 */
import { allOf, sql, type Database, type SqlFragment } from '../engines/database/contract.ts'
import type { Hydration } from '../hydration/contract.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { NotificationFilter, NotificationRecord, NotificationView } from './contract.ts'
import { recordOf, type NotificationRow } from './rows.ts'
import { edgeStands, isUnwelcomeCompany, mayNotify } from './rules.ts'

/** Rows of the first batch; later ones grow, because whoever needs them has met much that is hidden. */
const BATCH_ROWS_MIN = 20
const BATCH_ROWS_MAX = 500
/** Batches of one walk: about 9,000 rows, beyond which a page stays short. */
const BATCHES_MAX = 20

export interface VisibleDeps {
  database: Database
  hydration: Pick<Hydration, 'accounts' | 'statuses'>
  graph: Pick<SocialGraph, 'relation'>
}

export interface Walk {
  recipient: AccountId
  page: Page
  filter: NotificationFilter
  /** Keys of groups that need no further rows; the reader adds to it under way. */
  seenGroups?: Set<string>
  /** Only notifications of this group. */
  groupKey?: string
}

/** Newest first, or oldest first from `minId` upward. Ends with the rows, not with `page.limit`. */
export async function* visible(deps: VisibleDeps, walk: Walk): AsyncGenerator<NotificationView> {
  const ascending = walk.page.minId !== undefined
  const hiddenSenders = new Set<AccountId>()
  let cursor: bigint | undefined
  let size = Math.min(Math.max(walk.page.limit, BATCH_ROWS_MIN), BATCH_ROWS_MAX)
  for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
    const records = await readRecords(deps.database, walk, { cursor, ascending, size, hiddenSenders })
    for (const view of await servable(deps, walk.recipient, records, hiddenSenders)) {
      yield view
    }
    if (records.length < size) return
    cursor = records.at(-1)?.id
    size = Math.min(size * 2, BATCH_ROWS_MAX)
  }
}

/** What of `records` may be shown now, in their order. Senders that are hidden as such are added to `hiddenSenders`. */
export async function servable(
  deps: VisibleDeps,
  recipient: AccountId,
  records: readonly NotificationRecord[],
  hiddenSenders = new Set<AccountId>(),
): Promise<NotificationView[]> {
  const statusIds = [...new Set(records.flatMap(({ status }) => (status === null ? [] : [status])))]
  const [accounts, statuses] = await Promise.all([
    deps.hydration.accounts([...new Set(records.map(({ from }) => from))]),
    statusIds.length === 0 ? [] : deps.hydration.statuses(statusIds, recipient),
  ])
  const senders = new Map(accounts.map((view) => [view.account.id, view]))
  const seen = new Map(statuses.map((view) => [view.status.id, view]))
  const relationTo = (target: AccountId) => deps.graph.relation(recipient, target)
  return records.flatMap((record) => {
    const from = senders.get(record.from)
    if (from === undefined) return []
    const status = record.status === null ? undefined : seen.get(record.status)
    const relation = relationTo(record.from)
    const facts = {
      type: record.type,
      recipient,
      sender: record.from,
      senderSuspended: from.account.suspended,
      relation,
    }
    if (!mayNotify({ ...facts, status: null })) {
      hiddenSenders.add(record.from)
      return []
    }
    const about =
      record.status === null
        ? null
        : {
            visible: status !== undefined,
            conversationMuted: status?.marks?.muted === true,
            unwelcomeCompany:
              record.type === 'mention' &&
              status !== undefined &&
              isUnwelcomeCompany(recipient, status.status, relationTo),
          }
    return mayNotify({ ...facts, status: about }) && edgeStands(record.type, relation) ? [{ record, from, status }] : []
  })
}

interface Stretch {
  cursor: bigint | undefined
  ascending: boolean
  size: number
  hiddenSenders: ReadonlySet<AccountId>
}

async function readRecords(database: Database, walk: Walk, stretch: Stretch): Promise<NotificationRecord[]> {
  const order = stretch.ascending ? sql`id asc` : sql`id desc`
  const rows = await database.rows<NotificationRow>`
    select id, recipient, type, sender, status_id, group_key, filtered, created_at
    from notifications
    where recipient = ${walk.recipient} and not dismissed and ${allOf(conditions(walk, stretch))}
    order by ${order} limit ${stretch.size}`
  return rows.map(recordOf)
}

function conditions(walk: Walk, stretch: Stretch): SqlFragment[] {
  const { maxId, sinceId, minId } = walk.page
  const { types, excludeTypes, from, includeFiltered } = walk.filter
  const floor = minId ?? sinceId
  const lower = stretch.ascending && stretch.cursor !== undefined ? stretch.cursor : floor
  const upper = !stretch.ascending && stretch.cursor !== undefined ? stretch.cursor : maxId
  return [
    ...(lower === undefined ? [] : [sql`id > ${lower}`]),
    ...(upper === undefined ? [] : [sql`id < ${upper}`]),
    ...(types === undefined ? [] : [sql`type = any(${types}::text[])`]),
    ...(excludeTypes === undefined ? [] : [sql`type <> all(${excludeTypes}::text[])`]),
    ...(from === undefined ? [] : [sql`sender = ${from}`]),
    ...(walk.groupKey === undefined ? [] : [sql`group_key = ${walk.groupKey}`]),
    ...(includeFiltered === true ? [] : [sql`not filtered`]),
    ...(stretch.hiddenSenders.size === 0 ? [] : [sql`sender <> all(${[...stretch.hiddenSenders]}::int8[])`]),
    ...(walk.seenGroups === undefined || walk.seenGroups.size === 0
      ? []
      : [sql`(group_key is null or group_key <> all(${[...walk.seenGroups]}::text[]))`]),
  ]
}
