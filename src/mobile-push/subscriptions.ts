/** `PushSubscriptions` on PostgreSQL. */
import type { Database } from '../engines/database/contract.ts'
import type { Outbound } from '../engines/outbound/contract.ts'
import { AppError } from '../kit/errors.ts'
import type { Site } from '../mastodon/site.ts'
import { ENDPOINT_MAX, PUSH_LOG_MS, type PushSubscriptions, type PushTarget } from './contract.ts'
import { AUTH_BYTES, isPublicKey } from './encryption.ts'
import { testMessage } from './message.ts'
import * as rows from './rows.ts'
import { send, type Sending } from './sending.ts'

export interface SubscriptionsDeps extends Sending {
  db: Database
  outbound: Outbound
  site: Site
}

export function openPushSubscriptions(deps: SubscriptionsDeps): PushSubscriptions {
  const { db } = deps
  return {
    subscribe(owner, target, settings) {
      refuseTarget(deps.outbound, target)
      return db.transaction((tx) => rows.replaceSubscription(tx, owner, target, settings))
    },
    find: (tokenId) => rows.findSubscription(db, tokenId),
    change: (tokenId, change) => rows.changeSubscription(db, tokenId, change),
    unsubscribe: (tokenId) => rows.deleteOfToken(db, tokenId),
    of: (account) => rows.subscriptionsOf(db, account),
    log: (subscription) => rows.logOf(db, subscription),
    async test(subscription) {
      const { outcome } = await send(deps, subscription, testMessage(deps.site, 'en'))
      await rows.addToLog(db, [{ subscription: subscription.id, outcome }])
      if (outcome.outcome === 'gone') await rows.deleteSubscriptions(db, [subscription.id])
      return outcome
    },
    prune: (nowMs) => rows.pruneLog(db, nowMs - PUSH_LOG_MS),
  }
}

function refuseTarget(outbound: Outbound, { endpoint, publicKey, auth }: PushTarget): void {
  const url = endpoint.length <= ENDPOINT_MAX ? URL.parse(endpoint) : null
  if (url === null) throw new AppError('invalid', 'Validation failed: Endpoint is not a valid URL')
  outbound.check(url)
  if (!isPublicKey(publicKey)) throw new AppError('invalid', 'Validation failed: Key p256dh is invalid')
  if (auth.length !== AUTH_BYTES) throw new AppError('invalid', 'Validation failed: Key auth is invalid')
}
