/**
 * The writer's own notes of where each timeline ends, by the owner's place in the social graph, so that an append walks a
 * dense array in the order of the followers and looks at no header. Two words a place, also for people without a timeline:
 *
 *   0 next   the word in `blocks` where the next entry goes; ABSENT without a timeline. At the beginning of a block (a
 *            multiple of 64) a block must be opened first, as in a timeline without entries (NO_BLOCK)
 *   1 newest the row of the newest entry
 *
 * Where no graph says otherwise, an owner's place is the slot.
 */
export const END_SHIFT = 1
export const ABSENT = 0
export const NO_BLOCK = 0x8000_0000

const FIRST_PLACES = 1_024
const NOBODY = -1

export class Ends {
  words = new Uint32Array(FIRST_PLACES << END_SHIFT)
  /** Place → slot; only where `words` says that there is a timeline. */
  #slots = new Uint32Array(FIRST_PLACES)
  #places = new Int32Array(FIRST_PLACES).fill(NOBODY)

  /** Gives a slot without entries its place. */
  assign(slot: number, place: number): void {
    if (place >= this.#slots.length) {
      this.words = grown(this.words, (place + 1) << END_SHIFT)
      this.#slots = grown(this.#slots, this.words.length >>> END_SHIFT)
    }
    if (slot >= this.#places.length) {
      const places = new Int32Array(Math.max(slot + 1, this.#places.length * 2)).fill(NOBODY)
      places.set(this.#places)
      this.#places = places
    }
    this.#slots[place] = slot
    this.#places[slot] = place
    this.words[place << END_SHIFT] = NO_BLOCK
  }

  release(slot: number): void {
    this.words[this.#places[slot]! << END_SHIFT] = ABSENT
    this.#places[slot] = NOBODY
  }

  slotAt(place: number): number {
    return this.#slots[place]!
  }

  placeOf(slot: number): number {
    return this.#places[slot]!
  }

  /** Where the slot's next entry goes. */
  next(slot: number): number {
    return this.words[this.#places[slot]! << END_SHIFT]!
  }

  /** The row of the slot's newest entry; anything when it has none. */
  newest(slot: number): number {
    return this.words[(this.#places[slot]! << END_SHIFT) + 1]!
  }

  /** `row`: of the newest entry, whatever it is for NO_BLOCK. */
  note(slot: number, next: number, row: number): void {
    const at = this.#places[slot]! << END_SHIFT
    this.words[at] = next
    this.words[at + 1] = row
  }
}

function grown(words: Uint32Array<ArrayBuffer>, least: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(least, words.length * 2))
  larger.set(words)
  return larger
}
