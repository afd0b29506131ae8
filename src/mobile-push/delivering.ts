/**
 * The background side: what is heard of becomes rows, rows become messages. Any number of processes may deliver: rows are
 * claimed for longer than sending can take, and whoever dies leaves them to be claimed again.
 */
import type { AccountRecord, UserRecord } from '../accounts/contract.ts'
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import type { Database } from '../engines/database/contract.ts'
import { decodeEvent } from '../events/contract.ts'
import type { Log } from '../kit/log.ts'
import type { Site } from '../mastodon/site.ts'
import type { Notifications, NotificationView } from '../notifications/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Relation } from '../social-graph/contract.ts'
import { PUSH_ALERTS, type PushPolicy } from './contract.ts'
import { newsMessage } from './message.ts'
import * as rows from './rows.ts'
import { send, SEND_MS_MAX, type Sending, type Sent } from './sending.ts'

/** Messages of one claim, all under way at once. */
const DELIVERIES_PER_CLAIM = 64
/** Longer than a message can take, so that nobody else takes it up meanwhile. */
const LEASE_MS = 6 * SEND_MS_MAX
/** What is this old is no news: as long as a push service would keep it. */
const AGE_MS_MAX = 48 * 3_600_000
const ATTEMPTS_MAX = 12
const BACK_OFF_MS_MIN = 5_000
const BACK_OFF_MS_MAX = 3_600_000
/** Rows that nobody woke this process for: of another one, or due again. */
const POLL_MS = 1_000

export interface DeliveringDeps extends Sending {
  db: Database
  bus: Pick<Bus, 'join'>
  notifications: Pick<Notifications, 'find'>
  accounts: {
    byIds(ids: readonly AccountId[]): Promise<AccountRecord[]>
    user(id: AccountId): Promise<UserRecord | undefined>
  }
  graph: { relation(viewer: AccountId, target: AccountId): Relation }
  site: Site
  log: Log
  /** For the spread of retries; random by default. */
  jitter?: () => number
}

export function startDelivering(deps: DeliveringDeps): AsyncDisposable {
  const stop = new AbortController()
  let wake = new AbortController()
  const group = deps.bus.join(
    'mobile-push',
    ['notification.created', 'token.revoked', 'account.changed'],
    async (message) => {
      if (await hear(deps, message)) wake.abort()
    },
  )
  const loop = (async () => {
    while (!stop.signal.aborted) {
      wake = new AbortController()
      const stopWaiting = () => wake.abort()
      stop.signal.addEventListener('abort', stopWaiting)
      const full = await deliverDue(deps).catch((error: unknown) => {
        deps.log.warn({ event: 'push.failed', err: error })
        return false
      })
      if (!full) await deps.clock.sleep(POLL_MS, wake.signal)
      stop.signal.removeEventListener('abort', stopWaiting)
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await group[Symbol.asyncDispose]()
      await loop
    },
  }
}

/** True when there is something to deliver. */
async function hear({ db, clock }: DeliveringDeps, message: BusMessage): Promise<boolean> {
  switch (message.type) {
    case 'notification.created': {
      const { id, recipient, type } = decodeEvent('notification.created', message)
      const alert = PUSH_ALERTS.find((known) => known === type)
      if (alert === undefined) return false
      return (await rows.enqueue(db, { recipient, notification: id, alert, nowMs: clock.nowMs() })) > 0
    }
    case 'token.revoked': {
      const { account, tokenHash } = decodeEvent('token.revoked', message)
      if (tokenHash !== null) await rows.deleteOfTokenHash(db, tokenHash)
      else if (account !== null) await rows.deleteOfAccount(db, account)
      return false
    }
    case 'account.changed': {
      const { id, change } = decodeEvent('account.changed', message)
      if (change === 'deleted') await rows.deleteOfAccount(db, id)
      return false
    }
  }
  return false
}

/** Delivers what is due, at most one claim; true when there may be more. */
export async function deliverDue(deps: DeliveringDeps): Promise<boolean> {
  const claimed = await rows.claim(deps.db, deps.clock.nowMs(), LEASE_MS, DELIVERIES_PER_CLAIM)
  if (claimed.length === 0) return false
  const settled = await Promise.all(claimed.map((delivery) => deliver(deps, delivery)))
  await deps.db.transaction(async (tx) => {
    await rows.settle(tx, settled)
    const gone = settled.filter(({ outcome }) => outcome?.outcome === 'gone')
    if (gone.length > 0) await rows.deleteSubscriptions(tx, [...new Set(gone.map(({ subscription }) => subscription))])
  })
  return claimed.length === DELIVERIES_PER_CLAIM
}

async function deliver(deps: DeliveringDeps, delivery: rows.Delivery): Promise<rows.Settled> {
  const { id, subscription, createdAtMs } = delivery
  const dropped = { id, subscription: subscription.id, retryAtMs: null, outcome: undefined }
  const isLate = deps.clock.nowMs() - createdAtMs > AGE_MS_MAX
  const view = isLate ? undefined : await deps.notifications.find(delivery.recipient, delivery.notification)
  if (view === undefined || !isWanted(deps, delivery, view)) return dropped
  const [[account], user] = await Promise.all([
    deps.accounts.byIds([delivery.recipient]),
    deps.accounts.user(delivery.recipient),
  ])
  if (account === undefined || account.suspended || user === undefined || user.disabled) return dropped
  const { record, from, status } = view
  const news = { id: record.id, type: record.type, groupKey: record.groupKey, from, status, locale: user.locale }
  const sent = await send(deps, subscription, newsMessage(news, deps.site))
  const settled = { id, subscription: subscription.id, retryAtMs: null, outcome: sent.outcome }
  if (sent.outcome.outcome !== 'failed') return settled
  if (delivery.attempts >= ATTEMPTS_MAX) {
    return { ...settled, outcome: { ...sent.outcome, outcome: 'given_up' } }
  }
  return { ...settled, retryAtMs: deps.clock.nowMs() + backOffMs(deps, delivery.attempts, sent) }
}

const POLICIES: Readonly<Record<PushPolicy, (relation: Relation) => boolean>> = {
  all: () => true,
  followed: ({ following }) => following,
  follower: ({ followedBy }) => followedBy,
  none: () => false,
}

/** The end of one's own poll comes from oneself. */
function isWanted(
  { graph }: DeliveringDeps,
  { recipient, subscription }: rows.Delivery,
  view: NotificationView,
): boolean {
  const sender = view.record.from
  return sender === recipient || POLICIES[subscription.policy](graph.relation(recipient, sender))
}

/** Doubles with every try, with full jitter upwards of the half; the service's own wish is heard within bounds. */
function backOffMs({ jitter = Math.random }: DeliveringDeps, attempts: number, { retryAfterSeconds }: Sent): number {
  const doubledMs = Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** (attempts - 1))
  const ownMs = doubledMs * (0.5 + jitter() / 2)
  return Math.min(BACK_OFF_MS_MAX, Math.max(ownMs, (retryAfterSeconds ?? 0) * 1_000))
}
