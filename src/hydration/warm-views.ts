/**
 * Whole statuses that are read over and over: one view each, the same object for every viewer and from read to read as long
 * as nothing in it changes. Made of what the caches of Hydration hold, and never waiting: what is missing there is missing
 * here.
 *
 * A view is true until a cache forgets one of its parts: Hydration says so at that moment (`forgetStatus`,
 * `forgetAccount`). The numbers of followers belong to the graph, which tells nobody: they are compared again when it changed.
 */
import type { AccountRecord } from '../accounts/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { Regard, SocialGraph } from '../social-graph/contract.ts'
import type { AuthorStats, Marks, PollRecord, StatusCounts } from '../status-store/contract.ts'
import { canSee, type AccountView, type StatusView, type WarmReading, type WarmStatuses } from './contract.ts'
import type { StatusCore } from './status-cores.ts'

/** Of each: some 300 bytes, and two to three kilobytes of JSON that `mastodon/status-json.ts` keeps with a status. */
const WARM_MAX = 50_000

/** What the caches hold; undefined where they do not. */
export interface WarmParts {
  core(id: StatusId): StatusCore | undefined
  counts(id: StatusId): StatusCounts | undefined
  account(id: AccountId): AccountRecord | undefined
  stats(id: AccountId): AuthorStats | undefined
  poll(id: StatusId): PollRecord | undefined
  readonly graph: Pick<SocialGraph, 'changes' | 'followerCount' | 'followingCount'>
}

interface WarmAuthor {
  /** False once a part was forgotten, or it was dropped and would not hear of that: whoever holds it makes a new one. */
  alive: boolean
  view: AccountView
  /** Of the graph, when the numbers were last compared. */
  graphChanges: number
}

interface WarmStatus {
  alive: boolean
  readonly view: StatusView
  readonly author: WarmAuthor
  /** The boosted status. */
  readonly original: WarmStatus | undefined
}

export class WarmViews {
  readonly #parts: WarmParts
  readonly #statuses: Generations<StatusId, WarmStatus>
  readonly #authors: Generations<AccountId, WarmAuthor>

  /** `max`: statuses held, and authors. */
  constructor(parts: WarmParts, max = WARM_MAX) {
    this.#parts = parts
    this.#statuses = new Generations(max, (status) => (status.alive = false))
    this.#authors = new Generations(max, (author) => (author.alive = false))
  }

  /** Adds what the reader is shown; see `Hydration.inMemory`. `known`: their marks. */
  add(
    ids: readonly StatusId[],
    { viewer, regardOf, isShown, limit, known }: WarmReading & { known: ReadonlyMap<StatusId, Marks> },
    { views, marks, watches }: WarmStatuses,
  ): boolean {
    const looked: WarmStatus[] = []
    watches.push(() => looked.every((status) => this.#isTrue(status)))
    for (const id of ids) {
      if (views.length >= limit) return true
      const status = this.#status(id)
      if (status === undefined) return false
      looked.push(status)
      const { view } = status
      if (!isSeen(viewer, view, regardOf) || !isShown(view)) continue
      const own = known.get((view.boostOf ?? view).status.id)
      if (own === undefined) return false
      views.push(view)
      marks.push(own)
    }
    return true
  }

  forgetStatus(id: StatusId | undefined): void {
    for (const status of this.#statuses.take(id)) status.alive = false
  }

  forgetAccount(id: AccountId | undefined): void {
    for (const author of this.#authors.take(id)) author.alive = false
  }

  /** Undefined when anything of it is not in memory, or does not exist. */
  #status(id: StatusId): WarmStatus | undefined {
    const known = this.#statuses.get(id)
    if (known !== undefined && this.#isTrue(known)) return known
    const made = this.#make(id)
    if (made !== undefined) this.#statuses.set(id, made)
    return made
  }

  #isTrue({ alive, author, original, view }: WarmStatus): boolean {
    if (!alive || !author.alive) return false
    if (author.graphChanges !== this.#parts.graph.changes) this.#recount(author)
    return view.author === author.view && (original === undefined || this.#isTrue(original))
  }

  #make(id: StatusId): WarmStatus | undefined {
    const core = this.#parts.core(id)
    const counts = this.#parts.counts(id)
    if (core === undefined || counts === undefined) return undefined
    const { app, media, mentions, status } = core
    const author = this.#author(status.accountId)
    const original = status.boostOf === null ? undefined : this.#status(status.boostOf)
    if (author === undefined || (status.boostOf !== null && original === undefined)) return undefined
    const boostOf = original?.view
    const poll = status.hasPoll === true ? this.#parts.poll(id) : undefined
    if (status.hasPoll === true && poll === undefined) return undefined
    const shared = { status, author: author.view, boostOf, media, mentions, counts, app, marks: undefined }
    const view: StatusView = poll === undefined ? shared : { ...shared, poll }
    return { alive: true, view, author, original }
  }

  #author(id: AccountId): WarmAuthor | undefined {
    const known = this.#authors.get(id)
    if (known?.alive === true) {
      if (known.graphChanges !== this.#parts.graph.changes) this.#recount(known)
      return known
    }
    const { graph } = this.#parts
    const account = this.#parts.account(id)
    const stats = this.#parts.stats(id)
    if (account === undefined || stats === undefined) return undefined
    const numbers = { followers: graph.followerCount(id), following: graph.followingCount(id) }
    const author = { alive: true, view: { account, ...stats, ...numbers }, graphChanges: graph.changes }
    this.#authors.set(id, author)
    return author
  }

  /** Another view if the numbers differ, so that the statuses that hold the old one are made again. */
  #recount(author: WarmAuthor): void {
    const { graph } = this.#parts
    const { view } = author
    const followers = graph.followerCount(view.account.id)
    const following = graph.followingCount(view.account.id)
    if (followers !== view.followers || following !== view.following) author.view = { ...view, followers, following }
    author.graphChanges = graph.changes
  }
}

/** `canSee`, of a whole view. */
function isSeen(
  viewer: AccountId,
  { author, boostOf, status }: StatusView,
  regardOf: (target: AccountId) => Regard,
): boolean {
  const sight = { authorSuspended: author.account.suspended, relation: regardOf(status.accountId) }
  return canSee(viewer, status, sight) && (boostOf === undefined || isSeen(viewer, boostOf, regardOf))
}

/** Values by key, bounded: what was not touched since the younger half filled up goes (see `batch-cache.ts`). */
class Generations<Key, Value> {
  readonly #generationMax: number
  readonly #dropped: (value: Value) => void
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  constructor(valuesMax: number, dropped: (value: Value) => void) {
    this.#generationMax = valuesMax / 2
    this.#dropped = dropped
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: Key, value: Value): void {
    this.#old.delete(key)
    this.#young.set(key, value)
    if (this.#young.size < this.#generationMax) return
    for (const gone of this.#old.values()) this.#dropped(gone)
    this.#old = this.#young
    this.#young = new Map()
  }

  /** Removes the value of a key, or all, and gives what there was. */
  take(key: Key | undefined): Value[] {
    if (key === undefined) {
      const all = [...this.#young.values(), ...this.#old.values()]
      this.#young.clear()
      this.#old.clear()
      return all
    }
    const value = this.#young.get(key) ?? this.#old.get(key)
    this.#young.delete(key)
    this.#old.delete(key)
    return value === undefined ? [] : [value]
  }
}
