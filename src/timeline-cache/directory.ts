/**
 * Account id → slot, in shared memory: open addressing with linear probing, no tombstones (a removal closes the gap). It
 * doubles in place as it fills, so that it stays in the processor's cache. A bucket holds ten bits of the hash beside the
 * slot, so that a probe seldom looks at a wrong header. One writer; a reader that finds nothing trusts that only when the
 * version stood still.
 */
import {
  BATCH_OWNERS,
  BUCKETS_BEGIN,
  DIRECTORY_MASK,
  DIRECTORY_VERSION,
  HEADER_SHIFT,
  OWNER_HIGH,
  OWNER_LOW,
  SLOT_BITS,
  SLOT_MASK,
} from './layout.ts'
import type { SharedWords } from './memory.ts'

export const NO_SLOT = -1

/** Closing a gap takes far less than a microsecond, doubling some milliseconds. */
const PROBE_ATTEMPTS_MAX = 100_000
const BUCKETS_MIN = 256

/** Spreads an id's bits over 32 (the finaliser of MurmurHash3). */
export function hashId(low: number, high: number): number {
  let hash = low ^ Math.imul(high, 0x9e37_79b1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The buckets as one thread sees them. */
export class Directory {
  readonly #words: Uint32Array
  readonly #headers: SharedWords
  /** The writer's own; readers take the mask from memory. */
  #mask = BUCKETS_MIN - 1
  #length = 0
  readonly #candidates = new Int32Array(BATCH_OWNERS)

  constructor(buffer: SharedArrayBuffer, headers: SharedWords) {
    this.#words = new Uint32Array(buffer)
    this.#headers = headers
  }

  /** The writer's lookup; NO_SLOT when the account has none. */
  find(low: number, high: number): number {
    const headers = this.#headers.words
    const hash = hashId(low, high)
    for (let bucket = hash & this.#mask; ; bucket = (bucket + 1) & this.#mask) {
      const word = this.#words[BUCKETS_BEGIN + bucket]!
      if (word === 0) return NO_SLOT
      if (word >>> SLOT_BITS !== hash >>> SLOT_BITS) continue
      const slot = (word & SLOT_MASK) - 1
      const header = slot << HEADER_SHIFT
      if (headers[header + OWNER_LOW] === low && headers[header + OWNER_HIGH] === high) return slot
    }
  }

  /**
   * The slots of those of `count` ids (low and high words in turn) that have one, into `found`; returns how many. First all
   * buckets, then all headers: small loops, so that the processor overlaps their cache misses.
   */
  findMany(idWords: Uint32Array, count: number, found: Int32Array): number {
    const candidates = this.#candidates
    const words = this.#words
    const mask = this.#mask
    for (let index = 0; index < count; index++) {
      const hash = hashId(idWords[2 * index]!, idWords[2 * index + 1]!)
      let bucket = hash & mask
      let word = words[BUCKETS_BEGIN + bucket]!
      while (word !== 0 && word >>> SLOT_BITS !== hash >>> SLOT_BITS) {
        bucket = (bucket + 1) & mask
        word = words[BUCKETS_BEGIN + bucket]!
      }
      candidates[index] = (word & SLOT_MASK) - 1
    }
    const headers = this.#headers.words
    let length = 0
    let others = 0
    for (let index = 0; index < count; index++) {
      const slot = candidates[index]!
      const header = slot << HEADER_SHIFT
      const isOwners =
        slot !== NO_SLOT &&
        headers[header + OWNER_LOW] === idWords[2 * index] &&
        headers[header + OWNER_HIGH] === idWords[2 * index + 1]
      if (isOwners) found[length++] = slot
      else if (slot !== NO_SLOT) candidates[others++] = index
    }
    // One tag in a thousand is another's: look again, properly.
    for (let other = 0; other < others; other++) {
      const index = candidates[other]!
      const slot = this.find(idWords[2 * index]!, idWords[2 * index + 1]!)
      if (slot !== NO_SLOT) found[length++] = slot
    }
    return length
  }

  /** A reader's lookup. The slot's header must be checked again under its own version. */
  findShared(low: number, high: number): number {
    const hash = hashId(low, high)
    for (let attempt = 0; attempt < PROBE_ATTEMPTS_MAX; attempt++) {
      const version = Atomics.load(this.#words, DIRECTORY_VERSION)
      const slot = this.#probeShared(hash, low, high)
      if (slot !== NO_SLOT) return slot
      if ((version & 1) === 0 && Atomics.load(this.#words, DIRECTORY_VERSION) === version) return NO_SLOT
    }
    return NO_SLOT
  }

  #probeShared(hash: number, low: number, high: number): number {
    const mask = Atomics.load(this.#words, DIRECTORY_MASK)
    // While a gap is being closed, the walk might miss the empty bucket that ends it: a full turn is enough.
    for (let step = 0, bucket = hash & mask; step <= mask; step++, bucket = (bucket + 1) & mask) {
      const word = Atomics.load(this.#words, BUCKETS_BEGIN + bucket)
      if (word === 0) return NO_SLOT
      if (word >>> SLOT_BITS !== hash >>> SLOT_BITS) continue
      const slot = (word & SLOT_MASK) - 1
      const header = slot << HEADER_SHIFT
      if (header >= this.#headers.words.length) this.#headers.refresh()
      const headers = this.#headers.words
      if (Atomics.load(headers, header + OWNER_LOW) !== low) continue
      if (Atomics.load(headers, header + OWNER_HIGH) === high) return slot
    }
    return NO_SLOT
  }

  /** Enters a slot whose header already carries the owner, and who is not in the directory yet. */
  add(slot: number): void {
    if ((this.#length + 1) * 2 > this.#mask + 1) this.#double()
    this.#place(slot)
    this.#length++
    Atomics.store(this.#words, DIRECTORY_MASK, this.#mask)
  }

  #place(slot: number): void {
    const hash = this.#hashOf(slot)
    let bucket = hash & this.#mask
    while (this.#words[BUCKETS_BEGIN + bucket] !== 0) bucket = (bucket + 1) & this.#mask
    Atomics.store(this.#words, BUCKETS_BEGIN + bucket, ((hash >>> SLOT_BITS) << SLOT_BITS) | (slot + 1))
  }

  #hashOf(slot: number): number {
    const header = slot << HEADER_SHIFT
    return hashId(this.#headers.words[header + OWNER_LOW]!, this.#headers.words[header + OWNER_HIGH]!)
  }

  #double(): void {
    const end = BUCKETS_BEGIN + this.#mask + 1
    const slots = this.#words.slice(BUCKETS_BEGIN, end).filter((word) => word !== 0)
    Atomics.add(this.#words, DIRECTORY_VERSION, 1)
    this.#mask = 2 * this.#mask + 1
    Atomics.store(this.#words, DIRECTORY_MASK, this.#mask)
    this.#words.fill(0, BUCKETS_BEGIN, end)
    for (const word of slots) this.#place((word & SLOT_MASK) - 1)
    Atomics.add(this.#words, DIRECTORY_VERSION, 1)
  }

  /** Takes a slot out and moves later entries of the same run into the gap (Knuth, TAOCP 3, 6.4, algorithm R). */
  remove(slot: number): void {
    let gap = this.#hashOf(slot) & this.#mask
    while ((this.#words[BUCKETS_BEGIN + gap]! & SLOT_MASK) !== slot + 1) gap = (gap + 1) & this.#mask
    Atomics.add(this.#words, DIRECTORY_VERSION, 1)
    for (let next = (gap + 1) & this.#mask; ; next = (next + 1) & this.#mask) {
      const word = this.#words[BUCKETS_BEGIN + next]!
      if (word === 0) break
      const home = this.#hashOf((word & SLOT_MASK) - 1) & this.#mask
      const reachesGap = ((next - home) & this.#mask) >= ((next - gap) & this.#mask)
      if (!reachesGap) continue
      Atomics.store(this.#words, BUCKETS_BEGIN + gap, word)
      gap = next
    }
    Atomics.store(this.#words, BUCKETS_BEGIN + gap, 0)
    Atomics.add(this.#words, DIRECTORY_VERSION, 1)
    this.#length--
  }
}
