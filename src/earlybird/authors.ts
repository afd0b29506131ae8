/**
 * Authors by number, so that a document names its author in four bytes and the consent of all documents of an author is one
 * byte. Ids and consent lie in memory that never moves, for the most authors there can be; the system gives its pages when they
 * are touched. Only the way from an id to its number (open addressing) grows by doubling into a new buffer, which readers
 * get by message: until then they cannot ask for the newest authors by id, but know whose a document is.
 */
import { randomInt } from 'node:crypto'

import type { AccountId } from '../snowflake/contract.ts'
import { Carver, idOf, IdWords } from './layout.ts'

const AUTHORS_MAX = 2 ** 24
const SLOTS_BEGIN = 8_192
const CONSENTS = 1

/** What is posted to a reader's thread. */
export interface AuthorsMemory {
  people: SharedArrayBuffer
  /** Number + 1; 0 is free. Twice as many as authors at least. */
  slots: SharedArrayBuffer
}

export class Authors {
  readonly #people: SharedArrayBuffer
  readonly #header: Uint32Array
  readonly #ids: Uint32Array
  readonly #consent: Uint8Array
  readonly #words = new IdWords()
  #slots: Uint32Array

  constructor(memory?: AuthorsMemory) {
    const sizes = new Carver()
    carve(sizes)
    this.#people = memory?.people ?? new SharedArrayBuffer(sizes.bytes)
    const { header, ids, consent } = carve(new Carver(this.#people))
    this.#header = header
    this.#ids = ids
    this.#consent = consent
    if (memory === undefined) header[1] = randomInt(1, 2 ** 32)
    this.#slots = new Uint32Array(memory?.slots ?? new SharedArrayBuffer(SLOTS_BEGIN * 4))
  }

  get memory(): AuthorsMemory {
    return { people: this.#people, slots: this.#slots.buffer as SharedArrayBuffer } // made of one above
  }

  /** Tells the memory of one writer from that of its successor, whose segments may have the same names. */
  get writer(): number {
    return this.#header[1] ?? 0
  }

  /** Of memory in use. */
  get bytes(): number {
    return (this.#header[0] ?? 0) * 9 + this.#slots.byteLength
  }

  /** -1 when the author has no document. */
  find(id: AccountId): number {
    const { low, high } = this.#words.set(id)
    return this.#find(low, high)
  }

  idAt(number: number): AccountId {
    return idOf(this.#ids[number * 2] ?? 0, this.#ids[number * 2 + 1] ?? 0) as AccountId
  }

  consents(number: number): boolean {
    return this.#consent[number] === CONSENTS
  }

  /** The writer's side. `grown` is told when readers need the new memory. */
  numberOf(id: AccountId, grown: () => void): number {
    const { low, high } = this.#words.set(id)
    const known = this.#find(low, high)
    if (known !== -1) return known
    const number = this.#header[0] ?? 0
    if (number === AUTHORS_MAX) throw new RangeError(`more than ${AUTHORS_MAX} authors`)
    this.#ids[number * 2] = low
    this.#ids[number * 2 + 1] = high
    this.#consent[number] = CONSENTS
    this.#header[0] = number + 1
    if ((number + 1) * 2 > this.#slots.length) {
      const larger = new Uint32Array(new SharedArrayBuffer(this.#slots.byteLength * 2))
      for (let other = 0; other < number; other++) this.#insert(larger, other)
      this.#insert(larger, number)
      this.#slots = larger
      grown()
    } else {
      this.#insert(this.#slots, number)
    }
    return number
  }

  setConsent(number: number, allowed: boolean): void {
    Atomics.store(this.#consent, number, allowed ? CONSENTS : 0)
  }

  #find(low: number, high: number): number {
    const slots = this.#slots
    for (let slot = slotOf(low, high, slots.length); ; slot = (slot + 1) & (slots.length - 1)) {
      const number = Atomics.load(slots, slot) - 1
      if (number === -1 || (this.#ids[number * 2] === low && this.#ids[number * 2 + 1] === high)) return number
    }
  }

  /** The slot is written last: whoever finds the number finds the author complete. */
  #insert(slots: Uint32Array, number: number): void {
    let slot = slotOf(this.#ids[number * 2] ?? 0, this.#ids[number * 2 + 1] ?? 0, slots.length)
    while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
    Atomics.store(slots, slot, number + 1)
  }
}

function carve(carver: Carver) {
  return { header: carver.u32(2), ids: carver.u32(AUTHORS_MAX * 2), consent: carver.u8(AUTHORS_MAX) }
}

function slotOf(low: number, high: number, slots: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) & (slots - 1)
}
