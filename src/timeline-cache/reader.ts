/** Reads timelines from shared memory, on any thread, without locks: see "Publication" in `layout.ts`. */
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { TimelineEntry, TimelineMark, TimelinePage } from './contract.ts'
import { Directory, NO_SLOT } from './directory.ts'
import {
  BASE,
  BLOCK_ENTRIES,
  BLOCK_MASK,
  DELETED_BIT,
  FLOOR_HIGH,
  FLOOR_LOW,
  HEADER_SHIFT,
  OWNER_HIGH,
  OWNER_LOW,
  PRESENT,
  READ_SECONDS,
  STATE,
  STATUS_WORDS,
  VERSION,
  blockWord,
  highWord,
  idOf,
  lowWord,
  unpackEntry,
} from './layout.ts'
import { SharedWords } from './memory.ts'
import type { TimelineMemory } from './memory.ts'

/** A rewrite takes microseconds; who is overtaken this often gives up, and the caller asks the store. */
export const READ_ATTEMPTS_MAX = 10_000

export class TimelineReader {
  readonly #directory: Directory
  readonly #headers: SharedWords
  readonly #blocks: SharedWords
  readonly #statuses: SharedWords
  /** One status, copied word by word before it is looked at. */
  readonly #status = new Uint32Array(STATUS_WORDS)

  constructor(memory: TimelineMemory) {
    this.#headers = new SharedWords(memory.headers)
    this.#blocks = new SharedWords(memory.blocks)
    this.#statuses = new SharedWords(memory.statuses)
    this.#directory = new Directory(memory.directory, this.#headers)
  }

  /** Undefined: missing or still building. `nowMs` marks the timeline as read. */
  read(owner: AccountId, page: Page, nowMs: number): TimelinePage | undefined {
    const low = lowWord(owner)
    const high = highWord(owner)
    for (let attempt = 0; attempt < READ_ATTEMPTS_MAX; attempt++) {
      const slot = this.#directory.findShared(low, high)
      if (slot === NO_SLOT) return undefined
      const header = slot << HEADER_SHIFT
      if (header >= this.#headers.words.length) this.#headers.refresh()
      const headers = this.#headers.words
      const version = Atomics.load(headers, header + VERSION)
      if ((version & 1) === 1) continue
      const isOwners =
        Atomics.load(headers, header + OWNER_LOW) === low && Atomics.load(headers, header + OWNER_HIGH) === high
      const isPresent = Atomics.load(headers, header + STATE) === PRESENT
      const read = isOwners && isPresent ? this.#readRing(header, page) : undefined
      if (Atomics.load(headers, header + VERSION) !== version) continue
      if (!isOwners) continue
      if (read === undefined) return undefined
      this.#touch(header, nowMs)
      const { entries, endReached, floor, written } = read
      return {
        entries,
        endReached,
        floor,
        mark: { memory: this.#headers.buffer, slot, ownerLow: low, ownerHigh: high, version, written },
      }
    }
    return undefined
  }

  /** Whether `read` would find the timeline as it was when the mark was made. */
  isAt({ memory, slot, ownerLow, ownerHigh, version, written }: TimelineMark, nowMs: number): boolean {
    const header = slot << HEADER_SHIFT
    const headers = this.#headers.words
    const isSame =
      memory === this.#headers.buffer &&
      Atomics.load(headers, header + OWNER_LOW) === ownerLow &&
      Atomics.load(headers, header + OWNER_HIGH) === ownerHigh &&
      Atomics.load(headers, header + STATE) === PRESENT &&
      this.#written(header) === written &&
      // Last: what was looked at before belongs to this version.
      Atomics.load(headers, header + VERSION) === version
    if (isSame) this.#touch(header, nowMs)
    return isSame
  }

  #touch(header: number, nowMs: number): void {
    const seconds = Math.floor(nowMs / 1000)
    const headers = this.#headers.words
    if (Atomics.load(headers, header + READ_SECONDS) !== seconds) Atomics.store(headers, header + READ_SECONDS, seconds)
  }

  /** Good only when the version stood still meanwhile. */
  #readRing(header: number, page: Page): TimelinePage & { written: number } {
    const written = this.#written(header)
    const oldest = Math.max(0, written - TIMELINE_ENTRIES_MAX)
    const end = page.maxId === undefined ? written : this.#firstNotBelow(header, oldest, written, page.maxId)
    const above = page.minId ?? page.sinceId
    const begin = above === undefined ? oldest : this.#firstNotBelow(header, oldest, end, above + 1n)
    const entries: TimelineEntry[] = []
    let below = begin - 1
    if (page.minId === undefined) {
      for (below = end - 1; below >= begin && entries.length < page.limit; below--) this.#take(header, below, entries)
    } else {
      for (let n = begin; n < end && entries.length < page.limit; n++) this.#take(header, n, entries)
      entries.reverse()
    }
    while (below >= oldest && !this.#copyEntry(header, below)) below--
    return { entries, endReached: below < oldest, floor: this.#floor(header, written), written }
  }

  #take(header: number, n: number, entries: TimelineEntry[]): void {
    if (this.#copyEntry(header, n)) entries.push(unpackEntry(this.#status, 0))
  }

  /** What the full blocks have, and what the newest has before its first empty word. */
  #written(header: number): number {
    const base = Atomics.load(this.#headers.words, header + BASE)
    const at = this.#entryWord(header, base)
    if (at < 0) return 0
    const blocks = this.#blocks.words
    let count = 0
    while (count < BLOCK_ENTRIES && Atomics.load(blocks, at + count) !== 0) count++
    return base + count
  }

  /** Complete above this: the stored floor, or the newest entry that fell out of the readable ones. */
  #floor(header: number, written: number): bigint {
    const headers = this.#headers.words
    const stored = idOf(Atomics.load(headers, header + FLOOR_LOW), Atomics.load(headers, header + FLOOR_HIGH))
    if (written <= TIMELINE_ENTRIES_MAX) return stored
    const trimmed = this.#idAt(header, written - TIMELINE_ENTRIES_MAX - 1)
    return trimmed > stored ? trimmed : stored
  }

  /** The first entry number in [low, high) whose id is not below `id`; ids ascend with the number. */
  #firstNotBelow(header: number, low: number, high: number, id: bigint): number {
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#idAt(header, middle) < id) low = middle + 1
      else high = middle
    }
    return low
  }

  #idAt(header: number, n: number): bigint {
    const at = this.#place(header, n)
    if (at < 0) return 0n
    const statuses = this.#statuses.words
    return idOf(Atomics.load(statuses, at), Atomics.load(statuses, at + 1))
  }

  /** Into `#status`. False when the status is deleted. */
  #copyEntry(header: number, n: number): boolean {
    const at = this.#place(header, n)
    if (at < 0) return false
    const statuses = this.#statuses.words
    for (let word = 0; word < STATUS_WORDS; word++) this.#status[word] = Atomics.load(statuses, at + word)
    return (this.#status[1]! & DELETED_BIT) === 0
  }

  /** Where the status of entry `n` lies; below 0 when the timeline is being rewritten just now, which the version will tell. */
  #place(header: number, n: number): number {
    const entryWord = this.#entryWord(header, n)
    if (entryWord < 0) return -1
    const at = (Atomics.load(this.#blocks.words, entryWord) - 1) * STATUS_WORDS
    if (at + STATUS_WORDS > this.#statuses.words.length) this.#statuses.refresh()
    return at + STATUS_WORDS > this.#statuses.words.length ? -1 : at
  }

  /** The word in `blocks` of entry `n`; below 0 when the timeline has no block for it. */
  #entryWord(header: number, n: number): number {
    const block = Atomics.load(this.#headers.words, blockWord(header, n))
    const end = (block + 1) * BLOCK_ENTRIES
    if (end > this.#blocks.words.length) this.#blocks.refresh()
    return block === 0 || end > this.#blocks.words.length ? -1 : block * BLOCK_ENTRIES + (n & BLOCK_MASK)
  }
}
