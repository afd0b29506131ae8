/** Hashtags: what was said in public under them, and what is known of one. */
import type { Clock } from '../../kit/clock.ts'
import { AppError, notFound } from '../../kit/errors.ts'
import { presentTag } from '../../mastodon/tag.ts'
import type { TagQuery } from '../../status-store/contract.ts'
import { parseHashtag } from '../../text/entities.ts'
import type { TimelineService } from '../../timeline-service/contract.ts'
import type { Call } from '../call.ts'
import { PAGE_LIMITS, pageLinks, readPage, TIMELINE_LINKS } from '../paging.ts'
import type { Params } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'

/** Hashtags of each kind that count, as Mastodon's `TagFeed::LIMIT_PER_MODE`; more are passed over. */
const TAGS_PER_KIND_MAX = 4
/** More than this of one kind is no timeline that anybody made. */
const TAGS_SENT_MAX = 100

export interface TagRouteDeps {
  timelines: Pick<TimelineService, 'tag'>
  present: Presenting
  clock: Clock
}

export function tagRoutes(edge: Edge, deps: TagRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/timelines/tag/:hashtag',
    auth: 'optional',
    scopes: ['read:statuses'],
    cache: 'public',
    handler: (call) => tagTimeline(deps, call),
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/tags/:name',
    auth: 'optional',
    scopes: [],
    cache: 'public',
    handler: ({ params, viewer }) => {
      const name = parseHashtag(params.text('name') ?? '')
      if (name === undefined || name === '') throw notFound()
      const shown = { name, ...(viewer !== undefined && { following: false }) }
      return presentTag(shown, deps.clock.nowMs(), deps.present.site.urls)
    },
  })
}

async function tagTimeline({ timelines, present }: TagRouteDeps, call: Call): Promise<unknown> {
  const { params, viewer } = call
  const page = readPage(params, PAGE_LIMITS.statuses)
  const [local, remote] = [params.bool('local') === true, params.bool('remote') === true]
  if (local && remote) throw new AppError('invalid', 'local and remote cannot both be asked for')
  const query = readQuery(params)
  // Everybody here is local, and what can be no hashtag has no statuses.
  if (remote || query === undefined) return []
  const { statuses } = await timelines.tag(viewer, query, page)
  call.link(
    pageLinks(
      statuses.map(({ status }) => status.id),
      page.limit,
      TIMELINE_LINKS,
    ),
  )
  return present.statusPage(statuses, viewer)
}

function readQuery(params: Params): TagQuery | undefined {
  const [tag] = hashtags([params.text('hashtag') ?? ''])
  if (tag === undefined) return undefined
  const kind = (name: string) => hashtags(params.texts(name, TAGS_SENT_MAX)).slice(0, TAGS_PER_KIND_MAX)
  return {
    any: hashtags([tag, ...kind('any')]).slice(0, TAGS_PER_KIND_MAX),
    all: kind('all'),
    none: kind('none'),
    onlyMedia: params.bool('only_media') === true,
  }
}

/** Normalised and once each; texts that can be no hashtag are left out. */
function hashtags(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => parseHashtag(text) ?? []))].filter((name) => name !== '')
}
