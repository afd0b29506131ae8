/** The Web Push subscription of an access token; besides Mastodon's: a test message, and the log of what was sent. */
import { notFound } from '../../kit/errors.ts'
import { presentPushOutcome, presentPushSubscription } from '../../mastodon/push.ts'
import {
  ENDPOINT_MAX,
  PUSH_ALERTS,
  PUSH_POLICIES,
  type PushSettings,
  type PushSubscriptionRecord,
  type PushSubscriptions,
  type PushTarget,
} from '../../mobile-push/contract.ts'
import type { UserCall } from '../call.ts'
import { invalid, type Params } from '../params.ts'
import type { Edge, Method } from '../routing.ts'
import type { Scope } from '../scopes.ts'

/** Characters of a key: 65 bytes are 88 of base64. */
const KEY_MAX = 200

const PUSH: readonly Scope[] = ['push']
const PATH = '/api/v1/push/subscription'

export interface PushRouteDeps {
  push: PushSubscriptions
  /** Base64url, as clients give it to the push service. */
  vapidPublicKey: string
}

export function pushRoutes(edge: Edge, { push, vapidPublicKey }: PushRouteDeps): void {
  const shown = (record: PushSubscriptionRecord) => presentPushSubscription(record, vapidPublicKey, PUSH_ALERTS)
  const own = async ({ identity }: UserCall) => (await push.find(identity.tokenId)) ?? noSubscription()
  const route = (method: Method | readonly Method[], path: string, handler: (call: UserCall) => unknown) =>
    edge.route({ method, path, auth: 'user', scopes: PUSH, handler })
  route('GET', PATH, async (call) => shown(await own(call)))
  route('POST', PATH, async ({ viewer: account, identity, params }) => {
    const { tokenId, tokenHash } = identity
    const settings = { alerts: [], policy: 'all', ...readSettings(params) } as const
    return shown(await push.subscribe({ account, tokenId, tokenHash }, readTarget(params), settings))
  })
  route(['PUT', 'PATCH'], PATH, async ({ identity, params }) => {
    return shown((await push.change(identity.tokenId, readSettings(params))) ?? noSubscription())
  })
  route('DELETE', PATH, ({ identity }) => push.unsubscribe(identity.tokenId))
  route('POST', `${PATH}/test`, async (call) => presentPushOutcome(await push.test(await own(call))))
  route('GET', `${PATH}/log`, async (call) => (await push.log((await own(call)).id)).map(presentPushOutcome))
}

function noSubscription(): never {
  throw notFound()
}

function readTarget(params: Params): PushTarget {
  const subscription = params.nested('subscription')
  const keys = subscription.nested('keys')
  return {
    endpoint: subscription.requireText('endpoint', { max: ENDPOINT_MAX }),
    publicKey: readKey(keys, 'p256dh'),
    auth: readKey(keys, 'auth'),
    standard: subscription.bool('standard') === true,
  }
}

/** Base64, in either alphabet. */
function readKey(keys: Params, name: string): Buffer {
  const text = keys.requireText(name, { max: KEY_MAX }).trim()
  if (!/^[\w+/-]+={0,2}$/.test(text)) throw invalid(`key ${name}`, 'is invalid')
  return Buffer.from(text, 'base64url')
}

/** What was sent, and only that: alerts are replaced all together, as Mastodon does. */
function readSettings(params: Params): Partial<PushSettings> {
  const data = params.nested('data')
  const alerts = data.nested('alerts')
  const policy = data.choice('policy', PUSH_POLICIES) ?? params.choice('policy', PUSH_POLICIES)
  return {
    ...(data.has('alerts') && { alerts: PUSH_ALERTS.filter((alert) => alerts.bool(alert) === true) }),
    ...(policy !== undefined && { policy }),
  }
}
