/** Work on one pair of accounts, one piece after another; different pairs side by side. */
import { AppError } from '../kit/errors.ts'
import type { AccountId } from '../snowflake/contract.ts'

/** Pieces of work waiting for one pair: more is a client gone wild. */
const WAITING_MAX = 100

/** The same for both directions. */
export function pairKey(a: AccountId, b: AccountId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}

export class PairQueue {
  readonly #last = new Map<string, { tail: Promise<unknown>; waiting: number }>()

  /** Throws `unavailable` when too many wait already. */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const lane = this.#last.get(key) ?? { tail: Promise.resolve(), waiting: 0 }
    if (lane.waiting >= WAITING_MAX) throw new AppError('unavailable', 'Too many changes of this relationship at once')
    this.#last.set(key, lane)
    lane.waiting += 1
    const result = lane.tail.then(work)
    lane.tail = result.catch(() => undefined)
    try {
      return await result
    } finally {
      lane.waiting -= 1
      if (lane.waiting === 0) this.#last.delete(key)
    }
  }
}
