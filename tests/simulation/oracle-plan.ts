/**
 * A seed → a small, dense world and what its people do, in order. The plan is made on a model that goes along, so that most
 * acts meet something real: the post exists, is seen by who answers it, and is not years away.
 */
import { seededRandom, type Random } from '../../src/seed/random.ts'
import { perform, type Act } from './model-acts.ts'
import { canSee, emptyWorld, type ModelPost, type ModelWorld, type Person, type Visibility } from './model.ts'

export interface Story {
  /** Who waits to be asked before being followed, by number. */
  people: { locked: boolean }[]
  acts: Act[]
  /** Authors with more followers are merged when reading. */
  celebrityFollowers: number
  /** Entries of a timeline that is built; the rest is read from the store. */
  entriesMax: number
}

const LANGUAGES = ['en', 'de', 'fr']
const VISIBILITIES: readonly Visibility[] = ['public', 'public', 'public', 'unlisted', 'private', 'private', 'direct']
/** Minutes: a mute ends within one wait, or two, or never. */
const MUTE_MINUTES = [30, 90, null]
const WAIT_MINUTES = 60
/** Most acts are about one of the newest. */
const RECENT_POSTS = 12

export function planStory(seed: number, size: { acts: number }): Story {
  const random = seededRandom(seed)
  const people = Array.from({ length: 6 + random.below(7) }, () => ({ locked: random.chance(0.2) }))
  const celebrityFollowers = random.chance(0.6) ? 2 + random.below(3) : 10_000
  const entriesMax = random.chance(0.5) ? 4 + random.below(12) : 800
  const plan = new Plan(random, emptyWorld(people), celebrityFollowers)
  plan.befriend()
  const quiet = plan.acts.length
  while (plan.acts.length < quiet + size.acts) plan.next()
  return { people, acts: plan.acts, celebrityFollowers, entriesMax }
}

class Plan {
  readonly acts: Act[] = []
  readonly #random: Random
  readonly #world: ModelWorld
  readonly #celebrityFollowers: number
  #posts = 0

  constructor(random: Random, world: ModelWorld, celebrityFollowers: number) {
    this.#random = random
    this.#world = world
    this.#celebrityFollowers = celebrityFollowers
  }

  /** Some follows to begin with, so that the first posts have readers. */
  befriend(): void {
    for (let n = 0; n < this.#world.people.length * 2; n++) {
      const { by, to } = this.#pair()
      this.#add({ do: 'follow', by, to })
    }
    // Timelines that are there take what follows.
    for (const by of this.#world.people.keys()) if (this.#random.chance(0.6)) this.#add({ do: 'look', by, rows: 20 })
  }

  next(): void {
    const kinds: [number, () => Act | undefined][] = [
      [26, () => this.#post(null)],
      [11, () => this.#reply()],
      [11, () => this.#boost()],
      [3, () => this.#mark('unboost')],
      [4, () => this.#own('delete')],
      [5, () => this.#edit()],
      [9, () => this.#follow()],
      [5, () => this.#edge('unfollow')],
      [8, () => this.#cross()],
      [1, () => this.#edge('removeFollower')],
      [4, () => this.#decide()],
      [4, () => this.#edge('block')],
      [4, () => this.#undo('unblock')],
      [4, () => this.#mute()],
      [3, () => this.#undo('unmute')],
      [7, () => this.#mark('favourite')],
      [2, () => this.#mark('unfavourite')],
      [3, () => this.#mark('bookmark')],
      [1, () => this.#mark('unbookmark')],
      [5, () => this.#own('pin')],
      [1, () => this.#own('unpin')],
      [3, () => this.#mark('muteThread')],
      [2, () => this.#mark('unmuteThread')],
      [3, () => this.#suspend()],
      [2, () => ({ do: 'wait', minutes: WAIT_MINUTES })],
      [14, () => ({ do: 'look', by: this.#person(), rows: 1 + this.#random.below(20) })],
      [3, () => ({ do: 'forget', by: this.#person() })],
      [1, () => ({ do: 'clear', by: this.#person() })],
      [0.5, () => ({ do: 'restart' })],
    ]
    const act = this.#weighted(kinds)()
    if (act !== undefined) this.#add(act)
  }

  #add(act: Act): void {
    perform(this.#world, act)
    this.acts.push(act)
  }

  #weighted<Choice>(choices: readonly [number, Choice][]): Choice {
    let at = this.#random.unit() * choices.reduce((sum, [weight]) => sum + weight, 0)
    const found = choices.find(([weight]) => (at -= weight) < 0)
    return (found ?? this.#random.pick(choices))[1]
  }

  /** Somebody who may act. */
  #person(): Person {
    const active = [...this.#world.people.keys()].filter((one) => this.#world.people[one]?.suspended === false)
    // The first few are busier and better known, as in life.
    return this.#random.chance(0.4)
      ? (active[this.#random.below(3)] ?? this.#random.pick(active))
      : this.#random.pick(active)
  }

  #pair(): { by: Person; to: Person } {
    const by = this.#person()
    const others = [...this.#world.people.keys()].filter((one) => one !== by)
    const known = others.slice(0, 3)
    return { by, to: this.#random.chance(0.5) ? this.#random.pick(known) : this.#random.pick(others) }
  }

  #somePost(by: Person): ModelPost | undefined {
    const { posts } = this.#world
    const seen = posts.filter(({ post }) => canSee(this.#world, by, post))
    // Now and then one that is hidden: it must be refused.
    const candidates = (seen.length > 0 && this.#random.chance(0.93) ? seen : posts).slice(-RECENT_POSTS)
    return candidates.length === 0 ? undefined : this.#random.pick(candidates)
  }

  #written(): { words: string; language: string } {
    return { words: `w${this.#random.below(1_000_000)}`, language: this.#random.pick(LANGUAGES) }
  }

  #mentions(by: Person, visibility: Visibility): Person[] {
    const count = visibility === 'direct' ? 1 + this.#random.below(2) : Math.max(0, this.#random.below(4) - 2)
    const names = Array.from({ length: count }, () => this.#pair().to)
    return [...new Set(names)].filter((one) => one !== by)
  }

  #post(replyTo: ModelPost | null, by = this.#person()): Act {
    const visibility = this.#random.pick(VISIBILITIES)
    const mentions = this.#mentions(by, visibility)
    const answered = replyTo !== null && this.#random.chance(0.7) && replyTo.author !== by
    if (answered && !mentions.includes(replyTo.author)) mentions.push(replyTo.author)
    const post = ++this.#posts
    return { do: 'post', by, post, visibility, mentions, replyTo: replyTo?.post ?? null, ...this.#written() }
  }

  #reply(): Act | undefined {
    const by = this.#person()
    const parent = this.#somePost(by)
    return parent && this.#post(parent, by)
  }

  #boost(): Act | undefined {
    const by = this.#person()
    const original = this.#somePost(by)
    if (original === undefined) return undefined
    const visibility = this.#random.pick(['public', 'public', 'unlisted', 'private'] as const)
    return { do: 'boost', by, post: ++this.#posts, of: original.post, visibility }
  }

  #mark(verb: 'favourite' | 'unfavourite' | 'bookmark' | 'unbookmark' | 'muteThread' | 'unmuteThread' | 'unboost') {
    const { favourites, bookmarks, mutedThreads, posts } = this.#world
    const made = {
      unfavourite: favourites,
      unbookmark: bookmarks,
      unmuteThread: mutedThreads.map(({ by, thread }) => ({ by, of: thread })),
      unboost: posts.flatMap(({ author, boostOf }) => (boostOf === null ? [] : [{ by: author, of: boostOf }])),
    }
    const undone = verb in made ? made[verb as keyof typeof made].filter(({ by }) => this.#isActive(by)) : []
    if (undone.length > 0 && this.#random.chance(0.85)) return { do: verb, ...this.#random.pick(undone) }
    const by = this.#person()
    const post = this.#somePost(by)
    return post && { do: verb, by, of: post.post }
  }

  #isActive(person: Person): boolean {
    return this.#world.people[person]?.suspended === false
  }

  /** Something that only the author may do, and now and then somebody else tries. */
  #own(verb: 'delete' | 'pin' | 'unpin'): Act | undefined {
    const by = this.#person()
    const isFit = ({ author, boostOf }: ModelPost) => author === by && (verb !== 'pin' || boostOf === null)
    const own = this.#world.posts.filter(isFit).slice(-RECENT_POSTS)
    const post = own.length > 0 && this.#random.chance(0.92) ? this.#random.pick(own) : this.#somePost(by)
    return post && { do: verb, by, of: post.post }
  }

  #edit(): Act | undefined {
    const texts = this.#world.posts.filter(({ author, boostOf }) => boostOf === null && this.#isActive(author))
    if (texts.length === 0) return undefined
    const { author, post, visibility, mentions } = this.#random.pick(texts.slice(-RECENT_POSTS))
    const by = this.#random.chance(0.95) ? author : this.#person()
    const kept = this.#random.chance(0.5) ? mentions : []
    const added = this.#mentions(by, visibility).filter((one) => !kept.includes(one))
    return { do: 'edit', by, of: post, mentions: [...kept, ...added], ...this.#written() }
  }

  #follow(): Act {
    const { by, to } = this.#pair()
    const random = this.#random
    return {
      do: 'follow',
      by,
      to,
      ...(random.chance(0.25) && { boosts: random.chance(0.4) }),
      ...(random.chance(0.25) && { bell: random.chance(0.8) }),
      ...(random.chance(0.2) && { languages: random.chance(0.6) ? [random.pick(LANGUAGES)] : null }),
    }
  }

  /** Somebody becomes a celebrity, or is one no longer. */
  #cross(): Act | undefined {
    const followers = (person: Person) => this.#world.follows.filter(({ to }) => to === person)
    const isActive = (person: Person) => this.#isActive(person)
    const nearly = [...this.#world.people.keys()]
      .filter(isActive)
      .filter((to) => Math.abs(followers(to).length - this.#celebrityFollowers - 0.5) < 1)
    if (nearly.length === 0) return undefined
    const to = this.#random.pick(nearly)
    const by = followers(to)
      .map((one) => one.by)
      .filter(isActive)
    if (followers(to).length > this.#celebrityFollowers) {
      return by.length === 0 ? undefined : { do: 'unfollow', by: this.#random.pick(by), to }
    }
    const others = [...this.#world.people.keys()].filter((one) => one !== to && isActive(one) && !by.includes(one))
    return others.length === 0 ? undefined : { do: 'follow', by: this.#random.pick(others), to }
  }

  #edge(verb: 'unfollow' | 'removeFollower' | 'block'): Act {
    const follows = this.#world.follows.filter(({ by, to }) => this.#isActive(verb === 'unfollow' ? by : to))
    if (follows.length > 0 && this.#random.chance(0.8)) {
      const { by, to } = this.#random.pick(follows)
      return verb === 'unfollow' ? { do: verb, by, to } : { do: verb, by: to, to: by }
    }
    return { do: verb, ...this.#pair() }
  }

  #undo(verb: 'unblock' | 'unmute'): Act {
    const edges = verb === 'unblock' ? this.#world.blocks : this.#world.mutes
    const own = edges.filter(({ by }) => this.#isActive(by))
    if (own.length === 0) return { do: verb, ...this.#pair() }
    const { by, to } = this.#random.pick(own)
    return { do: verb, by, to }
  }

  #mute(): Act {
    const minutes = this.#random.pick(MUTE_MINUTES)
    const followed = this.#world.follows.filter(({ by }) => this.#isActive(by))
    const pair = followed.length > 0 && this.#random.chance(0.6) ? this.#random.pick(followed) : this.#pair()
    return { do: 'mute', by: pair.by, to: pair.to, notifications: this.#random.chance(0.6), minutes }
  }

  #decide(): Act | undefined {
    const requests = this.#world.requests.filter(({ to }) => this.#isActive(to))
    const verb = this.#random.chance(0.7) ? 'accept' : 'reject'
    if (requests.length === 0) return this.#random.chance(0.1) ? { do: verb, ...this.#pair() } : undefined
    const { by, to } = this.#random.pick(requests)
    return { do: verb, by: to, to: by }
  }

  #suspend(): Act {
    const { people } = this.#world
    const suspended = [...people.keys()].filter((one) => !this.#isActive(one))
    const isEnough = suspended.length > 0 && (suspended.length > people.length / 3 || this.#random.chance(0.7))
    if (isEnough) return { do: 'unsuspend', by: this.#random.pick(suspended) }
    return { do: 'suspend', by: this.#person() }
  }
}
