/** Encodes the postings of one term after the other (`sealed-memory.ts` has the format). */
import { ByteSink, WordSink } from './byte-sink.ts'
import { POSITIONS_MAX } from './contract.ts'
import { SKIP_POSTINGS } from './layout.ts'
import { NO_POSITIONS } from './sealed-memory.ts'
import type { TermCursor } from './segment.ts'

export class PostingsEncoder {
  readonly entries = new WordSink(1 << 16)
  readonly skips = new WordSink()
  readonly postings = new ByteSink(1 << 20)
  readonly positions = new ByteSink(1 << 20)
  /** Of the current term: document · 2 + (occurs more than once), where its places begin, and all places. */
  readonly #documents = new WordSink()
  readonly #placesBegin = new WordSink()
  readonly #places = new WordSink()
  readonly #scratch = new Uint16Array(POSITIONS_MAX)
  #isSorted = true

  constructor() {
    this.positions.variable(0) // 0 is no place to begin at
  }

  /** Postings of the term that is not finished. */
  get pending(): number {
    return this.#documents.length
  }

  add(document: number, cursor: TermCursor): void {
    const documents = this.#documents
    const packed = document * 2 + cursor.frequency() - 1
    if (documents.length > 0 && documents.at(documents.length - 1) > packed) this.#isSorted = false
    documents.push(packed)
    this.#placesBegin.push(this.#places.length)
    const count = cursor.positions(this.#scratch)
    if (count === 0) return
    const scratch = this.#scratch
    if (count > 1) scratch.subarray(0, count).sort()
    let before = -1
    for (let n = 0; n < count; n++) {
      const place = scratch[n] ?? 0
      if (place !== before) this.#places.push(place)
      before = place
    }
  }

  /** False when the term had no posting; then nothing is written. */
  finishTerm(): boolean {
    const count = this.#documents.length
    if (count === 0) return false
    this.#placesBegin.push(this.#places.length)
    this.#encode(this.#order(count))
    this.#documents.clear()
    this.#placesBegin.clear()
    this.#places.clear()
    this.#isSorted = true
    return true
  }

  #order(count: number): Uint32Array | undefined {
    if (this.#isSorted) return undefined
    const order = new Uint32Array(count)
    for (let n = 0; n < count; n++) order[n] = n
    return order.sort((a, b) => this.#documents.at(a) - this.#documents.at(b))
  }

  #encode(order: Uint32Array | undefined): void {
    const { entries, skips, postings, positions } = this
    const count = this.#documents.length
    const isLong = count > SKIP_POSTINGS
    const hasPlaces = this.#places.length > 0
    entries.push(count)
    entries.push(isLong ? skips.length / 3 : postings.length)
    entries.push(hasPlaces ? positions.length : NO_POSITIONS)
    let before = 0
    let [postingsAt, positionsAt] = [0, 0]
    for (let n = 0; n < count; n++) {
      if (n % SKIP_POSTINGS === 0) [postingsAt, positionsAt] = [postings.length, positions.length]
      const from = order === undefined ? n : (order[n] ?? 0)
      const packed = this.#documents.at(from)
      const document = packed >>> 1
      postings.variable((document - before) * 2 + (packed & 1))
      before = document
      if (hasPlaces) this.#encodePlaces(from)
      if (isLong && (n % SKIP_POSTINGS === SKIP_POSTINGS - 1 || n === count - 1)) {
        skips.push(document)
        skips.push(postingsAt)
        skips.push(positionsAt)
      }
    }
  }

  #encodePlaces(posting: number): void {
    const end = this.#placesBegin.at(posting + 1)
    let before = -1
    let at = this.#placesBegin.at(posting)
    if (at === end) this.positions.variable(0)
    for (; at < end; at++) {
      const place = this.#places.at(at)
      this.positions.variable((place - before) * 2 + (at + 1 < end ? 1 : 0))
      before = place
    }
  }
}
