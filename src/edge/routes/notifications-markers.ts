/** Markers: how far somebody has read, kept for all their clients. */
import { presentMarkers } from '../../mastodon/notification.ts'
import type { Marker, Notifications } from '../../notifications/contract.ts'
import { ID_MAX } from '../../snowflake/contract.ts'
import { invalid, type Params } from '../params.ts'
import type { Edge } from '../routing.ts'

const TIMELINES = ['home', 'notifications'] as const satisfies readonly Marker['timeline'][]
/** Timelines a client may name in one request; there are two. */
const NAMES_MAX = 20

export function markerRoutes(edge: Edge, { notifications }: { notifications: Notifications }): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/markers',
    auth: 'user',
    scopes: ['read:statuses'],
    handler: async (call) =>
      presentMarkers(await notifications.markers(call.viewer, call.params.texts('timeline', NAMES_MAX))),
  })
  edge.route({
    method: 'POST',
    path: '/api/v1/markers',
    auth: 'user',
    scopes: ['write:statuses'],
    handler: async (call) => {
      const marks = TIMELINES.flatMap((timeline) => {
        const lastReadId = readLastReadId(call.params.nested(timeline))
        return lastReadId === undefined ? [] : [{ timeline, lastReadId }]
      })
      return presentMarkers(marks.length === 0 ? [] : await notifications.setMarkers(call.viewer, marks))
    },
  })
}

function readLastReadId(mark: Params): bigint | undefined {
  const text = mark.text('last_read_id')?.trim()
  if (text === undefined || text === '') return undefined
  const id = /^\d{1,19}$/.test(text) ? BigInt(text) : undefined
  if (id === undefined || id > ID_MAX) throw invalid('last_read_id', 'is not a number')
  return id
}
