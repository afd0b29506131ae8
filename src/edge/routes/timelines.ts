/** Home, public, favourites and bookmarks. An account's statuses are with the accounts, hashtags with theirs. */
import type { StatusView } from '../../hydration/contract.ts'
import { AppError } from '../../kit/errors.ts'
import type { TimelineService } from '../../timeline-service/contract.ts'
import { MARKS_LINKS, PAGE_LIMITS, pageLinks, readPage, TIMELINE_LINKS } from '../paging.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'

export interface TimelineRouteDeps {
  timelines: Pick<TimelineService, 'home' | 'homeNow' | 'publicTimeline' | 'favourites' | 'bookmarks'>
  present: Presenting
}

export function timelineRoutes(edge: Edge, deps: TimelineRouteDeps): void {
  homeRoute(edge, deps)
  publicRoute(edge, deps)
  markedRoute(edge, deps, { path: '/api/v1/favourites', scope: 'read:favourites', of: 'favourites' })
  markedRoute(edge, deps, { path: '/api/v1/bookmarks', scope: 'read:bookmarks', of: 'bookmarks' })
}

function homeRoute(edge: Edge, { timelines, present }: TimelineRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/timelines/home',
    auth: 'user',
    scopes: ['read:statuses'],
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.statuses)
      const { statuses } = await timelines.home(call.viewer, page)
      call.link(pageLinks(idsOf(statuses), page.limit, TIMELINE_LINKS))
      return present.statusPage(statuses, call.viewer)
    },
    hot: {
      limits: PAGE_LIMITS.statuses,
      links: TIMELINE_LINKS,
      read: (viewer, page, lend) => {
        const shown = timelines.homeNow(viewer, page)
        const written = shown && present.warmStatusPage(shown, viewer, lend)
        return shown && written && { ...written, cursors: idsOf(shown.views) }
      },
    },
  })
}

function publicRoute(edge: Edge, { timelines, present }: TimelineRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/timelines/public',
    auth: 'optional',
    scopes: ['read:statuses'],
    cache: 'public',
    handler: async (call) => {
      const { params, viewer } = call
      const page = readPage(params, PAGE_LIMITS.statuses)
      const [local, remote] = [params.bool('local') === true, params.bool('remote') === true]
      if (local && remote) throw new AppError('invalid', 'local and remote cannot both be asked for')
      // Everybody here is local.
      if (remote) return []
      const { statuses } = await timelines.publicTimeline(viewer, page, {
        onlyMedia: params.bool('only_media') === true,
      })
      call.link(pageLinks(idsOf(statuses), page.limit, TIMELINE_LINKS))
      return present.statusPage(statuses, viewer)
    },
  })
}

function markedRoute(
  edge: Edge,
  { timelines, present }: TimelineRouteDeps,
  list: { path: string; scope: Scope; of: 'favourites' | 'bookmarks' },
): void {
  edge.route({
    method: 'GET',
    path: list.path,
    auth: 'user',
    scopes: [list.scope],
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.statuses)
      const marked = await timelines[list.of](call.viewer, page)
      // The cursor is the id of the mark, not of the status.
      call.link(
        pageLinks(
          marked.map(({ cursor }) => cursor),
          page.limit,
          MARKS_LINKS,
        ),
      )
      return present.statusPage(
        marked.map(({ view }) => view),
        call.viewer,
      )
    },
  })
}

function idsOf(statuses: readonly StatusView[]): bigint[] {
  return statuses.map(({ status }) => status.id)
}
