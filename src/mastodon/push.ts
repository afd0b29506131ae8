/** WebPushSubscription, and our own log of what was sent. */
import { dateTime } from './dates.ts'

interface SubscriptionShown {
  id: number
  endpoint: string
  standard: boolean
  alerts: readonly string[]
  policy: string
}

export function presentPushSubscription(shown: SubscriptionShown, serverKey: string, knownAlerts: readonly string[]) {
  return {
    id: shown.id,
    endpoint: shown.endpoint,
    standard: shown.standard,
    server_key: serverKey,
    alerts: Object.fromEntries(knownAlerts.map((alert) => [alert, shown.alerts.includes(alert)])),
    policy: shown.policy,
  }
}

interface OutcomeShown {
  atMs: number
  notification: bigint | null
  outcome: string
  status: number | null
  tookMs: number
}

export function presentPushOutcome({ atMs, notification, outcome, status, tookMs }: OutcomeShown) {
  return {
    at: dateTime(atMs),
    notification_id: notification?.toString() ?? null,
    outcome,
    status,
    took_ms: Math.round(tookMs),
  }
}
