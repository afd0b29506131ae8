/**
 * The one writer of a live segment. A batch is written first; after a barrier the terms' newest postings are told, and then,
 * by one atomic store, the number of documents. So a reader that sees a posting sees all that it leads to, and one that sees a
 * document sees all its postings; postings of documents that are not published yet it passes over.
 */
import { WordSink } from './byte-sink.ts'
import { keyOf, markDeleted, writeCounts } from './columns.ts'
import type { IndexDocument } from './contract.ts'
import { DOCUMENT_TERMS_MAX, TERM_BYTES_MAX } from './contract.ts'
import { BLOCK_BITS, IdWords, POSITION_BITS } from './layout.ts'
import { packedPosition } from './live-cursor.ts'
import {
  HEADER,
  LEVEL_LAST,
  type LiveMemory,
  PAGE_BITS,
  PAGE_WORDS,
  PREFIX_BYTES,
  SLICE_WORDS,
  TERM,
  chainOf,
} from './live-memory.ts'
import { findTerm } from './live-segment.ts'
import { TermBytes } from './term-bytes.ts'

export class LiveWriter {
  readonly memory: LiveMemory
  readonly #scratch = new TermBytes()
  readonly #words = new IdWords()
  /** Number of the document + 1 by id: open addressing. */
  readonly #byId: Uint32Array
  /** Terms with postings that are not published, repetitions included. */
  readonly #extended = new WordSink()
  /** The next free word of each slice size; 0 when its page is full. */
  readonly #free = SLICE_WORDS.map(() => 0)
  #pages = 1 // word 0 means "no posting", so page 0 stays empty
  #terms = 0
  #termBytes = 0
  #documents = 0
  #newestKey = 0

  constructor(memory: LiveMemory) {
    this.memory = memory
    this.#byId = new Uint32Array(2 ** Math.ceil(Math.log2(memory.capacity * 2)))
  }

  get documents(): number {
    return this.#documents
  }

  /** Whether the document fits, whatever its terms are. */
  hasRoom(document: IndexDocument): boolean {
    const terms = Math.min(document.terms.length, DOCUMENT_TERMS_MAX)
    const { memory } = this
    return (
      this.#documents < memory.capacity &&
      this.#terms + terms <= memory.tails.length &&
      this.#termBytes + terms * TERM_BYTES_MAX <= memory.termBytes.length &&
      this.#pages + terms + SLICE_WORDS.length <= memory.levels.length
    )
  }

  /** Writes a document that has room; readers see it after `publish`. Returns its number. */
  write(document: IndexDocument, author: number): number {
    const { columns, capacity } = this.memory
    const number = capacity - 1 - this.#documents++
    const { low, high } = this.#words.set(document.id)
    columns.ids[number * 2] = low
    columns.ids[number * 2 + 1] = high
    columns.authors[number] = author
    columns.flags[number] = document.flags
    columns.lengths[number] = Math.min(document.length, 255)
    writeCounts(columns, number, document.counts)
    this.#newestKey = Math.max(this.#newestKey, keyOf(columns, number))
    columns.idBounds[number >>> BLOCK_BITS] = this.#newestKey
    this.#remember(low, high, number)
    const { terms, positions } = document
    const count = Math.min(terms.length, DOCUMENT_TERMS_MAX)
    for (let n = 0; n < count; n++) {
      this.#append(this.#termNumber(terms[n] ?? ''), number, packedPosition(positions[n] ?? -1))
    }
    return number
  }

  publish(): void {
    const { header, terms, tails } = this.memory
    // The store orders all that was written before it; one for the batch costs less than one for each posting.
    Atomics.store(header, HEADER.terms, this.#terms)
    const extended = this.#extended.written
    for (let n = 0; n < extended.length; n++) {
      const term = extended[n] ?? 0
      tails[term] = terms[term * TERM.words + TERM.tail] ?? 0
    }
    this.#extended.clear()
    header[HEADER.pages] = this.#pages
    header[HEADER.termBytes] = this.#termBytes
    Atomics.store(header, HEADER.documents, this.#documents)
  }

  /** The number of the newest document of that id, deleted or not; -1 when there is none. */
  find(low: number, high: number): number {
    const { ids } = this.memory.columns
    const mask = this.#byId.length - 1
    for (let slot = hashId(low, high) & mask; ; slot = (slot + 1) & mask) {
      const number = (this.#byId[slot] ?? 0) - 1
      if (number === -1 || (ids[number * 2] === low && ids[number * 2 + 1] === high)) return number
    }
  }

  /** Returns whether it was there. */
  remove(number: number): boolean {
    const removed = markDeleted(this.memory.columns, number)
    if (removed) Atomics.add(this.memory.header, HEADER.deleted, 1)
    return removed
  }

  #remember(low: number, high: number, number: number): void {
    const { ids } = this.memory.columns
    const mask = this.#byId.length - 1
    let slot = hashId(low, high) & mask
    for (; this.#byId[slot] !== 0; slot = (slot + 1) & mask) {
      const other = (this.#byId[slot] ?? 0) - 1
      if (ids[other * 2] === low && ids[other * 2 + 1] === high) break // the same status, edited
    }
    this.#byId[slot] = number + 1
  }

  #termNumber(text: string): number {
    const scratch = this.#scratch
    scratch.set(text)
    const known = findTerm(this.memory, scratch.bytes, scratch.length, scratch.hash)
    return known === -1 ? this.#newTerm(scratch) : known
  }

  #newTerm({ bytes, length, hash }: TermBytes): number {
    const { slots, terms, termBytes, chained, chains } = this.memory
    const term = this.#terms++
    terms[term * TERM.words + TERM.at] = this.#termBytes
    terms[term * TERM.words + TERM.length] = length
    for (let n = 0; n < length; n++) termBytes[this.#termBytes + n] = bytes[n] ?? 0
    this.#termBytes += length
    const mask = slots.length - 2
    let slot = (hash << 1) & mask
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask
    slots[slot] = hash
    Atomics.store(slots, slot + 1, term + 1)
    if (length >= PREFIX_BYTES) {
      const chain = chainOf(bytes, 0)
      chained[term] = chains[chain] ?? 0
      Atomics.store(chains, chain, term + 1)
    }
    return term
  }

  #append(term: number, document: number, position: number): void {
    const { postings, levels, terms } = this.memory
    const entry = term * TERM.words
    const tail = terms[entry + TERM.tail] ?? 0
    let at = tail + 1
    if (tail === 0) {
      at = this.#allocate(0)
      terms[entry + TERM.documents] = 1
    } else {
      if ((postings[tail] ?? 0) >>> POSITION_BITS !== document) {
        terms[entry + TERM.documents] = (terms[entry + TERM.documents] ?? 0) + 1
      }
      const level = levels[tail >>> PAGE_BITS] ?? 0
      const words = SLICE_WORDS[level] ?? PAGE_WORDS
      if ((at & (words - 1)) === 0) {
        at = this.#allocate(Math.min(level + 1, LEVEL_LAST))
        postings[at++] = tail
      }
    }
    postings[at] = (document << POSITION_BITS) | position
    terms[entry + TERM.tail] = at
    this.#extended.push(term)
  }

  /** The first word of a new slice. */
  #allocate(level: number): number {
    const words = SLICE_WORDS[level] ?? PAGE_WORDS
    let at = this.#free[level] ?? 0
    if (at === 0) {
      const page = this.#pages++
      this.memory.levels[page] = level
      at = page * PAGE_WORDS
    }
    this.#free[level] = (at + words) & (PAGE_WORDS - 1) ? at + words : 0
    return at
  }
}

function hashId(low: number, high: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
