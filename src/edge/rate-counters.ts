/**
 * Counters of fixed windows in one flat block of memory, which threads may share: bounded, never collected, exact unless
 * more keys are active than slots.
 *
 *   bucket = 8 slots; slot = [ tag | end of the window | count ], 3 × 32 bits
 *
 * A key's hash gives its bucket and its tag. When a bucket is full, a slot whose window is over makes room, else that of
 * the lowest count: whoever is close to a limit keeps being counted, however many new keys an attacker invents.
 * Two threads that meet the same new key in the same instant may each take a slot; for that window its limit is doubled.
 */

/** Keys counted at the same time; 12 bytes each. */
export const RATE_COUNTERS_MAX = 2 ** 18
const SLOTS = 8
const WORDS = 3
const END = 1
const COUNT = 2
/** Ends are kept as seconds since then, so that they fit 32 bits until 2088. */
const EPOCH_SECONDS = 1_577_836_800

export interface Window {
  /** Seconds since 1970. */
  nowSeconds: number
  endSeconds: number
}

export class RateCounters {
  readonly #words: Int32Array
  readonly #bucketMask: number
  readonly #seed: number

  /** `seed` keeps clients from aiming at one bucket; threads that share the memory share the seed. */
  constructor(seed: number, memory: SharedArrayBuffer = rateMemory(RATE_COUNTERS_MAX)) {
    this.#words = new Int32Array(memory)
    this.#bucketMask = this.#words.length / (SLOTS * WORDS) - 1
    this.#seed = seed
  }

  /** Adds `step` to the key's count in its window and returns the new count. */
  add(key: string, window: Window, step: 1 | -1): number {
    const slot = this.#slotOf(key, window)
    return Atomics.add(this.#words, slot + COUNT, step) + step
  }

  /** The word index of the key's slot, made anew when it has none of this window. */
  #slotOf(key: string, window: Window): number {
    const words = this.#words
    const end = window.endSeconds - EPOCH_SECONDS
    const tag = hash(key, this.#seed) | 1
    const first = (hash(key, ~this.#seed) & this.#bucketMask) * SLOTS * WORDS
    let victim = first
    let victimWorth = Infinity
    for (let slot = first; slot < first + SLOTS * WORDS; slot += WORDS) {
      if (Atomics.load(words, slot) === tag) {
        const seen = Atomics.load(words, slot + END)
        if (seen !== end && Atomics.compareExchange(words, slot + END, seen, end) === seen) {
          Atomics.store(words, slot + COUNT, 0)
        }
        return slot
      }
      const worth = this.#worth(slot, window.nowSeconds - EPOCH_SECONDS)
      if (worth < victimWorth) {
        victim = slot
        victimWorth = worth
      }
    }
    Atomics.store(words, victim, tag)
    Atomics.store(words, victim + END, end)
    Atomics.store(words, victim + COUNT, 0)
    return victim
  }

  /** What would be lost with the slot: nothing when it is free or over, else its count. */
  #worth(slot: number, now: number): number {
    if (Atomics.load(this.#words, slot) === 0) return -2
    if (Atomics.load(this.#words, slot + END) <= now) return -1
    return Atomics.load(this.#words, slot + COUNT)
  }
}

/** Memory for `keys` counters, a power of two and at least eight. */
export function rateMemory(keys: number): SharedArrayBuffer {
  return new SharedArrayBuffer(keys * WORDS * 4)
}

/** MurmurHash3's mixing (Appleby, public domain) over UTF-16 units, 32 bits. */
function hash(text: string, seed: number): number {
  let mixed = seed
  for (let i = 0; i < text.length; i++) {
    let unit = Math.imul(text.charCodeAt(i), 0xcc9e2d51)
    unit = Math.imul((unit << 15) | (unit >>> 17), 0x1b873593)
    mixed ^= unit
    mixed = Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64
  }
  mixed ^= text.length
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) | 0
}
