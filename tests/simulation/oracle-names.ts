/** The model's numbers and the server's ids, both ways. */
import type { Person, Post } from './model.ts'
import type { Id } from './oracle-door.ts'

const NAMES = ['ann', 'ben', 'cleo', 'dan', 'eve', 'fay', 'gus', 'hal', 'ivy', 'joe', 'kim', 'lea']

export class Names {
  readonly #people: Id[] = []
  readonly #posts = new Map<Post, Id>()
  readonly #numbers = new Map<Id, Post>()

  /** The username, also before the person exists. */
  person(person: Person): string {
    const name = NAMES[person]
    if (name === undefined) throw new Error(`nobody has the number ${person}`)
    return name
  }

  addPerson(id: Id): void {
    this.#people.push(id)
  }

  addPost(post: Post, id: Id): void {
    this.#posts.set(post, id)
    this.#numbers.set(id, post)
  }

  idOfPerson(person: Person): Id {
    const id = this.#people[person]
    if (id === undefined) throw new Error(`nobody has the number ${person}`)
    return id
  }

  /** -1 for nobody's. */
  personOf(id: Id): Person {
    return this.#people.indexOf(id)
  }

  idOfPost(post: Post): Id {
    const id = this.#posts.get(post)
    if (id === undefined) throw new Error(`there never was a post ${post}`)
    return id
  }

  /** -1 for one that is not known. */
  postOf(id: Id): Post {
    return this.#numbers.get(id) ?? -1
  }

  knows(post: Post): boolean {
    return this.#posts.has(post)
  }

  /** All that ever were, ascending. */
  posts(): Post[] {
    return [...this.#posts.keys()].sort((a, b) => a - b)
  }
}
