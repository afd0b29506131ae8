/** Notification of the first API, and the grouped results of the second. */
import type { AccountView, StatusView } from '../hydration/contract.ts'
import type { Account, PartialAccount } from './account.ts'
import { presentAccount, presentPartialAccount } from './account.ts'
import { dateTime } from './dates.ts'
import type { Site } from './site.ts'
import type { Reader, Status } from './status.ts'
import { presentStatus } from './status.ts'

/** A notification as its block gives it. */
export interface NotificationShown {
  record: { id: bigint; type: string; groupKey: string | null; createdAtMs: number; filtered?: boolean }
  from: AccountView
  status: StatusView | undefined
}

export interface Notification {
  id: string
  type: string
  group_key: string
  created_at: string
  account: Account
  status?: Status
  filtered?: true
}

export function presentNotification(
  { record, from, status }: NotificationShown,
  at: Site,
  reader: Reader,
): Notification {
  return {
    id: record.id.toString(),
    type: record.type,
    group_key: record.groupKey ?? `ungrouped-${record.id}`,
    created_at: dateTime(record.createdAtMs),
    account: presentAccount(from, at),
    ...(status && { status: presentStatus(status, at, reader) }),
    ...(record.filtered === true && { filtered: true as const }),
  }
}

interface GroupShown {
  groupKey: string
  type: string
  count: number
  mostRecentId: bigint
  pageMinId: bigint
  pageMaxId: bigint
  latestAtMs: number
  sampleAccounts: readonly bigint[]
  status: bigint | null
}

export interface NotificationGroupsShown {
  groups: readonly GroupShown[]
  accounts: readonly AccountView[]
  statuses: readonly StatusView[]
}

interface NotificationGroup {
  group_key: string
  notifications_count: number
  type: string
  /** A JSON number: some clients insist. */
  most_recent_notification_id: number
  page_min_id: string
  page_max_id: string
  latest_page_notification_at: string
  sample_account_ids: string[]
  status_id?: string
}

export interface GroupedNotificationsResults {
  accounts: Account[]
  partial_accounts?: PartialAccount[]
  statuses: Status[]
  notification_groups: NotificationGroup[]
}

/** `expand`: `partial_avatars` sends only the first account of each group whole, as Mastodon's `expand_accounts`. */
export function presentNotificationGroups(
  page: NotificationGroupsShown,
  expand: 'full' | 'partial_avatars',
  at: Site,
  reader: Reader,
): GroupedNotificationsResults {
  const whole = new Set(page.groups.map((group) => group.sampleAccounts[0]))
  for (const { status } of page.statuses) whole.add(status.accountId)
  const isWhole = (view: AccountView): boolean => expand === 'full' || whole.has(view.account.id)
  return {
    accounts: page.accounts.filter(isWhole).map((view) => presentAccount(view, at)),
    ...(expand === 'partial_avatars' && {
      partial_accounts: page.accounts.filter((view) => !isWhole(view)).map((view) => presentPartialAccount(view, at)),
    }),
    statuses: page.statuses.map((view) => presentStatus(view, at, reader)),
    notification_groups: page.groups.map(presentGroup),
  }
}

function presentGroup(group: GroupShown): NotificationGroup {
  return {
    group_key: group.groupKey,
    notifications_count: group.count,
    type: group.type,
    most_recent_notification_id: Number(group.mostRecentId),
    page_min_id: group.pageMinId.toString(),
    page_max_id: group.pageMaxId.toString(),
    latest_page_notification_at: dateTime(group.latestAtMs),
    sample_account_ids: group.sampleAccounts.map(String),
    ...(group.status !== null && { status_id: group.status.toString() }),
  }
}

export interface MarkerShown {
  timeline: string
  lastReadId: string
  version: number
  updatedAtMs: number
}

export interface Marker {
  last_read_id: string
  version: number
  updated_at: string
}

/** Markers by timeline; `{}` when nothing was saved. */
export function presentMarkers(markers: readonly MarkerShown[]): Record<string, Marker> {
  return Object.fromEntries(
    markers.map((marker) => [
      marker.timeline,
      { last_read_id: marker.lastReadId, version: marker.version, updated_at: dateTime(marker.updatedAtMs) },
    ]),
  )
}

type Choice = 'accept' | 'filter' | 'drop'

interface PolicyShown {
  notFollowing: Choice
  notFollowers: Choice
  newAccounts: Choice
  privateMentions: Choice
  limitedAccounts: Choice
  bots: Choice
}

interface PendingShown {
  requests: number
  notifications: number
}

export function presentNotificationPolicy(policy: PolicyShown, pending: PendingShown) {
  return {
    for_not_following: policy.notFollowing,
    for_not_followers: policy.notFollowers,
    for_new_accounts: policy.newAccounts,
    for_private_mentions: policy.privateMentions,
    for_limited_accounts: policy.limitedAccounts,
    for_bots: policy.bots,
    summary: summary(pending),
  }
}

/** The first form knows only "shown" and "not shown". */
export function presentNotificationPolicyV1(policy: PolicyShown, pending: PendingShown) {
  return {
    filter_not_following: policy.notFollowing !== 'accept',
    filter_not_followers: policy.notFollowers !== 'accept',
    filter_new_accounts: policy.newAccounts !== 'accept',
    filter_private_mentions: policy.privateMentions !== 'accept',
    filter_bots: policy.bots !== 'accept',
    summary: summary(pending),
  }
}

function summary(pending: PendingShown) {
  return { pending_requests_count: pending.requests, pending_notifications_count: pending.notifications }
}

interface RequestShown {
  id: bigint
  from: AccountView
  count: number
  firstAtMs: number
  lastAtMs: number
  lastStatus: StatusView | undefined
}

export function presentNotificationRequest(request: RequestShown, at: Site, reader: Reader) {
  return {
    id: request.id.toString(),
    created_at: dateTime(request.firstAtMs),
    updated_at: dateTime(request.lastAtMs),
    account: presentAccount(request.from, at),
    // Text, as Mastodon has it and Ice Cubes insists.
    notifications_count: String(request.count),
    ...(request.lastStatus && { last_status: presentStatus(request.lastStatus, at, reader) }),
  }
}
