/** What searching needs of a segment, live or sealed. Document numbers ascend from newest to oldest. */
import type { Columns } from './columns.ts'
import { POSITIONS_MAX } from './contract.ts'
import { SKIP_POSTINGS } from './layout.ts'
import type { TermKey, TermSlice } from './term-bytes.ts'

/** Memory that searches use one after the other, because making it takes longer than many a search. One for each thread. */
export class SearchScratch {
  /** Places of two words of a phrase. */
  readonly first = new Uint16Array(POSITIONS_MAX)
  readonly other = new Uint16Array(POSITIONS_MAX)
  readonly #blocks: Int32Array[] = []
  #taken = 0

  /** Room for the postings of one block, as long as the search lasts. */
  block(): Int32Array {
    return (this.#blocks[this.#taken++] ??= new Int32Array(SKIP_POSTINGS))
  }

  /** A search begins: nobody needs the blocks of the last one any more. */
  begin(): void {
    this.#taken = 0
    if (this.#blocks.length > BLOCKS_KEPT) this.#blocks.length = BLOCKS_KEPT
  }
}

const BLOCKS_KEPT = 1_024

/** What a search may still spend, and what it has spent. */
export class Budget {
  postings = 0
  expired = false
  readonly scratch: SearchScratch
  readonly #deadlineAt: number
  #steps = 0

  /** `deadlineAt` on the clock of `performance.now()`. */
  constructor(deadlineAt: number, scratch: SearchScratch) {
    this.scratch = scratch
    this.#deadlineAt = deadlineAt
  }

  /** Called in every loop whose length nobody knows; looks at the clock now and then. True: stop. */
  step(): boolean {
    if ((++this.#steps & 1023) === 0) this.look()
    return this.expired
  }

  look(): boolean {
    if (performance.now() >= this.#deadlineAt) this.expired = true
    return this.expired
  }
}

/** Walks documents. Stands before the first at -1, after the last at END. */
export interface Cursor {
  readonly document: number
  /** About how many documents it will meet, to begin with the rarest. */
  readonly cost: number
  /** Moves on by one, and returns where it stands. */
  next(): number
  /** Moves to the first document not before `target`; stays when it is there or beyond. */
  advance(target: number): number
  /** What the current document scores here. */
  weight(): number
  /** No document scores more here. */
  readonly weightBound: number
}

/** Walks the documents of one term. */
export interface TermCursor extends Cursor {
  /** Occurrences in the current document, at most FREQUENCY_MAX. */
  frequency(): number
  /** Writes the places in the current document into `into`, in no order, and returns how many there are. */
  positions(into: Uint16Array): number
  /** For scores, which are nothing before. */
  score(idf: number, lengths: Uint8Array): void
}

export interface Segment {
  readonly name: string
  readonly sealed: boolean
  readonly columns: Columns
  /** Terms in its dictionary. */
  readonly terms: number
  /** Of memory in use. */
  readonly bytes: number
  /** The newest document that is published; what is written meanwhile has lower numbers. */
  begin(): number
  /** After the oldest one. */
  readonly end: number
  /** The same segment with what is published now: a search must not see more half-way. */
  snapshot(): Segment
  /** The number of a term, or -1. */
  find(key: TermKey): number
  documentsWith(term: number): number
  cursor(term: number, budget: Budget): TermCursor
  /** Numbers of terms that begin so. Of more than `max` any, and `max + 1` of them. */
  termsWith(prefix: Uint8Array, budget: Budget): number[]
  termAt(term: number): TermSlice
}

export function newestKey(segment: Segment): number {
  return segment.begin() >= segment.end ? -1 : (segment.columns.idBounds[segment.begin() >>> 8] ?? -1)
}
