/**
 * The writer's side of `statuses` in `layout.ts`: every status that some timeline names, once. A row is found by its status'
 * id, counts how often it is named, and is free as soon as nothing names it any more.
 *
 *   uses     row → how often timelines name it, and whoever works with it just now
 *   buckets  hash of the id → row + 1, open addressing with linear probing, at most half full
 */
import { hashId } from './directory.ts'
import { DELETED_BIT, ID_BITS, STATUS_BYTES, STATUS_WORDS, idOf, isAbove } from './layout.ts'
import type { SharedWords } from './memory.ts'

export const NO_ROW = -1

const FIRST_ROWS = 1_024
const GROWTH_BYTES = 1024 * 1024

export class StatusTable {
  readonly #memory: SharedWords
  readonly #rowsMax: number
  #uses = new Uint32Array(FIRST_ROWS)
  #buckets = new Uint32Array(FIRST_ROWS * 2)
  /** Row + 1 of the first free row, linked through their first words; 0 = none. */
  #free = 0
  #fresh = 0
  #inUse = 0

  constructor(memory: SharedWords, rowsMax: number) {
    this.#memory = memory
    this.#rowsMax = rowsMax
  }

  get inUse(): number {
    return this.#inUse
  }

  /** The row of the status with these six words, held once more; NO_ROW when there is none left. */
  take(status: Uint32Array): number {
    const bucket = this.#bucketOf(status[0]!, status[1]!)
    const known = this.#buckets[bucket]! - 1
    const row = known === NO_ROW ? this.#open(bucket, status) : known
    if (row !== NO_ROW) this.#uses[row]! += 1
    return row
  }

  #open(bucket: number, status: Uint32Array): number {
    const row = this.#unused()
    if (row === NO_ROW) return NO_ROW
    this.#memory.words.set(status, row * STATUS_WORDS)
    this.#buckets[bucket] = row + 1
    this.#inUse++
    if (this.#inUse * 2 > this.#buckets.length) this.#doubleBuckets()
    return row
  }

  #unused(): number {
    const free = this.#free
    if (free !== 0) {
      this.#free = this.#memory.words[(free - 1) * STATUS_WORDS]!
      return free - 1
    }
    if (this.#fresh === this.#rowsMax) return NO_ROW
    const isShort = (this.#fresh + 1) * STATUS_WORDS > this.#memory.words.length
    if (isShort) this.#memory.grow(Math.ceil(GROWTH_BYTES / STATUS_BYTES) * STATUS_BYTES)
    if (this.#fresh === this.#uses.length) {
      const uses = new Uint32Array(this.#fresh * 2)
      uses.set(this.#uses)
      this.#uses = uses
    }
    return this.#fresh++
  }

  hold(row: number, times: number): void {
    this.#uses[row]! += times
  }

  /** Undoes one `take` or hold. What let go of the row must have been published. */
  release(row: number): void {
    const uses = this.#uses[row]! - 1
    this.#uses[row] = uses
    if (uses === 0) this.#give(row)
  }

  #give(row: number): void {
    const at = row * STATUS_WORDS
    this.#closeGap(this.#bucketOf(this.#memory.words[at]!, this.#memory.words[at + 1]! & ID_BITS))
    this.#memory.words[at] = this.#free
    this.#free = row + 1
    this.#inUse--
  }

  /** Readers pass over it from now on, in whatever timeline it is or will be. False when none has it. */
  markDeleted(low: number, high: number): boolean {
    const row = this.#buckets[this.#bucketOf(low, high)]! - 1
    if (row === NO_ROW) return false
    Atomics.or(this.#memory.words, row * STATUS_WORDS + 1, DELETED_BIT)
    return true
  }

  idAt(row: number): bigint {
    const at = row * STATUS_WORDS
    return idOf(this.#memory.words[at]!, this.#memory.words[at + 1]!)
  }

  /** Whether id (low, high) is above that of the row. */
  isAbove(low: number, high: number, row: number): boolean {
    return isAbove(low, high, this.#memory.words, row * STATUS_WORDS)
  }

  /** Whether the row's author is (low, high). */
  isBy(low: number, high: number, row: number): boolean {
    const at = row * STATUS_WORDS
    return this.#memory.words[at + 4] === low && (this.#memory.words[at + 5]! & ID_BITS) === high
  }

  /** Where the id's row is noted, or the empty bucket where it belongs. */
  #bucketOf(low: number, high: number): number {
    const words = this.#memory.words
    const mask = this.#buckets.length - 1
    for (let bucket = hashId(low, high) & mask; ; bucket = (bucket + 1) & mask) {
      const row = this.#buckets[bucket]! - 1
      if (row < 0) return bucket
      const at = row * STATUS_WORDS
      if (words[at] === low && (words[at + 1]! & ID_BITS) === high) return bucket
    }
  }

  #doubleBuckets(): void {
    const words = this.#memory.words
    const old = this.#buckets
    this.#buckets = new Uint32Array(old.length * 2)
    for (const word of old) {
      if (word === 0) continue
      const at = (word - 1) * STATUS_WORDS
      this.#buckets[this.#bucketOf(words[at]!, words[at + 1]! & ID_BITS)] = word
    }
  }

  /** Empties a bucket and moves later ones of the same run into the gap (Knuth, TAOCP 3, 6.4, algorithm R). */
  #closeGap(from: number): void {
    const words = this.#memory.words
    const mask = this.#buckets.length - 1
    let gap = from
    for (let next = (gap + 1) & mask; this.#buckets[next] !== 0; next = (next + 1) & mask) {
      const at = (this.#buckets[next]! - 1) * STATUS_WORDS
      const home = hashId(words[at]!, words[at + 1]! & ID_BITS) & mask
      if (((next - home) & mask) < ((next - gap) & mask)) continue
      this.#buckets[gap] = this.#buckets[next]!
      gap = next
    }
    this.#buckets[gap] = 0
  }
}
