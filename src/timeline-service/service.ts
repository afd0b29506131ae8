/** Reads timelines: skeleton → hydrate → rules → page. Only the first two wait. */
import type { Bus } from '../engines/bus/contract.ts'
import {
  isSilencedFor,
  isVisibleAtHome,
  isVisibleToStrangers,
  type Hydration,
  type StatusView,
  type WarmStatuses,
} from '../hydration/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import { showsReply, type Lists, type ListView } from '../lists/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { AccountStatusesFilter, StatusStore, TagQuery } from '../status-store/contract.ts'
import type { TagFollows } from '../tag-follows/contract.ts'
import { Celebrities, TaggedStatuses } from './celebrities.ts'
import type { StatusPage, Thread, TimelineService, WarmPage } from './contract.ts'
import { HomeSkeleton, type HomeDeps } from './home.ts'
import { fillPage, fillPageNow, type Slice } from './page-filling.ts'
import { readThread } from './thread.ts'

export interface TimelineServiceDeps extends Pick<HomeDeps, 'cache' | 'merged' | 'log'> {
  graph: Pick<SocialGraph, 'relation' | 'regards' | 'changesAround' | 'following' | 'followerCount'>
  statuses: Pick<
    StatusStore,
    'homeIds' | 'publicIds' | 'tagIds' | 'accountIds' | 'favouriteIds' | 'bookmarkIds' | 'conversation'
  >
  hydration: Hydration
  /** Left out where nobody has lists. */
  lists?: Pick<Lists, 'hiddenFromHome'>
  /** Left out where nobody follows hashtags. */
  tagFollows?: Pick<TagFollows, 'followedBy'>
  bus: Pick<Bus, 'listen'>
}

interface IdRow {
  cursor: StatusId
}

export function openTimelineService(deps: TimelineServiceDeps): TimelineService & Disposable {
  const celebrities = new Celebrities(deps.statuses)
  const listening = new DisposableStack()
  listening.use(celebrities.listenTo(deps.bus))
  const { tagFollows } = deps
  const tagged = new TaggedStatuses(deps.statuses)
  listening.use(tagged.listenTo(deps.bus))
  const followedTags = tagFollows && {
    followedBy: (account: AccountId) => tagFollows.followedBy(account),
    statuses: tagged,
  }
  return new Timelines(deps, new HomeSkeleton({ ...deps, celebrities, followedTags }), listening)
}

class Timelines implements TimelineService, Disposable {
  readonly #deps: TimelineServiceDeps
  readonly #home: HomeSkeleton
  readonly #listening: Disposable

  constructor(deps: TimelineServiceDeps, home: HomeSkeleton, listening: Disposable) {
    this.#deps = deps
    this.#home = home
    this.#listening = listening
  }

  home(viewer: AccountId, page: Page): Promise<StatusPage> {
    const relationTo = (target: AccountId) => this.#deps.graph.relation(viewer, target)
    return this.#page(page, {
      viewer,
      read: (slice) => this.#home.read(viewer, slice),
      isShown: this.#atHome(viewer, relationTo),
    })
  }

  list(list: ListView, page: Page): Promise<StatusPage> {
    const { account: viewer } = list.record
    const relationTo = (target: AccountId) => this.#deps.graph.relation(viewer, target)
    const members = [...list.members]
    return this.#page(page, {
      viewer,
      read: (slice) => this.#home.readStoreOf(members, slice, viewer),
      isShown: (view) =>
        isVisibleAtHome(viewer, view, relationTo) && (view.boostOf !== undefined || showsReply(list, view.status)),
    })
  }

  homeNow(viewer: AccountId, page: Page): WarmPage | undefined {
    const { graph, hydration } = this.#deps
    const regardOf = graph.regards(viewer)
    const reader = { viewer, regardOf, isShown: this.#atHome(viewer, regardOf) }
    // Before anything is read: what another thread changes meanwhile counts as changed.
    const isSame = this.#watchHome(viewer)
    const shown: WarmStatuses = { views: [], marks: [], watches: [] }
    const isFilled = fillPageNow(page, {
      read: (slice) => this.#home.readNow(viewer, slice),
      show: (rows, limit) =>
        hydration.inMemory?.(rows.map(cursorOf), { ...reader, limit }, shown) === true ? shown.views.length : undefined,
      keepLast: (limit) => {
        for (const list of [shown.views, shown.marks]) list.splice(0, Math.max(0, list.length - limit))
      },
    })
    if (!isFilled) return undefined
    const { views, marks, watches } = shown
    const isStill = () => isSame?.() === true && watches.every((watch) => watch())
    return { views, marks, ...(isSame && { isStill }) }
  }

  publicTimeline(viewer: AccountId | undefined, page: Page, filter: { onlyMedia: boolean }): Promise<StatusPage> {
    return this.#page(page, {
      viewer,
      read: async (slice) => wholeSlice(await this.#deps.statuses.publicIds(slice, filter), slice),
      isShown: (view) => this.#isShownToStrangers(viewer, view),
    })
  }

  tag(viewer: AccountId | undefined, query: TagQuery, page: Page): Promise<StatusPage> {
    return this.#page(page, {
      viewer,
      read: async (slice) => wholeSlice(await this.#deps.statuses.tagIds(query, slice), slice),
      isShown: (view) => this.#isShownToStrangers(viewer, view),
    })
  }

  account(
    viewer: AccountId | undefined,
    account: AccountId,
    page: Page,
    filter: AccountStatusesFilter,
  ): Promise<StatusPage> {
    return this.#page(page, {
      viewer,
      read: async (slice) => wholeSlice(await this.#deps.statuses.accountIds(account, slice, filter), slice),
      isShown: (view) => this.#isShownOnProfile(viewer, view),
    })
  }

  thread(viewer: AccountId | undefined, id: StatusId): Promise<Thread> {
    return readThread(this.#deps, viewer, id)
  }

  favourites(viewer: AccountId, page: Page): Promise<{ cursor: bigint; view: StatusView }[]> {
    return this.#marked(viewer, page, (slice) => this.#deps.statuses.favouriteIds(viewer, slice))
  }

  bookmarks(viewer: AccountId, page: Page): Promise<{ cursor: bigint; view: StatusView }[]> {
    return this.#marked(viewer, page, (slice) => this.#deps.statuses.bookmarkIds(viewer, slice))
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]()
  }

  /** Whether the rows of the viewer's home, and what the rules look at beside the statuses, are still the same. */
  #watchHome(viewer: AccountId): (() => boolean) | undefined {
    const { graph, lists } = this.#deps
    const changes = graph.changesAround(viewer)
    // Of who has exclusive lists, nothing tells whether they changed.
    if (changes === undefined || lists?.hiddenFromHome(viewer) !== undefined) return undefined
    const areRowsSame = this.#home.watch(viewer)
    if (areRowsSame === undefined) return undefined
    return () => areRowsSame() && graph.changesAround(viewer) === changes && lists?.hiddenFromHome(viewer) === undefined
  }

  /** Home's rules; people of exclusive lists are read there. */
  #atHome(viewer: AccountId, regardOf: Parameters<typeof isVisibleAtHome>[2]): (view: StatusView) => boolean {
    const hidden = this.#deps.lists?.hiddenFromHome(viewer)
    const followed = this.#deps.tagFollows?.followedBy(viewer)
    if (hidden === undefined) return (view) => isVisibleAtHome(viewer, view, regardOf, followed)
    return (view) => !hidden.has(view.status.accountId) && isVisibleAtHome(viewer, view, regardOf, followed)
  }

  async #page(
    page: Page,
    from: {
      viewer: AccountId | undefined
      read: (page: Page) => Promise<Slice<IdRow>>
      isShown: (view: StatusView) => boolean
    },
  ): Promise<StatusPage> {
    const { items, more } = await fillPage(page, {
      read: from.read,
      show: async (rows: readonly IdRow[]) => {
        const views = await this.#deps.hydration.statuses(
          rows.map((row) => row.cursor),
          from.viewer,
        )
        return views.filter(from.isShown)
      },
    })
    return { statuses: items, more }
  }

  async #marked(
    viewer: AccountId,
    page: Page,
    read: (page: Page) => Promise<Cursored<StatusId>[]>,
  ): Promise<{ cursor: bigint; view: StatusView }[]> {
    const { items } = await fillPage(page, {
      read: async (slice) => {
        const rows = await read(slice)
        return { rows, endReached: rows.length < slice.limit }
      },
      show: async (rows: readonly Cursored<StatusId>[]) => {
        const ids = rows.map((row) => row.item)
        const views = new Map((await this.#deps.hydration.statuses(ids, viewer)).map((view) => [view.status.id, view]))
        return rows.flatMap(({ cursor, item }) => {
          const view = views.get(item)
          return view === undefined ? [] : [{ cursor, view }]
        })
      },
    })
    return items
  }

  #isShownToStrangers(viewer: AccountId | undefined, { status, author }: StatusView): boolean {
    const relation = viewer === undefined ? undefined : this.#deps.graph.relation(viewer, status.accountId)
    return isVisibleToStrangers(viewer, author.account, relation)
  }

  /** Who looks at a profile wants to see it; only boosts of silenced people are left out. */
  #isShownOnProfile(viewer: AccountId | undefined, { boostOf }: StatusView): boolean {
    if (boostOf === undefined || viewer === undefined || boostOf.status.accountId === viewer) return true
    return !isSilencedFor(this.#deps.graph.relation(viewer, boostOf.status.accountId))
  }
}

function wholeSlice(ids: readonly StatusId[], page: Page): Slice<IdRow> {
  return { rows: ids.map((cursor) => ({ cursor })), endReached: ids.length < page.limit }
}

function cursorOf({ cursor }: IdRow): StatusId {
  return cursor
}
