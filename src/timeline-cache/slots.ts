/** Which slots are taken, by whom, and since when unread. The writer's side. */
import type { AccountId } from '../snowflake/contract.ts'
import { TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { Directory } from './directory.ts'
import {
  BLOCKS,
  BUILDING,
  EPOCH,
  FREE,
  HEADER_BYTES,
  HEADER_SHIFT,
  HEADER_WORDS,
  OWNER_HIGH,
  OWNER_LOW,
  PRESENT,
  READ_SECONDS,
  STATE,
  VERSION,
  highWord,
  lowWord,
} from './layout.ts'
import type { SharedWords } from './memory.ts'

const GROWTH_BYTES = 1024 * 1024

export class Slots {
  readonly #headers: SharedWords
  readonly #directory: Directory
  readonly #slotsMax: number
  readonly #free: number[] = []
  #fresh = 0

  constructor(headers: SharedWords, directory: Directory, slotsMax: number) {
    this.#headers = headers
    this.#directory = directory
    this.#slotsMax = slotsMax
  }

  get inUse(): number {
    return this.#fresh - this.#free.length
  }

  isFull(): boolean {
    return this.inUse === this.#slotsMax
  }

  /** Takes a slot for the owner, who must have none, in state BUILDING. */
  open(owner: AccountId, epoch: number, nowSeconds: number): number {
    const slot = this.#free.pop() ?? this.#openFresh()
    const header = slot << HEADER_SHIFT
    const headers = this.#headers.words
    const version = headers[header + VERSION]!
    Atomics.store(headers, header + VERSION, version + 1)
    Atomics.load(headers, header + VERSION)
    headers.fill(0, header + VERSION + 1, header + BLOCKS)
    headers[header + OWNER_LOW] = lowWord(owner)
    headers[header + OWNER_HIGH] = highWord(owner)
    headers[header + READ_SECONDS] = nowSeconds
    headers[header + EPOCH] = epoch
    Atomics.store(headers, header + STATE, BUILDING)
    Atomics.store(headers, header + VERSION, version + 2)
    this.#directory.add(slot)
    return slot
  }

  #openFresh(): number {
    const slot = this.#fresh++
    if ((slot + 1) * HEADER_WORDS > this.#headers.words.length)
      this.#headers.grow(GROWTH_BYTES - (GROWTH_BYTES % HEADER_BYTES))
    return slot
  }

  give(slot: number): void {
    this.#free.push(slot)
  }

  unreadSince(seconds: number): number[] {
    const slots: number[] = []
    for (let slot = 0; slot < this.#fresh; slot++) {
      const header = slot << HEADER_SHIFT
      const isTaken = this.#headers.words[header + STATE] !== FREE
      if (isTaken && this.#headers.words[header + READ_SECONDS]! < seconds) slots.push(slot)
    }
    return slots
  }

  /** The given share of the taken slots, at least one if there is any, the longest unread first. */
  longestUnread(share: number, except: number): number[] {
    const taken = this.unreadSince(Infinity).filter((slot) => slot !== except)
    const readAt = (slot: number): number => this.#headers.words[(slot << HEADER_SHIFT) + READ_SECONDS]!
    return taken.sort((a, b) => readAt(a) - readAt(b)).slice(0, Math.ceil(taken.length * share))
  }

  /** `written`: entries of the timeline with that header since its last rewrite. */
  count(written: (header: number) => number): { present: number; entries: number } {
    let present = 0
    let entries = 0
    for (let slot = 0; slot < this.#fresh; slot++) {
      const header = slot << HEADER_SHIFT
      if (this.#headers.words[header + STATE] !== PRESENT) continue
      present++
      entries += Math.min(TIMELINE_ENTRIES_MAX, written(header))
    }
    return { present, entries }
  }
}
