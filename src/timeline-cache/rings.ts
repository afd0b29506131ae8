/** The writer's surgery on single timelines; appends, which must be fast, are in `appends.ts`. */
import type { BlockPool } from './block-pool.ts'
import { TIMELINE_ENTRIES_MAX } from './contract.ts'
import { ABSENT, NO_BLOCK, type Ends } from './ends.ts'
import {
  BASE,
  BLOCK_ENTRIES,
  BLOCK_MASK,
  BLOCKS,
  FLOOR_HIGH,
  FLOOR_LOW,
  HEADER_SHIFT,
  RING_BLOCKS,
  VERSION,
  blockWord,
  highWord,
  idOf,
  lowWord,
  placeOf,
} from './layout.ts'
import type { SharedWords } from './memory.ts'
import type { StatusTable } from './status-table.ts'

/** Rows of statuses on their way into or out of a timeline, by ascending id. */
export class RowList {
  readonly rows: Uint32Array
  length = 0

  constructor(capacity: number) {
    this.rows = new Uint32Array(capacity)
  }

  push(row: number): void {
    this.rows[this.length++] = row
  }
}

export interface RingMemory {
  headers: SharedWords
  blocks: SharedWords
  pool: BlockPool
  ends: Ends
  statuses: StatusTable
}

export class Rings {
  readonly #headers: SharedWords
  readonly #blocks: SharedWords
  readonly #pool: BlockPool
  readonly #ends: Ends
  readonly #statuses: StatusTable
  /** What a change took out of a timeline. */
  readonly #removed = new RowList(RING_BLOCKS * BLOCK_ENTRIES)

  constructor({ headers, blocks, pool, ends, statuses }: RingMemory) {
    this.#headers = headers
    this.#blocks = blocks
    this.#pool = pool
    this.#ends = ends
    this.#statuses = statuses
  }

  /** From here on readers wait; never throw before `unlock`. */
  #lock(header: number): void {
    const headers = this.#headers.words
    Atomics.store(headers, header + VERSION, headers[header + VERSION]! + 1)
    Atomics.load(headers, header + VERSION) // keeps the following stores behind
  }

  #unlock(header: number): void {
    const headers = this.#headers.words
    Atomics.store(headers, header + VERSION, headers[header + VERSION]! + 1)
    Atomics.load(headers, header + VERSION)
  }

  /** Entries written since the last rewrite. */
  written(header: number): number {
    const next = this.#ends.next(header >>> HEADER_SHIFT)
    if (next === NO_BLOCK || next === ABSENT) return 0
    return this.#headers.words[header + BASE]! + ((next - 1) & BLOCK_MASK) + 1
  }

  /** Whether id (low, high) is above everything in the timeline. */
  isAboveAll(header: number, low: number, high: number): boolean {
    const written = this.written(header)
    return written === 0 || this.#statuses.isAbove(low, high, this.#rowAt(header, written - 1))
  }

  oldest(header: number): number {
    return Math.max(0, this.written(header) - TIMELINE_ENTRIES_MAX)
  }

  /** Complete above this id: see `layout.ts`. */
  floor(header: number): bigint {
    const headers = this.#headers.words
    const stored = idOf(headers[header + FLOOR_LOW]!, headers[header + FLOOR_HIGH]!)
    const oldest = this.oldest(header)
    if (oldest === 0) return stored
    const trimmed = this.#idAt(header, oldest - 1)
    return trimmed > stored ? trimmed : stored
  }

  /** The first readable entry number whose id is not below (low, high). */
  firstNotBelow(header: number, low: number, high: number): number {
    let first = this.oldest(header)
    let last = this.written(header)
    while (first < last) {
      const middle = (first + last) >>> 1
      if (this.#statuses.isAbove(low, high, this.#rowAt(header, middle))) first = middle + 1
      else last = middle
    }
    return first
  }

  /** Whether entry `n` is there and has exactly this id. */
  isAt(header: number, n: number, low: number, high: number): boolean {
    return n < this.written(header) && this.#idAt(header, n) === idOf(low, high)
  }

  #rowAt(header: number, n: number): number {
    return this.#blocks.words[placeOf(this.#headers.words, header, n)]! - 1
  }

  #idAt(header: number, n: number): bigint {
    return this.#statuses.idAt(this.#rowAt(header, n))
  }

  /** Appends the rows of the readable entries that `keeps` accepts to `list`, oldest first. */
  copyOut(header: number, list: RowList, keeps: (row: number) => boolean): void {
    const written = this.written(header)
    for (let n = this.oldest(header); n < written; n++) {
      const row = this.#rowAt(header, n)
      if (keeps(row)) list.push(row)
    }
  }

  /** Blocks that one more entry takes out of the pool: none or one. */
  blocksForNext(header: number): number {
    const written = this.written(header)
    return (written & BLOCK_MASK) === 0 && this.#headers.words[blockWord(header, written)] === 0 ? 1 : 0
  }

  /** Moves the entries from number `n` on up by one and puts the row there. The pool must have what `blocksForNext` says. */
  insertAt(header: number, n: number, row: number): void {
    const written = this.written(header)
    const opens = (written & BLOCK_MASK) === 0
    this.#removed.length = 0
    if (opens) this.#readyBlock(header, written)
    this.#statuses.hold(row, 1)
    const headers = this.#headers.words
    const blocks = this.#blocks.words
    this.#lock(header)
    const end = placeOf(headers, header, written)
    if (opens) {
      blocks.fill(0, end, end + BLOCK_ENTRIES)
      headers[header + BASE] = written
    }
    for (let to = written; to > n; to--) {
      blocks[placeOf(headers, header, to)] = blocks[placeOf(headers, header, to - 1)]!
    }
    blocks[placeOf(headers, header, n)] = row + 1
    this.#unlock(header)
    this.#ends.note(header >>> HEADER_SHIFT, end + 1, blocks[end]! - 1)
    this.#releaseRemoved()
  }

  /** A block for entry `n`: a new one, or the ring's oldest, whose entries are noted as removed. */
  #readyBlock(header: number, n: number): void {
    const word = blockWord(header, n)
    const block = this.#headers.words[word]!
    if (block !== 0) this.#collect(block)
    else Atomics.store(this.#headers.words, word, this.#pool.take()) // no reader looks there before the base is higher
  }

  /**
   * Makes the newest of `list` above `floor` the timeline's whole content. The blocks must be had already (`pool.has`); those
   * no longer needed go back. `meanwhile` runs while readers wait.
   */
  rewrite(header: number, list: RowList, floor: bigint, meanwhile: () => void = () => {}): void {
    const statuses = this.#statuses
    const dropped = Math.max(0, list.length - TIMELINE_ENTRIES_MAX)
    const newestDropped = dropped > 0 ? statuses.idAt(list.rows[dropped - 1]!) : 0n
    const lowest = newestDropped > floor ? newestDropped : floor
    let first = dropped
    while (first < list.length && statuses.idAt(list.rows[first]!) <= lowest) first++
    const kept = list.rows.subarray(first, list.length)
    for (const row of kept) statuses.hold(row, 1)
    this.#collectAll(header)
    this.#lock(header)
    this.#fitBlocks(header, Math.ceil(kept.length / BLOCK_ENTRIES))
    this.#fill(header, kept)
    this.#headers.words[header + FLOOR_LOW] = lowWord(lowest)
    this.#headers.words[header + FLOOR_HIGH] = highWord(lowest)
    meanwhile()
    this.#unlock(header)
    this.#releaseRemoved()
  }

  /** Writes all blocks anew. */
  #fill(header: number, rows: Uint32Array): void {
    const headers = this.#headers.words
    const blocks = this.#blocks.words
    const newest = rows.length - 1
    for (let n = 0; n < rows.length; n++) {
      const at = placeOf(headers, header, n)
      if ((n & BLOCK_MASK) === 0) blocks.fill(0, at, at + BLOCK_ENTRIES)
      blocks[at] = rows[n]! + 1
    }
    headers[header + BASE] = Math.max(0, newest) & ~BLOCK_MASK
    const next = newest < 0 ? NO_BLOCK : placeOf(headers, header, newest) + 1
    this.#ends.note(header >>> HEADER_SHIFT, next, rows[newest] ?? 0)
  }

  /** Empties the timeline and gives every block back. `meanwhile` runs while readers wait. */
  clear(header: number, meanwhile: () => void): void {
    this.#collectAll(header)
    this.#lock(header)
    this.#fitBlocks(header, 0)
    this.#headers.words[header + BASE] = 0
    meanwhile()
    this.#unlock(header)
    this.#releaseRemoved()
  }

  #collectAll(header: number): void {
    this.#removed.length = 0
    for (let index = 0; index < this.blocksOf(header); index++) {
      this.#collect(this.#headers.words[header + BLOCKS + index]!)
    }
  }

  #collect(block: number): void {
    const begin = block * BLOCK_ENTRIES
    for (let at = begin; at < begin + BLOCK_ENTRIES; at++) {
      const entry = this.#blocks.words[at]!
      if (entry !== 0) this.#removed.push(entry - 1)
    }
  }

  /** Only after readers can know that the timeline is another. */
  #releaseRemoved(): void {
    for (let index = 0; index < this.#removed.length; index++) this.#statuses.release(this.#removed.rows[index]!)
  }

  /** Notes that an entry with this id was passed over, so that the timeline no longer claims to be complete down to it. */
  raiseFloor(header: number, id: bigint): void {
    if (id <= this.floor(header)) return
    this.#lock(header)
    this.#headers.words[header + FLOOR_LOW] = lowWord(id)
    this.#headers.words[header + FLOOR_HIGH] = highWord(id)
    this.#unlock(header)
  }

  blocksOf(header: number): number {
    let count = 0
    while (count < RING_BLOCKS && this.#headers.words[header + BLOCKS + count] !== 0) count++
    return count
  }

  #fitBlocks(header: number, needed: number): void {
    for (let index = this.blocksOf(header); index < needed; index++) {
      const block = this.#pool.take()
      this.#headers.words[header + BLOCKS + index] = block
    }
    for (let index = this.blocksOf(header) - 1; index >= needed; index--) {
      this.#pool.give(this.#headers.words[header + BLOCKS + index]!)
      this.#headers.words[header + BLOCKS + index] = 0
    }
  }
}
