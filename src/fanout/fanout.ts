/**
 * Fanout: walks the followers of a committed status in bounded pages and inserts it into their timelines.
 *
 * Every step may happen again: inserts are idempotent. A walk that fails goes on from its last page when its message comes
 * again; after a crash it begins anew, and finds the timelines missing that it would have to fill (`unfinished.ts`). Between
 * pages others have their turn, so that a large walk never delays a small one by more than a page. Followers are read page by
 * page from the graph, so that a page knows of follows and blocks up to its moment. What a home shows is decided when
 * serving; here only what can never be shown (direct statuses to the rest) is left out.
 *
 * Imports are not delivered: what is of another time would go into the middle of every timeline, thousands of times. The
 * timelines they concern are dropped instead, and whoever reads one has it built anew from what is true by then.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent, type EventBodies } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { failpoint } from '../kit/failpoint.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import {
  timelineEntry,
  TIMELINE_ENTRIES_MAX,
  type MergedAuthors,
  type TimelineCache,
} from '../timeline-cache/contract.ts'
import type { StatusLives } from './contract.ts'
import { newWalk, UnfinishedWalks, type Walk } from './unfinished.ts'

/** Followers of one page; other work gets its turn between pages. */
export const FOLLOWERS_PAGE = 4_096
/** Deletions remembered, so that a status which comes after its own deletion is not delivered. */
const DELETED_REMEMBERED_MAX = 10_000

const FANOUT_EVENTS = [
  'status.created',
  'status.edited',
  'status.deleted',
  'statuses.imported',
  'graph.changed',
  'follows.imported',
] as const

export interface FanoutDeps {
  bus: Pick<Bus, 'join'>
  graph: Pick<SocialGraph, 'apply' | 'followersPage' | 'followerPlaces' | 'followerCount' | 'placeOf' | 'relation'>
  statuses: Pick<StatusStore, 'byIds' | 'homeIds'>
  cache: TimelineCache
  merged: MergedAuthors
  lives: StatusLives
  clock: Clock
}

/** Joins the group `fanout` until disposed. */
export function startFanout(deps: FanoutDeps): AsyncDisposable {
  const fanout = new Fanout(deps)
  return deps.bus.join('fanout', FANOUT_EVENTS, (message) => fanout.handle(message))
}

class Fanout {
  readonly #deps: FanoutDeps
  readonly #deleted = new Set<StatusId>()
  readonly #unfinished: UnfinishedWalks

  constructor(deps: FanoutDeps) {
    this.#deps = deps
    this.#unfinished = new UnfinishedWalks(deps.clock)
  }

  async handle(message: BusMessage): Promise<void> {
    failpoint('W8')
    switch (message.type) {
      case 'status.created':
        await this.#created(decodeEvent('status.created', message), message.createdAtMs)
        break
      case 'status.edited':
        await this.#edited(decodeEvent('status.edited', message))
        break
      case 'status.deleted':
        await this.#removed(decodeEvent('status.deleted', message))
        break
      case 'statuses.imported':
        await this.#statusesImported(decodeEvent('statuses.imported', message))
        break
      case 'graph.changed':
        await this.#graphChanged(decodeEvent('graph.changed', message))
        break
      case 'follows.imported':
        await this.#followsImported(decodeEvent('follows.imported', message))
    }
    failpoint('W13')
  }

  async #created(event: EventBodies['status.created'], committedAtMs: number): Promise<void> {
    if (this.#deleted.has(event.id)) return
    const { cache, clock, graph, lives } = this.#deps
    if (event.inReplyTo !== null) await this.#unfinished.awaitOriginal(event.inReplyTo)
    const born = { acceptedAtMs: event.acceptedAtMs, committedAtMs }
    const isLarge = graph.followerCount(event.author) > FOLLOWERS_PAGE
    if (isLarge) lives.note(event.id, event.author, born)
    // In memory a page cannot fail, and is through before anybody else has a turn.
    const mayBeSeenUnfinished = isLarge || cache.insertPlaces === undefined
    const walk = mayBeSeenUnfinished
      ? await this.#unfinished.run(event.id, (begun) => this.#deliver(event, begun))
      : await this.#deliver(event, newWalk())
    const { followers, delivered, mergedAtRead } = walk
    const shards = [...walk.shards]
    const life = { ...born, followers, delivered, mergedAtRead, shards, fannedOutAtMs: clock.nowMs() }
    lives.note(event.id, event.author, life)
    // Deleted while it was being delivered: its removal may have walked ahead of the delivery.
    if (this.#deleted.has(event.id)) await this.#takeOut(event.id, event.author)
  }

  /** Goes on where the walk is. */
  async #deliver(event: EventBodies['status.created'], walk: Walk): Promise<Walk> {
    const { cache, graph, merged } = this.#deps
    const entry = timelineEntry(event)
    const insert = async (owners: readonly AccountId[]) => {
      walk.delivered += await cache.insert(entry, owners)
      for (const owner of owners) walk.shards.add(cache.shardOf(owner))
    }
    if (walk.afterPlace < 0) {
      walk.shards.add(cache.shardOf(event.author))
      const own = () => Uint32Array.of(graph.placeOf(event.author))
      walk.delivered += cache.insertPlaces?.(entry, own()) ?? (await cache.insert(entry, [event.author]))
    }
    failpoint('W10')
    if (event.visibility === 'direct') {
      const readers = event.mentions.filter((reader) => graph.relation(reader, event.author).following)
      walk.followers = readers.length
      await insert(readers)
      return walk
    }
    walk.mergedAtRead = merged.passesOver(event.author, graph.followerCount(event.author))
    if (walk.mergedAtRead) return walk
    if (cache.insertPlaces === undefined) await this.#walk(event.author, insert, walk)
    else {
      await this.#walkPlaces(event.author, walk, (places) => {
        walk.delivered += cache.insertPlaces?.(entry, places) ?? 0
      })
    }
    return walk
  }

  /** A direct status may have been given new readers. */
  async #edited(event: EventBodies['status.edited']): Promise<void> {
    const { cache, graph, statuses } = this.#deps
    const [status] = await statuses.byIds([event.id])
    if (status?.visibility !== 'direct') return
    const readers = event.mentions.filter((reader) => graph.relation(reader, event.author).following)
    await cache.insert(timelineEntry({ ...status, author: status.accountId }), readers)
  }

  async #removed({ id, author }: EventBodies['status.deleted']): Promise<void> {
    this.#remember(id)
    await this.#takeOut(id, author)
  }

  /** What readers merge was never put in; should it be there from before, they drop it. */
  async #takeOut(id: StatusId, author: AccountId): Promise<void> {
    const { cache, graph, merged } = this.#deps
    if (cache.removeEverywhere !== undefined) {
      cache.removeEverywhere(id)
      return
    }
    await cache.remove(id, [author])
    if (merged.passesOver(author, graph.followerCount(author))) return
    await this.#walk(author, (owners) => cache.remove(id, owners))
  }

  async #statusesImported({ authors }: EventBodies['statuses.imported']): Promise<void> {
    const { graph, merged } = this.#deps
    for (const author of authors) {
      await this.#drop([author])
      // Readers merge these themselves, and have forgotten what they had of them.
      if (merged.isMerged(author, graph.followerCount(author))) continue
      await this.#walk(author, (owners) => this.#drop(owners))
      await nextTurn()
    }
  }

  /** Only when memory has the follows: a timeline that is read right after the drop is built with them. */
  async #followsImported(event: EventBodies['follows.imported']): Promise<void> {
    await this.#deps.graph.apply(event)
    await this.#drop([...new Set(event.sources)])
  }

  /** A build under way becomes stale. */
  async #drop(owners: readonly AccountId[]): Promise<void> {
    await Promise.all(owners.map((owner) => this.#deps.cache.drop(owner)))
  }

  async #graphChanged(event: EventBodies['graph.changed']): Promise<void> {
    const { source, target, change } = event
    switch (change) {
      case 'followed':
      case 'request_accepted':
      case 'unfollowed':
        await this.#deps.graph.apply(event)
        await this.#settle(source, target)
        return
      case 'blocked':
        await this.#deps.graph.apply(event)
        await this.#settle(source, target)
        await this.#settle(target, source)
        return
      default:
    }
  }

  /**
   * Makes an author's part of a timeline what the follow is now, whatever change told of it and however late: a follow that
   * was undone leaves nothing, an unfollow that was undone takes nothing away.
   */
  async #settle(owner: AccountId, author: AccountId): Promise<void> {
    const { cache, graph } = this.#deps
    for (;;) {
      const { following } = graph.relation(owner, author)
      if (following) await this.#mergeAuthor(owner, author)
      else await cache.removeAuthor(owner, author)
      if (graph.relation(owner, author).following === following) return
    }
  }

  /** Someone newly followed comes with what they wrote before. */
  async #mergeAuthor(owner: AccountId, author: AccountId): Promise<void> {
    const { cache, graph, merged, statuses } = this.#deps
    if (merged.isMerged(author, graph.followerCount(author))) return
    const rows = await statuses.homeIds([author], { limit: TIMELINE_ENTRIES_MAX }, owner)
    const last = rows.at(-1)
    const floor = rows.length < TIMELINE_ENTRIES_MAX || last === undefined ? 0n : last.id - 1n
    await cache.merge(owner, rows.map(timelineEntry), floor)
  }

  /** Gives each page of the followers that the walk has not met yet to `act`. */
  async #walk(author: AccountId, act: (owners: AccountId[]) => Promise<unknown>, walk = newWalk()): Promise<void> {
    for (;;) {
      const { followers, lastIndex } = this.#deps.graph.followersPage(author, walk.afterPlace, FOLLOWERS_PAGE)
      failpoint('W9')
      if (followers.length > 0) await act(followers)
      failpoint('W11')
      walk.followers += followers.length
      walk.afterPlace = lastIndex
      if (followers.length < FOLLOWERS_PAGE) return
      await nextTurn()
    }
  }

  /** The same by places, without a look at anybody's id, and without waiting within a page. */
  async #walkPlaces(author: AccountId, walk: Walk, act: (places: Uint32Array) => void): Promise<void> {
    for (;;) {
      const places = this.#deps.graph.followerPlaces(author, walk.afterPlace, FOLLOWERS_PAGE)
      failpoint('W9')
      const { length } = places
      if (length > 0) act(places)
      failpoint('W11')
      walk.followers += length
      walk.afterPlace = places[length - 1] ?? walk.afterPlace
      if (length < FOLLOWERS_PAGE) return
      await nextTurn()
    }
  }

  #remember(id: StatusId): void {
    this.#deleted.add(id)
    if (this.#deleted.size <= DELETED_REMEMBERED_MAX) return
    const oldest = this.#deleted.values().next()
    if (oldest.done !== true) this.#deleted.delete(oldest.value)
  }
}
