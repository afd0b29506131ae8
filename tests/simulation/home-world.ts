/**
 * A small world whose homes are made by the real blocks (fanout, timeline cache, hydration, timeline service) over a store
 * and a graph in memory, where every answer and every message may be late.
 */
import type { AccountRecord } from '../../src/accounts/contract.ts'
import { encodeEvent, type EncodedEvent, type EventBodies, type Visibility } from '../../src/events/contract.ts'
import { startFanout } from '../../src/fanout/fanout.ts'
import { recentLives } from '../../src/fanout/lives.ts'
import { CachedHydration } from '../../src/hydration/hydration.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { Page } from '../../src/kit/page.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { NO_RELATION, type Relation } from '../../src/social-graph/contract.ts'
import type { Marks, StatusRecord, TimelineRow } from '../../src/status-store/contract.ts'
import { MergedAuthors, type TimelineCache } from '../../src/timeline-cache/contract.ts'
import { openSharedMemoryTimelines } from '../../src/timeline-cache/shared-memory.ts'
import type { TimelineService } from '../../src/timeline-service/contract.ts'
import { openTimelineService } from '../../src/timeline-service/service.ts'
import { asRecord, handClock, plainStatus, statusId } from '../world/statuses.ts'
import { accountView } from '../world/views.ts'
import { PairFacts } from './pair-facts.ts'
import type { Schedule } from './schedule.ts'
import { SlowBus } from './slow-bus.ts'

const NO_MARKS: Marks = { favourited: false, boosted: false, bookmarked: false, pinned: false, muted: false }

export interface Draft {
  visibility?: Visibility
  mentions?: AccountId[]
  inReplyTo?: StatusRecord
  boostOf?: StatusRecord
}

export class HomeWorld {
  readonly schedule: Schedule
  readonly people: readonly AccountId[]
  /** What is committed. */
  readonly statuses = new Map<StatusId, StatusRecord>()
  readonly suspended = new Set<AccountId>()
  readonly facts = new PairFacts()
  readonly cache: TimelineCache
  readonly timelines: TimelineService
  readonly hydration: CachedHydration
  readonly bus: SlowBus
  readonly graph: ReturnType<HomeWorld['makeGraph']>
  /** What this process believes of the graph: behind the commit, until it is applied. */
  readonly #memory = new PairFacts()
  #lastId = 0n

  constructor(schedule: Schedule, options: { people: number; followersMax: number }) {
    this.schedule = schedule
    this.people = Array.from({ length: options.people }, (_, n) => BigInt(n + 1) as AccountId)
    this.bus = new SlowBus(schedule)
    const clock = handClock()
    const engine = { clock, bytesLimit: 2 ** 20, placeOf: (owner: AccountId) => Number(owner) }
    this.cache = this.#slowed(openSharedMemoryTimelines(engine))
    const graph = this.makeGraph()
    this.graph = graph
    const statuses = this.#store()
    this.hydration = new CachedHydration({
      accounts: { byIds: (ids) => this.#answer(() => ids.map((id) => this.#account(id))) },
      oauth: { appById: async () => undefined },
      media: { byIds: async () => [] },
      graph,
      statuses,
    })
    this.hydration.listenTo(this.bus)
    const merged = new MergedAuthors(options.followersMax)
    const shared = { bus: this.bus, cache: this.cache, graph, merged, statuses }
    this.timelines = openTimelineService({ ...shared, hydration: this.hydration, log: silentLog })
    startFanout({ ...shared, clock, lives: recentLives() })
  }

  // Acts resolve when the person has the answer.

  async post(author: AccountId, draft: Draft = {}): Promise<StatusRecord> {
    // Minted before the commit: ids become visible out of order.
    const id = statusId(++this.#lastId)
    await this.schedule.pause()
    const { inReplyTo, boostOf, visibility = 'public', mentions = [] } = draft
    const isGone = (needed: StatusRecord | undefined) => needed !== undefined && !this.statuses.has(needed.id)
    const status: StatusRecord = asRecord({
      ...plainStatus(Number(id)),
      accountId: author,
      visibility,
      mentions,
      boostOf: boostOf?.id ?? null,
      inReplyTo: inReplyTo?.id ?? null,
      inReplyToAccount: inReplyTo?.accountId ?? null,
    })
    if (isGone(inReplyTo) || isGone(boostOf)) return status // refused
    this.statuses.set(id, status)
    this.#tell(author, 'status.created', createdEvent(status, boostOf))
    await this.schedule.pause()
    return status
  }

  async remove({ id }: StatusRecord): Promise<void> {
    await this.schedule.pause()
    const gone = [...this.statuses.values()].filter((status) => status.id === id || status.boostOf === id)
    for (const status of gone) {
      this.statuses.delete(status.id)
      const { boostOf, accountId: author, visibility, mentions } = status
      this.#tell(author, 'status.deleted', { id: status.id, author, boostOf, visibility, mentions: [...mentions] })
    }
    this.hydration.forgetStatus(id)
    for (const status of gone) this.hydration.forgetStatus(status.id)
    await this.schedule.pause()
  }

  follow(source: AccountId, target: AccountId): Promise<void> {
    return this.#changePair(source, target, 'followed', (facts) => {
      const isBlocked = facts.has('blocks', source, target) || facts.has('blocks', target, source)
      if (!isBlocked) facts.add('follows', source, target)
      return !isBlocked
    })
  }

  unfollow(source: AccountId, target: AccountId): Promise<void> {
    return this.#changePair(source, target, 'unfollowed', (facts) => facts.delete('follows', source, target))
  }

  block(source: AccountId, target: AccountId): Promise<void> {
    return this.#changePair(source, target, 'blocked', (facts) => {
      facts.delete('follows', source, target)
      facts.delete('follows', target, source)
      facts.add('blocks', source, target)
      return true
    })
  }

  unblock(source: AccountId, target: AccountId): Promise<void> {
    return this.#changePair(source, target, 'unblocked', (facts) => facts.delete('blocks', source, target))
  }

  mute(source: AccountId, target: AccountId): Promise<void> {
    return this.#changePair(source, target, 'muted', (facts) => {
      facts.add('mutes', source, target)
      return true
    })
  }

  unmute(source: AccountId, target: AccountId): Promise<void> {
    return this.#changePair(source, target, 'unmuted', (facts) => facts.delete('mutes', source, target))
  }

  async setSuspended(id: AccountId, suspended: boolean): Promise<void> {
    await this.schedule.pause()
    if (suspended) this.suspended.add(id)
    else this.suspended.delete(id)
    this.hydration.forgetAccount(id)
    this.#tell(id, 'account.changed', { id, change: suspended ? 'suspended' : 'unsuspended' })
    await this.schedule.pause()
  }

  async #changePair(
    source: AccountId,
    target: AccountId,
    change: EventBodies['graph.changed']['change'],
    act: (facts: PairFacts) => boolean,
  ): Promise<void> {
    await this.schedule.pause()
    if (!act(this.facts)) return
    const version = this.facts.bumpVersion(source, target)
    this.#tell(source, 'graph.changed', { source, target, change, version })
    await this.schedule.pause()
    this.#memory.copyPair(this.facts, source, target)
    await this.schedule.pause()
  }

  #tell<T extends EncodedEvent['type']>(key: AccountId, type: T, body: EventBodies[T]): void {
    this.bus.send([encodeEvent(type, key, body)])
  }

  /** A question to another process: it travels, is answered at one moment, and the answer travels back. */
  async #answer<T>(read: () => T): Promise<T> {
    await this.schedule.pause()
    const answer = read()
    await this.schedule.pause()
    return answer
  }

  #account(id: AccountId): AccountRecord {
    return accountView(id, `person${id}`, { suspended: this.suspended.has(id) }).account
  }

  makeGraph() {
    const memory = this.#memory
    const relation = (viewer: AccountId, target: AccountId): Relation => ({
      ...NO_RELATION,
      following: memory.has('follows', viewer, target),
      showingBoosts: memory.has('follows', viewer, target),
      followedBy: memory.has('follows', target, viewer),
      blocking: memory.has('blocks', viewer, target),
      blockedBy: memory.has('blocks', target, viewer),
      muting: memory.has('mutes', viewer, target),
    })
    let changes = 0
    return {
      // Another number each time: it may have changed.
      get changes() {
        return (changes += 1)
      },
      relation,
      changesAround: () => undefined,
      regards: (viewer: AccountId) => (target: AccountId) => relation(viewer, target),
      following: (viewer: AccountId) => this.people.filter((target) => memory.has('follows', viewer, target)),
      followerCount: (target: AccountId) => this.#followers(target).length,
      followingCount: (viewer: AccountId) => this.people.filter((one) => memory.has('follows', viewer, one)).length,
      placeOf: (owner: AccountId) => Number(owner),
      followerPlaces: (author: AccountId) => Uint32Array.from(this.#followers(author), Number),
      followersPage: (author: AccountId) => ({ followers: this.#followers(author), lastIndex: this.people.length }),
      apply: async ({ source, target, version }: EventBodies['graph.changed']) => {
        if (memory.version(source, target) >= version) return
        await this.#answer(() => memory.copyPair(this.facts, source, target))
      },
    }
  }

  #followers(author: AccountId): AccountId[] {
    return this.people.filter((source) => this.#memory.has('follows', source, author))
  }

  #store() {
    const unused = () => Promise.reject(new Error('not simulated'))
    const byIds = (ids: readonly StatusId[]) => this.#answer(() => ids.flatMap((id) => this.statuses.get(id) ?? []))
    return {
      byIds,
      counts: async () => new Map(),
      authorStats: async () => new Map(),
      polls: async () => new Map(),
      marks: async (_viewer: AccountId, records: readonly StatusRecord[]) =>
        new Map(records.map(({ id }) => [id, NO_MARKS])),
      homeIds: (authors: readonly AccountId[], page: Page, viewer?: AccountId) =>
        this.#answer(() => this.#homeRows(authors, page, viewer)),
      publicIds: unused,
      tagIds: unused,
      accountIds: unused,
      favouriteIds: unused,
      bookmarkIds: unused,
      conversation: unused,
    }
  }

  #homeRows(authors: readonly AccountId[], page: Page, viewer: AccountId | undefined): TimelineRow[] {
    const above = page.minId ?? page.sinceId ?? 0n
    const rows = [...this.statuses.values()]
      .filter(({ id, accountId }) => authors.includes(accountId) && id > above && id < (page.maxId ?? 2n ** 63n))
      .filter(({ visibility, accountId, mentions }) => {
        const takesPart = viewer === undefined || accountId === viewer || mentions.includes(viewer)
        return visibility !== 'direct' || takesPart
      })
      .toSorted((a, b) => (a.id < b.id ? 1 : -1))
      .map((status) => ({ ...createdEvent(status, undefined), inReplyToAccount: status.inReplyToAccount }))
    return page.minId === undefined ? rows.slice(0, page.limit) : rows.slice(-page.limit)
  }

  /** Every step of an engine that is reached over a network. */
  #slowed(engine: TimelineCache): TimelineCache {
    const late = async <Result>(act: () => Promise<Result>): Promise<Result> => {
      await this.schedule.pause()
      const result = await act()
      await this.schedule.pause()
      return result
    }
    return {
      ...engine,
      insert: (entry, owners) => late(() => engine.insert(entry, owners)),
      remove: (id, owners) => late(() => engine.remove(id, owners)),
      read: (owner, page) => late(() => engine.read(owner, page)),
      beginBuild: (owner) => late(() => engine.beginBuild(owner)),
      finishBuild: (ticket, entries, floor) => late(() => engine.finishBuild(ticket, entries, floor)),
      merge: (owner, entries, floor) => late(() => engine.merge(owner, entries, floor)),
      removeAuthor: (owner, author) => late(() => engine.removeAuthor(owner, author)),
      drop: (owner) => late(() => engine.drop(owner)),
    }
  }
}

function createdEvent(status: StatusRecord, boosted: StatusRecord | undefined): EventBodies['status.created'] {
  return {
    id: status.id,
    author: status.accountId,
    visibility: status.visibility,
    boostOf: status.boostOf,
    boostedAuthor: boosted?.accountId ?? null,
    inReplyTo: status.inReplyTo,
    inReplyToAuthor: status.inReplyToAccount,
    mentions: [...status.mentions],
    acceptedAtMs: status.createdAtMs,
  }
}
