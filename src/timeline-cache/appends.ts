import { ABSENT, END_SHIFT, type Ends } from './ends.ts'
/**
 * The hot loop of fan-out: one status behind the newest entry of many timelines, in one pass. For each it reads and writes
 * eight bytes of `ends` and writes four of `blocks`; that store also publishes the entry. There is no call in the loops:
 * after one, the processor would look up the arrays again for each store.
 */
import { BATCH_OWNERS, BLOCK_MASK, ID_BITS, STATUS_WORDS } from './layout.ts'
import type { SharedWords } from './memory.ts'

/** A status on its way into timelines. */
export interface Arrival {
  /** Its id in two words. */
  low: number
  high: number
  /** Its row in `statuses`. */
  row: number
  /** No other status in any timeline has a higher id. */
  isNewest: boolean
}

export class Appends {
  readonly #blocks: SharedWords
  readonly #statuses: SharedWords
  readonly #ends: Ends
  readonly #fenceWord = new Int32Array(new SharedArrayBuffer(4))
  /** Places of the last run where the status is not the newest, or where a block must be opened. */
  readonly left = new Uint32Array(BATCH_OWNERS)
  leftCount = 0

  constructor(memory: { blocks: SharedWords; statuses: SharedWords }, ends: Ends) {
    this.#blocks = memory.blocks
    this.#statuses = memory.statuses
    this.#ends = ends
  }

  /** Keeps what comes behind what was written so far: readers that see an entry see its status. */
  fence(): void {
    Atomics.store(this.#fenceWord, 0, 0)
    Atomics.load(this.#fenceWord, 0)
  }

  /** Appends for the places from index `from` up to `to`, at most BATCH_OWNERS. Returns to how many; others are in `left`. */
  run(arrival: Arrival, places: Uint32Array, from: number, to: number): number {
    return arrival.isNewest
      ? this.#appendNewest(arrival.row, places, from, to)
      : this.#appendComparing(arrival, places, from, to)
  }

  /** Nothing is above the status: where it is already, it is the newest. */
  #appendNewest(row: number, places: Uint32Array, from: number, to: number): number {
    const ends = this.#ends.words
    const blocks = this.#blocks.words
    const left = this.left
    const last = ends.length
    let appended = 0
    let leftCount = 0
    for (let index = from; index < to; index++) {
      const place = places[index]!
      const end = place << END_SHIFT
      if (end >= last) break
      const next = ends[end]!
      if ((next & BLOCK_MASK) === 0) {
        if (next !== ABSENT) left[leftCount++] = place
        continue
      }
      if (ends[end + 1] === row) continue
      blocks[next] = row + 1
      ends[end] = next + 1
      ends[end + 1] = row
      appended++
    }
    this.leftCount = leftCount
    return appended
  }

  /** Others may be above it: each timeline's newest is looked at, whose row is one of the latest and near in memory. */
  #appendComparing({ low, high, row }: Arrival, places: Uint32Array, from: number, to: number): number {
    const ends = this.#ends.words
    const blocks = this.#blocks.words
    const statuses = this.#statuses.words
    const left = this.left
    const last = ends.length
    let appended = 0
    let leftCount = 0
    for (let index = from; index < to; index++) {
      const place = places[index]!
      const end = place << END_SHIFT
      if (end >= last) break
      const next = ends[end]!
      if (next === ABSENT) continue
      const newest = ends[end + 1]! * STATUS_WORDS
      const newestHigh = statuses[newest + 1]! & ID_BITS
      const isAbove = high > newestHigh || (high === newestHigh && low > statuses[newest]!)
      if (!isAbove || (next & BLOCK_MASK) === 0) {
        left[leftCount++] = place
        continue
      }
      blocks[next] = row + 1
      ends[end] = next + 1
      ends[end + 1] = row
      appended++
    }
    this.leftCount = leftCount
    return appended
  }
}
