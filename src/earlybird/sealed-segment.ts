/** A sealed segment as a reader sees it, in any thread. */
import { compareIds } from './layout.ts'
import { SealedCursor } from './sealed-cursor.ts'
import { ENTRY_WORDS, type SealedMemory } from './sealed-memory.ts'
import type { Budget, Segment, TermCursor } from './segment.ts'
import { compareBytes, sameBytes, type TermKey, type TermSlice } from './term-bytes.ts'

export class SealedSegment implements Segment {
  readonly name: string
  readonly sealed = true
  readonly memory: SealedMemory
  readonly end: number
  readonly terms: number

  constructor(name: string, memory: SealedMemory) {
    this.name = name
    this.memory = memory
    this.end = memory.sizes.documents
    this.terms = memory.sizes.terms
  }

  get columns() {
    return this.memory.columns
  }

  get bytes(): number {
    return this.memory.fixed.byteLength + this.memory.changing.byteLength
  }

  begin(): number {
    return 0
  }

  snapshot(): SealedSegment {
    return this
  }

  find(key: TermKey): number {
    const { slots, termAt, termBytes } = this.memory
    const mask = slots.length - 1
    const { length } = key.bytes
    for (let slot = key.hash & mask; ; slot = (slot + 1) & mask) {
      const term = (slots[slot] ?? 0) - 1
      if (term === -1) return -1
      const at = termAt[term] ?? 0
      if ((termAt[term + 1] ?? 0) - at === length && sameBytes(termBytes, at, key.bytes, length)) return term
    }
  }

  documentsWith(term: number): number {
    return this.memory.entries[term * ENTRY_WORDS] ?? 0
  }

  cursor(term: number, budget: Budget): TermCursor {
    return new SealedCursor(this.memory, term, budget)
  }

  termsWith(prefix: Uint8Array): number[] {
    const found: number[] = []
    const { termBytes } = this.memory
    for (let term = this.#firstNotBefore(prefix); term < this.terms; term++) {
      const { at, length } = this.termAt(term)
      if (length < prefix.length || !sameBytes(termBytes, at, prefix, prefix.length)) break
      found.push(term)
    }
    return found
  }

  termAt(term: number): TermSlice {
    const { termAt, termBytes } = this.memory
    const at = termAt[term] ?? 0
    return { bytes: termBytes, at, length: (termAt[term + 1] ?? 0) - at }
  }

  /** The number of the document, or -1. */
  findId(low: number, high: number): number {
    const { ids } = this.columns
    let from = 0
    let until = this.end
    while (from < until) {
      const middle = (from + until) >>> 1
      const order = compareIds(ids[middle * 2] ?? 0, ids[middle * 2 + 1] ?? 0, low, high)
      if (order === 0) return middle
      if (order > 0) from = middle + 1
      else until = middle
    }
    return -1
  }

  #firstNotBefore(prefix: Uint8Array): number {
    const wanted = { bytes: prefix, at: 0, length: prefix.length }
    let from = 0
    let until = this.terms
    while (from < until) {
      const middle = (from + until) >>> 1
      const { bytes, at, length } = this.termAt(middle)
      if (compareBytes(bytes, at, length, wanted) < 0) from = middle + 1
      else until = middle
    }
    return from
  }
}
