/**
 * `SocialGraph` on PostgreSQL and memory.
 *
 * A change: lock the pair → read both of its edges → decide (pair.ts, pure) → write the difference and the events →
 * commit → put both edges into memory, under the version that the lock gave. Because a pair is always read and put whole,
 * memory with version n has everything up to n, whichever process wrote it; an event of version ≤ n says nothing new,
 * and one above makes this process read the pair again.
 *
 * A commit whose answer was lost may or may not have happened: the pair is then read again until that works.
 */
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { decodeEvent, type EventBodies } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import { LogGate } from '../kit/log-gate.ts'
import type { Log } from '../kit/log.ts'
import type { Page } from '../kit/page.ts'
import { NO_SIBLINGS, type Siblings } from '../kit/siblings.ts'
import type { AccountId } from '../snowflake/contract.ts'
import {
  FOLLOWING_MAX,
  IMPORT_FOLLOWS_MAX,
  type FollowEdge,
  type FollowOptions,
  type Regard,
  type Relation,
  type SocialGraph,
} from './contract.ts'
import { changedEvent, importedEvent } from './graph-events.ts'
import * as lists from './lists.ts'
import { loadGraph } from './load.ts'
import { GraphMemory } from './memory.ts'
import { PAIRS } from './pair-news.ts'
import { pairKey, PairQueue } from './pair-queue.ts'
import { PairVersions } from './pair-versions.ts'
import * as pairs from './pair.ts'
import { endLapsedMutes, untilItWorks, type Failures } from './persisting.ts'
import { insertFollows, lockPairs, readPairs, writeEdge, type Ends } from './rows.ts'

/** Pairs whose versions are remembered: of an older one, an event makes us read it again. */
const VERSIONS_MAX = 100_000
/** Follows of one transaction of an import. */
const IMPORT_BATCH = 500

export interface SocialGraphDeps {
  readonly db: Database
  readonly outbox: Outbox
  readonly clock: Clock
  readonly log: Log
  /** When given, changes of other processes are taken over from it, those committed while loading included. */
  readonly bus?: Pick<Bus, 'listen'>
  readonly siblings?: Siblings
  /** False in all threads of a process but one, which ends lapsed mutes and tells what it read again. */
  readonly leads?: boolean
}

/** For `ps` and metrics. */
interface SocialGraphState {
  follows: number
  /** Of follows and accounts in memory. */
  bytes: number
}

export type OpenSocialGraph = SocialGraph & AsyncDisposable & { state(): SocialGraphState }

/** Loads all edges: about a second for a million follows. */
export async function openSocialGraph(deps: SocialGraphDeps): Promise<OpenSocialGraph> {
  const graph = new PostgresGraph(deps)
  try {
    await graph.load()
    return graph
  } catch (error) {
    await graph[Symbol.asyncDispose]()
    throw error
  }
}

class PostgresGraph implements OpenSocialGraph {
  readonly #deps: SocialGraphDeps
  readonly #memory = new GraphMemory()
  readonly #queue = new PairQueue()
  readonly #versions = new PairVersions(VERSIONS_MAX)
  readonly #closing = new AbortController()
  readonly #failures: Failures
  readonly #loaded = Promise.withResolvers<void>()
  readonly #listener: Disposable | undefined
  readonly #siblings: Siblings
  readonly #hearing: Disposable
  /** Ends when closed. */
  #lapsing: Promise<void> | undefined

  constructor(deps: SocialGraphDeps) {
    this.#deps = deps
    this.#failures = { log: new LogGate(deps.clock), signal: this.#closing.signal }
    this.#siblings = deps.siblings ?? NO_SIBLINGS
    this.#hearing = this.#siblings.hear(PAIRS, (news) => this.#putAll(news.ends, news.pairs, news.version))
    this.#listener = deps.bus?.listen(['graph.changed', 'follows.imported'], (message) => {
      void this.#takeOver(message)
    })
  }

  async load(): Promise<void> {
    await loadGraph(this.#deps, this.#memory)
    this.#loaded.resolve()
    if (this.#deps.leads === false) return
    const act = (mute: Ends, lapse: pairs.Act) => this.#act(mute.source, mute.target, lapse)
    this.#lapsing = endLapsedMutes(this.#deps, act, this.#failures)
  }

  state(): SocialGraphState {
    return { follows: this.#memory.follows, bytes: this.#memory.bytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#listener?.[Symbol.dispose]()
    this.#hearing[Symbol.dispose]()
    await this.#lapsing
  }

  regards(viewer: AccountId): (target: AccountId) => Regard {
    return this.#memory.regards(viewer, () => this.#deps.clock.nowMs())
  }

  changesAround(id: AccountId): number | undefined {
    return this.#memory.changesAround(id)
  }

  get changes(): number {
    return this.#memory.changes
  }

  relation(viewer: AccountId, target: AccountId): Relation {
    return this.#memory.relation(viewer, target, this.#deps.clock.nowMs())
  }

  followerCount(id: AccountId): number {
    return this.#memory.followerCount(id)
  }

  followingCount(id: AccountId): number {
    return this.#memory.followingCount(id)
  }

  followerPlaces(author: AccountId, afterPlace: number, limit: number): Uint32Array {
    return this.#memory.followerPlaces(author, afterPlace, limit)
  }

  bellFollowers(author: AccountId): AccountId[] {
    return this.#memory.bellFollowers(author)
  }

  placeOf(id: AccountId): number {
    return this.#memory.placeOf(id)
  }

  followersPage(author: AccountId, afterIndex: number, limit: number): { followers: AccountId[]; lastIndex: number } {
    return this.#memory.followersPage(author, afterIndex, limit)
  }

  following(viewer: AccountId): AccountId[] {
    return this.#memory.following(viewer)
  }

  familiarFollowers(viewer: AccountId, target: AccountId): AccountId[] {
    return this.#memory.familiarFollowers(viewer, target)
  }

  async follow(viewer: AccountId, target: AccountId, locked: boolean, options: FollowOptions): Promise<void> {
    // Counted in memory: follows at the same moment may go over the limit by their number, which harms nobody.
    const isNew = !this.#memory.edge(viewer, target).follow
    if (isNew && this.#memory.followingCount(viewer) >= FOLLOWING_MAX) {
      throw new AppError('invalid', `Validation failed: You cannot follow more than ${FOLLOWING_MAX} people`)
    }
    await this.#act(viewer, target, pairs.follow(locked, options))
  }

  unfollow(viewer: AccountId, target: AccountId): Promise<void> {
    return this.#act(viewer, target, pairs.unfollow)
  }

  removeFollower(viewer: AccountId, target: AccountId): Promise<void> {
    return this.#act(viewer, target, pairs.removeFollower)
  }

  acceptRequest(viewer: AccountId, requester: AccountId): Promise<void> {
    return this.#act(viewer, requester, pairs.acceptRequest)
  }

  rejectRequest(viewer: AccountId, requester: AccountId): Promise<void> {
    return this.#act(viewer, requester, pairs.rejectRequest)
  }

  block(viewer: AccountId, target: AccountId): Promise<void> {
    return this.#act(viewer, target, pairs.block)
  }

  unblock(viewer: AccountId, target: AccountId): Promise<void> {
    return this.#act(viewer, target, pairs.unblock)
  }

  mute(viewer: AccountId, target: AccountId, options: pairs.Mute): Promise<void> {
    return this.#act(viewer, target, pairs.mute(options))
  }

  unmute(viewer: AccountId, target: AccountId): Promise<void> {
    return this.#act(viewer, target, pairs.unmute)
  }

  setEndorsed(viewer: AccountId, target: AccountId, endorsed: boolean): Promise<void> {
    return this.#act(viewer, target, endorsed ? pairs.endorse : pairs.unendorse)
  }

  setNote(viewer: AccountId, target: AccountId, note: string): Promise<void> {
    return lists.writeNote(this.#deps.db, viewer, target, note)
  }

  notes(viewer: AccountId, targets: readonly AccountId[]): Promise<Map<AccountId, string>> {
    return lists.notesOf(this.#deps.db, viewer, targets)
  }

  listFollowers(id: AccountId, page: Page) {
    return lists.followersOf(this.#deps.db, id, page)
  }

  listFollowing(id: AccountId, page: Page) {
    return lists.followedBy(this.#deps.db, id, page)
  }

  listRequests(id: AccountId, page: Page) {
    return lists.requestersOf(this.#deps.db, id, page)
  }

  listBlocks(id: AccountId, page: Page) {
    return lists.blockedBy(this.#deps.db, id, page)
  }

  listMutes(id: AccountId, page: Page) {
    return lists.mutedBy(this.#deps.db, id, page, this.#deps.clock.nowMs())
  }

  listEndorsed(id: AccountId, page: Page) {
    return lists.endorsedBy(this.#deps.db, id, page)
  }

  async importFollows(edges: readonly FollowEdge[]): Promise<number> {
    if (edges.length > IMPORT_FOLLOWS_MAX) {
      throw new AppError('too_large', `At most ${IMPORT_FOLLOWS_MAX} follows can be imported at once`)
    }
    let added = 0
    for (let from = 0; from < edges.length; from += IMPORT_BATCH) {
      added += await this.#importBatch(this.#withinLimit(edges.slice(from, from + IMPORT_BATCH)))
    }
    return added
  }

  async apply(change: EventBodies['graph.changed' | 'follows.imported']): Promise<void> {
    await this.#loaded.promise
    if ('sources' in change) return this.#applyImport(change)
    const key = pairKey(change.source, change.target)
    if (this.#knows(key, change.version)) return
    await this.#queue.run(key, async () => {
      if (!this.#knows(key, change.version)) await this.#readAgain(change, change.version)
    })
  }

  /** Past the queue, as an import itself: what memory has of a newer version stays. */
  async #applyImport({ sources, targets, version }: EventBodies['follows.imported']): Promise<void> {
    const unknown = sources.flatMap((source, index): Ends[] => {
      const target = targets[index]
      return target === undefined || this.#knows(pairKey(source, target), version) ? [] : [{ source, target }]
    })
    if (unknown.length > 0) await this.#readAllAgain(unknown, version)
  }

  /** One change of one pair, from the lock to memory. */
  async #act(source: AccountId, target: AccountId, act: pairs.Act): Promise<void> {
    if (source === target) throw pairs.notAllowed()
    const ends = { source, target }
    const key = pairKey(source, target)
    await this.#queue.run(key, async () => {
      let committing = false
      try {
        const { pair, version, changed } = await this.#deps.db.transaction(async (tx) => {
          const done = await this.#actIn(tx, ends, act)
          committing = done.changed
          return done
        })
        this.#putAll([ends], [pair], version)
        if (!changed) return
        this.#siblings.tell(PAIRS, { ends: [ends], pairs: [pair], version })
        this.#deps.outbox.wake()
      } catch (error) {
        if (committing) void this.#readUntilKnown(ends)
        throw error
      }
    })
  }

  async #actIn(tx: Db, ends: Ends, act: pairs.Act): Promise<{ pair: pairs.Pair; version: bigint; changed: boolean }> {
    const first = await lockPairs(tx, [ends])
    const [before] = await readPairs(tx, [ends])
    if (before === undefined) throw new Error('one edge, one pair')
    const { pair, changes } = act(before)
    if (changes.length === 0) return { pair, version: first, changed: false }
    const back = { source: ends.target, target: ends.source }
    await writeEdge(tx, ends, before.out, pair.out)
    await writeEdge(tx, back, before.back, pair.back)
    const events = changes.map(({ edge, change }, index) =>
      changedEvent(edge === 'out' ? ends : back, change, first + BigInt(index)),
    )
    await this.#deps.outbox.append(tx, events)
    return { pair, version: first + BigInt(changes.length - 1), changed: true }
  }

  async #importBatch(edges: readonly Ends[]): Promise<number> {
    if (edges.length === 0) return 0
    let committing = false
    try {
      const { added, after, version } = await this.#deps.db.transaction(async (tx) => {
        const first = await lockPairs(tx, edges)
        const inserted = await insertFollows(tx, edges)
        if (inserted.length > 0) await this.#deps.outbox.append(tx, [importedEvent(inserted, first)])
        const done = { added: inserted, after: await readPairs(tx, inserted), version: first }
        committing = true
        return done
      })
      this.#putAll(added, after, version)
      if (added.length === 0) return 0
      this.#siblings.tell(PAIRS, { ends: added, pairs: after, version })
      this.#deps.outbox.wake()
      return added.length
    } catch (error) {
      if (committing) for (const ends of edges) void this.#readUntilKnown(ends)
      throw error
    }
  }

  /** Those whose source may follow so many more. */
  #withinLimit(edges: readonly Ends[]): Ends[] {
    const counts = new Map<AccountId, number>()
    return edges.filter(({ source }) => {
      const count = (counts.get(source) ?? this.#memory.followingCount(source)) + 1
      counts.set(source, count)
      return count <= FOLLOWING_MAX
    })
  }

  #knows(key: string, version: bigint): boolean {
    return this.#versions.of(key) >= version
  }

  /** `pair` has everything up to `version`, and perhaps more. */
  #put(ends: Ends, pair: pairs.Pair, version: bigint): void {
    const key = pairKey(ends.source, ends.target)
    // Only an import can have been faster: it does not queue. What is newer still is told by an event to come.
    if (this.#versions.of(key) > version) return
    this.#memory.setEdge(ends.source, ends.target, pair.out)
    this.#memory.setEdge(ends.target, ends.source, pair.back)
    this.#versions.set(key, version)
  }

  #putAll(edges: readonly Ends[], after: readonly pairs.Pair[], version: bigint): void {
    for (const [index, ends] of edges.entries()) {
      const pair = after[index]
      if (pair !== undefined) this.#put(ends, pair, version)
    }
  }

  /** What is committed now, which is at least `version`. */
  async #readAgain(ends: Ends, version: bigint): Promise<void> {
    await this.#readAllAgain([ends], version)
  }

  async #readAllAgain(ends: readonly Ends[], version: bigint): Promise<void> {
    const now = await readPairs(this.#deps.db, ends)
    this.#putAll(ends, now, version)
    // Timelines are written by what the leading thread knows: whoever builds one must know no less.
    if (this.#deps.leads !== false) this.#siblings.tell(PAIRS, { ends, pairs: now, version })
  }

  async #takeOver(message: BusMessage): Promise<void> {
    const isImport = message.type === 'follows.imported'
    const change = isImport ? decodeEvent('follows.imported', message) : decodeEvent('graph.changed', message)
    await untilItWorks(this.#deps, this.#failures, () => this.apply(change))
  }

  async #readUntilKnown(ends: Ends): Promise<void> {
    const key = pairKey(ends.source, ends.target)
    await untilItWorks(this.#deps, this.#failures, () =>
      this.#queue.run(key, () => this.#readAgain(ends, this.#versions.of(key))),
    )
  }
}
