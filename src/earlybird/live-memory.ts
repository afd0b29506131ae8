/** The memory of the live segment (`layout.ts` has the picture). Pages that nothing was written to cost nothing: the system gives them when they are touched. */
import { type Columns, carveChanging, carveFixed } from './columns.ts'
import { DOCUMENT_TERMS_MAX, TERM_BYTES_MAX } from './contract.ts'
import { Carver } from './layout.ts'

/** Slices grow along these sizes, in words; after the last they stay. All of one page have one size. */
export const SLICE_WORDS = [2, 16, 128, 2048] as const
export const LEVEL_LAST = SLICE_WORDS.length - 1
export const PAGE_BITS = 11
export const PAGE_WORDS = 2 ** PAGE_BITS

/** Heads of the chains of terms that begin with the same PREFIX_BYTES bytes. */
export const PREFIX_HEADS = 2 ** 14
export const PREFIX_BYTES = 3

const TERMS_PER_DOCUMENT = 4
const BYTES_PER_TERM = 16
const WORDS_PER_DOCUMENT = 64

/** Places in `header`. */
export const HEADER = { documents: 0, terms: 1, termBytes: 2, pages: 3, deleted: 4, words: 8 } as const

/** Places in a term's entry: first byte, bytes, documents that have it, and the newest posting as the writer knows it. */
export const TERM = { at: 0, length: 1, documents: 2, tail: 3, words: 4 } as const

export interface LiveMemory {
  buffer: SharedArrayBuffer
  capacity: number
  header: Uint32Array
  /** Pairs: hash, number of the term + 1. */
  slots: Uint32Array
  /** TERM words a term: side by side, because whoever needs one needs the others, and each miss of a cache costs more than all work. */
  terms: Uint32Array
  termBytes: Uint8Array
  /** Place of each term's newest posting, as published. */
  tails: Uint32Array
  /** The next term of the same chain + 1. */
  chained: Uint32Array
  chains: Uint32Array
  postings: Uint32Array
  /** By page: which size its slices have. */
  levels: Uint8Array
  columns: Columns
}

export interface LiveSizes {
  documents: number
  terms: number
  termBytes: number
  pages: number
}

export function sizesOf(documents: number): LiveSizes {
  const terms = documents * TERMS_PER_DOCUMENT + DOCUMENT_TERMS_MAX
  return {
    documents,
    terms,
    termBytes: terms * BYTES_PER_TERM + DOCUMENT_TERMS_MAX * TERM_BYTES_MAX,
    // Enough for the largest document, each of whose terms might need a page.
    pages: Math.ceil((documents * WORDS_PER_DOCUMENT) / PAGE_WORDS) + DOCUMENT_TERMS_MAX + SLICE_WORDS.length + 1,
  }
}

export function allocateLive(documents: number): LiveMemory {
  const carver = new Carver()
  carve(carver, documents)
  return viewLive(new SharedArrayBuffer(carver.bytes), documents)
}

/** The same memory in any thread. */
export function viewLive(buffer: SharedArrayBuffer, documents: number): LiveMemory {
  return { buffer, capacity: documents, ...carve(new Carver(buffer), documents) }
}

function carve(carver: Carver, documents: number) {
  const sizes = sizesOf(documents)
  const slots = 2 ** Math.ceil(Math.log2(sizes.terms * 1.5))
  return {
    header: carver.u32(HEADER.words),
    chains: carver.u32(PREFIX_HEADS),
    slots: carver.u32(slots * 2),
    terms: carver.u32(sizes.terms * TERM.words),
    tails: carver.u32(sizes.terms),
    chained: carver.u32(sizes.terms),
    termBytes: carver.u8(sizes.termBytes),
    levels: carver.u8(sizes.pages),
    postings: carver.u32(sizes.pages * PAGE_WORDS),
    columns: { ...carveFixed(carver, documents), ...carveChanging(carver, documents) },
  }
}

/** The chain of terms that begin with the same bytes; meaningless for fewer. */
export function chainOf(bytes: Uint8Array, at: number): number {
  const first = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
  return (Math.imul(first, 0x9e3779b1) >>> 18) & (PREFIX_HEADS - 1)
}
