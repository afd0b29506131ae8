/**
 * Authors who are merged at read instead of fanned out. Whoever was above the threshold once stays merged as long as this
 * cache lives, also after falling below it: timelines that are present lack what was passed over, and those built meanwhile
 * lack what was written before. Below the threshold they are fanned out as well; an entry found twice is shown once.
 *
 * Threads share the list, which only grows. Whoever reads a timeline first and the list afterwards finds all that the
 * timeline lacks, on whatever thread it was passed over.
 */
import type { AccountId } from '../snowflake/contract.ts'

/** Authors who can be merged; any others are fanned out, however many their followers. */
const MERGED_AUTHORS_MAX = 16_384
const FREE = 0n

export class MergedAuthors {
  readonly #followersMax: number
  readonly #list: BigInt64Array
  readonly #merged = new Set<AccountId>()
  /** Places of the list that were looked at. */
  #seen = 0

  /** `followersMax`: the threshold; authors with more followers are not fanned out. */
  constructor(followersMax: number, memory: SharedArrayBuffer = mergedAuthorsMemory()) {
    this.#followersMax = followersMax
    this.#list = new BigInt64Array(memory)
  }

  /** All of them: whoever is passed over, or left out of a timeline that is built, is among them from then on. */
  get authors(): ReadonlySet<AccountId> {
    this.#takeOver()
    return this.#merged
  }

  /** Whether readers, and builders of timelines, have to leave the author to the merge. */
  isMerged(author: AccountId, followers: number): boolean {
    return this.passesOver(author, followers) || this.authors.has(author)
  }

  /** Asked by Fanout before it delivers: true when it must not. */
  passesOver(author: AccountId, followers: number): boolean {
    return followers > this.#followersMax && (this.authors.has(author) || this.#add(author))
  }

  /** Into the first free place, so that the list never has a gap. False when it is full. */
  #add(author: AccountId): boolean {
    for (; this.#seen < this.#list.length; this.#seen += 1) {
      const there = Atomics.compareExchange(this.#list, this.#seen, FREE, author)
      this.#merged.add(there === FREE ? author : (there as AccountId)) // only ids of accounts are added
      if (there === FREE || there === author) return true
    }
    return false
  }

  #takeOver(): void {
    for (; this.#seen < this.#list.length; this.#seen += 1) {
      const author = Atomics.load(this.#list, this.#seen)
      if (author === FREE) return
      this.#merged.add(author as AccountId)
    }
  }
}

/** For all threads of a process. */
export function mergedAuthorsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MERGED_AUTHORS_MAX * BigInt64Array.BYTES_PER_ELEMENT)
}
