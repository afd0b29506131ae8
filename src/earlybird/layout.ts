/**
 * Sizes that writer, readers and files agree on.
 *
 *   index = one live segment, written to; sealed segments, never written to but for what changes; the authors
 *
 *   live segment (one SharedArrayBuffer)                       sealed segment (two)
 *   ┌ header      documents published, sizes                   ┌ header, section table with checksums
 *   ├ dictionary  slots → term: bytes, newest posting          ├ dictionary  terms sorted, slots → term
 *   ├ postings    pages of slices of 2, 16, 128, 2048 words    ├ postings    variable bytes, skips every 128
 *   │             [link to the slice before | postings …]      ├ positions   variable bytes
 *   │             posting = document 18 bits | position 14     ├ ids, flags, lengths, authors by number in the file
 *   └ columns     ids, authors, flags, counts, tombstones      └ changing    authors, counts, tombstones
 *
 * Document numbers descend with time: the first document of a live segment gets the highest number, so that in both kinds the
 * walk along ascending numbers meets the newest first and may stop early. In a sealed segment the order is exactly that
 * of ids; in the live one it is that of arrival, and `idBounds` says how new anything from here on can be.
 */

/** 18 bits of a live posting. */
export const LIVE_DOCUMENTS_MAX = 2 ** 18
export const POSITION_BITS = 14
export const POSITION_MASK = 2 ** POSITION_BITS - 1
/** In a live posting: the occurrence has no place. */
export const NOWHERE = 2 ** POSITION_BITS - 1

/** Documents that share a bound of ids and one of engagement. */
export const BLOCK_BITS = 8
export const BLOCK_DOCUMENTS = 2 ** BLOCK_BITS

/** Past every document: cursors at their end stand here. */
export const END = 0x7fff_ffff

/** Sealed postings between two entries of the skip table. */
export const SKIP_POSTINGS = 128

/** 64-bit ids as two words, the low one first. Rounding makes this no id, but keeps the order: for bounds. */
export function idKey(low: number, high: number): number {
  return high * 2 ** 32 + low
}

/** Negative when a < b, by their two words. */
export function compareIds(aLow: number, aHigh: number, bLow: number, bHigh: number): number {
  return aHigh === bHigh ? aLow - bLow : aHigh - bHigh
}

/** Takes ids apart without making two bigints of each. */
export class IdWords {
  readonly #whole = new BigUint64Array(1)
  // The machines that Dunlin runs on have the low word first.
  readonly #words = new Uint32Array(this.#whole.buffer)

  set(id: bigint): this {
    this.#whole[0] = id
    return this
  }

  get low(): number {
    return this.#words[0] ?? 0
  }

  get high(): number {
    return this.#words[1] ?? 0
  }
}

export function lowWord(id: bigint): number {
  return Number(BigInt.asUintN(32, id))
}

export function highWord(id: bigint): number {
  return Number(id >> 32n)
}

export function idOf(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low)
}

/** Divides one buffer into typed arrays, each at a multiple of eight bytes. The same calls in the same order give the same places. */
export class Carver {
  readonly #buffer: SharedArrayBuffer | undefined
  bytes = 0

  /** Without a buffer it only counts. */
  constructor(buffer?: SharedArrayBuffer) {
    this.#buffer = buffer
  }

  u8(length: number): Uint8Array {
    const at = this.#take(length)
    return new Uint8Array(this.#buffer ?? new SharedArrayBuffer(0), ...this.#place(at, length))
  }

  u16(length: number): Uint16Array {
    const at = this.#take(length * 2)
    return new Uint16Array(this.#buffer ?? new SharedArrayBuffer(0), ...this.#place(at, length))
  }

  u32(length: number): Uint32Array {
    const at = this.#take(length * 4)
    return new Uint32Array(this.#buffer ?? new SharedArrayBuffer(0), ...this.#place(at, length))
  }

  f64(length: number): Float64Array {
    const at = this.#take(length * 8)
    return new Float64Array(this.#buffer ?? new SharedArrayBuffer(0), ...this.#place(at, length))
  }

  #take(bytes: number): number {
    const at = this.bytes
    this.bytes = (at + bytes + 7) & ~7
    return at
  }

  #place(at: number, length: number): [number, number] {
    return this.#buffer === undefined ? [0, 0] : [at, length]
  }
}
