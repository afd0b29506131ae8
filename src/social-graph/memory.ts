/** The graph in memory: follows as integers in both directions, everything rarer in maps. Reads are synchronous. */
import type { AccountId } from '../snowflake/contract.ts'
import { AccountPlaces } from './account-places.ts'
import { Adjacency } from './adjacency.ts'
import { NO_RELATION, type Regard, type Relation } from './contract.ts'
import { PairMap } from './pair-map.ts'
import { hasLapsed, NO_EDGE, PLAIN_FOLLOW, sameFollow, type Edge, type Follow, type Mute } from './pair.ts'

/** An account never seen has no edges. */
const NOWHERE = -1
const FIRST_PLACES = 1_024

/** Of someone who is followed, with nothing else to tell. */
const FOLLOWED: Regard = Object.freeze({ ...NO_RELATION, following: true, showingBoosts: true })

export class GraphMemory {
  readonly #places = new AccountPlaces()
  readonly #following = new Adjacency()
  readonly #followers = new Adjacency()
  /** Of follows that are not plain. */
  readonly #options = new PairMap<Follow>()
  /** By target: who follows it with the bell. */
  readonly #bells = new Map<number, Set<number>>()
  readonly #requests = new PairMap<Follow>()
  readonly #blocks = new PairMap<true>()
  readonly #mutes = new PairMap<Mute>()
  readonly #endorsements = new PairMap<true>()
  #changes = 0
  /** By place: how often a relation from or to it changed. */
  #changesAt = new Uint32Array(FIRST_PLACES)

  get changes(): number {
    return this.#changes
  }

  get follows(): number {
    return this.#following.count
  }

  /** Of follows and accounts; what is in maps is not counted. */
  get bytes(): number {
    return this.#following.bytes + this.#followers.bytes + this.#places.bytes
  }

  /** Adds a plain follow out of order: `settle` must follow before anything is read. */
  loadFollow(source: AccountId, target: AccountId): void {
    const [from, to] = [this.#places.ensure(source), this.#places.ensure(target)]
    this.#following.append(from, to)
    this.#followers.append(to, from)
  }

  settle(): void {
    this.#changes += 1
    this.#following.settle()
    this.#followers.settle()
  }

  edge(source: AccountId, target: AccountId): Edge {
    const [from, to] = [this.#places.find(source), this.#places.find(target)]
    return from === NOWHERE || to === NOWHERE ? NO_EDGE : this.#edgeBetween(from, to)
  }

  setEdge(source: AccountId, target: AccountId, edge: Edge): void {
    this.#changes += 1
    const [from, to] = [this.#places.ensure(source), this.#places.ensure(target)]
    this.#noteChange(from)
    this.#noteChange(to)
    if (edge.follow === null) {
      this.#following.remove(from, to)
      this.#followers.remove(to, from)
    } else {
      this.#following.add(from, to)
      this.#followers.add(to, from)
    }
    const isPlain = edge.follow === null || sameFollow(edge.follow, PLAIN_FOLLOW)
    this.#options.set(from, to, isPlain ? undefined : (edge.follow ?? undefined))
    this.#setBell(from, to, edge.follow?.notify === true)
    this.#requests.set(from, to, edge.request ?? undefined)
    this.#blocks.set(from, to, edge.blocked || undefined)
    this.#mutes.set(from, to, edge.mute ?? undefined)
    this.#endorsements.set(from, to, edge.endorsed || undefined)
  }

  relation(viewer: AccountId, target: AccountId, nowMs: number): Relation {
    const [from, to] = [this.#places.find(viewer), this.#places.find(target)]
    if (from === NOWHERE || to === NOWHERE || from === to) return NO_RELATION
    const { follow, request, blocked, mute, endorsed } = this.#edgeBetween(from, to)
    const muting = mute !== null && !hasLapsed(mute, nowMs)
    // What was chosen with a request is told as that of a follow.
    const chosen = follow ?? request
    return {
      following: follow !== null,
      showingBoosts: chosen?.showBoosts ?? false,
      notifying: chosen?.notify ?? false,
      languages: chosen?.languages ?? null,
      followedBy: this.#isFollowing(to, from),
      requested: request !== null,
      requestedBy: this.#requests.get(to, from) !== undefined,
      blocking: blocked,
      blockedBy: this.#blocks.get(to, from) === true,
      muting,
      mutingNotifications: muting && mute.notifications,
      muteExpiresAtMs: muting ? mute.expiresAtMs : null,
      endorsed,
    }
  }

  changesAround(id: AccountId): number | undefined {
    const place = this.#places.find(id)
    for (const { expiresAtMs } of this.#mutes.of(place)?.values() ?? []) if (expiresAtMs !== null) return undefined
    return this.#changesAt[place] ?? 0
  }

  /** `nowMs` is asked for only where a mute may have lapsed. */
  regards(viewer: AccountId, nowMs: () => number): (target: AccountId) => Regard {
    const from = this.#places.find(viewer)
    if (from === NOWHERE) return () => NO_RELATION
    const unusual = [this.#options, this.#requests, this.#blocks, this.#mutes].flatMap((pairs) => pairs.of(from) ?? [])
    return (target) => {
      const to = this.#places.find(target)
      if (to === NOWHERE || to === from) return NO_RELATION
      if (this.#blocks.get(to, from) === true || unusual.some((targets) => targets.has(to))) {
        return this.relation(viewer, target, nowMs())
      }
      return this.#isFollowing(from, to) ? FOLLOWED : NO_RELATION
    }
  }

  followerCount(id: AccountId): number {
    return this.#followers.length(this.#places.find(id))
  }

  followingCount(id: AccountId): number {
    return this.#following.length(this.#places.find(id))
  }

  followersPage(author: AccountId, afterIndex: number, limit: number): { followers: AccountId[]; lastIndex: number } {
    const places = this.#followers.after(this.#places.find(author), afterIndex, limit)
    return { followers: this.#idsAt(places), lastIndex: places.at(-1) ?? afterIndex }
  }

  followerPlaces(author: AccountId, afterPlace: number, limit: number): Uint32Array {
    return this.#followers.after(this.#places.find(author), afterPlace, limit)
  }

  bellFollowers(author: AccountId): AccountId[] {
    return Array.from(this.#bells.get(this.#places.find(author)) ?? [], (place) => this.#places.idAt<AccountId>(place))
  }

  placeOf(id: AccountId): number {
    return this.#places.ensure(id)
  }

  following(viewer: AccountId): AccountId[] {
    return this.#idsAt(this.#following.list(this.#places.find(viewer)))
  }

  familiarFollowers(viewer: AccountId, target: AccountId): AccountId[] {
    const to = this.#places.find(target)
    const followed = this.#following.list(this.#places.find(viewer))
    return this.#idsAt(followed.filter((place) => this.#isFollowing(place, to)))
  }

  #noteChange(place: number): void {
    if (place >= this.#changesAt.length) {
      const longer = new Uint32Array(Math.max(place + 1, this.#changesAt.length * 2))
      longer.set(this.#changesAt)
      this.#changesAt = longer
    }
    this.#changesAt[place]! += 1
  }

  #setBell(from: number, to: number, rings: boolean): void {
    const followers = this.#bells.get(to)
    if (rings) {
      if (followers === undefined) this.#bells.set(to, new Set([from]))
      else followers.add(from)
    } else if (followers?.delete(from) === true && followers.size === 0) {
      this.#bells.delete(to)
    }
  }

  #edgeBetween(from: number, to: number): Edge {
    return {
      follow: this.#isFollowing(from, to) ? (this.#options.get(from, to) ?? PLAIN_FOLLOW) : null,
      request: this.#requests.get(from, to) ?? null,
      blocked: this.#blocks.get(from, to) === true,
      mute: this.#mutes.get(from, to) ?? null,
      endorsed: this.#endorsements.get(from, to) === true,
    }
  }

  /** Looked up at the follower, whose list is the shorter one where it matters. */
  #isFollowing(from: number, to: number): boolean {
    return this.#following.has(from, to)
  }

  #idsAt(places: Uint32Array): AccountId[] {
    return Array.from(places, (place) => this.#places.idAt<AccountId>(place))
  }
}
