/**
 * The memory of a sealed segment, which is the content of its file, and the smaller one that changes (`layout.ts`).
 *
 *   header   magic, version, sizes, checksum of the body, checksum of the header
 *   body     columns │ authors │ dictionary │ skips │ postings │ positions
 *
 * Postings of a term: variable bytes of (distance to the document before) · 2 + (occurs more than once).
 * After every SKIP_POSTINGS of them the skip table has an entry: last document, where its bytes begin, where its positions begin.
 * Positions of a posting: variable bytes of (distance + 1, from −1) · 2 + (another follows), or one 0 when it has none.
 */
import { crc32 } from 'node:zlib'

import { type Columns, carveChanging, carveFixed } from './columns.ts'
import { Carver } from './layout.ts'

export const SEALED_MAGIC = 0x6479_6c64
const SEALED_VERSION = 1
const HEADER_WORDS = 32
const HEADER_CHECKSUM = HEADER_WORDS - 1

/** In a term's entry: it has no positions. */
export const NO_POSITIONS = 0xffff_ffff
/** Words of a term's entry: documents, first byte or first skip, first byte of the positions. */
export const ENTRY_WORDS = 3
/** Words of a skip: last document, first byte, first byte of the positions. */
export const SKIP_WORDS = 3

export interface SealedSizes {
  documents: number
  authors: number
  terms: number
  slots: number
  skips: number
  termBytes: number
  postings: number
  positions: number
}

const SIZE_NAMES = ['documents', 'authors', 'terms', 'slots', 'skips', 'termBytes', 'postings', 'positions'] as const

export interface SealedMemory {
  /** What is on disk. */
  fixed: SharedArrayBuffer
  changing: SharedArrayBuffer
  sizes: SealedSizes
  columns: Columns
  /** Ids of the authors, two words each, and each document's author as a place among them. */
  authorIds: Uint32Array
  localAuthors: Uint32Array
  /** Where each term begins in `termBytes`, and where the last ends. */
  termAt: Uint32Array
  entries: Uint32Array
  /** Number of the term + 1 by hash. */
  slots: Uint32Array
  skips: Uint32Array
  termBytes: Uint8Array
  postings: Uint8Array
  positions: Uint8Array
}

export function allocateSealed(sizes: SealedSizes): SealedMemory {
  const carver = new Carver()
  carve(carver, sizes)
  const memory = viewSealed(new SharedArrayBuffer(carver.bytes), changingBuffer(sizes.documents), sizes)
  const header = new Uint32Array(memory.fixed, 0, HEADER_WORDS)
  header[0] = SEALED_MAGIC
  header[1] = SEALED_VERSION
  for (const [n, name] of SIZE_NAMES.entries()) header[n + 3] = sizes[name]
  return memory
}

export function changingBuffer(documents: number): SharedArrayBuffer {
  const carver = new Carver()
  carveChanging(carver, documents)
  return new SharedArrayBuffer(carver.bytes)
}

/** The same memory in any thread. */
export function viewSealed(fixed: SharedArrayBuffer, changing: SharedArrayBuffer, sizes: SealedSizes): SealedMemory {
  const { fixedColumns, ...rest } = carve(new Carver(fixed), sizes)
  return {
    fixed,
    changing,
    sizes,
    ...rest,
    columns: { ...fixedColumns, ...carveChanging(new Carver(changing), sizes.documents) },
  }
}

function carve(carver: Carver, sizes: SealedSizes) {
  carver.u32(HEADER_WORDS)
  return {
    fixedColumns: carveFixed(carver, sizes.documents),
    authorIds: carver.u32(sizes.authors * 2),
    localAuthors: carver.u32(sizes.documents),
    termAt: carver.u32(sizes.terms + 1),
    entries: carver.u32(sizes.terms * ENTRY_WORDS),
    slots: carver.u32(sizes.slots),
    skips: carver.u32(sizes.skips * SKIP_WORDS),
    termBytes: carver.u8(sizes.termBytes),
    postings: carver.u8(sizes.postings),
    positions: carver.u8(sizes.positions),
  }
}

/** Writes the checksums: the last act of building. */
export function finishSealed(fixed: SharedArrayBuffer): void {
  const header = new Uint32Array(fixed, 0, HEADER_WORDS)
  header[2] = crc32(new Uint8Array(fixed, HEADER_WORDS * 4))
  header[HEADER_CHECKSUM] = crc32(new Uint8Array(fixed, 0, HEADER_CHECKSUM * 4))
}

/** The sizes in a header that is whole and of this version, else undefined. Says nothing of the body. */
export function sizesIn(fixed: SharedArrayBuffer): SealedSizes | undefined {
  if (fixed.byteLength < HEADER_WORDS * 4) return undefined
  const header = new Uint32Array(fixed, 0, HEADER_WORDS)
  if (header[0] !== SEALED_MAGIC || header[1] !== SEALED_VERSION) return undefined
  if (header[HEADER_CHECKSUM] !== crc32(new Uint8Array(fixed, 0, HEADER_CHECKSUM * 4))) return undefined
  const sizes = Object.fromEntries(SIZE_NAMES.map((name, n) => [name, header[n + 3] ?? 0])) as Record<
    (typeof SIZE_NAMES)[number],
    number
  > // of exactly these names
  const carver = new Carver()
  carve(carver, sizes)
  return carver.bytes === fixed.byteLength ? sizes : undefined
}

/** Whether the body is as it was written. */
export function isBodyWhole(fixed: SharedArrayBuffer): boolean {
  const header = new Uint32Array(fixed, 0, HEADER_WORDS)
  return header[2] === crc32(new Uint8Array(fixed, HEADER_WORDS * 4))
}
