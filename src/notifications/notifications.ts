/** `Notifications` on PostgreSQL. Reads are skeleton (rows), hydrate, rules, page; see visible.ts. */
import type { AccountView } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type {
  Marker,
  NotificationFilter,
  NotificationGroupPage,
  NotificationPolicy,
  NotificationRequest,
  Notifications,
  NotificationView,
} from './contract.ts'
import { ungroupedId } from './group-key.ts'
import { groupPage, representatives, wholeGroups } from './groups.ts'
import { notificationsReadUpTo, readMarkers, writeMarkers } from './markers.ts'
import { changePolicy, dismissHeldBack, heldBack, heldBackSummary, letThrough, policiesOf } from './policies.ts'
import { pruneDismissed, recordOf, type NotificationRow } from './rows.ts'
import { DEFAULT_POLICY } from './rules.ts'
import { servable, visible, type VisibleDeps } from './visible.ts'

const EVERYTHING: NotificationFilter = { types: undefined, excludeTypes: undefined, from: undefined }

export type NotificationDeps = VisibleDeps & { clock: Clock }

export function notifications(deps: NotificationDeps): Notifications {
  return new StoredNotifications(deps)
}

class StoredNotifications implements Notifications {
  readonly #deps: NotificationDeps

  constructor(deps: NotificationDeps) {
    this.#deps = deps
  }

  async list(recipient: AccountId, page: Page, filter: NotificationFilter): Promise<NotificationView[]> {
    const views = await firstOf(visible(this.#deps, { recipient, page, filter }), page.limit)
    return page.minId === undefined ? views : views.toReversed()
  }

  groups(
    recipient: AccountId,
    page: Page,
    filter: NotificationFilter,
    groupedTypes: readonly string[] | undefined,
  ): Promise<NotificationGroupPage> {
    return groupPage(this.#deps, { recipient, page, filter, groupedTypes })
  }

  async group(recipient: AccountId, groupKey: string): Promise<NotificationGroupPage | undefined> {
    const view = await this.#representative(recipient, groupKey)
    if (view === undefined) return undefined
    const found = [{ key: groupKey, view }]
    const page = await wholeGroups(this.#deps, recipient, found, { from: 0n, upTo: undefined })
    return { ...page, newest: view.record.id, oldest: view.record.id }
  }

  async groupAccounts(recipient: AccountId, groupKey: string, page: Page): Promise<Cursored<AccountView>[]> {
    const single = ungroupedId(groupKey)
    if (single !== undefined) {
      const view = await this.find(recipient, single)
      return view === undefined || page.limit === 0 ? [] : [{ cursor: view.record.id, item: view.from }]
    }
    const { maxId = null, sinceId = null, minId = null } = page
    const floor = minId ?? sinceId
    const rows = await this.#deps.database.rows<NotificationRow>`
      select id, recipient, type, sender, status_id, group_key, filtered, created_at
      from notifications
      where recipient = ${recipient} and group_key = ${groupKey} and not dismissed and not filtered
        and (${maxId}::int8 is null or id < ${maxId}) and (${floor}::int8 is null or id > ${floor})
      order by case when ${minId}::int8 is null then -id else id end
      limit ${page.limit}`
    const views = await servable(this.#deps, recipient, rows.map(recordOf))
    const accounts = views.map(({ record, from }) => ({ cursor: record.id, item: from }))
    return minId === null ? accounts : accounts.toReversed()
  }

  async find(recipient: AccountId, id: bigint): Promise<NotificationView | undefined> {
    const row = await this.#deps.database.one<NotificationRow>`
      select id, recipient, type, sender, status_id, group_key, filtered, created_at
      from notifications where id = ${id} and recipient = ${recipient} and not dismissed`
    if (row === undefined) return undefined
    const [view] = await servable(this.#deps, recipient, [recordOf(row)])
    return view
  }

  async dismiss(recipient: AccountId, id: bigint): Promise<boolean> {
    const dismissed = await this.#deps.database.run`
      update notifications set dismissed = true where id = ${id} and recipient = ${recipient} and not dismissed`
    return dismissed === 1
  }

  async dismissGroup(recipient: AccountId, groupKey: string): Promise<void> {
    const single = ungroupedId(groupKey)
    if (single !== undefined) {
      await this.dismiss(recipient, single)
      return
    }
    await this.#deps.database.run`
      update notifications set dismissed = true
      where recipient = ${recipient} and group_key = ${groupKey} and not dismissed`
  }

  async clear(recipient: AccountId): Promise<void> {
    await this.#deps.database.run`
      update notifications set dismissed = true where recipient = ${recipient} and not dismissed`
  }

  async unreadCount(recipient: AccountId, limit: number, filter: NotificationFilter): Promise<number> {
    const sinceId = await notificationsReadUpTo(this.#deps.database, recipient)
    const unread = await firstOf(visible(this.#deps, { recipient, page: { sinceId, limit }, filter }), limit)
    return unread.length
  }

  async unreadGroupCount(
    recipient: AccountId,
    limit: number,
    filter: NotificationFilter,
    groupedTypes: readonly string[] | undefined,
  ): Promise<number> {
    const sinceId = await notificationsReadUpTo(this.#deps.database, recipient)
    const found = await representatives(this.#deps, { recipient, page: { sinceId, limit }, filter, groupedTypes })
    return found.length
  }

  markers(account: AccountId, timelines: readonly string[]): Promise<Marker[]> {
    return readMarkers(this.#deps.database, account, timelines)
  }

  setMarkers(
    account: AccountId,
    marks: readonly { timeline: Marker['timeline']; lastReadId: bigint }[],
  ): Promise<Marker[]> {
    return writeMarkers(this.#deps.database, account, marks, this.#deps.clock.nowMs())
  }

  async policy(account: AccountId): Promise<NotificationPolicy> {
    return (await policiesOf(this.#deps.database, [account])).get(account) ?? DEFAULT_POLICY
  }

  setPolicy(account: AccountId, change: Partial<NotificationPolicy>): Promise<NotificationPolicy> {
    return changePolicy(this.#deps.database, account, change)
  }

  policySummary(account: AccountId): Promise<{ requests: number; notifications: number }> {
    return heldBackSummary(this.#deps.database, account)
  }

  requests(recipient: AccountId, page: Page): Promise<Cursored<NotificationRequest>[]> {
    return heldBack(this.#deps.database, recipient, page)
  }

  async requestsFrom(recipient: AccountId, senders: readonly AccountId[]): Promise<NotificationRequest[]> {
    if (senders.length === 0) return []
    const found = await heldBack(this.#deps.database, recipient, { limit: senders.length }, senders)
    return found.map(({ item }) => item)
  }

  acceptRequests(recipient: AccountId, senders: readonly AccountId[]): Promise<void> {
    return letThrough(this.#deps.database, recipient, senders)
  }

  dismissRequests(recipient: AccountId, senders: readonly AccountId[]): Promise<void> {
    return dismissHeldBack(this.#deps.database, recipient, senders)
  }

  prune(beforeMs: number): Promise<number> {
    return pruneDismissed(this.#deps.database, beforeMs)
  }

  /** The newest notification of the group that may be shown. */
  async #representative(recipient: AccountId, groupKey: string): Promise<NotificationView | undefined> {
    const single = ungroupedId(groupKey)
    if (single !== undefined) return this.find(recipient, single)
    const walk = { recipient, page: { limit: 1 }, filter: EVERYTHING, groupKey }
    const [view] = await firstOf(visible(this.#deps, walk), 1)
    return view
  }
}

async function firstOf<Item>(items: AsyncIterable<Item>, limit: number): Promise<Item[]> {
  const taken: Item[] = []
  if (limit === 0) return taken
  for await (const item of items) {
    taken.push(item)
    if (taken.length === limit) break
  }
  return taken
}
