/**
 * Timelines of hashtags, from the index. Whoever posts under a hashtag sees it there at once, wherever the index is by then:
 * what is younger than HEAD_MS comes from the status store, and so does everything while the index is not whole.
 */
import { FLAG, type Query } from '../earlybird/contract.ts'
import { isVisibleToStrangers, type Hydration, type StatusView } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { Page } from '../kit/page.ts'
import { firstIdAt, type AccountId, type StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { StatusStore, TagQuery } from '../status-store/contract.ts'
import { FIELD } from '../text/fields.ts'
import { newestFirst, scatter, type IndexPart } from './scatter.ts'

/** Statuses younger than this may not be in the index yet: many times what it takes to get there. */
const HEAD_MS = 60_000
/** Rounds to fill one page. */
const ROUNDS_MAX = 20
const ROUND_IDS_MAX = 160

export interface TagDeps {
  parts: readonly IndexPart[]
  /** Whether every status is in the index that was there HEAD_MS ago. */
  isWhole: () => boolean
  statuses: Pick<StatusStore, 'tagIds'>
  hydration: Pick<Hydration, 'statuses'>
  graph: Pick<SocialGraph, 'relation'>
  clock: Clock
}

export interface TagPage {
  statuses: StatusView[]
  more: boolean
}

export async function tagPage(
  deps: TagDeps,
  viewer: AccountId | undefined,
  query: TagQuery,
  page: Page,
): Promise<TagPage> {
  const shown: StatusView[] = []
  const goingUp = page.minId !== undefined
  let rest = page
  let ended = page.limit <= 0 || query.any.length === 0
  for (let round = 0; round < ROUNDS_MAX && !ended && shown.length < page.limit; round += 1) {
    const limit = Math.min(page.limit * 2 ** round, ROUND_IDS_MAX)
    const ids = await idsOf(deps, query, { ...rest, limit })
    ended = ids.length < limit
    const views = await deps.hydration.statuses(ids, viewer)
    const visible = views.filter((view) => isUnder(view, query) && isShown(deps, viewer, view))
    if (goingUp) shown.unshift(...visible)
    else shown.push(...visible)
    rest = goingUp ? { ...rest, minId: ids[0] } : { ...rest, maxId: ids.at(-1) }
  }
  const statuses = goingUp ? shown.slice(-page.limit) : shown.slice(0, page.limit)
  return { statuses: page.limit <= 0 ? [] : statuses, more: goingUp || !ended || shown.length > page.limit }
}

/** Newest first; fewer than the limit is all there is in the page's direction. */
async function idsOf(deps: TagDeps, query: TagQuery, page: Page): Promise<StatusId[]> {
  // Upwards the index would have to be walked from its other end; such pages are few, and short.
  if (page.minId !== undefined || !deps.isWhole()) return deps.statuses.tagIds(query, page)
  const headFrom = firstIdAt(deps.clock.nowMs() - HEAD_MS)
  const needsHead = page.maxId === undefined || page.maxId > headFrom
  const head = needsHead
    ? await deps.statuses.tagIds(query, { ...page, sinceId: later(page.sinceId, headFrom - 1n) })
    : []
  if (head.length >= page.limit) return head
  const maxId = needsHead ? headFrom : (page.maxId ?? headFrom)
  const options = {
    order: 'newest' as const,
    limit: page.limit - head.length,
    maxId: maxId as StatusId, // a cursor
    minId: page.sinceId as StatusId | undefined,
  }
  const { hits, partial } = await scatter(deps.parts, indexQuery(query), options, deps.clock)
  if (partial.length > 0) return deps.statuses.tagIds(query, page)
  return [...head, ...hits.map(({ id }) => id)].toSorted((one, other) => newestFirst({ id: one }, { id: other }))
}

function later(one: bigint | undefined, other: bigint): bigint {
  return one === undefined || one < other ? other : one
}

function indexQuery({ any, all, none, onlyMedia }: TagQuery): Query {
  const tag = (name: string): Query => ({ kind: 'term', term: FIELD.tag + name })
  const mask = FLAG.public | FLAG.boost | (onlyMedia ? FLAG.media : 0)
  return {
    kind: 'and',
    all: [
      { kind: 'or', any: any.map(tag) },
      ...all.map(tag),
      ...none.map((name): Query => ({ kind: 'not', none: tag(name) })),
      { kind: 'flags', mask, value: mask & ~FLAG.boost },
    ],
  }
}

/** Terms are cut where they are long, and a status may have been edited since: its own hashtags decide. */
function isUnder({ status, media }: StatusView, { any, all, none, onlyMedia }: TagQuery): boolean {
  const { tags } = status
  if (status.visibility !== 'public' || (onlyMedia && media.length === 0)) return false
  return (
    any.some((tag) => tags.includes(tag)) &&
    all.every((tag) => tags.includes(tag)) &&
    !none.some((tag) => tags.includes(tag))
  )
}

/** As in public timelines: nobody the viewer silenced, nobody a moderator silenced unless followed. */
function isShown({ graph }: TagDeps, viewer: AccountId | undefined, { status, author }: StatusView): boolean {
  const relation = viewer === undefined ? undefined : graph.relation(viewer, status.accountId)
  return isVisibleToStrangers(viewer, author.account, relation)
}
