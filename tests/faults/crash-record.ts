/**
 * What a load has done for certain, and what everybody must therefore see at rest. Each thing has one owner who changes it,
 * one act after the other, and repeats an act until the answer is certain: so there is exactly one right answer.
 */

/** A person by number. */
export type Person = number

export interface Post {
  /** In the text, and the idempotency key. */
  readonly marker: string
  readonly author: Person
  readonly visibility: 'public' | 'unlisted' | 'private'
  /** Undefined for a beginning. */
  readonly parent: Post | undefined
  /** Whom it talks to, as a home counts it: a thread with oneself goes on talking to whom that talked to. */
  readonly repliedTo: Person | undefined
  /** Whom the text names, the author excepted. */
  readonly mentions: readonly Person[]
  readonly id: string
  text: string
  deleted: boolean
}

export interface Boost {
  readonly by: Person
  readonly post: Post
  readonly id: string
}

export class CrashRecord {
  readonly people: readonly { name: string; id: string; token: string }[]
  readonly posts: Post[] = []
  readonly #boosts = new Map<string, Boost>()
  readonly #favourites = new Map<string, { by: Person; post: Post }>()
  readonly #follows = new Set<string>()
  readonly counts = { operations: 0, acknowledged: 0, refused: 0, uncertain: 0 }
  /** Answers that no fault excuses, such as a 500. */
  readonly wrongAnswers: string[] = []

  constructor(people: CrashRecord['people']) {
    this.people = people
  }

  follows(source: Person, target: Person): boolean {
    return this.#follows.has(`${source} ${target}`)
  }

  setFollow(source: Person, target: Person, on: boolean): void {
    if (on) this.#follows.add(`${source} ${target}`)
    else this.#follows.delete(`${source} ${target}`)
  }

  boostOf(by: Person, post: Post): Boost | undefined {
    return this.#boosts.get(`${by} ${post.marker}`)
  }

  addBoost(boost: Boost): void {
    this.#boosts.set(`${boost.by} ${boost.post.marker}`, boost)
  }

  removeBoost(by: Person, post: Post): void {
    this.#boosts.delete(`${by} ${post.marker}`)
  }

  setFavourite(by: Person, post: Post, on: boolean): void {
    if (on) this.#favourites.set(`${by} ${post.marker}`, { by, post })
    else this.#favourites.delete(`${by} ${post.marker}`)
  }

  /** A boost goes with what it boosts. */
  boosts(): Boost[] {
    return [...this.#boosts.values()].filter(({ post }) => !post.deleted)
  }

  favourites(): { by: Person; post: Post }[] {
    return [...this.#favourites.values()].filter(({ post }) => !post.deleted)
  }

  living(): Post[] {
    return this.posts.filter((post) => !post.deleted)
  }

  /** Ids at home, newest first, by Mastodon's rules. */
  homeOf(viewer: Person): string[] {
    const isFrom = (author: Person) => author === viewer || this.follows(viewer, author)
    const posts = this.living().filter(({ author, repliedTo }) => {
      if (author === viewer) return true
      const isOfInterest =
        repliedTo === undefined || repliedTo === viewer || repliedTo === author || this.follows(viewer, repliedTo)
      return isFrom(author) && isOfInterest
    })
    return newestFirst([...posts, ...this.boosts().filter(({ by }) => isFrom(by))])
  }

  /** Ids on one's own profile. */
  profileOf(person: Person): string[] {
    const posts = this.living().filter(({ author }) => author === person)
    return newestFirst([...posts, ...this.boosts().filter(({ by }) => by === person)])
  }

  publicIds(): string[] {
    const isBeginning = ({ author, repliedTo }: Post) => repliedTo === undefined || repliedTo === author
    return newestFirst(this.living().filter((post) => post.visibility === 'public' && isBeginning(post)))
  }

  /** What a person has been told of and may still see: `type who status`. Edits apart, which may be told or not. */
  notificationsOf(person: Person): string[] {
    const nameOf = (who: Person) => this.people[who]?.name ?? ''
    const told: string[] = []
    for (const { author, mentions, id } of this.living()) {
      if (mentions.includes(person)) told.push(`mention ${nameOf(author)} ${id}`)
    }
    for (const { by, post } of this.boosts()) {
      if (post.author === person && by !== person) told.push(`reblog ${nameOf(by)} ${post.id}`)
    }
    for (const { by, post } of this.favourites()) {
      if (post.author === person && by !== person) told.push(`favourite ${nameOf(by)} ${post.id}`)
    }
    for (const [source, { name }] of this.people.entries()) {
      if (this.follows(source, person)) told.push(`follow ${name} -`)
    }
    return told.toSorted()
  }

  countsOf(post: Post): { replies_count: number; reblogs_count: number; favourites_count: number } {
    const replies = this.living().filter((reply) => reply.parent === post && reply.visibility !== 'private')
    return {
      replies_count: replies.length,
      reblogs_count: this.boosts().filter((boost) => boost.post === post).length,
      favourites_count: this.favourites().filter((favourite) => favourite.post === post).length,
    }
  }

  accountCountsOf(person: Person): { statuses_count: number; followers_count: number; following_count: number } {
    const others = this.people.keys().toArray()
    return {
      statuses_count: this.profileOf(person).length,
      followers_count: others.filter((other) => this.follows(other, person)).length,
      following_count: others.filter((other) => this.follows(person, other)).length,
    }
  }
}

function newestFirst(things: readonly { id: string }[]): string[] {
  return things.map(({ id }) => id).toSorted((one, other) => (BigInt(one) < BigInt(other) ? 1 : -1))
}
