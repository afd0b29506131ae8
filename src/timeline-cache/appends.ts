/** The hot loop of fan-out: one entry behind the newest of many rings, then published to the readers of other threads. */
import { BATCH_OWNERS, BLOCK_ENTRIES, ENTRY_WORDS } from './layout.ts'
import type { SharedWords } from './memory.ts'
import { NO_PLACE, TAIL_HEAD_HIGH, TAIL_HEAD_LOW, TAIL_NEXT, TAIL_SHIFT, TAIL_WRITTEN, type Tails } from './tails.ts'

export class Appends {
  readonly #counts: SharedWords
  readonly #blocks: SharedWords
  readonly #tails: Tails
  readonly #appended = new Uint32Array(BATCH_OWNERS)
  readonly #fenceWord = new Int32Array(new SharedArrayBuffer(4))
  /** Slots of the last run where the entry is not the newest, or whose next block is not there yet. */
  readonly left = new Uint32Array(BATCH_OWNERS)

  constructor(memory: { counts: SharedWords; blocks: SharedWords }, tails: Tails) {
    this.#counts = memory.counts
    this.#blocks = memory.blocks
    this.#tails = tails
  }

  /** Appends the six words of `entry` to the first `count` of `slots`, at most BATCH_OWNERS. */
  run(entry: Uint32Array, slots: Int32Array, count: number): { appended: number; left: number } {
    const appended = this.#write(entry, slots, count)
    this.#publish(appended)
    return { appended, left: count - appended }
  }

  /** There is no call in the loop: after one, the processor would look up the arrays again for each of the ten stores. */
  #write(entry: Uint32Array, slots: Int32Array, count: number): number {
    const blocks = this.#blocks.words
    const tails = this.#tails.words
    const done = this.#appended
    const later = this.left
    const idLow = entry[0]!
    const idHigh = entry[1]!
    const boostLow = entry[2]!
    const boostHigh = entry[3]!
    const authorLow = entry[4]!
    const authorHigh = entry[5]!
    let appended = 0
    for (let index = 0; index < count; index++) {
      const slot = slots[index]!
      const tail = slot << TAIL_SHIFT
      const headHigh = tails[tail + TAIL_HEAD_HIGH]!
      const isNewest = idHigh > headHigh || (idHigh === headHigh && idLow > tails[tail + TAIL_HEAD_LOW]!)
      const at = tails[tail + TAIL_NEXT]!
      if (!isNewest || at === NO_PLACE) {
        later[index - appended] = slot
        continue
      }
      blocks[at] = idLow
      blocks[at + 1] = idHigh
      blocks[at + 2] = boostLow
      blocks[at + 3] = boostHigh
      blocks[at + 4] = authorLow
      blocks[at + 5] = authorHigh
      const written = tails[tail + TAIL_WRITTEN]! + 1
      tails[tail + TAIL_WRITTEN] = written
      tails[tail + TAIL_HEAD_LOW] = idLow
      tails[tail + TAIL_HEAD_HIGH] = idHigh
      tails[tail + TAIL_NEXT] = written % BLOCK_ENTRIES === 0 ? NO_PLACE : at + ENTRY_WORDS
      done[appended++] = slot
    }
    return appended
  }

  /**
   * Plain stores between two fences. The first keeps them behind the entries (x86 keeps the order of stores anyway, ARMv8 by
   * stlr; ldar), the second keeps the next batch's entries behind them; a reader loads a count atomically, and then sees the
   * entry. An atomic store for each of them was measured at ten times the price. An owner named twice was appended once.
   */
  #publish(appended: number): void {
    if (appended === 0) return
    const counts = this.#counts.words
    const tails = this.#tails.words
    const done = this.#appended
    this.#fence()
    for (let index = 0; index < appended; index++) {
      const slot = done[index]!
      counts[slot] = tails[(slot << TAIL_SHIFT) + TAIL_WRITTEN]!
    }
    this.#fence()
  }

  #fence(): void {
    Atomics.store(this.#fenceWord, 0, 0)
    Atomics.load(this.#fenceWord, 0)
  }
}
