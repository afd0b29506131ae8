/**
 * The writer's own notes of where each ring ends, so that an append looks at 16 bytes in a dense array and not at the ring's
 * header. By slot, four words:
 *
 *   0 written   entries appended since the last rewrite, as published in `counts`
 *   1-2 head    the newest id, or the floor of an empty timeline, low word first: what an append must exceed
 *   3 next      the word in `blocks` where the next entry goes; NO_PLACE when its block must be taken first
 *
 * Beside them, which slot belongs to which place of the social graph: fan-out names followers by place.
 */
import { BLOCKS, BLOCK_ENTRIES, HEADER_SHIFT, RING_PLACES, WRITTEN_MAX, highWord, lowWord, placeOf } from './layout.ts'
import type { SharedWords } from './memory.ts'
import type { Rings } from './rings.ts'

export const TAIL_SHIFT = 2
export const TAIL_WRITTEN = 0
export const TAIL_HEAD_LOW = 1
export const TAIL_HEAD_HIGH = 2
export const TAIL_NEXT = 3
export const NO_PLACE = 0xffff_ffff

const FIRST_SLOTS = 1_024
const NOBODY = -1

export class Tails {
  words = new Uint32Array(FIRST_SLOTS << TAIL_SHIFT)
  /** Place in the graph → slot + 1; 0 for people without a timeline. */
  slotOfPlace = new Uint32Array(FIRST_SLOTS)
  #placeOfSlot = new Int32Array(FIRST_SLOTS).fill(NOBODY)
  readonly #headers: SharedWords
  readonly #rings: Rings

  constructor(headers: SharedWords, rings: Rings) {
    this.#headers = headers
    this.#rings = rings
  }

  /** Notes the ring's end as it is now: after everything but a plain append. */
  refresh(slot: number): void {
    const header = slot << HEADER_SHIFT
    if (slot << TAIL_SHIFT >= this.words.length) this.words = grown(this.words, (slot + 1) << TAIL_SHIFT)
    const { written, head } = this.#rings.end(header)
    const tail = slot << TAIL_SHIFT
    this.words[tail + TAIL_WRITTEN] = written
    this.words[tail + TAIL_HEAD_LOW] = lowWord(head)
    this.words[tail + TAIL_HEAD_HIGH] = highWord(head)
    this.words[tail + TAIL_NEXT] = this.nextPlace(header, written)
  }

  nextPlace(header: number, written: number): number {
    const headers = this.#headers.words
    const block = headers[header + BLOCKS + (((written % RING_PLACES) / BLOCK_ENTRIES) | 0)]!
    return block === 0 || written >= WRITTEN_MAX ? NO_PLACE : placeOf(headers, header, written)
  }

  assign(slot: number, place: number): void {
    if (place >= this.slotOfPlace.length) this.slotOfPlace = grown(this.slotOfPlace, place + 1)
    if (slot >= this.#placeOfSlot.length) {
      const places = new Int32Array(Math.max(slot + 1, this.#placeOfSlot.length * 2)).fill(NOBODY)
      places.set(this.#placeOfSlot)
      this.#placeOfSlot = places
    }
    this.slotOfPlace[place] = slot + 1
    this.#placeOfSlot[slot] = place
  }

  release(slot: number): void {
    const place = this.#placeOfSlot[slot] ?? NOBODY
    if (place === NOBODY) return
    this.slotOfPlace[place] = 0
    this.#placeOfSlot[slot] = NOBODY
  }
}

function grown(words: Uint32Array<ArrayBuffer>, least: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(least, words.length * 2))
  larger.set(words)
  return larger
}
