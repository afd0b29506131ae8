/**
 * Ids of other times, for imports and the seed. They have worker numbers of their own, so they never meet an id of now, and
 * they remember how many ids each millisecond was given, in any order of times.
 *
 * Two holders of a worker number, one after the other, may fill the same past millisecond. So each tenure has its own
 * block of the sequence: 512 worker numbers of 64 tenures before a block is used again, and then only the same millisecond
 * of the same block can collide, which the primary key refuses.
 */
import { AppError } from '../kit/errors.ts'
import { EPOCH_MS, SEQUENCE_BITS, WORKER_BITS } from './contract.ts'

const BLOCK_BITS = 6n
/** Ids of one tenure in one millisecond; more go to the milliseconds after it. */
export const BACKFILL_IDS_PER_MS = 2 ** Number(BLOCK_BITS)
const BLOCKS = 2n ** (SEQUENCE_BITS - BLOCK_BITS)
/** How far ids of one moment may be moved on: a second of an archive holds 64,000 of them. */
export const BACKFILL_SHIFT_MS_MAX = 1000
/** Distinct milliseconds remembered: 150 MB. */
const MILLISECONDS_MAX = 12_000_000

/** A function that mints an id of the given millisecond since 1970. */
export function backfillIds(worker: number, tenure: bigint): (ms: number) => bigint {
  const counts = new MillisecondCounts(MILLISECONDS_MAX)
  const lowBits = (BigInt(worker) << SEQUENCE_BITS) | ((tenure % BLOCKS) << BLOCK_BITS)
  return (ms) => {
    const askedMs = Math.max(0, Math.floor(ms) - EPOCH_MS)
    for (let sinceEpoch = askedMs; sinceEpoch <= askedMs + BACKFILL_SHIFT_MS_MAX; sinceEpoch++) {
      const count = counts.add(sinceEpoch, BACKFILL_IDS_PER_MS)
      if (count < BACKFILL_IDS_PER_MS) {
        return (BigInt(sinceEpoch) << (WORKER_BITS + SEQUENCE_BITS)) | lowBits | BigInt(count)
      }
    }
    throw new AppError('unavailable', 'Too many ids of one moment')
  }
}

/** An open-addressed table, at most two thirds full: a millisecond since the epoch (8 bytes) → its count (1 byte). */
class MillisecondCounts {
  readonly #sizeMax: number
  #size = 0
  /** Millisecond + 1; 0 is an empty slot. */
  #keys = new Float64Array(1024)
  #counts = new Uint8Array(1024)

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** The count so far, and adds one to it unless it has reached `countMax`. */
  add(ms: number, countMax: number): number {
    let slot = this.#slotOf(ms)
    if (this.#keys[slot] === 0) {
      if (this.#size === this.#sizeMax)
        throw new AppError('unavailable', 'Too many ids of other times from one process')
      if (this.#size * 3 >= this.#keys.length * 2) {
        this.#grow()
        slot = this.#slotOf(ms)
      }
      this.#keys[slot] = ms + 1
      this.#size++
    }
    const count = this.#counts[slot] ?? 0
    if (count < countMax) this.#counts[slot] = count + 1
    return count
  }

  #slotOf(ms: number): number {
    const mask = this.#keys.length - 1
    // Fibonacci hashing of the low 32 bits, so that regular steps of time spread.
    let slot = (Math.imul(ms | 0, 0x9e3779b1) >>> 7) & mask
    while (this.#keys[slot] !== 0 && this.#keys[slot] !== ms + 1) slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const keys = this.#keys
    const counts = this.#counts
    this.#keys = new Float64Array(keys.length * 2)
    this.#counts = new Uint8Array(keys.length * 2)
    keys.forEach((key, old) => {
      if (key === 0) return
      const slot = this.#slotOf(key - 1)
      this.#keys[slot] = key
      this.#counts[slot] = counts[old] ?? 0
    })
  }
}
