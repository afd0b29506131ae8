/**
 * The home timeline's skeleton: entries of the timeline cache, merged with the celebrities the viewer follows. A missing
 * timeline is rebuilt by one reader while others wait for it; where too many are missing at once, the rest is read from
 * the store without building, so that PostgreSQL sees a bounded number of large questions. A cache that cannot be reached
 * counts as missing.
 */
import { AppError } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import {
  timelineEntry,
  TIMELINE_ENTRIES_MAX,
  type MergedAuthors,
  type TimelinePage,
  type TimelineReading,
} from '../timeline-cache/contract.ts'
import { Admission } from './admission.ts'
import type { Celebrities, TaggedStatuses } from './celebrities.ts'
import { mergeSlices, type Slice } from './page-filling.ts'
import type { HomeRow } from './recent-lists.ts'

/** Rebuilds at a time; each is one question over up to all the people someone follows. */
const REBUILDS_MAX = 4
/** Pages that the store answers: fewer at a time than the database has connections, and gone before clients give up. */
const STORE_READS = { running: 4, waiting: 1_000, waitMs: 2_000 }

/** As many as it is cheaper to go through than the people whom somebody follows. */
const FEW_AUTHORS_MAX = 50

const NOTHING_BUT_THE_MARK: Page = { limit: 0 }

export interface HomeDeps {
  cache: TimelineReading
  graph: Pick<SocialGraph, 'following' | 'followerCount' | 'regards'>
  statuses: Pick<StatusStore, 'homeIds'>
  celebrities: Celebrities
  /** Hashtags that people follow; left out where nobody does. */
  followedTags?: { followedBy(account: AccountId): ReadonlySet<string>; statuses: TaggedStatuses } | undefined
  merged: MergedAuthors
  log: Log
}

export class HomeSkeleton {
  readonly #deps: HomeDeps
  readonly #rebuilding = new Map<AccountId, Promise<void>>()
  readonly #storeReads = new Admission(STORE_READS)

  constructor(deps: HomeDeps) {
    this.#deps = deps
  }

  async read(viewer: AccountId, page: Page): Promise<Slice<HomeRow>> {
    const fannedOut = await this.#readFannedOut(viewer, page)
    // Only now is it known who was passed over before the timeline was read, or left out when it was built.
    const merged = this.#mergedAuthors(viewer)
    const tags = this.#tagsOf(viewer)
    if (merged.length === 0 && tags.length === 0) return fannedOut
    const [others, tagged] = await Promise.all([
      this.#deps.celebrities.read(merged, page),
      this.#deps.followedTags?.statuses.read(tags, page) ?? [],
    ])
    return mergeSlices(page, [fannedOut, ...others, ...tagged])
  }

  /** `read` without waiting; undefined when it would have to ask anyone but memory. */
  readNow(viewer: AccountId, page: Page): Slice<HomeRow> | undefined {
    const cached = this.#deps.cache.readNow?.(viewer, page)
    const fannedOut = cached === undefined ? undefined : fromCache(cached, page)
    if (fannedOut === undefined) return undefined
    const merged = this.#mergedAuthors(viewer)
    const tags = this.#tagsOf(viewer)
    if (merged.length === 0 && tags.length === 0) return fannedOut
    const others = this.#deps.celebrities.readNow(merged, page)
    const tagged = tags.length === 0 ? [] : this.#deps.followedTags?.statuses.readNow(tags, page)
    if (others === undefined || tagged === undefined) return undefined
    return mergeSlices(page, [fannedOut, ...others, ...tagged])
  }

  #tagsOf(viewer: AccountId): string[] {
    const followed = this.#deps.followedTags?.followedBy(viewer)
    return followed === undefined || followed.size === 0 ? [] : [...followed]
  }

  /**
   * For as long as the answer is true, `readNow` gives the same rows for the same page: to be made before a read. Whom the
   * viewer follows is for the caller to watch. Undefined when the cache cannot tell.
   */
  watch(viewer: AccountId): (() => boolean) | undefined {
    const { cache, merged } = this.#deps
    // Of who follows hashtags, nothing tells whether those changed.
    if (this.#tagsOf(viewer).length > 0) return undefined
    const mark = cache.readNow?.(viewer, NOTHING_BUT_THE_MARK)?.mark
    if (mark === undefined) return undefined
    const authors = merged.authors.size
    const areCelebritiesSame = this.#deps.celebrities.watch(this.#mergedAuthors(viewer))
    return () =>
      cache.isAt?.(mark) === true &&
      merged.authors.size === authors &&
      this.#tagsOf(viewer).length === 0 &&
      areCelebritiesSame()
  }

  #mergedAuthors(viewer: AccountId): AccountId[] {
    const { graph } = this.#deps
    const { authors } = this.#deps.merged
    if (authors.size === 0) return []
    if (authors.size > FEW_AUTHORS_MAX) return this.#authors(viewer).filter((author) => authors.has(author))
    const regardOf = graph.regards(viewer)
    return [...authors].filter((author) => author === viewer || regardOf(author).following)
  }

  /** Those whose statuses a timeline holds. */
  #fannedOutAuthors(viewer: AccountId): AccountId[] {
    const { graph, merged } = this.#deps
    return this.#authors(viewer).filter((author) => !merged.isMerged(author, graph.followerCount(author)))
  }

  /** Everyone whose statuses the viewer's home shows. */
  #authors(viewer: AccountId): AccountId[] {
    return [viewer, ...this.#deps.graph.following(viewer)]
  }

  async #readFannedOut(viewer: AccountId, page: Page): Promise<Slice<HomeRow>> {
    const cached = await this.#readCache(viewer, page)
    if (cached === undefined) return this.#readStore(viewer, page)
    const whole = fromCache(cached, page)
    if (whole !== undefined) return whole
    // The page reaches below what the cache holds.
    if (page.minId !== undefined) return this.#readStore(viewer, page)
    const rows = rowsOf(cached)
    const maxId = page.maxId !== undefined && page.maxId <= cached.floor ? page.maxId : cached.floor + 1n
    const older = await this.#readStore(viewer, { ...page, maxId, limit: page.limit - rows.length })
    return { rows: [...rows, ...older.rows], endReached: older.endReached }
  }

  #readStore(viewer: AccountId, page: Page): Promise<Slice<HomeRow>> {
    return this.readStoreOf(this.#fannedOutAuthors(viewer), page, viewer)
  }

  /** What the store has of these authors, for a home or for a list. */
  async readStoreOf(authors: readonly AccountId[], page: Page, viewer: AccountId): Promise<Slice<HomeRow>> {
    const rows = await this.#storeReads.run(() => this.#deps.statuses.homeIds(authors, page, viewer))
    return { rows: rows.map(({ id }) => ({ cursor: id })), endReached: rows.length < page.limit }
  }

  /** Undefined when the cache has nothing to say now: the store answers instead. */
  async #readCache(viewer: AccountId, page: Page): ReturnType<TimelineReading['read']> {
    try {
      return (await this.#deps.cache.read(viewer, page)) ?? (await this.#readRebuilt(viewer, page))
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unavailable') throw error
      return undefined // if it was the store that failed, it will say so again
    }
  }

  /** Undefined when the timeline could not be made present now. */
  async #readRebuilt(viewer: AccountId, page: Page): ReturnType<TimelineReading['read']> {
    const running = this.#rebuilding.get(viewer)
    if (running !== undefined) await running
    else if (this.#rebuilding.size < REBUILDS_MAX) await this.#rebuild(viewer)
    else return undefined
    return this.#deps.cache.read(viewer, page)
  }

  async #rebuild(viewer: AccountId): Promise<void> {
    const rebuild = this.#build(viewer).finally(() => this.#rebuilding.delete(viewer))
    this.#rebuilding.set(viewer, rebuild)
    await rebuild
  }

  async #build(viewer: AccountId): Promise<void> {
    const { cache, log, statuses } = this.#deps
    const ticket = await cache.beginBuild(viewer)
    if (ticket === undefined) return
    try {
      // Only from here on are follows and unfollows told to the timeline: who was followed before may be out of date.
      const authors = this.#fannedOutAuthors(viewer)
      const rows = await statuses.homeIds(authors, { limit: TIMELINE_ENTRIES_MAX }, viewer)
      const last = rows.at(-1)
      const floor = rows.length < TIMELINE_ENTRIES_MAX || last === undefined ? 0n : last.id - 1n
      await cache.finishBuild(ticket, rows.map(timelineEntry), floor)
    } catch (error) {
      await cache.abandonBuild(ticket).catch(() => undefined) // its lease lapses
      log.warn({ event: 'timeline.rebuild_failed', error: error instanceof Error ? error.message : String(error) })
      throw error
    }
  }
}

/** Undefined when the page reaches below what the cache holds. */
function fromCache(cached: TimelinePage, page: Page): Slice<HomeRow> | undefined {
  const rows = rowsOf(cached)
  // Complete in the page's bounds: fewer than asked for is all there is.
  if (cached.floor <= (page.minId ?? page.sinceId ?? 0n)) return { rows, endReached: rows.length < page.limit }
  return page.minId === undefined && rows.length >= page.limit ? { rows, endReached: false } : undefined
}

function rowsOf({ entries }: TimelinePage): HomeRow[] {
  return entries.map((entry) => ({ cursor: entry.id }))
}
