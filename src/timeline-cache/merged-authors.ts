/**
 * Authors who are merged at read instead of fanned out. Whoever was above the threshold once stays merged as long as this
 * cache lives, also after falling below it: timelines that are present lack what was passed over, and those built meanwhile
 * lack what was written before. Below the threshold they are fanned out as well; an entry found twice is shown once.
 */
import type { AccountId } from '../snowflake/contract.ts'

export class MergedAuthors {
  readonly #followersMax: number
  readonly #merged = new Set<AccountId>()

  /** `followersMax`: the threshold; authors with more followers are not fanned out. */
  constructor(followersMax: number) {
    this.#followersMax = followersMax
  }

  /** All of them: whoever is passed over, or left out of a timeline that is built, is among them from then on. */
  get authors(): ReadonlySet<AccountId> {
    return this.#merged
  }

  /** Whether readers, and builders of timelines, have to leave the author to the merge. */
  isMerged(author: AccountId, followers: number): boolean {
    return this.passesOver(author, followers) || this.#merged.has(author)
  }

  /** Asked by Fanout before it delivers: true when it must not. */
  passesOver(author: AccountId, followers: number): boolean {
    if (followers <= this.#followersMax) return false
    this.#merged.add(author)
    return true
  }
}
