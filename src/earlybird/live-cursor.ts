/** Walks the slices of one term from the newest posting back, which is along ascending document numbers. */
import { NO_POSITION } from './contract.ts'
import { END, NOWHERE, POSITION_BITS, POSITION_MASK } from './layout.ts'
import { type LiveMemory, PAGE_BITS, SLICE_WORDS, TERM } from './live-memory.ts'
import { FREQUENCY_MAX, termScore, termScoreBound } from './scoring.ts'
import type { Budget, TermCursor } from './segment.ts'

const SLICE_MASKS = Uint32Array.from(SLICE_WORDS, (words) => words - 1)

export class LiveCursor implements TermCursor {
  document = -1
  readonly cost: number
  weightBound = 0
  readonly #budget: Budget
  readonly #postings: Uint32Array
  readonly #levels: Uint8Array
  /** Of the newest posting of the current document; 0 is none. */
  #at: number
  /** Documents before it are not published yet. */
  readonly #begin: number
  #idf = 0
  #lengths: Uint8Array | undefined

  constructor(memory: LiveMemory, term: number, walk: { begin: number; budget: Budget }) {
    this.#postings = memory.postings
    this.#levels = memory.levels
    this.#budget = walk.budget
    this.#begin = walk.begin
    this.cost = memory.terms[term * TERM.words + TERM.documents] ?? 0
    this.#at = Atomics.load(memory.tails, term)
  }

  next(): number {
    if (this.document === -1) return this.advance(this.#begin)
    const current = this.document
    let at = this.#at
    let document = current
    while (document === current) {
      at = this.#before(at)
      if (at === 0) return this.#finish()
      document = (this.#postings[at] ?? 0) >>> POSITION_BITS
    }
    this.#budget.postings++
    this.#at = at
    return (this.document = document)
  }

  advance(target: number): number {
    if (this.document >= target && this.document !== -1) return this.document
    const from = Math.max(target, this.#begin)
    const postings = this.#postings
    let at = this.#at
    while (at !== 0) {
      const start = at & ~this.#mask(at)
      const first = this.#levels[at >>> PAGE_BITS] === 0 ? start : start + 1
      // The oldest posting of the slice: when even that is too new, the whole slice is.
      if ((postings[first] ?? 0) >>> POSITION_BITS < from) {
        at = first === start ? 0 : (postings[start] ?? 0)
        continue
      }
      let steps = 1
      while ((postings[at] ?? 0) >>> POSITION_BITS < from) {
        at--
        steps++
      }
      this.#budget.postings += steps
      this.#at = at
      return (this.document = (postings[at] ?? 0) >>> POSITION_BITS)
    }
    return this.#finish()
  }

  frequency(): number {
    const before = this.#before(this.#at)
    return before !== 0 && (this.#postings[before] ?? 0) >>> POSITION_BITS === this.document ? FREQUENCY_MAX : 1
  }

  positions(into: Uint16Array): number {
    let count = 0
    for (let at = this.#at; at !== 0; at = this.#before(at)) {
      const posting = this.#postings[at] ?? 0
      if (posting >>> POSITION_BITS !== this.document) break
      const position = posting & POSITION_MASK
      if (position !== NOWHERE && count < into.length) into[count++] = position
    }
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

  #finish(): number {
    this.#at = 0
    return (this.document = END)
  }

  #mask(at: number): number {
    return SLICE_MASKS[this.#levels[at >>> PAGE_BITS] ?? 0] ?? 0
  }

  #before(at: number): number {
    const level = this.#levels[at >>> PAGE_BITS] ?? 0
    const offset = at & (SLICE_MASKS[level] ?? 0)
    if (level === 0) return offset === 0 ? 0 : at - 1
    return offset === 1 ? (this.#postings[at - 1] ?? 0) : at - 1
  }
}

/** A position as it stands in a posting. */
export function packedPosition(position: number): number {
  return position === NO_POSITION || position >= NOWHERE || position < 0 ? NOWHERE : position
}
