/** Mobile push: what each thread needs to send, and in the background thread what delivers. */
import type { Outbound } from '../engines/outbound/contract.ts'
import { openOutbound } from '../engines/outbound/safe-fetch.ts'
import type { Clock } from '../kit/clock.ts'
import type { Config } from '../kit/config/config.ts'
import { site, type Site } from '../mastodon/site.ts'
import { urls } from '../mastodon/urls.ts'
import type { PushSubscriptions } from '../mobile-push/contract.ts'
import { startDelivering } from '../mobile-push/delivering.ts'
import type { Sending } from '../mobile-push/sending.ts'
import { openPushSubscriptions } from '../mobile-push/subscriptions.ts'
import { Vapid } from '../mobile-push/vapid.ts'
import { notifications } from '../notifications/notifications.ts'
import type { Engines, ThreadEngines } from './engines.ts'
import type { Stores } from './stores.ts'

const LOOPBACK = ['127.0.0.0/8', '::1/128']

/** `dunlin push test` uses it, too. */
export function openPush(
  config: Config,
  { clock, database: db }: Pick<ThreadEngines, 'clock' | 'database'>,
  resources: AsyncDisposableStack,
): PushSubscriptions {
  return openPushSubscriptions({ ...openSending(config, clock, resources), db })
}

export function startPush(config: Config, engines: Engines, stores: Stores, resources: AsyncDisposableStack): void {
  const { bus, clock, database, log } = engines
  const { people, graph, hydration } = stores
  const sending = openSending(config, clock, resources)
  const news = notifications({ database, hydration, graph, clock })
  const { accounts } = people
  resources.use(startDelivering({ ...sending, db: database, bus, notifications: news, accounts, graph, log }))
}

function openSending(
  config: Config,
  clock: Clock,
  resources: AsyncDisposableStack,
): Sending & { outbound: Outbound; site: Site } {
  const { allowLoopback, allowedPrivateAddresses } = config.push
  const exceptions = [...allowedPrivateAddresses, ...(allowLoopback ? LOOPBACK : [])]
  const outbound = resources.use(openOutbound({ exceptions }))
  const { contactEmail } = config.site
  const subject = contactEmail === undefined ? config.baseUrl : `mailto:${contactEmail}`
  const vapid = new Vapid({ keys: config.secrets.vapid, subject, clock })
  return { outbound, vapid, clock, site: site(urls(config.baseUrl, config.localDomain)) }
}
