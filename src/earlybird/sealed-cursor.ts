/** Walks the postings of one term in a sealed segment; leaps over whole blocks by the skip table. */
import { END, SKIP_POSTINGS } from './layout.ts'
import { FREQUENCY_MAX, termScore, termScoreBound } from './scoring.ts'
import { ENTRY_WORDS, NO_POSITIONS, SKIP_WORDS, type SealedMemory } from './sealed-memory.ts'
import type { Budget, TermCursor } from './segment.ts'

export class SealedCursor implements TermCursor {
  document = -1
  readonly cost: number
  weightBound = 0
  readonly #memory: SealedMemory
  readonly #budget: Budget
  readonly #entry: number
  readonly #blocks: number
  /** Decoded postings of the current block: document · 2 + (occurs more than once). */
  readonly #decoded: Int32Array
  #count = 0
  #index = -1
  #block = -1
  /** How far the positions of the current block have been read: this many postings, to this byte. */
  #placed = 0
  #placeAt = 0
  #idf = 0
  #lengths: Uint8Array | undefined

  constructor(memory: SealedMemory, term: number, budget: Budget) {
    this.#memory = memory
    this.#budget = budget
    this.#entry = term * ENTRY_WORDS
    this.cost = memory.entries[this.#entry] ?? 0
    this.#blocks = Math.ceil(this.cost / SKIP_POSTINGS)
    this.#decoded = budget.scratch.block()
  }

  next(): number {
    const index = ++this.#index
    if (index < this.#count) return (this.document = (this.#decoded[index] ?? 0) >>> 1)
    if (this.#block + 1 >= this.#blocks) return (this.document = END)
    this.#decode(this.#block + 1)
    this.#index = 0
    return (this.document = (this.#decoded[0] ?? 0) >>> 1)
  }

  advance(target: number): number {
    if (this.document >= target) return this.document
    if (this.#block === -1 || (this.#decoded[this.#count - 1] ?? 0) >>> 1 < target) {
      const block = this.#blockOf(target)
      if (block === this.#blocks) {
        this.#block = block
        this.#count = 0
        return (this.document = END)
      }
      this.#decode(block)
      this.#index = 0
    }
    const decoded = this.#decoded
    let index = this.#index
    while (index < this.#count && (decoded[index] ?? 0) >>> 1 < target) index++
    this.#index = index
    return (this.document = index < this.#count ? (decoded[index] ?? 0) >>> 1 : this.#past())
  }

  frequency(): number {
    return (this.#decoded[this.#index] ?? 0) & 1 ? FREQUENCY_MAX : 1
  }

  positions(into: Uint16Array): number {
    const { entries, skips, positions } = this.#memory
    if (entries[this.#entry + 2] === NO_POSITIONS) return 0
    if (this.#placed > this.#index || this.#placeAt === 0) {
      this.#placed = 0
      this.#placeAt =
        this.cost > SKIP_POSTINGS
          ? (skips[((entries[this.#entry + 1] ?? 0) + this.#block) * SKIP_WORDS + 2] ?? 0)
          : (entries[this.#entry + 2] ?? 0)
    }
    let at = this.#placeAt
    for (; this.#placed < this.#index; this.#placed++) at = afterPositions(positions, at)
    let count = 0
    let position = -1
    for (let more = 1; more === 1;) {
      let value = 0
      let byte = 0x80
      for (let shift = 0; byte & 0x80; shift += 7) {
        byte = positions[at++] ?? 0
        value |= (byte & 0x7f) << shift
      }
      more = value & 1
      if (value >>> 1 === 0) continue
      position += value >>> 1
      if (count < into.length) into[count++] = position
    }
    this.#placed = this.#index + 1
    this.#placeAt = at
    return count
  }

  score(idf: number, lengths: Uint8Array): void {
    this.#idf = idf
    this.#lengths = lengths
    this.weightBound = termScoreBound(idf)
  }

  weight(): number {
    if (this.#lengths === undefined) return 0
    return termScore(this.#idf, this.frequency(), this.#lengths[this.document] ?? 0)
  }

  #past(): number {
    this.#block = this.#blocks
    this.#count = 0
    return END
  }

  /** The first block that ends at or after `target`: galloping from the current one, then halving. */
  #blockOf(target: number): number {
    if (this.#blocks === 1) return this.#block === -1 ? 0 : 1
    const { skips, entries } = this.#memory
    const first = entries[this.#entry + 1] ?? 0
    const last = (block: number): number => skips[(first + block) * SKIP_WORDS] ?? 0
    let low = this.#block + 1
    let step = 1
    while (low + step < this.#blocks && last(low + step) < target) {
      low += step
      step *= 2
    }
    let high = Math.min(low + step, this.#blocks)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (last(middle) < target) low = middle + 1
      else high = middle
    }
    return low
  }

  #decode(block: number): void {
    const { entries, skips, postings } = this.#memory
    const decoded = this.#decoded
    let at = entries[this.#entry + 1] ?? 0
    let before = 0
    if (this.cost > SKIP_POSTINGS) {
      const skip = (at + block) * SKIP_WORDS
      before = block === 0 ? 0 : (skips[skip - SKIP_WORDS] ?? 0)
      at = skips[skip + 1] ?? 0
    }
    const count = Math.min(SKIP_POSTINGS, this.cost - block * SKIP_POSTINGS)
    for (let n = 0; n < count; n++) {
      let byte = postings[at++] ?? 0
      let value = byte & 0x7f
      for (let shift = 7; byte & 0x80; shift += 7) {
        byte = postings[at++] ?? 0
        value |= (byte & 0x7f) << shift
      }
      before += value >>> 1
      decoded[n] = (before << 1) | (value & 1)
    }
    this.#budget.postings += count
    this.#count = count
    this.#block = block
    this.#placed = 0
    this.#placeAt = 0
  }
}

/** Where the positions of the next posting begin. */
function afterPositions(positions: Uint8Array, begin: number): number {
  let at = begin
  for (;;) {
    const first = positions[at] ?? 0
    while ((positions[at++] ?? 0) & 0x80);
    if ((first & 1) === 0) return at
  }
}
