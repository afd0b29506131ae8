/** Hashtags: what was said in public under them, what is known of one, and who follows them. */
import type { Blender } from '../../blender/contract.ts'
import { AppError, notFound } from '../../kit/errors.ts'
import type { Tag } from '../../mastodon/tag.ts'
import type { TagQuery } from '../../status-store/contract.ts'
import type { TagFollows } from '../../tag-follows/contract.ts'
import { parseHashtag } from '../../text/entities.ts'
import type { Call, UserCall } from '../call.ts'
import { PAGE_LIMITS, pageLinks, PEOPLE_LINKS, readPage, TIMELINE_LINKS } from '../paging.ts'
import type { Params } from '../params.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import { presentTags, type TagEntityDeps } from './tag-entities.ts'

/** Hashtags of each kind that count, as Mastodon's `TagFeed::LIMIT_PER_MODE`; more are passed over. */
const TAGS_PER_KIND_MAX = 4
/** More than this of one kind is no timeline that anybody made. */
const TAGS_SENT_MAX = 100

export interface TagRouteDeps extends TagEntityDeps {
  blender: Pick<Blender, 'tag'>
  tagFollows: TagFollows
  present: Presenting
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
    handler: (call) => shownTag(deps, call, namedTag(call)),
  })
  followRoutes(edge, deps)
}

function followRoutes(edge: Edge, deps: TagRouteDeps): void {
  for (const act of ['follow', 'unfollow'] as const) {
    edge.route({
      method: 'POST',
      path: `/api/v1/tags/:name/${act}`,
      auth: 'user',
      scopes: ['write:follows'],
      handler: async (call: UserCall) => {
        const name = namedTag(call)
        await deps.tagFollows[act](call.viewer, name)
        return shownTag(deps, call, name)
      },
    })
  }
  edge.route({
    method: 'GET',
    path: '/api/v1/followed_tags',
    auth: 'user',
    scopes: ['read:follows'],
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.tags)
      const followed = page.limit === 0 ? [] : await deps.tagFollows.list(call.viewer, page)
      const cursors = followed.map(({ cursor }) => cursor)
      call.link(pageLinks(cursors, page.limit, PEOPLE_LINKS))
      const names = followed.map(({ item }) => item)
      return presentTags(deps, names, call.viewer)
    },
  })
}

function namedTag({ params }: Call): string {
  const name = parseHashtag(params.text('name') ?? '')
  if (name === undefined || name === '') throw notFound()
  return name
}

async function shownTag(deps: TagRouteDeps, { viewer }: Call, name: string): Promise<Tag> {
  const [tag] = await presentTags(deps, [name], viewer)
  if (tag === undefined) throw notFound()
  return tag
}

async function tagTimeline({ blender, present }: TagRouteDeps, call: Call): Promise<unknown> {
  const { params, viewer } = call
  const page = readPage(params, PAGE_LIMITS.statuses)
  const [local, remote] = [params.bool('local') === true, params.bool('remote') === true]
  if (local && remote) throw new AppError('invalid', 'local and remote cannot both be asked for')
  const query = readQuery(params)
  // Everybody here is local, and what can be no hashtag has no statuses.
  if (remote || query === undefined) return []
  const { statuses } = await blender.tag(viewer, query, page)
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
