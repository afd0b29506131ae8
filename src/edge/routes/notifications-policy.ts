/** Whose notifications are shown, held back or dropped; and the requests of those held back. */
import type { AccountView, Hydration } from '../../hydration/contract.ts'
import { notFound } from '../../kit/errors.ts'
import {
  presentNotificationPolicy,
  presentNotificationPolicyV1,
  presentNotificationRequest,
} from '../../mastodon/notification.ts'
import type {
  NotificationPolicy,
  NotificationRequest,
  Notifications,
  PolicyChoice,
} from '../../notifications/contract.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import { MARKS_LINKS, PAGE_LIMITS, pageLinks, readPage } from '../paging.ts'
import type { Params } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'

/** Requests accepted or dismissed at once. */
const REQUEST_IDS_MAX = 80

const CHOICES: readonly PolicyChoice[] = ['accept', 'filter', 'drop']

/** Parameters of the second form; the first has `filter_` for `for_`, with true and false. */
const RULES = {
  notFollowing: 'not_following',
  notFollowers: 'not_followers',
  newAccounts: 'new_accounts',
  privateMentions: 'private_mentions',
  limitedAccounts: 'limited_accounts',
  bots: 'bots',
} as const satisfies Record<keyof NotificationPolicy, string>

export interface PolicyRouteDeps {
  notifications: Notifications
  hydration: Pick<Hydration, 'accounts' | 'statuses'>
  present: Presenting
}

const READ: readonly Scope[] = ['read:notifications']
const WRITE: readonly Scope[] = ['write:notifications']

export function notificationPolicyRoutes(edge: Edge, { notifications }: PolicyRouteDeps): void {
  const forms = [
    { path: '/api/v2/notifications/policy', read: readChoices, show: presentNotificationPolicy },
    { path: '/api/v1/notifications/policy', read: readSwitches, show: presentNotificationPolicyV1 },
  ]
  for (const { path, read, show } of forms) {
    edge.route({
      method: 'GET',
      path,
      auth: 'user',
      scopes: READ,
      handler: async (call) =>
        show(await notifications.policy(call.viewer), await notifications.policySummary(call.viewer)),
    })
    edge.route({
      method: ['PUT', 'PATCH'],
      path,
      auth: 'user',
      scopes: WRITE,
      handler: async (call) => {
        const policy = await notifications.setPolicy(call.viewer, read(call.params))
        return show(policy, await notifications.policySummary(call.viewer))
      },
    })
  }
}

function readChoices(params: Params): Partial<NotificationPolicy> {
  return readRules((name) => params.choice(`for_${name}`, CHOICES))
}

function readSwitches(params: Params): Partial<NotificationPolicy> {
  return readRules((name) => {
    const isOn = params.bool(`filter_${name}`)
    if (isOn === undefined) return undefined
    return isOn ? 'filter' : 'accept'
  })
}

function readRules(choose: (name: string) => PolicyChoice | undefined): Partial<NotificationPolicy> {
  const change: Partial<NotificationPolicy> = {}
  for (const [rule, name] of Object.entries(RULES)) {
    const choice = choose(name)
    if (choice !== undefined) change[rule as keyof typeof RULES] = choice // a key of RULES
  }
  return change
}

/** The id of a request is that of the account that asks: there is one a sender. */
export function notificationRequestRoutes(edge: Edge, deps: PolicyRouteDeps): void {
  const { notifications } = deps
  edge.route({
    method: 'GET',
    path: '/api/v1/notifications/requests',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.notifications)
      const found = await notifications.requests(call.viewer, page)
      const cursors = found.map(({ cursor }) => cursor)
      call.link(pageLinks(cursors, page.limit, MARKS_LINKS))
      const requests = found.map(({ item }) => item)
      return presentRequests(deps, call.viewer, requests)
    },
  })
  // Accepting takes effect at once, so nothing is ever under way.
  edge.route({
    method: 'GET',
    path: '/api/v1/notifications/requests/merged',
    auth: 'user',
    scopes: READ,
    handler: () => ({ merged: true }),
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/notifications/requests/:id',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const found = await notifications.requestsFrom(call.viewer, [call.params.id<AccountId>('id')])
      const [request] = await presentRequests(deps, call.viewer, found)
      if (request === undefined) throw notFound()
      return request
    },
  })
  decisionRoutes(edge, 'accept', notifications, (viewer, ids) => notifications.acceptRequests(viewer, ids))
  decisionRoutes(edge, 'dismiss', notifications, (viewer, ids) => notifications.dismissRequests(viewer, ids))
}

function decisionRoutes(
  edge: Edge,
  verb: 'accept' | 'dismiss',
  notifications: Notifications,
  decide: (viewer: AccountId, senders: readonly AccountId[]) => Promise<void>,
): void {
  edge.route({
    method: 'POST',
    path: `/api/v1/notifications/requests/${verb}`,
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => decide(call.viewer, call.params.ids<AccountId>('id', REQUEST_IDS_MAX)),
  })
  edge.route({
    method: 'POST',
    path: `/api/v1/notifications/requests/:id/${verb}`,
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => {
      const sender = call.params.id<AccountId>('id')
      if ((await notifications.requestsFrom(call.viewer, [sender])).length === 0) throw notFound()
      await decide(call.viewer, [sender])
    },
  })
}

async function presentRequests(
  { hydration, present }: PolicyRouteDeps,
  viewer: AccountId,
  requests: readonly NotificationRequest[],
) {
  const lastIds = requests.flatMap(({ lastStatus }) => (lastStatus === null ? [] : [lastStatus]))
  const [accounts, statuses, reader] = await Promise.all([
    hydration.accounts(requests.map(({ from }) => from)),
    hydration.statuses(lastIds, viewer),
    present.reader(viewer),
  ])
  const senders = new Map<AccountId, AccountView>(accounts.map((view) => [view.account.id, view]))
  return requests.flatMap((request) => {
    const from = senders.get(request.from)
    if (from === undefined || from.account.suspended) return []
    const lastStatus = statuses.find(({ status }) => status.id === request.lastStatus)
    return [presentNotificationRequest({ ...request, id: request.from, from, lastStatus }, present.site, reader)]
  })
}
