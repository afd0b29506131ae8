/**
 * Account ids → dense places 0, 1, 2 … in the order in which they were first seen, and back. A place is never given up.
 *
 *   words   place 0: [low half, high half]  place 1: [low half, high half]  …       8 bytes an account
 *   slots   open addressing, linear probing: place + 1, or 0 for empty              4 bytes a slot, at most half full
 *
 * 16 to 32 bytes an account, outside the JavaScript heap. Measured with a million: 17 bytes and 0.4 µs a random look-up,
 * where a Map<bigint, number> takes 53 bytes and 1 µs.
 */
const FIRST_CAPACITY = 1_024

export class AccountPlaces {
  #ids: BigUint64Array
  /** The same bytes as #ids, in halves. */
  #words: Uint32Array
  #slots: Uint32Array
  #count = 0
  /** For taking an id apart without making further bigints. */
  readonly #taken = new BigUint64Array(1)
  readonly #halves = new Uint32Array(this.#taken.buffer)

  constructor() {
    this.#ids = new BigUint64Array(FIRST_CAPACITY)
    this.#words = new Uint32Array(this.#ids.buffer)
    this.#slots = new Uint32Array(FIRST_CAPACITY * 2)
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#ids.byteLength + this.#slots.byteLength
  }

  /** The place of an id, or -1 for one that was never seen. */
  find(id: bigint): number {
    return this.#slots[this.#slotOf(id)]! - 1
  }

  /** The place of an id, a new one if need be. */
  ensure(id: bigint): number {
    const slot = this.#slotOf(id)
    const known = this.#slots[slot]! - 1
    if (known >= 0) return known
    const place = this.#count
    if (place === this.#ids.length) {
      this.#grow()
      this.#slots[this.#slotOf(id)] = place + 1
    } else {
      this.#slots[slot] = place + 1
    }
    this.#ids[place] = id
    this.#count += 1
    return place
  }

  idAt<Id extends bigint>(place: number): Id {
    return this.#ids[place] as Id // every place was filled by `ensure`
  }

  /** Where the id is, or the empty slot where it belongs. */
  #slotOf(id: bigint): number {
    this.#taken[0] = id
    const low = this.#halves[0]!
    const high = this.#halves[1]!
    const mask = this.#slots.length - 1
    let slot = hash(low, high) & mask
    for (;;) {
      const place = this.#slots[slot]! - 1
      if (place < 0) return slot
      if (this.#words[place * 2] === low && this.#words[place * 2 + 1] === high) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const ids = new BigUint64Array(this.#ids.length * 2)
    ids.set(this.#ids)
    this.#ids = ids
    this.#words = new Uint32Array(ids.buffer)
    this.#slots = new Uint32Array(ids.length * 2)
    for (let place = 0; place < this.#count; place += 1) this.#slots[this.#slotOf(ids[place]!)] = place + 1
  }
}

/** Mixes the halves of an id so that neighbours spread (the finaliser of MurmurHash3, Appleby, public domain). */
function hash(low: number, high: number): number {
  let mixed = low ^ Math.imul(high, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
