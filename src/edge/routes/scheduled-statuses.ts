/** Statuses that wait for their time: listed, moved, taken back. `POST /api/v1/statuses` makes them. */
import { presentScheduledStatus, type ScheduledShown } from '../../mastodon/scheduled-status.ts'
import type { Media } from '../../media/contract.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import type { ScheduledPost, WriteApi } from '../../write-api/contract.ts'
import { PAGE_LIMITS, pageLinks, readPage, TIMELINE_LINKS } from '../paging.ts'
import { invalid } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import { READ_STATUSES, WRITE_STATUSES } from './statuses-view.ts'

interface ShowingScheduled {
  media: Pick<Media, 'byIds'>
  present: Pick<Presenting, 'site'>
}

interface ScheduledRouteDeps extends ShowingScheduled {
  writing: Pick<WriteApi, 'findScheduled' | 'reschedule' | 'scheduled' | 'unschedule'>
}

export function scheduledStatusRoutes(edge: Edge, deps: ScheduledRouteDeps): void {
  const { writing } = deps
  edge.route({
    method: 'GET',
    path: '/api/v1/scheduled_statuses',
    auth: 'user',
    scopes: READ_STATUSES,
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.statuses)
      const posts = await writing.scheduled(call.viewer, page)
      call.link(
        pageLinks(
          posts.map(({ id }) => id),
          page.limit,
          TIMELINE_LINKS,
        ),
      )
      return presentAll(deps, posts)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/scheduled_statuses/:id',
    auth: 'user',
    scopes: READ_STATUSES,
    handler: async (call) =>
      presentScheduled(deps, await writing.findScheduled(call.viewer, call.params.id<StatusId>('id'))),
  })
  edge.route({
    method: ['PUT', 'PATCH'],
    path: '/api/v1/scheduled_statuses/:id',
    auth: 'user',
    scopes: WRITE_STATUSES,
    handler: async (call) => {
      const id = call.params.id<StatusId>('id')
      await writing.findScheduled(call.viewer, id) // first of all: what is not there has no bad time either
      const atMs = call.params.moment('scheduled_at')
      if (atMs === undefined) throw invalid('scheduled_at', "can't be blank")
      return presentScheduled(deps, await writing.reschedule(call.viewer, id, atMs))
    },
  })
  edge.route({
    method: 'DELETE',
    path: '/api/v1/scheduled_statuses/:id',
    auth: 'user',
    scopes: WRITE_STATUSES,
    handler: (call) => writing.unschedule(call.viewer, call.params.id<StatusId>('id')),
  })
}

export async function presentScheduled(deps: ShowingScheduled, post: ScheduledPost) {
  return (await presentAll(deps, [post]))[0]
}

async function presentAll({ media, present }: ShowingScheduled, posts: readonly ScheduledPost[]) {
  const pictures = await media.byIds(posts.flatMap(({ draft }) => draft.media))
  return posts.map((post: ScheduledShown) =>
    presentScheduledStatus(
      post,
      post.draft.media.flatMap((id) => pictures.find((picture) => picture.id === id) ?? []),
      present.site,
    ),
  )
}
