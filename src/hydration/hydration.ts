/**
 * Ids → whole statuses. What is the same for every viewer (core, counts, author) comes from bounded caches; the viewer's
 * own marks are asked for per read. Caches are kept true by events (`hear`), and at once for what this process wrote.
 */
import type { AccountRecord, Accounts, OAuth } from '../accounts/contract.ts'
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent } from '../events/contract.ts'
import { notFound } from '../kit/errors.ts'
import type { Media } from '../media/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { Relation, SocialGraph } from '../social-graph/contract.ts'
import type {
  AuthorStats,
  Marks,
  PollRecord,
  StatusCounts,
  StatusRecord,
  StatusStore,
} from '../status-store/contract.ts'
import { BatchCache } from './batch-cache.ts'
import {
  canSee,
  type AccountView,
  type Hydration,
  type StatusView,
  type WarmReading,
  type WarmStatuses,
  type Written,
} from './contract.ts'
import { MarksCache } from './marks-cache.ts'
import { byId, loadApps, loadCores, shownMentions, type StatusCore } from './status-cores.ts'
import { WarmViews } from './warm-views.ts'

const STATUSES_CACHED_MAX = 100_000
const ACCOUNTS_CACHED_MAX = 100_000
const APPS_CACHED_MAX = 1_000
const POLLS_CACHED_MAX = 10_000

export interface HydrationDeps {
  accounts: Pick<Accounts, 'byIds'>
  oauth: Pick<OAuth, 'appById'>
  graph: Pick<SocialGraph, 'changes' | 'relation' | 'followerCount' | 'followingCount'>
  statuses: Pick<StatusStore, 'byIds' | 'counts' | 'marks' | 'authorStats' | 'polls'>
  media: Pick<Media, 'byIds'>
}

/** Statuses written here whose event may still come. */
const OWN_WRITES_MAX = 10_000

const NO_COUNTS: StatusCounts = { replies: 0, boosts: 0, favourites: 0 }
const NO_STATS: AuthorStats = { statuses: 0, lastStatusAtMs: null }

export class CachedHydration implements Hydration {
  readonly #deps: HydrationDeps
  readonly #cores: BatchCache<StatusId, StatusCore>
  readonly #counts: BatchCache<StatusId, StatusCounts>
  readonly #accounts: BatchCache<AccountId, AccountRecord>
  readonly #stats: BatchCache<AccountId, AuthorStats>
  readonly #apps: BatchCache<bigint, { name: string; website: string | null }>
  readonly #polls: BatchCache<StatusId, PollRecord>
  readonly #marks: MarksCache
  readonly #warm: WarmViews
  /** Statuses that `expect` has taken over: the event that tells of one tells nothing new. */
  readonly #ownWrites = new Set<StatusId>()

  constructor(deps: HydrationDeps) {
    this.#deps = deps
    const loading = {
      ...deps,
      people: (ids: Set<AccountId>) => this.#accounts.get(ids),
      apps: (ids: Set<bigint>) => this.#apps.get(ids),
    }
    const forgetStatus = (id: StatusId | undefined) => this.#warm.forgetStatus(id)
    const forgetAccount = (id: AccountId | undefined) => this.#warm.forgetAccount(id)
    const loadAccounts = async (ids: AccountId[]) => byId(await deps.accounts.byIds(ids), (account) => account.id)
    this.#cores = new BatchCache(STATUSES_CACHED_MAX, (ids) => loadCores(loading, ids), forgetStatus)
    this.#counts = new BatchCache(STATUSES_CACHED_MAX, (ids) => deps.statuses.counts(ids), forgetStatus)
    this.#accounts = new BatchCache(ACCOUNTS_CACHED_MAX, loadAccounts, forgetAccount)
    this.#stats = new BatchCache(ACCOUNTS_CACHED_MAX, (ids) => deps.statuses.authorStats(ids), forgetAccount)
    this.#apps = new BatchCache(APPS_CACHED_MAX, (ids) => loadApps(deps.oauth, ids))
    this.#polls = new BatchCache(POLLS_CACHED_MAX, (ids) => deps.statuses.polls(ids), forgetStatus)
    this.#marks = new MarksCache((viewer, statuses) => deps.statuses.marks(viewer, statuses))
    this.#warm = new WarmViews({
      core: (id) => this.#cores.peek(id),
      counts: (id) => this.#counts.peek(id),
      account: (id) => this.#accounts.peek(id),
      stats: (id) => this.#stats.peek(id),
      poll: (id) => this.#polls.peek(id),
      graph: deps.graph,
    })
  }

  async statuses(ids: readonly StatusId[], viewer: AccountId | undefined): Promise<StatusView[]> {
    const read = await this.#read(ids, viewer)
    return ids.flatMap((id) => this.#view(id, read, true) ?? [])
  }

  async unjudged(id: StatusId): Promise<StatusView | undefined> {
    return this.#view(id, await this.#read([id], undefined), false)
  }

  async #read(ids: readonly StatusId[], viewer: AccountId | undefined): Promise<Read> {
    const asked = await this.#cores.get(ids)
    const boosted = new Set(
      [...asked.values()].flatMap(({ status }) => (status.boostOf === null ? [] : [status.boostOf])),
    )
    const originals = boosted.size === 0 ? new Map<StatusId, StatusCore>() : await this.#cores.get(boosted)
    const cores = new Map([...originals, ...asked])
    const records = [...cores.values()].map((core) => core.status)
    const [counts, authors, marks, polls] = await Promise.all([
      this.#counts.get(cores.keys()),
      this.#accountViews(new Set(records.map((status) => status.accountId))),
      viewer === undefined ? undefined : this.#marks.get(viewer, records),
      this.#pollsOf(records),
    ])
    return { viewer, cores, counts, authors, marks, polls, relations: new Map() }
  }

  async status(id: StatusId, viewer: AccountId | undefined): Promise<StatusView> {
    const view = this.#viewInMemory(id, viewer) ?? (await this.statuses([id], viewer))[0]
    if (view === undefined) throw notFound()
    return view
  }

  inMemory(ids: readonly StatusId[], reader: WarmReading, shown: WarmStatuses): boolean {
    const { marks, isStill } = this.#marks.tableOf(reader.viewer)
    shown.watches.push(isStill)
    return this.#warm.add(ids, { ...reader, known: marks }, shown)
  }

  async accounts(ids: readonly AccountId[]): Promise<AccountView[]> {
    const inMemory = ids.flatMap((id) => this.#accountInMemory(id) ?? [])
    if (inMemory.length === ids.length) return inMemory
    const views = await this.#accountViews(new Set(ids))
    return ids.flatMap((id) => views.get(id) ?? [])
  }

  expect(statuses: readonly Pick<StatusRecord, 'accountId' | 'id'>[]): (outcome: Written) => void {
    const ids = statuses.map(({ id }) => id)
    const authors = new Set(statuses.map(({ accountId }) => accountId))
    const knowCores = this.#cores.expect(ids)
    const knowCounts = this.#counts.expect(ids)
    const knowStats = this.#stats.expect(authors)
    const knowMarks = Array.from(authors, (author) => ({ author, know: this.#marks.expect(author) }))
    return (outcome) => {
      const written = outcome.statuses
      const cores = written.flatMap((status) => this.#knownCore(status) ?? [])
      knowCores(byId(cores, ({ status }) => status.id))
      knowCounts(new Map(written.map(({ id }) => [id, NO_COUNTS])))
      knowStats(outcome.stats)
      for (const { id, inReplyTo } of written) {
        if (inReplyTo !== null) this.#counts.forget(inReplyTo)
        this.#noteOwnWrite(id)
      }
      const byAuthor = Map.groupBy(written, ({ accountId }) => accountId)
      // A reply may belong to a conversation that its author has muted.
      for (const { author, know } of knowMarks) {
        know((byAuthor.get(author) ?? []).flatMap(({ id, inReplyTo }) => (inReplyTo === null ? [id] : [])))
      }
    }
  }

  forgetStatus(id: StatusId): void {
    this.#cores.forget(id)
    this.#counts.forget(id)
    this.#polls.forget(id)
  }

  forgetAccount(id: AccountId): void {
    this.#accounts.forget(id)
    this.#stats.forget(id)
  }

  forgetMarks(viewer: AccountId, status: StatusId | undefined): void {
    if (status === undefined) this.#marks.forgetViewer(viewer)
    else this.#marks.forget(viewer, status)
  }

  /** Follows what other threads and processes change. */
  listenTo(bus: Pick<Bus, 'listen'>): Disposable {
    return bus.listen(
      [
        'status.created',
        'status.edited',
        'status.deleted',
        'statuses.imported',
        'favourite.added',
        'favourite.removed',
        'bookmark.added',
        'bookmark.removed',
        'poll.voted',
        'poll.closed',
        'status.pinned',
        'status.unpinned',
        'conversation.muted',
        'conversation.unmuted',
        'account.changed',
      ],
      (message) => this.#hear(message),
    )
  }

  /** How many statuses and accounts are held, for metrics. */
  sizes(): { statuses: number; accounts: number } {
    return { statuses: this.#cores.size, accounts: this.#accounts.size }
  }

  #hear(message: BusMessage): void {
    switch (message.type) {
      case 'status.created': {
        const { id, author, boostOf, inReplyTo } = decodeEvent('status.created', message)
        if (this.#ownWrites.delete(id)) return
        if (boostOf !== null) this.#forgetBoost(author, boostOf)
        if (inReplyTo !== null) this.#counts.forget(inReplyTo)
        this.#stats.forget(author)
        return
      }
      case 'status.edited':
        this.forgetStatus(decodeEvent('status.edited', message).id)
        return
      case 'status.deleted': {
        const { id, author, boostOf, inReplyTo } = decodeEvent('status.deleted', message)
        // An older process does not name the parent, whose count of replies fell: it is in the core, if anyone has read it.
        const parent = inReplyTo ?? this.#cores.peek(id)?.status.inReplyTo
        if (parent !== undefined && parent !== null) this.#counts.forget(parent)
        this.forgetStatus(id)
        if (boostOf !== null) this.#forgetBoost(author, boostOf)
        this.#stats.forget(author)
        return
      }
      case 'statuses.imported':
        // Replies and boosts came to statuses that the event does not name.
        this.#counts.forgetAll()
        this.#stats.forgetAll()
        this.#marks.forgetAll()
        return
      case 'favourite.added':
      case 'favourite.removed': {
        const { status, by } = decodeEvent(message.type, message)
        this.#counts.forget(status)
        this.#marks.forget(by, status)
        return
      }
      case 'poll.voted': {
        const { status, by } = decodeEvent('poll.voted', message)
        this.#polls.forget(status)
        this.#marks.forget(by, status)
        return
      }
      case 'poll.closed':
        this.#polls.forget(decodeEvent('poll.closed', message).status)
        return
      case 'bookmark.added':
      case 'bookmark.removed':
      case 'status.pinned':
      case 'status.unpinned': {
        const { status, by } = decodeEvent(message.type, message)
        this.#marks.forget(by, status)
        return
      }
      case 'conversation.muted':
      case 'conversation.unmuted':
        this.#marks.forgetViewer(decodeEvent(message.type, message).by)
        return
      case 'account.changed': {
        const { id, change } = decodeEvent('account.changed', message)
        this.forgetAccount(id)
        // Statuses name whom they mention, but nobody who is suspended; who mentions them is not known. It is rare.
        if (change !== 'profile' && change !== 'created') this.#cores.forgetAll()
      }
    }
  }

  #forgetBoost(by: AccountId, of: StatusId): void {
    this.#counts.forget(of)
    this.#marks.forget(by, of)
  }

  #view(id: StatusId, read: Read, judged: boolean): StatusView | undefined {
    const core = read.cores.get(id)
    const author = core === undefined ? undefined : read.authors.get(core.status.accountId)
    if (core === undefined || author === undefined) return undefined
    const sight = { authorSuspended: author.account.suspended, relation: this.#relation(core.status.accountId, read) }
    if (judged && !canSee(read.viewer, core.status, sight)) return undefined
    const { boostOf } = core.status
    const original = boostOf === null ? undefined : this.#view(boostOf, read, judged)
    if (boostOf !== null && original === undefined) return undefined
    const view: StatusView = {
      status: core.status,
      author,
      boostOf: original,
      media: core.media,
      mentions: core.mentions,
      counts: read.counts.get(id) ?? NO_COUNTS,
      app: core.app,
      marks: read.marks?.get(id),
    }
    const poll = core.status.hasPoll === true ? read.polls?.get(id) : undefined
    if (poll !== undefined) view.poll = poll
    return view
  }

  /** Undefined where nothing asks, which is nearly always. */
  async #pollsOf(records: readonly StatusRecord[]): Promise<Map<StatusId, PollRecord> | undefined> {
    const asking = records.filter(({ hasPoll }) => hasPoll === true)
    return asking.length === 0 ? undefined : this.#polls.get(asking.map(({ id }) => id))
  }

  /** What `status` gives, of a status that is no boost, if all of it is in memory and the viewer may see it. */
  #viewInMemory(id: StatusId, viewer: AccountId | undefined): StatusView | undefined {
    const core = this.#cores.peek(id)
    if (core === undefined || core.status.boostOf !== null || core.status.hasPoll === true) return undefined
    const author = this.#accountInMemory(core.status.accountId)
    const counts = this.#counts.peek(id)
    const marks = viewer === undefined ? undefined : this.#marks.peek(viewer, id)
    if (author === undefined || counts === undefined || (viewer !== undefined && marks === undefined)) return undefined
    const relation = viewer === undefined ? undefined : this.#deps.graph.relation(viewer, author.account.id)
    if (!canSee(viewer, core.status, { authorSuspended: author.account.suspended, relation })) return undefined
    const { status, media, mentions, app } = core
    return { status, author, boostOf: undefined, media, mentions, counts, app, marks }
  }

  #accountInMemory(id: AccountId): AccountView | undefined {
    const account = this.#accounts.peek(id)
    const stats = this.#stats.peek(id)
    return account === undefined || stats === undefined ? undefined : this.#accountView(account, stats)
  }

  #accountView(account: AccountRecord, { statuses, lastStatusAtMs }: AuthorStats): AccountView {
    const { graph } = this.#deps
    const followers = graph.followerCount(account.id)
    const following = graph.followingCount(account.id)
    return { account, followers, following, statuses, lastStatusAtMs }
  }

  #relation(author: AccountId, read: Read): Relation | undefined {
    if (read.viewer === undefined) return undefined
    const known = read.relations.get(author) ?? this.#deps.graph.relation(read.viewer, author)
    read.relations.set(author, known)
    return known
  }

  async #accountViews(ids: Set<AccountId>): Promise<Map<AccountId, AccountView>> {
    const [accounts, stats] = await Promise.all([this.#accounts.get(ids), this.#stats.get(ids)])
    const views = new Map<AccountId, AccountView>()
    for (const [id, account] of accounts) views.set(id, this.#accountView(account, stats.get(id) ?? NO_STATS))
    return views
  }

  #noteOwnWrite(id: StatusId): void {
    this.#ownWrites.add(id)
    if (this.#ownWrites.size <= OWN_WRITES_MAX) return
    const oldest = this.#ownWrites.values().next()
    if (oldest.done !== true) this.#ownWrites.delete(oldest.value)
  }

  /** The core of a status just written, if all that belongs to it is in memory. */
  #knownCore(status: StatusRecord): StatusCore | undefined {
    const mentioned = status.mentions.map((id) => this.#accounts.peek(id))
    const app = status.appId === null ? undefined : this.#apps.peek(status.appId)
    const isKnown = status.media.length === 0 && !mentioned.includes(undefined)
    if (!isKnown || (status.appId !== null && app === undefined)) return undefined
    const mentions = mentioned.flatMap((person) => (person === undefined ? [] : [person]))
    return { status, media: [], mentions: shownMentions(mentions), app }
  }
}

/** What one read has gathered. */
interface Read {
  viewer: AccountId | undefined
  cores: Map<StatusId, StatusCore>
  counts: Map<StatusId, StatusCounts>
  authors: Map<AccountId, AccountView>
  marks: Map<StatusId, Marks> | undefined
  polls: Map<StatusId, PollRecord> | undefined
  relations: Map<AccountId, Relation>
}
