/**
 * Authors by number, so that a document names its author in four bytes and the consent of all documents of an author is one
 * byte. Open addressing over ids; grows by doubling into new buffers, which readers get by message. A reader that has not got
 * them yet takes an author it does not know for one who does not consent.
 */
import type { AccountId } from '../snowflake/contract.ts'
import { Carver, idOf, IdWords } from './layout.ts'

const AUTHORS_BEGIN = 4_096
/** Of a document's author number; far above what memory holds. */
const AUTHORS_MAX = 2 ** 26

const COUNT = 0
const CONSENTS = 1

interface Tables {
  buffer: SharedArrayBuffer
  capacity: number
  header: Uint32Array
  ids: Uint32Array
  /** Number + 1; 0 is free. */
  slots: Uint32Array
  consent: Uint8Array
}

/** What is posted to a reader's thread. */
export interface AuthorsMemory {
  buffer: SharedArrayBuffer
  capacity: number
}

export class Authors {
  #tables: Tables
  readonly #words = new IdWords()

  constructor(memory?: AuthorsMemory) {
    this.#tables = memory === undefined ? allocate(AUTHORS_BEGIN) : viewOf(memory.buffer, memory.capacity)
  }

  get memory(): AuthorsMemory {
    return { buffer: this.#tables.buffer, capacity: this.#tables.capacity }
  }

  /** -1 when the author has no document. */
  find(id: AccountId): number {
    const { low, high } = this.#words.set(id)
    return find(this.#tables, low, high)
  }

  idAt(number: number): AccountId {
    const { ids } = this.#tables
    return idOf(ids[number * 2] ?? 0, ids[number * 2 + 1] ?? 0) as AccountId
  }

  consents(number: number): boolean {
    return this.#tables.consent[number] === CONSENTS
  }

  /** The writer's side. `grown` is told when readers need the new memory. */
  numberOf(id: AccountId, grown: () => void): number {
    const { low, high } = this.#words.set(id)
    const known = find(this.#tables, low, high)
    if (known !== -1) return known
    const count = this.#tables.header[COUNT] ?? 0
    if (count >= AUTHORS_MAX) throw new RangeError(`more than ${AUTHORS_MAX} authors`)
    if (count === this.#tables.capacity) {
      this.#tables = enlarge(this.#tables)
      grown()
    }
    insert(this.#tables, low, high)
    return count
  }

  setConsent(number: number, allowed: boolean): void {
    Atomics.store(this.#tables.consent, number, allowed ? CONSENTS : 0)
  }
}

function bytesOf(capacity: number): number {
  const carver = new Carver()
  carve(carver, capacity)
  return carver.bytes
}

function carve(carver: Carver, capacity: number) {
  return {
    header: carver.u32(2),
    ids: carver.u32(capacity * 2),
    slots: carver.u32(capacity * 2),
    consent: carver.u8(capacity),
  }
}

function allocate(capacity: number): Tables {
  return viewOf(new SharedArrayBuffer(bytesOf(capacity)), capacity)
}

function viewOf(buffer: SharedArrayBuffer, capacity: number): Tables {
  return { buffer, capacity, ...carve(new Carver(buffer), capacity) }
}

function enlarge(old: Tables): Tables {
  const tables = allocate(old.capacity * 2)
  for (let number = 0; number < old.capacity; number++) {
    insert(tables, old.ids[number * 2] ?? 0, old.ids[number * 2 + 1] ?? 0)
    tables.consent[number] = old.consent[number] ?? 0
  }
  return tables
}

function slotOf(low: number, high: number, slots: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b)
  return (mixed ^ (mixed >>> 15)) & (slots - 1)
}

function find({ ids, slots }: Tables, low: number, high: number): number {
  for (let slot = slotOf(low, high, slots.length); ; slot = (slot + 1) & (slots.length - 1)) {
    const number = Atomics.load(slots, slot) - 1
    if (number === -1) return -1
    if (ids[number * 2] === low && ids[number * 2 + 1] === high) return number
  }
}

/** The slot is written last: whoever finds the number finds the author complete. */
function insert(tables: Tables, low: number, high: number): void {
  const { header, ids, slots, consent } = tables
  const number = header[COUNT] ?? 0
  ids[number * 2] = low
  ids[number * 2 + 1] = high
  consent[number] = CONSENTS
  header[COUNT] = number + 1
  let slot = slotOf(low, high, slots.length)
  while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
  Atomics.store(slots, slot, number + 1)
}
