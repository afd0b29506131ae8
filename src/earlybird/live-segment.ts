/** The live segment as a reader sees it, in any thread. */
import { LiveCursor } from './live-cursor.ts'
import { HEADER, type LiveMemory, PREFIX_BYTES, TERM, chainOf, viewLive } from './live-memory.ts'
import type { Budget, Segment, TermCursor } from './segment.ts'
import { sameBytes, type TermKey, type TermSlice } from './term-bytes.ts'

export class LiveSegment implements Segment {
  readonly name: string
  readonly sealed = false
  readonly memory: LiveMemory
  readonly end: number

  /** Set in a snapshot. */
  readonly #begin: number | undefined

  constructor(name: string, memory: LiveMemory, begin?: number) {
    this.name = name
    this.memory = memory
    this.#begin = begin
    this.end = memory.capacity
  }

  static over(name: string, buffer: SharedArrayBuffer, capacity: number): LiveSegment {
    return new LiveSegment(name, viewLive(buffer, capacity))
  }

  get columns() {
    return this.memory.columns
  }

  get terms(): number {
    return Atomics.load(this.memory.header, HEADER.terms)
  }

  get bytes(): number {
    const { header } = this.memory
    const perTerm = (TERM.words + 2) * 4 + 3 * 4 // entry, tail, chain; slots at their load
    const documents = this.end - this.begin()
    return (
      (header[HEADER.pages] ?? 0) * 2 ** 13 +
      (header[HEADER.termBytes] ?? 0) +
      this.terms * perTerm +
      Math.ceil(documents * COLUMN_BYTES)
    )
  }

  begin(): number {
    return this.#begin ?? this.end - Atomics.load(this.memory.header, HEADER.documents)
  }

  snapshot(): LiveSegment {
    return new LiveSegment(this.name, this.memory, this.begin())
  }

  find(key: TermKey): number {
    return findTerm(this.memory, key.bytes, key.bytes.length, key.hash)
  }

  documentsWith(term: number): number {
    return this.memory.terms[term * TERM.words + TERM.documents] ?? 0
  }

  cursor(term: number, budget: Budget): TermCursor {
    return new LiveCursor(this.memory, term, { begin: this.begin(), budget })
  }

  termsWith(prefix: Uint8Array, budget: Budget): number[] {
    const { chains, chained } = this.memory
    const found: number[] = []
    if (prefix.length < PREFIX_BYTES) {
      const count = this.terms
      for (let term = 0; term < count && !budget.step(); term++) if (this.#begins(term, prefix)) found.push(term)
      return found
    }
    let term = Atomics.load(chains, chainOf(prefix, 0)) - 1
    for (; term !== -1 && !budget.step(); term = (chained[term] ?? 0) - 1) {
      if (this.#begins(term, prefix)) found.push(term)
    }
    return found
  }

  termAt(term: number): TermSlice {
    const { terms, termBytes } = this.memory
    const entry = term * TERM.words
    return { bytes: termBytes, at: terms[entry + TERM.at] ?? 0, length: terms[entry + TERM.length] ?? 0 }
  }

  #begins(term: number, prefix: Uint8Array): boolean {
    const { terms, termBytes } = this.memory
    const entry = term * TERM.words
    if ((terms[entry + TERM.length] ?? 0) < prefix.length) return false
    return sameBytes(termBytes, terms[entry + TERM.at] ?? 0, prefix, prefix.length)
  }
}

/** ids 8, bounds and engagement 16 a block, flags 2, length 1, author 4, favourites 4, boosts 2, replies 2, one bit. */
const COLUMN_BYTES = 8 + 16 / 256 + 2 + 1 + 4 + 4 + 2 + 2 + 1 / 8

/** The number of a term, or -1. */
export function findTerm(memory: LiveMemory, bytes: Uint8Array, length: number, hash: number): number {
  const { slots, terms, termBytes } = memory
  const mask = slots.length - 2
  for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
    const term = Atomics.load(slots, slot + 1) - 1
    if (term === -1) return -1
    if (slots[slot] !== hash || terms[term * TERM.words + TERM.length] !== length) continue
    if (sameBytes(termBytes, terms[term * TERM.words + TERM.at] ?? 0, bytes, length)) return term
  }
}
