/**
 * Group commit: what comes while a transaction is under way waits for the next one, and shares it.
 *
 *   add ─▶ waiting ─── take ───▶ together ─▶ committed ─▶ each has its answer
 *                                   └─ left out, or the whole batch failed ─▶ each alone
 *
 * There is no timer: a batch is whatever has come in one turn of the event loop, and, while all batches are under way,
 * whatever comes until one of them ends. So an item that comes alone goes alone, at once, and the batches grow with the
 * load. Items of one key are never under way in two batches, and keep their order.
 */
import { setImmediate as endOfTurn } from 'node:timers/promises'

import { sqlState } from '../engines/database/contract.ts'
import { AppError } from '../kit/errors.ts'

/** Items of one transaction. */
export const BATCH_ITEMS_MAX = 128
/** Transactions under way: while one waits for the disk, the next one is written. */
export const BATCHES_MAX = 2
/** Items waiting; more are refused with `unavailable`. */
export const WAITING_ITEMS_MAX = 2_000

const RETRY_AFTER_SECONDS = 1

export interface Writing<Item, Result> {
  /** Items of one key are written in the order in which they came. */
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
  readonly key: bigint
  readonly resolve: (result: Result | Promise<Result>) => void
  readonly reject: (error: unknown) => void
}

export class GroupCommit<Item, Result> {
  readonly #writing: Writing<Item, Result>
  #waiting: Waiting<Item, Result>[] = []
  readonly #keysUnderWay = new Set<bigint>()
  #batches = 0

  constructor(writing: Writing<Item, Result>) {
    this.#writing = writing
  }

  /** Resolves when the item is committed. Throws `unavailable` when too many wait. */
  add(item: Item): Promise<Result> {
    if (this.#waiting.length >= WAITING_ITEMS_MAX) return Promise.reject(tooManyWait())
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    this.#waiting.push({ item, key: this.#writing.keyOf(item), resolve, reject })
    if (this.#batches < BATCHES_MAX) void this.#writeBatches()
    return promise
  }

  /** Writes until nothing waits that may be written. */
  async #writeBatches(): Promise<void> {
    this.#batches += 1
    for (;;) {
      await endOfTurn()
      const batch = this.#take()
      if (batch.length === 0) break
      const keys = new Set(batch.map(({ key }) => key))
      for (const key of keys) this.#keysUnderWay.add(key)
      await this.#write(batch)
      for (const key of keys) this.#keysUnderWay.delete(key)
    }
    this.#batches -= 1
  }

  #take(): Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = []
    const staying: Waiting<Item, Result>[] = []
    for (const each of this.#waiting) {
      const isFree = batch.length < BATCH_ITEMS_MAX && !this.#keysUnderWay.has(each.key)
      if (isFree) batch.push(each)
      else staying.push(each)
    }
    this.#waiting = staying
    return batch
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
    const chains = Map.groupBy(batch, ({ key }) => key).values()
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
