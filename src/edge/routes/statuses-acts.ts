/** What people do with a status: boost, favourite, bookmark, pin, mute its conversation; and take that back. */
import type { StatusId } from '../../snowflake/contract.ts'
import type { WriteApi } from '../../write-api/contract.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'
import { VISIBILITIES } from './statuses-draft.ts'
import { WRITE_STATUSES, type StatusRouteDeps } from './statuses-view.ts'

type Act =
  | 'favourite'
  | 'unfavourite'
  | 'bookmark'
  | 'unbookmark'
  | 'pin'
  | 'unpin'
  | 'muteConversation'
  | 'unmuteConversation'

/** Each answers with the status as it is afterwards. */
const ACTS: readonly { name: string; scope: Scope; act: Act }[] = [
  { name: 'favourite', scope: 'write:favourites', act: 'favourite' },
  { name: 'unfavourite', scope: 'write:favourites', act: 'unfavourite' },
  { name: 'bookmark', scope: 'write:bookmarks', act: 'bookmark' },
  { name: 'unbookmark', scope: 'write:bookmarks', act: 'unbookmark' },
  { name: 'pin', scope: 'write:accounts', act: 'pin' },
  { name: 'unpin', scope: 'write:accounts', act: 'unpin' },
  { name: 'mute', scope: 'write:mutes', act: 'muteConversation' },
  { name: 'unmute', scope: 'write:mutes', act: 'unmuteConversation' },
]

export function statusActRoutes(edge: Edge, deps: StatusRouteDeps): void {
  const { hydration, present } = deps
  const writing: Pick<WriteApi, Act> = deps.writing
  for (const { name, scope, act } of ACTS) {
    edge.route({
      method: 'POST',
      path: `/api/v1/statuses/:id/${name}`,
      auth: 'user',
      scopes: [scope],
      handler: async (call) => {
        const id = call.params.id<StatusId>('id')
        await writing[act](call.viewer, id)
        return present.status(await hydration.status(id, call.viewer), call.viewer)
      },
    })
  }
  boostRoutes(edge, deps)
}

function boostRoutes(edge: Edge, { hydration, present, statuses, writing }: StatusRouteDeps): void {
  edge.route({
    method: 'POST',
    path: '/api/v1/statuses/:id/reblog',
    auth: 'user',
    scopes: WRITE_STATUSES,
    limits: ['statuses'],
    handler: async (call) => {
      const visibility = call.params.choice('visibility', VISIBILITIES)
      const boost = await writing.boost(call.viewer, call.params.id<StatusId>('id'), visibility)
      return present.status(await hydration.status(boost.id, call.viewer), call.viewer)
    },
  })
  edge.route({
    method: 'POST',
    path: '/api/v1/statuses/:id/unreblog',
    auth: 'user',
    scopes: WRITE_STATUSES,
    limits: ['status_delete'],
    handler: async (call) => {
      const id = call.params.id<StatusId>('id')
      // Asked before: of one's own boost nothing is left afterwards that would name the original.
      const [status] = await statuses.byIds([id])
      await writing.unboost(call.viewer, id)
      return present.status(await hydration.status(status?.boostOf ?? id, call.viewer), call.viewer)
    },
  })
}
