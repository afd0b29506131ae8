/** The writer's surgery on single rings; appends, which must be fast, are in `writer.ts`. */
import type { BlockPool } from './block-pool.ts'
import { TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { TimelineEntry } from './contract.ts'
import {
  BLOCK_ENTRIES,
  BLOCKS,
  ENTRY_WORDS,
  FLOOR_HIGH,
  FLOOR_LOW,
  HEADER_SHIFT,
  RING_BLOCKS,
  VERSION,
  highWord,
  idOf,
  isAbove,
  lowWord,
  packEntry,
  placeOf,
} from './layout.ts'
import type { SharedWords } from './memory.ts'

/** Entries on their way into or out of a ring, ascending. */
export class EntryList {
  readonly words: Uint32Array
  length = 0

  constructor(capacity: number) {
    this.words = new Uint32Array(capacity * ENTRY_WORDS)
  }

  /** Appends the entry at `at` of other words. */
  push(words: Uint32Array, at: number): void {
    const to = this.length++ * ENTRY_WORDS
    for (let word = 0; word < ENTRY_WORDS; word++) this.words[to + word] = words[at + word]!
  }

  /** Replaces the content by the newest entries given; returns the newest id that found no room, else 0n. */
  pack(entries: readonly TimelineEntry[]): bigint {
    const ascending = entries.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    const unique = ascending.filter((entry, index) => entry.id !== ascending[index - 1]?.id)
    const skipped = Math.max(0, unique.length - TIMELINE_ENTRIES_MAX)
    this.length = 0
    for (const entry of unique.slice(skipped)) packEntry(this.words, this.length++ * ENTRY_WORDS, entry)
    return skipped === 0 ? 0n : unique[skipped - 1]!.id
  }

  idAt(index: number): bigint {
    return idOf(this.words[index * ENTRY_WORDS]!, this.words[index * ENTRY_WORDS + 1]!)
  }
}

export class Rings {
  readonly #headers: SharedWords
  readonly #counts: SharedWords
  readonly #blocks: SharedWords
  readonly #pool: BlockPool

  constructor(memory: { headers: SharedWords; counts: SharedWords; blocks: SharedWords }, pool: BlockPool) {
    const { headers, counts, blocks } = memory
    this.#headers = headers
    this.#counts = counts
    this.#blocks = blocks
    this.#pool = pool
  }

  /** From here on readers wait; never throw before `unlock`. */
  lock(header: number): void {
    const headers = this.#headers.words
    Atomics.store(headers, header + VERSION, headers[header + VERSION]! + 1)
    Atomics.load(headers, header + VERSION) // keeps the following stores behind
  }

  unlock(header: number): void {
    const headers = this.#headers.words
    Atomics.store(headers, header + VERSION, headers[header + VERSION]! + 1)
    Atomics.load(headers, header + VERSION)
  }

  /** Entries appended since the last rewrite. */
  written(header: number): number {
    return this.#counts.words[header >>> HEADER_SHIFT]!
  }

  #publish(header: number, written: number): void {
    Atomics.store(this.#counts.words, header >>> HEADER_SHIFT, written)
  }

  /** How many were written, and the id that an append must exceed. */
  end(header: number): { written: number; head: bigint } {
    const written = this.written(header)
    if (written === 0) return { written, head: this.floor(header) }
    const at = placeOf(this.#headers.words, header, written - 1)
    return { written, head: idOf(this.#blocks.words[at]!, this.#blocks.words[at + 1]!) }
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
    const at = placeOf(headers, header, oldest - 1)
    const trimmed = idOf(this.#blocks.words[at]!, this.#blocks.words[at + 1]!)
    return trimmed > stored ? trimmed : stored
  }

  /** The first readable entry number whose id is not below (low, high). */
  firstNotBelow(header: number, low: number, high: number): number {
    const headers = this.#headers.words
    let first = this.oldest(header)
    let last = this.written(header)
    while (first < last) {
      const middle = (first + last) >>> 1
      if (isAbove(low, high, this.#blocks.words, placeOf(headers, header, middle))) first = middle + 1
      else last = middle
    }
    return first
  }

  /** Whether entry `n` is there and has exactly this id. */
  isAt(header: number, n: number, low: number, high: number): boolean {
    const headers = this.#headers.words
    if (n >= this.written(header)) return false
    const at = placeOf(headers, header, n)
    return idOf(this.#blocks.words[at]!, this.#blocks.words[at + 1]!) === idOf(low, high)
  }

  /** Appends the readable entries that `keeps` accepts to `list`, oldest first. */
  copyOut(header: number, list: EntryList, keeps: (words: Uint32Array, at: number) => boolean): void {
    const headers = this.#headers.words
    const blocks = this.#blocks.words
    const written = this.written(header)
    for (let n = this.oldest(header); n < written; n++) {
      const at = placeOf(headers, header, n)
      if (keeps(blocks, at)) list.push(blocks, at)
    }
  }

  /** Moves the entries from number `n` on up by one and writes the entry's words there. There must be a place for one more. */
  insertAt(header: number, n: number, words: Uint32Array): void {
    const headers = this.#headers.words
    const blocks = this.#blocks.words
    const written = this.written(header)
    this.lock(header)
    for (let to = written; to > n; to--) {
      const from = placeOf(headers, header, to - 1)
      blocks.copyWithin(placeOf(headers, header, to), from, from + ENTRY_WORDS)
    }
    const at = placeOf(headers, header, n)
    for (let word = 0; word < ENTRY_WORDS; word++) blocks[at + word] = words[word]!
    this.#publish(header, written + 1)
    this.unlock(header)
  }

  /**
   * Makes the newest of `list` above `floor` the ring's whole content. The blocks must be had already (`pool.has`); those no
   * longer needed go back. `meanwhile` runs while readers wait.
   */
  rewrite(header: number, list: EntryList, floor: bigint, meanwhile: () => void = () => {}): void {
    const dropped = Math.max(0, list.length - TIMELINE_ENTRIES_MAX)
    const lowest = dropped > 0 && list.idAt(dropped - 1) > floor ? list.idAt(dropped - 1) : floor
    let first = dropped
    while (first < list.length && list.idAt(first) <= lowest) first++
    const count = list.length - first
    this.lock(header)
    this.#fitBlocks(header, Math.ceil(count / BLOCK_ENTRIES))
    const headers = this.#headers.words
    const blocks = this.#blocks.words
    for (let n = 0; n < count; n += BLOCK_ENTRIES) {
      const end = Math.min(n + BLOCK_ENTRIES, count)
      const source = list.words.subarray((first + n) * ENTRY_WORDS, (first + end) * ENTRY_WORDS)
      blocks.set(source, placeOf(headers, header, n))
    }
    this.#setFloor(header, lowest)
    this.#publish(header, count)
    meanwhile()
    this.unlock(header)
  }

  /** Notes that an entry with this id was passed over, so that the ring no longer claims to be complete down to it. */
  raiseFloor(header: number, id: bigint): void {
    if (id <= this.floor(header)) return
    this.lock(header)
    this.#setFloor(header, id)
    this.unlock(header)
  }

  blocksOf(header: number): number {
    let count = 0
    while (count < RING_BLOCKS && this.#headers.words[header + BLOCKS + count] !== 0) count++
    return count
  }

  /** Gives every block back. Only while locked, or when no reader can find the header. */
  clear(header: number): void {
    this.#fitBlocks(header, 0)
    this.#publish(header, 0)
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

  #setFloor(header: number, floor: bigint): void {
    this.#headers.words[header + FLOOR_LOW] = lowWord(floor)
    this.#headers.words[header + FLOOR_HIGH] = highWord(floor)
  }
}
