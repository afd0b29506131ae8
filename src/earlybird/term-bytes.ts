/**
 * Terms as bytes: UTF-8 of at most TERM_BYTES_MAX bytes, cut between characters, with a hash. Written by hand because a term is
 * looked up some twenty times a document, and TextEncoder costs more than the whole look-up.
 */
import { TERM_BYTES_MAX } from './contract.ts'

/** Holds one term at a time: reading another overwrites it. */
export class TermBytes {
  readonly bytes = new Uint8Array(TERM_BYTES_MAX)
  length = 0
  hash = 0

  set(term: string): void {
    const { bytes } = this
    let length = 0
    for (let at = 0; at < term.length; at++) {
      const unit = term.charCodeAt(at)
      if (unit < 0x80) {
        if (length === TERM_BYTES_MAX) break
        bytes[length++] = unit
        continue
      }
      const point = term.codePointAt(at) ?? 0
      const width = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
      if (length + width > TERM_BYTES_MAX) break
      length = writeWide(bytes, length, point)
      if (width === 4) at++
    }
    this.length = length
    this.hash = hashSlice(bytes, 0, length)
  }

  /** Its bytes alone, to be kept. */
  copy(): TermKey {
    return { bytes: this.bytes.slice(0, this.length), hash: this.hash }
  }
}

export interface TermKey {
  readonly bytes: Uint8Array
  readonly hash: number
}

/** For queries, where a term is looked up in many segments. */
export function termKey(term: string): TermKey {
  const scratch = new TermBytes()
  scratch.set(term)
  return scratch.copy()
}

/** Two to four bytes; half a surrogate pair becomes U+FFFD, as TextEncoder does. */
function writeWide(bytes: Uint8Array, at: number, point: number): number {
  if (point < 0x800) {
    bytes[at] = 0xc0 | (point >> 6)
  } else if (point < 0x10000) {
    const whole = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
    bytes[at] = 0xe0 | (whole >> 12)
    bytes[at + 1] = 0x80 | ((whole >> 6) & 0x3f)
    bytes[at + 2] = 0x80 | (whole & 0x3f)
    return at + 3
  } else {
    bytes[at] = 0xf0 | (point >> 18)
    bytes[at + 1] = 0x80 | ((point >> 12) & 0x3f)
    bytes[at + 2] = 0x80 | ((point >> 6) & 0x3f)
    bytes[at + 3] = 0x80 | (point & 0x3f)
    return at + 4
  }
  bytes[at + 1] = 0x80 | (point & 0x3f)
  return at + 2
}

/** FNV-1a, 32 bits, with its bits mixed (Fowler, Noll, Vo); never 0. */
export function hashSlice(bytes: Uint8Array, begin: number, length: number): number {
  let hash = 0x811c9dc5
  for (let at = begin; at < begin + length; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  hash ^= hash >>> 13
  return hash >>> 0 || 1
}

/** Whether `length` bytes of `all` at `at` are those of the term. */
export function sameBytes(all: Uint8Array, at: number, bytes: Uint8Array, length: number): boolean {
  for (let n = 0; n < length; n++) if (all[at + n] !== bytes[n]) return false
  return true
}

/** Order of bytes; a term comes before those that begin with it. */
export function compareBytes(a: Uint8Array, aAt: number, aLength: number, b: TermSlice): number {
  const length = Math.min(aLength, b.length)
  for (let n = 0; n < length; n++) {
    const difference = (a[aAt + n] ?? 0) - (b.bytes[b.at + n] ?? 0)
    if (difference !== 0) return difference
  }
  return aLength - b.length
}

export interface TermSlice {
  bytes: Uint8Array
  at: number
  length: number
}
