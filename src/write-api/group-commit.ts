/**
 * Group commit: what comes while a transaction is under way waits for the next one, and shares it.
 *
 *   add ─▶ waiting ── all of it ──▶ together ─▶ committed ─▶ each has its answer
 *                                      └─ left out, or the whole batch failed ─▶ each alone
 *
 * There is no timer: a batch is whatever has come in one turn of the event loop, and, while a batch is under way, whatever
 * comes until it ends. So an item that comes alone goes alone, at once, and the batches grow with the load. There is one
 * batch at a time: two would wait less for the disk, but be half as large, and each costs the same again.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises'

import { sqlState } from '../engines/database/contract.ts'
import { AppError } from '../kit/errors.ts'

/**
 * Items waiting, and so of one batch; more are refused with `unavailable`. All that wait go with the next batch, so that
 * nobody waits for more than two of them, even if each takes as long as a database that hangs is waited for.
 */
export const WAITING_ITEMS_MAX = 1_000

const RETRY_AFTER_SECONDS = 1

export interface Writing<Item, Result> {
  /** Items of one key are written in the order in which they came, also when each is written alone. */
  keyOf(item: Item): bigint
  /**
   * Writes the items in one transaction. Gives what became of each, in their order; undefined for one that has to be
   * written alone.
   */
  together(items: readonly Item[]): Promise<(Result | undefined)[]>
  /** Writes the item in a transaction of its own, and knows what to say when it cannot be. */
  alone(item: Item): Promise<Result>
}

interface Waiting<Item, Result> {
  readonly item: Item
  readonly resolve: (result: Result | Promise<Result>) => void
  readonly reject: (error: unknown) => void
}

export class GroupCommit<Item, Result> {
  readonly #writing: Writing<Item, Result>
  readonly #waiting: Waiting<Item, Result>[] = []
  #isWriting = false

  constructor(writing: Writing<Item, Result>) {
    this.#writing = writing
  }

  /** Resolves when the item is committed. Throws `unavailable` when too many wait. */
  add(item: Item): Promise<Result> {
    if (this.#waiting.length >= WAITING_ITEMS_MAX) return Promise.reject(tooManyWait())
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    this.#waiting.push({ item, resolve, reject })
    if (!this.#isWriting) void this.#writeBatches()
    return promise
  }

  async #writeBatches(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      await endOfTurn()
      await this.#write(this.#waiting.splice(0))
    }
    this.#isWriting = false
  }

  /** Settles every one of the batch; never throws. */
  async #write(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#writing.together(batch.map(({ item }) => item))
      for (const [index, each] of batch.entries()) {
        const result = results[index]
        // Not waited for: what left it out may take long, and its neighbours have their answers.
        each.resolve(result ?? this.#writing.alone(each.item))
      }
    } catch (error) {
      if (leavesNothing(error)) await this.#writeOneByOne(batch)
      else for (const { reject } of batch) reject(error)
    }
  }

  /** What made the batch fail shall fail alone. Those of one key still go one after the other. */
  async #writeOneByOne(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const chains = Map.groupBy(batch, ({ item }) => this.#writing.keyOf(item)).values()
    await Promise.all(
      chains.map(async (chain) => {
        for (const { item, resolve, reject } of chain) await this.#writing.alone(item).then(resolve, reject)
      }),
    )
  }
}

/** SQLSTATE classes after which the database has surely rolled back, though it could not say that anything is wrong. */
const ROLLED_BACK = /^(?:40|55|57014)/

/**
 * Whether it is certain that the transaction which ended with `error` has left nothing. It is not when the connection
 * was lost: then nobody may write the same again but a client that repeats itself under an idempotency key.
 */
function leavesNothing(error: unknown): boolean {
  if (!(error instanceof AppError && error.code === 'unavailable')) return true
  return ROLLED_BACK.test(sqlState(error.cause) ?? '')
}

function tooManyWait(): AppError {
  const options = { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: new Error(`${WAITING_ITEMS_MAX} items wait`) }
  return new AppError('unavailable', 'Too many people are posting at the moment, please try again', options)
}
