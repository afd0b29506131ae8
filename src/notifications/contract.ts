/** Notifications: exactly one row per (recipient, type, sender, source); rules decide at write and again when serving. */
import type { AccountView, StatusView } from '../hydration/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'

export type NotificationType =
  | 'mention'
  | 'status'
  | 'reblog'
  | 'follow'
  | 'follow_request'
  | 'favourite'
  | 'poll'
  | 'update'

export const NOTIFICATION_TYPES: readonly NotificationType[] = [
  'mention',
  'status',
  'reblog',
  'follow',
  'follow_request',
  'favourite',
  'poll',
  'update',
]

/** Types the v2 API may put together; the others stand alone. */
export const GROUPABLE_TYPES: readonly NotificationType[] = ['favourite', 'reblog', 'follow']

/** Accounts shown with a group. */
export const GROUP_SAMPLE_MAX = 8

/** A plain sequence, not a Snowflake: clients need it as a JSON number (DESIGN §4). */
export interface NotificationRecord {
  id: bigint
  recipient: AccountId
  type: NotificationType
  from: AccountId
  /** What it is about: of a boost, the boosted status. */
  status: StatusId | null
  /** Groups of the v2 API: the same key for the same kind, status and stretch of time; null when never grouped. */
  groupKey: string | null
  /** Held back by the recipient's policy: shown among the requests only. */
  filtered: boolean
  createdAtMs: number
}

/** One that may be shown: the sender is not hidden from the recipient, and the status can be seen. */
export interface NotificationView {
  record: NotificationRecord
  from: AccountView
  /** Undefined for follows and requests. */
  status: StatusView | undefined
}

export interface NotificationFilter {
  types: readonly NotificationType[] | undefined
  excludeTypes: readonly NotificationType[] | undefined
  from: AccountId | undefined
  /** True: those held back by the policy too. */
  includeFiltered?: boolean
}

export interface NotificationGroup {
  groupKey: string
  type: NotificationType
  /** All of the group up to the end of the page. */
  count: number
  mostRecentId: bigint
  pageMinId: bigint
  pageMaxId: bigint
  latestAtMs: number
  /** Newest first, at most GROUP_SAMPLE_MAX. */
  sampleAccounts: AccountId[]
  status: StatusId | null
}

/** One page of groups with everything they name, each once. */
export interface NotificationGroupPage {
  groups: NotificationGroup[]
  accounts: AccountView[]
  statuses: StatusView[]
  /** Cursors for Link: the newest and oldest notification that stand for a group of this page; undefined when empty. */
  newest: bigint | undefined
  oldest: bigint | undefined
}

export interface Marker {
  timeline: 'home' | 'notifications'
  lastReadId: string
  version: number
  updatedAtMs: number
}

export type PolicyChoice = 'accept' | 'filter' | 'drop'

/** What happens to notifications of certain senders: shown, held back for review, or not made at all. */
export interface NotificationPolicy {
  notFollowing: PolicyChoice
  notFollowers: PolicyChoice
  newAccounts: PolicyChoice
  privateMentions: PolicyChoice
  limitedAccounts: PolicyChoice
  bots: PolicyChoice
}

/** What the policy holds back of one sender. */
export interface NotificationRequest {
  from: AccountId
  count: number
  firstAtMs: number
  lastAtMs: number
  /** The newest status of the sender among them. */
  lastStatus: StatusId | null
}

export interface Notifications {
  /** Newest first; those of blocked, muted or suspended people and of unseeable statuses are left out. */
  list(recipient: AccountId, page: Page, filter: NotificationFilter): Promise<NotificationView[]>
  /** `groupedTypes` undefined: all of GROUPABLE_TYPES. */
  groups(
    recipient: AccountId,
    page: Page,
    filter: NotificationFilter,
    groupedTypes: readonly string[] | undefined,
  ): Promise<NotificationGroupPage>
  /** One group, whole; undefined when there is none or nothing of it may be shown. */
  group(recipient: AccountId, groupKey: string): Promise<NotificationGroupPage | undefined>
  groupAccounts(recipient: AccountId, groupKey: string, page: Page): Promise<Cursored<AccountView>[]>
  find(recipient: AccountId, id: bigint): Promise<NotificationView | undefined>
  /** False when there is none. */
  dismiss(recipient: AccountId, id: bigint): Promise<boolean>
  /** Nothing happens when there is none. */
  dismissGroup(recipient: AccountId, groupKey: string): Promise<void>
  clear(recipient: AccountId): Promise<void>
  /** Unread since the notifications marker, at most `limit`. */
  unreadCount(recipient: AccountId, limit: number, filter: NotificationFilter): Promise<number>
  /** The same, a group counted once. */
  unreadGroupCount(
    recipient: AccountId,
    limit: number,
    filter: NotificationFilter,
    groupedTypes: readonly string[] | undefined,
  ): Promise<number>
  markers(account: AccountId, timelines: readonly string[]): Promise<Marker[]>
  /** Throws `conflict` when another update of the same marker came between. */
  setMarkers(account: AccountId, marks: { timeline: Marker['timeline']; lastReadId: bigint }[]): Promise<Marker[]>

  policy(account: AccountId): Promise<NotificationPolicy>
  setPolicy(account: AccountId, change: Partial<NotificationPolicy>): Promise<NotificationPolicy>
  /** Senders and notifications held back. */
  policySummary(account: AccountId): Promise<{ requests: number; notifications: number }>
  /** Newest first; the cursor is the newest notification held back. */
  requests(recipient: AccountId, page: Page): Promise<Cursored<NotificationRequest>[]>
  /** Only the senders that have something held back; unknown ones are left out. */
  requestsFrom(recipient: AccountId, senders: readonly AccountId[]): Promise<NotificationRequest[]>
  /** Shows what was held back, and lets the senders through from now on. */
  acceptRequests(recipient: AccountId, senders: readonly AccountId[]): Promise<void>
  dismissRequests(recipient: AccountId, senders: readonly AccountId[]): Promise<void>

  /** Forgets dismissed ones older than `beforeMs` (since 1970). Returns how many. */
  prune(beforeMs: number): Promise<number>
}
