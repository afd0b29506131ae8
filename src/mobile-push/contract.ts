/**
 * Mobile push: notifications as encrypted messages to the push service that each client names (RFC 8030, 8291, 8292),
 * which every mobile client's relay and UnifiedPush speak.
 *
 * A delivery is a row per (notification, subscription), written when the notification is heard of and gone when it has
 * been handed over: at least once, with a topic by which the service puts repetitions together. Whoever may be told is
 * decided by the notifications themselves, again right before sending.
 */
import type { AccountId } from '../snowflake/contract.ts'

export const PUSH_ALERTS = [
  'mention',
  'status',
  'reblog',
  'follow',
  'follow_request',
  'favourite',
  'poll',
  'update',
  'quote',
  'quoted_update',
  'admin.sign_up',
  'admin.report',
] as const
export type PushAlert = (typeof PUSH_ALERTS)[number]

/** From whom: everybody, people followed, followers, nobody. */
export const PUSH_POLICIES = ['all', 'followed', 'follower', 'none'] as const
export type PushPolicy = (typeof PUSH_POLICIES)[number]

/** Characters of an address. */
export const ENDPOINT_MAX = 1_000
/** Deliveries that the log shows, and how long it remembers them. */
export const PUSH_LOG_MAX = 100
export const PUSH_LOG_MS = 7 * 86_400_000

export interface PushOwner {
  account: AccountId
  tokenId: bigint
  /** Hex SHA-256 of the token. */
  tokenHash: string
}

export interface PushSettings {
  alerts: readonly PushAlert[]
  policy: PushPolicy
}

export interface PushTarget {
  endpoint: string
  /** The subscriber's public key (65 bytes) and secret (16 bytes). */
  publicKey: Buffer
  auth: Buffer
  /** RFC 8291; else the drafts before it. */
  standard: boolean
}

export interface PushSubscriptionRecord extends PushSettings, PushTarget {
  /** A plain sequence: clients need it as a 32-bit number. */
  id: number
  account: AccountId
}

/** What came of sending once. */
export interface PushOutcome {
  atMs: number
  /** Null for a test. */
  notification: bigint | null
  /** `gone`: the service says that there is no such subscription. `failed` is tried again, `given_up` is not. */
  outcome: 'delivered' | 'failed' | 'given_up' | 'gone'
  /** Of the service's answer; null when there was none. */
  status: number | null
  /** Until the answer, in milliseconds. */
  tookMs: number
}

/** One subscription per access token; it ends with the token. */
export interface PushSubscriptions {
  /** Replaces what the token had. Throws `invalid` for addresses and keys that cannot be used. */
  subscribe(owner: PushOwner, target: PushTarget, settings: PushSettings): Promise<PushSubscriptionRecord>
  find(tokenId: bigint): Promise<PushSubscriptionRecord | undefined>
  /** Undefined when there is none. */
  change(tokenId: bigint, change: Partial<PushSettings>): Promise<PushSubscriptionRecord | undefined>
  unsubscribe(tokenId: bigint): Promise<void>
  of(account: AccountId): Promise<PushSubscriptionRecord[]>
  /** Newest first, at most PUSH_LOG_MAX. */
  log(subscription: number): Promise<PushOutcome[]>
  /** Sends a message that says that it is a test, now, and tells what came of it. */
  test(subscription: PushSubscriptionRecord): Promise<PushOutcome>
  /** Forgets what the log need not remember. Returns how many. */
  prune(nowMs: number): Promise<number>
}
