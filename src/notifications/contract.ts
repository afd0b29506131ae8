/** Notifications: exactly one row per (recipient, type, source); rules decide at write and again when serving. */
import type { Page } from '../kit/page.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'

export type NotificationType = 'mention' | 'status' | 'reblog' | 'follow' | 'follow_request' | 'favourite' | 'update'

export const NOTIFICATION_TYPES: readonly NotificationType[] = [
  'mention',
  'status',
  'reblog',
  'follow',
  'follow_request',
  'favourite',
  'update',
]

/** A plain sequence, not a Snowflake: clients need it as a JSON number (DESIGN §4). */
export interface NotificationRecord {
  id: bigint
  recipient: AccountId
  type: NotificationType
  from: AccountId
  status: StatusId | null
  /** Groups of the v2 API: the same key for the same kind, status and stretch of time; null when never grouped. */
  groupKey: string | null
  createdAtMs: number
}

export interface NotificationFilter {
  types: readonly NotificationType[] | undefined
  excludeTypes: readonly NotificationType[] | undefined
  from: AccountId | undefined
}

export interface NotificationGroup {
  groupKey: string
  type: NotificationType
  count: number
  mostRecentId: bigint
  pageMinId: bigint
  pageMaxId: bigint
  latestAtMs: number
  /** Newest first, at most eight. */
  sampleAccounts: AccountId[]
  status: StatusId | null
}

export interface Marker {
  timeline: 'home' | 'notifications'
  lastReadId: string
  version: number
  updatedAtMs: number
}

export interface Notifications {
  /** Newest first; those of blocked, muted or suspended people and of unseeable statuses are left out. */
  list(recipient: AccountId, page: Page, filter: NotificationFilter): Promise<NotificationRecord[]>
  groups(
    recipient: AccountId,
    page: Page,
    filter: NotificationFilter,
    groupedTypes: readonly string[],
  ): Promise<NotificationGroup[]>
  /** One group with all its (at most `limit`) notifications' accounts. */
  group(recipient: AccountId, groupKey: string): Promise<NotificationGroup | undefined>
  groupAccounts(recipient: AccountId, groupKey: string, limit: number): Promise<AccountId[]>
  find(recipient: AccountId, id: bigint): Promise<NotificationRecord | undefined>
  dismiss(recipient: AccountId, id: bigint): Promise<void>
  dismissGroup(recipient: AccountId, groupKey: string): Promise<void>
  clear(recipient: AccountId): Promise<void>
  /** Unread since the notifications marker, at most `limit`. */
  unreadCount(recipient: AccountId, limit: number, filter: NotificationFilter): Promise<number>
  markers(account: AccountId, timelines: readonly string[]): Promise<Marker[]>
  /** Throws `conflict` when another update of the same marker came between. */
  setMarkers(account: AccountId, marks: { timeline: Marker['timeline']; lastReadId: bigint }[]): Promise<Marker[]>
}
