/** Notifications, one by one (v1) and in groups (v2). */
import { AppError, notFound } from '../../kit/errors.ts'
import {
  NOTIFICATION_TYPES,
  type NotificationFilter,
  type Notifications,
  type NotificationType,
} from '../../notifications/contract.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import { PAGE_LIMITS, pageLinks, PEOPLE_LINKS, readLimit, readPage, TIMELINE_LINKS } from '../paging.ts'
import type { Params } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'

/** Types a client may name in one request; Mastodon knows about twenty. */
const TYPES_MAX = 50
/** Longest group key: kind, status id and window. */
const GROUP_KEY_MAX = 100

export interface NotificationRouteDeps {
  notifications: Notifications
  present: Presenting
}

const READ: readonly Scope[] = ['read:notifications']
const WRITE: readonly Scope[] = ['write:notifications']

export function notificationRoutes(edge: Edge, deps: NotificationRouteDeps): void {
  listRoutes(edge, deps)
  groupRoutes(edge, deps)
  dismissalRoutes(edge, deps)
}

function listRoutes(edge: Edge, { notifications, present }: NotificationRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/notifications',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.notifications)
      const views = await notifications.list(call.viewer, page, readFilter(call.params))
      const ids = views.map(({ record }) => record.id)
      call.link(pageLinks(ids, page.limit, TIMELINE_LINKS))
      return present.notifications(views, call.viewer)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/notifications/unread_count',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const limit = readLimit(call.params, PAGE_LIMITS.unread)
      return { count: await notifications.unreadCount(call.viewer, limit, readFilter(call.params)) }
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/notifications/:id',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const view = await notifications.find(call.viewer, call.params.id('id'))
      if (view === undefined) throw notFound()
      return present.notification(view, call.viewer)
    },
  })
}

function groupRoutes(edge: Edge, { notifications, present }: NotificationRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v2/notifications',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const expand = readExpansion(call.params)
      const page = readPage(call.params, PAGE_LIMITS.notifications)
      const filter = readFilter(call.params)
      const found = await notifications.groups(call.viewer, page, filter, readGroupedTypes(call.params))
      const cursors = [found.newest, found.oldest].filter((cursor) => cursor !== undefined)
      call.link(pageLinks(cursors, page.limit, TIMELINE_LINKS))
      return present.notificationGroups(found, expand, call.viewer)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v2/notifications/unread_count',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const limit = readLimit(call.params, PAGE_LIMITS.unread)
      const filter = readFilter(call.params)
      const grouped = readGroupedTypes(call.params)
      return { count: await notifications.unreadGroupCount(call.viewer, limit, filter, grouped) }
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v2/notifications/:group_key',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const found = await notifications.group(call.viewer, readGroupKey(call.params))
      if (found === undefined) throw notFound()
      return present.notificationGroups(found, 'full', call.viewer)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v2/notifications/:group_key/accounts',
    auth: 'user',
    scopes: READ,
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.accounts)
      const found = await notifications.groupAccounts(call.viewer, readGroupKey(call.params), page)
      const cursors = found.map(({ cursor }) => cursor)
      call.link(pageLinks(cursors, page.limit, PEOPLE_LINKS))
      return present.accounts(found.map(({ item }) => item))
    },
  })
}

function dismissalRoutes(edge: Edge, { notifications }: NotificationRouteDeps): void {
  const clear = async (call: { viewer: AccountId }) => notifications.clear(call.viewer)
  edge.route({ method: 'POST', path: '/api/v1/notifications/clear', auth: 'user', scopes: WRITE, handler: clear })
  edge.route({ method: 'POST', path: '/api/v2/notifications/clear', auth: 'user', scopes: WRITE, handler: clear })
  edge.route({
    method: 'POST',
    path: '/api/v1/notifications/:id/dismiss',
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => {
      if (!(await notifications.dismiss(call.viewer, call.params.id('id')))) throw notFound()
    },
  })
  edge.route({
    method: 'POST',
    path: '/api/v2/notifications/:group_key/dismiss',
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => notifications.dismissGroup(call.viewer, readGroupKey(call.params)),
  })
}

/** Types this server does not know name nothing: asked for alone, they give an empty list. */
function readFilter(params: Params): NotificationFilter {
  const types = params.texts('types', TYPES_MAX)
  const excludeTypes = params.texts('exclude_types', TYPES_MAX)
  return {
    types: types.length === 0 ? undefined : types.filter(isNotificationType),
    excludeTypes: excludeTypes.length === 0 ? undefined : excludeTypes.filter(isNotificationType),
    from: params.optionalId<AccountId>('account_id'),
    includeFiltered: params.bool('include_filtered') === true,
  }
}

function isNotificationType(text: string): text is NotificationType {
  return NOTIFICATION_TYPES.some((type) => type === text)
}

function readGroupedTypes(params: Params): string[] | undefined {
  const types = params.texts('grouped_types', TYPES_MAX)
  return types.length === 0 ? undefined : types
}

function readGroupKey(params: Params): string {
  const key = params.requireText('group_key')
  if (key.length > GROUP_KEY_MAX) throw notFound()
  return key
}

function readExpansion(params: Params): 'full' | 'partial_avatars' {
  const value = params.text('expand_accounts') ?? 'full'
  if (value === 'full' || value === 'partial_avatars') return value
  const allowed = "allowed values are 'full' and 'partial_avatars'"
  throw new AppError('bad_request', `Invalid value for 'expand_accounts': '${value.slice(0, 60)}', ${allowed}`)
}
