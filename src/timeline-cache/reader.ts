/** Reads timelines from shared memory, on any thread, without locks: see "Publication" in `layout.ts`. */
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { TimelineEntry, TimelinePage } from './contract.ts'
import { Directory, NO_SLOT } from './directory.ts'
import {
  BLOCK_ENTRIES,
  BLOCK_WORDS,
  BLOCKS,
  ENTRY_WORDS,
  FLOOR_HIGH,
  FLOOR_LOW,
  HEADER_SHIFT,
  OWNER_HIGH,
  OWNER_LOW,
  PRESENT,
  READER_LAG_MAX,
  READ_SECONDS,
  RING_PLACES,
  STATE,
  VERSION,
  highWord,
  idOf,
  lowWord,
  unpackEntry,
} from './layout.ts'
import { SharedWords } from './memory.ts'
import type { TimelineMemory } from './memory.ts'

/** A rewrite takes microseconds; who is overtaken this often gives up, and the caller asks the store. */
export const READ_ATTEMPTS_MAX = 10_000

/** The memory changed under the reader. */
const OVERTAKEN = Symbol('overtaken')

export class TimelineReader {
  readonly #directory: Directory
  readonly #headers: SharedWords
  readonly #counts: SharedWords
  readonly #blocks: SharedWords
  /** One entry, copied word by word before it is looked at. */
  readonly #entry = new Uint32Array(ENTRY_WORDS)

  constructor(memory: TimelineMemory) {
    this.#headers = new SharedWords(memory.headers)
    this.#counts = new SharedWords(memory.counts)
    this.#blocks = new SharedWords(memory.blocks)
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
      if (read === OVERTAKEN || Atomics.load(headers, header + VERSION) !== version) continue
      if (!isOwners) continue
      if (isPresent) this.#touch(header, nowMs)
      return read
    }
    return undefined
  }

  #touch(header: number, nowMs: number): void {
    const seconds = Math.floor(nowMs / 1000)
    const headers = this.#headers.words
    if (Atomics.load(headers, header + READ_SECONDS) !== seconds) Atomics.store(headers, header + READ_SECONDS, seconds)
  }

  #readRing(header: number, page: Page): TimelinePage | typeof OVERTAKEN {
    const written = this.#written(header)
    const oldest = Math.max(0, written - TIMELINE_ENTRIES_MAX)
    const end = page.maxId === undefined ? written : this.#firstNotBelow(header, oldest, written, page.maxId)
    const above = page.minId ?? page.sinceId
    const begin = above === undefined ? oldest : this.#firstNotBelow(header, oldest, end, above + 1n)
    const upward = page.minId !== undefined
    const first = upward ? begin : Math.max(begin, end - page.limit)
    const last = upward ? Math.min(end, begin + page.limit) : end
    const entries: TimelineEntry[] = []
    for (let n = last - 1; n >= first; n--) {
      this.#copyEntry(header, n)
      entries.push(unpackEntry(this.#entry, 0))
    }
    const floor = this.#floor(header, written)
    // Places are reused: who fell behind may have copied newer entries than he believed.
    const overtaken = oldest < this.#written(header) - TIMELINE_ENTRIES_MAX - READER_LAG_MAX
    return overtaken ? OVERTAKEN : { entries, endReached: first <= oldest, floor }
  }

  #written(header: number): number {
    const slot = header >>> HEADER_SHIFT
    if (slot >= this.#counts.words.length) this.#counts.refresh()
    return Atomics.load(this.#counts.words, slot)
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
    const blocks = this.#blocks.words
    return idOf(Atomics.load(blocks, at), Atomics.load(blocks, at + 1))
  }

  #copyEntry(header: number, n: number): void {
    const at = this.#place(header, n)
    if (at < 0) return
    const blocks = this.#blocks.words
    for (let word = 0; word < ENTRY_WORDS; word++) this.#entry[word] = Atomics.load(blocks, at + word)
  }

  /** Where entry `n` lies; below 0 when the header is being rewritten just now, which the version will tell. */
  #place(header: number, n: number): number {
    const place = n % RING_PLACES
    const block = Atomics.load(this.#headers.words, header + BLOCKS + ((place / BLOCK_ENTRIES) | 0)) - 1
    const at = block * BLOCK_WORDS + (place % BLOCK_ENTRIES) * ENTRY_WORDS
    if (at + ENTRY_WORDS > this.#blocks.words.length) this.#blocks.refresh()
    return at + ENTRY_WORDS > this.#blocks.words.length ? -1 : at
  }
}
