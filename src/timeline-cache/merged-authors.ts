/**
 * Authors who are merged at read instead of fanned out. Whoever was passed over once stays merged as long as this cache
 * lives, also after falling below the threshold: timelines that are present lack what was passed over. Below the threshold
 * they are fanned out as well; an entry found twice is shown once.
 */
import type { AccountId } from '../snowflake/contract.ts'

export class MergedAuthors {
  readonly #followersMax: number
  readonly #passedOver = new Set<AccountId>()

  /** `followersMax`: the threshold; authors with more followers are not fanned out. */
  constructor(followersMax: number) {
    this.#followersMax = followersMax
  }

  /** Whether readers have to merge the author. */
  isMerged(author: AccountId, followers: number): boolean {
    return followers > this.#followersMax || this.#passedOver.has(author)
  }

  /** Asked by Fanout before it delivers: true when it must not, and readers are told for good. */
  passesOver(author: AccountId, followers: number): boolean {
    if (followers <= this.#followersMax) return false
    this.#passedOver.add(author)
    return true
  }
}
