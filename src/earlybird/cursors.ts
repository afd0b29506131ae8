/** Cursors made of cursors: all of, any of, none of, a filter, a phrase. */
import { END } from './layout.ts'
import type { Budget, Cursor, SearchScratch, TermCursor } from './segment.ts'

/** Whether a document passes; asked only of documents that everything cheaper has let through. */
export type Filter = (document: number) => boolean

/** Every document of a segment. */
export class AllCursor implements Cursor {
  document = -1
  readonly cost: number
  readonly weightBound = 0
  readonly #begin: number
  readonly #end: number

  constructor(begin: number, end: number) {
    this.#begin = begin
    this.#end = end
    this.cost = end - begin
  }

  next(): number {
    return this.advance(this.document + 1)
  }

  advance(target: number): number {
    if (this.document >= target) return this.document
    const document = Math.max(target, this.#begin)
    return (this.document = document < this.#end ? document : END)
  }

  weight(): number {
    return 0
  }
}

/** No document. */
export class NoneCursor implements Cursor {
  document = -1
  readonly cost = 0
  readonly weightBound = 0

  next(): number {
    return (this.document = END)
  }

  advance(): number {
    return (this.document = END)
  }

  weight(): number {
    return 0
  }
}

export interface Conjunction {
  /** In the order of the query, which is that of adding scores. At least one. */
  all: readonly Cursor[]
  none: readonly Cursor[]
  filters: readonly Filter[]
}

/** Documents of all cursors, of none of the excluded ones, that pass the filters. The rarest leads, the others leap after it. */
export class AndCursor implements Cursor {
  document = -1
  readonly cost: number
  readonly weightBound: number
  readonly #parts: Conjunction
  readonly #lead: Cursor
  readonly #rest: readonly Cursor[]
  readonly #budget: Budget

  constructor(parts: Conjunction, budget: Budget) {
    const byCost = parts.all.toSorted((a, b) => a.cost - b.cost)
    this.#parts = parts
    this.#lead = byCost[0] ?? new NoneCursor()
    this.#rest = byCost.slice(1)
    this.#budget = budget
    this.cost = this.#lead.cost
    this.weightBound = parts.all.reduce((sum, cursor) => sum + cursor.weightBound, 0)
  }

  next(): number {
    return this.#settle(this.#lead.next())
  }

  advance(target: number): number {
    return this.document >= target ? this.document : this.#settle(this.#lead.advance(target))
  }

  weight(): number {
    let sum = 0
    for (const cursor of this.#parts.all) sum += cursor.weight()
    return sum
  }

  #settle(from: number): number {
    let document = from
    while (document !== END) {
      if (this.#budget.step()) return (this.document = END)
      const met = this.#leap(document)
      if (met !== document) document = this.#lead.advance(met)
      else if (this.#passes(document)) break
      else document = this.#lead.next()
    }
    return (this.document = document)
  }

  /** The document when all others have it too, else the first one they might. */
  #leap(document: number): number {
    for (const cursor of this.#rest) {
      const at = cursor.advance(document)
      if (at !== document) return at
    }
    return document
  }

  #passes(document: number): boolean {
    for (const filter of this.#parts.filters) if (!filter(document)) return false
    for (const cursor of this.#parts.none) if (cursor.advance(document) === document) return false
    return true
  }
}

/** Documents of any of the cursors, which lie in a heap by where they stand. */
export class OrCursor implements Cursor {
  document = -1
  readonly cost: number
  readonly weightBound: number
  /** In the order of the query, which is that of adding scores. */
  readonly #any: readonly Cursor[]
  readonly #heap: Cursor[]

  constructor(any: readonly Cursor[]) {
    this.#any = any
    this.#heap = [...any]
    this.cost = any.reduce((sum, cursor) => sum + cursor.cost, 0)
    this.weightBound = any.reduce((sum, cursor) => sum + cursor.weightBound, 0)
  }

  next(): number {
    return this.advance(this.document + 1)
  }

  advance(target: number): number {
    if (this.document >= target) return this.document
    const heap = this.#heap
    let top = heap[0]
    if (this.document === -1) {
      for (const cursor of heap) cursor.advance(target)
      for (let at = (heap.length >> 1) - 1; at >= 0; at--) this.#sink(at)
      top = heap[0]
    }
    while (top !== undefined && top.document < target) {
      top.advance(target)
      this.#sink(0)
      top = heap[0]
    }
    return (this.document = top?.document ?? END)
  }

  weight(): number {
    let sum = 0
    for (const cursor of this.#any) if (cursor.document === this.document) sum += cursor.weight()
    return sum
  }

  #sink(from: number): void {
    const heap = this.#heap
    const cursor = heap[from]
    if (cursor === undefined) return
    let at = from
    for (;;) {
      let child = at * 2 + 1
      let lower = heap[child]
      if (lower === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && right.document < lower.document) {
        lower = right
        child++
      }
      if (lower.document >= cursor.document) break
      heap[at] = lower
      at = child
    }
    heap[at] = cursor
  }
}

/** A word of a phrase, and how far it is from the phrase's beginning. */
export interface PhraseWord {
  cursor: TermCursor
  offset: number
}

/** Whether the words stand in their places in a document that all cursors stand on. */
export function phraseFilter(words: readonly PhraseWord[], { first, other }: SearchScratch): Filter {
  const [head, ...rest] = words
  return (document) => {
    if (head === undefined || head.cursor.document !== document) return false
    let count = head.cursor.positions(first)
    for (const { cursor, offset } of rest) {
      const found = cursor.positions(other)
      let kept = 0
      for (let n = 0; n < count; n++) {
        const wanted = (first[n] ?? 0) - head.offset + offset
        if (contains(other, found, wanted)) first[kept++] = first[n] ?? 0
      }
      if (kept === 0) return false
      count = kept
    }
    return count > 0
  }
}

function contains(places: Uint16Array, count: number, wanted: number): boolean {
  for (let n = 0; n < count; n++) if (places[n] === wanted) return true
  return false
}
