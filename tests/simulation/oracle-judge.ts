/** Holds every page that a viewer can get against the model: order, limits, cursors in both directions, and every field. */
import assert from 'node:assert/strict'

import type { Random } from '../../src/seed/random.ts'
import { hasCause, isStanding, noticesOf } from './model-notices.ts'
import { authorCounts, homeOf, markedOf, profileOf, publicOf, relationshipOf, shown, threadOf } from './model-views.ts'
import { canSee, type ModelWorld, type Notice, type Person, type Post } from './model.ts'
import type { Cursors, Door, Id, NotificationJson, StatusJson } from './oracle-door.ts'
import type { Names } from './oracle-names.ts'
import { countsRead, relationshipRead, statusRead } from './oracle-reading.ts'

type Viewer = Person | undefined

/** How notices are held against the model: exactly, or (where their order with other acts is open) within bounds. */
export type NoticeRule = 'exactly' | { mustHave: (notice: Omit<Notice, 'dismissed'>) => boolean }

export interface Case {
  door: Door
  world: ModelWorld
  names: Names
  random: Random
  notices: NoticeRule
}

/** Pages of a walk are small, so that even a small world has some; with long lists they may be a third of it. */
const PAGE_MAX = 7
/** By each viewer, of all. */
const THREADS_LOOKED_AT = 4
const PROFILES_LOOKED_AT = 3

export class Judge {
  readonly #case: Case

  constructor(of: Case) {
    this.#case = of
  }

  /** Everybody's home, and of everything else that share. */
  async all(share: number): Promise<void> {
    const { world } = this.#case
    const people = [...world.people.keys()].filter((one) => world.people[one]?.suspended === false)
    await this.counts()
    await this.viewer(undefined, share)
    for (const person of people) {
      if (share < 1) await this.home(person)
      await this.viewer(person, share)
    }
  }

  /** One viewer, each surface with the probability `share`. */
  async viewer(viewer: Viewer, share: number): Promise<void> {
    const surfaces: [string, () => Promise<void>][] = [
      ['public', () => this.publicTimeline(viewer)],
      ['profiles', () => this.profiles(viewer)],
      ['statuses', () => this.statuses(viewer)],
      ['threads', () => this.threads(viewer)],
    ]
    if (viewer !== undefined) {
      surfaces.unshift(['home', () => this.home(viewer)])
      surfaces.push(
        ['favourites', () => this.marked(viewer, 'favourites')],
        ['bookmarks', () => this.marked(viewer, 'bookmarks')],
        ['notices', () => this.noticesOf(viewer)],
        ['relationships', () => this.relationships(viewer)],
      )
    }
    for (const [name, look] of surfaces) {
      if (!this.#case.random.chance(share)) continue
      try {
        await look()
      } catch (error) {
        const who = viewer === undefined ? 'an anonymous viewer' : this.#case.names.person(viewer)
        throw new Error(`${name}, as ${who} sees it`, { cause: error })
      }
    }
  }

  async home(viewer: Person): Promise<void> {
    const { door, names, world } = this.#case
    const id = names.idOfPerson(viewer)
    await this.#timeline(viewer, homeOf(world, viewer), (page) => door.home(id, page))
  }

  async publicTimeline(viewer: Viewer): Promise<void> {
    const { door, world } = this.#case
    const id = this.#viewerId(viewer)
    await this.#timeline(viewer, publicOf(world, viewer), (page) => door.publicTimeline(id, page))
  }

  async profiles(viewer: Viewer): Promise<void> {
    const { door, names, random, world } = this.#case
    const id = this.#viewerId(viewer)
    for (const owner of world.people.keys()) {
      if (!random.chance(PROFILES_LOOKED_AT / world.people.length)) continue
      const filter = {
        excludeReplies: random.chance(0.3),
        excludeBoosts: random.chance(0.3),
        pinned: random.chance(0.25),
      }
      const asked = {
        ...(filter.excludeReplies && { exclude_replies: true as const }),
        ...(filter.excludeBoosts && { exclude_reblogs: true as const }),
        ...(filter.pinned && { pinned: true as const }),
      }
      const about = `profile of ${names.person(owner)} with ${Object.keys(asked).join(', ') || 'everything'}`
      const expected = profileOf(world, viewer, owner, filter)
      const read = (page: Cursors) => door.profile(id, names.idOfPerson(owner), page, asked)
      // The order of pins is that of pinning, so their ids are no cursors: they are one page.
      if (filter.pinned) {
        const limit = 1 + random.below(9)
        this.#same(viewer, await read({ limit }), expected.slice(0, limit), `${about}, ${limit} rows`)
      } else await this.#timeline(viewer, expected, read, about)
      if (!random.chance(0.1)) continue
      // Nobody here has posted a picture.
      const pictures = await door.profile(id, names.idOfPerson(owner), { limit: 20 }, { only_media: true })
      assert.deepEqual(pictures, [], `${about}: pictures`)
    }
  }

  /** By id: everything that ever was, so what is hidden or gone too. */
  async statuses(viewer: Viewer): Promise<void> {
    const { door, names, random, world } = this.#case
    const known = names.posts()
    if (known.length === 0) return
    const found = await door.statuses(
      this.#viewerId(viewer),
      known.map((post) => names.idOfPost(post)),
    )
    const expected = known.filter((post) => canSee(world, viewer, post))
    this.#same(viewer, found, expected, 'by id, many')
    const one = random.pick(known)
    const single = await door.status(this.#viewerId(viewer), names.idOfPost(one))
    this.#same(viewer, single === undefined ? [] : [single], expected.includes(one) ? [one] : [], 'by id, one')
  }

  async threads(viewer: Viewer): Promise<void> {
    const { door, names, random, world } = this.#case
    const known = names.posts()
    for (let n = 0; n < THREADS_LOOKED_AT && known.length > 0; n++) {
      const post = random.pick(known)
      const found = await door.context(this.#viewerId(viewer), names.idOfPost(post))
      const about = `thread of ${post}`
      assert.equal(found !== undefined, canSee(world, viewer, post), `${about} is found`)
      if (found === undefined) continue
      const expected = threadOf(world, viewer, post)
      this.#same(viewer, found.ancestors, expected.ancestors, `${about}, ancestors`)
      this.#same(viewer, found.descendants, expected.descendants, `${about}, descendants`)
    }
  }

  async marked(viewer: Person, list: 'favourites' | 'bookmarks'): Promise<void> {
    const { door, names, world } = this.#case
    const expected = markedOf(world, viewer, world[list])
    const id = names.idOfPerson(viewer)
    let older: Id | undefined
    let rest = expected
    do {
      const limit = this.#limit(expected.length)
      const page = await door.marked(id, list, { ...(older !== undefined && { maxId: older }), limit })
      this.#same(viewer, page.items, rest.slice(0, limit), `${list}, downwards`)
      rest = rest.slice(page.items.length)
      older = page.older
    } while (older !== undefined)
    assert.deepEqual(rest, [], `${list} end early`)
    let newer: Id | undefined = '0'
    rest = expected
    while (newer !== undefined) {
      const limit = this.#limit(expected.length)
      const page = await door.marked(id, list, { minId: newer, limit })
      this.#same(viewer, page.items, rest.slice(-limit), `${list}, upwards`)
      rest = rest.slice(0, Math.max(0, rest.length - limit))
      newer = page.newer
    }
  }

  async noticesOf(viewer: Person): Promise<void> {
    const { door, names, notices: rule } = this.#case
    const id = names.idOfPerson(viewer)
    const down: NotificationJson[] = []
    for (let page = await door.notifications(id, { limit: this.#limit(0) }); page.length > 0;) {
      down.push(...page)
      page = await door.notifications(id, { maxId: down.at(-1)?.id ?? '0', limit: this.#limit(0) })
    }
    const ids = down.map((one) => BigInt(one.id))
    assert.deepEqual(ids, [...new Set(ids)].sort(descending), 'descending, each once')
    const up: Id[] = []
    for (let page = await door.notifications(id, { minId: '0', limit: this.#limit(0) }); page.length > 0;) {
      up.unshift(...page.map((one) => one.id))
      page = await door.notifications(id, { minId: up[0] ?? '0', limit: this.#limit(0) })
    }
    assert.deepEqual(
      up,
      down.map((one) => one.id),
      'upwards as downwards',
    )
    for (const { status } of down) {
      if (status !== undefined) this.#same(viewer, [status], [names.postOf(status.id)], 'the status of a notice')
    }
    if (rule === 'exactly') this.#exactly(viewer, down)
    else this.#withinBounds(viewer, down, rule.mustHave)
  }

  /** As a set: notices of acts that nothing orders may have come in either order. */
  #exactly(viewer: Person, found: readonly NotificationJson[]): void {
    const { world } = this.#case
    const told = found.map((one) => this.#told(one))
    const expected = noticesOf(world, viewer).map(({ type, from, about }) => this.#telling(type, from, about))
    assert.deepEqual(told.sort(), expected.sort())
  }

  #withinBounds(
    viewer: Person,
    found: readonly NotificationJson[],
    mustHave: Exclude<NoticeRule, 'exactly'>['mustHave'],
  ): void {
    const { names, world } = this.#case
    const told = found.map((one) => this.#told(one))
    assert.deepEqual(told, [...new Set(told)], 'each once')
    for (const { type, account, status } of found) {
      const about = status === undefined ? null : names.postOf(status.id)
      const from = names.personOf(account.id)
      const boost = world.posts.find((one) => one.author === from && one.boostOf === about)
      const source = type === 'reblog' ? (boost?.post ?? null) : about
      const notice = { to: viewer, type: type as Notice['type'], from, source, about }
      assert.ok(isStanding(world, notice), `told of what is not so: ${this.#telling(type, from, about)}`)
    }
    for (const { by, of } of world.favourites)
      this.#mustBeTold(viewer, told, mustHave, { type: 'favourite', from: by, source: of, about: of })
    for (const { post, author, boostOf } of world.posts) {
      if (boostOf !== null)
        this.#mustBeTold(viewer, told, mustHave, { type: 'reblog', from: author, source: post, about: boostOf })
    }
    for (const { by, to } of world.follows) {
      if (to === viewer)
        this.#mustBeTold(viewer, told, mustHave, { type: 'follow', from: by, source: null, about: null })
    }
  }

  #mustBeTold(
    to: Person,
    told: readonly string[],
    mustHave: Exclude<NoticeRule, 'exactly'>['mustHave'],
    news: Omit<Notice, 'dismissed' | 'to'>,
  ): void {
    const { world } = this.#case
    const notice = { ...news, to }
    const author = world.posts.find(({ post }) => post === news.about)?.author
    if (news.about !== null && author !== to) return
    if (!hasCause(world, notice) || !isStanding(world, notice) || !mustHave(notice)) return
    const telling = this.#telling(news.type, news.from, news.about)
    assert.ok(told.includes(telling), `not told: ${telling}`)
  }

  #told({ type, account, status }: NotificationJson): string {
    const { names } = this.#case
    return this.#telling(type, names.personOf(account.id), status === undefined ? null : names.postOf(status.id))
  }

  #telling(type: string, from: Person, about: Post | null): string {
    return `${type} by ${this.#case.names.person(from)}${about === null ? '' : ` about ${about}`}`
  }

  async relationships(viewer: Person): Promise<void> {
    const { door, names, world } = this.#case
    const others = [...world.people.keys()].filter((one) => one !== viewer)
    const found = await door.relationships(
      names.idOfPerson(viewer),
      others.map((one) => names.idOfPerson(one)),
    )
    assert.deepEqual(
      found.map((one) => ({ to: names.person(names.personOf(one.id)), ...relationshipRead(one) })),
      others.map((one) => ({ to: names.person(one), ...relationshipOf(world, viewer, one) })),
    )
  }

  /** Of the people themselves. */
  async counts(): Promise<void> {
    const { door, names, world } = this.#case
    const people = [...world.people.keys()].filter((one) => world.people[one]?.suspended === false)
    const found = await door.accounts(people.map((one) => names.idOfPerson(one)))
    assert.deepEqual(
      found.map((one) => ({ of: names.person(names.personOf(one.id)), ...countsRead(one) })),
      people.map((one) => ({ of: names.person(one), ...authorCounts(world, one) })),
      'counts of people',
    )
  }

  /** Downwards with every field, upwards and somewhere in between by number. */
  async #timeline(
    viewer: Viewer,
    expected: readonly Post[],
    read: (page: Cursors) => Promise<StatusJson[]>,
    about = 'timeline',
  ): Promise<void> {
    const { names, random } = this.#case
    let rest = expected
    for (let maxId: Id | undefined; ;) {
      const limit = this.#limit(expected.length)
      const page = await read({ ...(maxId !== undefined && { maxId }), limit })
      this.#same(viewer, page, rest.slice(0, limit), `${about}, downwards from ${this.#at(maxId)}, ${limit} rows`)
      if (page.length === 0) break
      rest = rest.slice(page.length)
      maxId = page.at(-1)?.id
    }
    rest = expected
    for (let minId: Id = '0'; ;) {
      const limit = this.#limit(expected.length)
      const page = await read({ minId, limit })
      this.#sameNumbers(page, rest.slice(-limit), `${about}, upwards from ${this.#at(minId)}, ${limit} rows`)
      if (page.length === 0) break
      rest = rest.slice(0, Math.max(0, rest.length - limit))
      minId = page[0]?.id ?? '0'
    }
    const known = names.posts()
    if (known.length === 0) return
    const [from, to] = [random.pick(known), random.pick(known)].sort((a, b) => a - b)
    if (from === undefined || to === undefined) return
    const between = expected.filter((post) => post > from && post < to)
    const limit = 1 + random.below(40)
    const window = { maxId: names.idOfPost(to), limit }
    const since = await read({ ...window, sinceId: names.idOfPost(from) })
    this.#sameNumbers(since, between.slice(0, limit), `${about}, since ${from}, below ${to}, ${limit} rows`)
    const least = await read({ ...window, minId: names.idOfPost(from) })
    this.#sameNumbers(least, between.slice(-limit), `${about}, next above ${from}, below ${to}, ${limit} rows`)
  }

  #same(viewer: Viewer, found: readonly StatusJson[], expected: readonly Post[], about: string): void {
    const { names, world } = this.#case
    this.#sameNumbers(found, expected, about)
    for (const [index, post] of expected.entries()) {
      const one = found[index]
      if (one !== undefined)
        assert.deepEqual(statusRead(one, names), shown(world, viewer, post), `${about}, post ${post}`)
    }
  }

  #sameNumbers(found: readonly StatusJson[], expected: readonly Post[], about: string): void {
    assert.deepEqual(
      found.map((one) => this.#case.names.postOf(one.id)),
      expected,
      about,
    )
  }

  #viewerId(viewer: Viewer): Id | undefined {
    return viewer === undefined ? undefined : this.#case.names.idOfPerson(viewer)
  }

  #limit(rows: number): number {
    return 1 + this.#case.random.below(Math.max(PAGE_MAX, rows / 3))
  }

  #at(cursor: Id | undefined): string {
    if (cursor === undefined) return 'the newest'
    return cursor === '0' ? 'the oldest' : String(this.#case.names.postOf(cursor))
  }
}

function descending(a: bigint, b: bigint): number {
  return a < b ? 1 : -1
}
