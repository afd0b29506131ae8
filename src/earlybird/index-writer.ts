/**
 * The one writer of the index: fills the live segment, seals it when it is full, merges small sealed ones. Memory only; what
 * is on disk is the matter of `durable-index.ts`, which is told of every change of the segments.
 */
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import { Authors } from './authors.ts'
import { isDeleted, markDeleted, writeCounts } from './columns.ts'
import type { Counts, EarlybirdWriter, IndexDocument, SegmentState } from './contract.ts'
import { LIVE_DOCUMENTS_MAX, compareIds, idOf, IdWords } from './layout.ts'
import { allocateLive } from './live-memory.ts'
import { LiveSegment } from './live-segment.ts'
import { LiveWriter } from './live-writer.ts'
import { SealedSegment } from './sealed-segment.ts'
import { type MergeCandidate, mergeChoice, SegmentTask } from './segment-task.ts'
import type { Segment } from './segment.ts'

interface Live {
  segment: LiveSegment
  writer: LiveWriter
}

interface Sealed extends MergeCandidate {
  segment: SealedSegment
}

interface Place {
  segment: Segment
  document: number
  remove(): boolean
}

export interface IndexWriterOptions {
  /** Documents of the live segment; LIVE_DOCUMENTS_MAX if not given. */
  segmentDocuments?: number
  sealed?: readonly SealedSegment[]
  authors?: Authors
  /** Names begin with this number. */
  firstName?: number
  /** The segments or the table of authors are others now: readers must be told. */
  changed: () => void
  /** A live segment is full, or had to be; what comes goes into the next. */
  frozen?: () => void
  /** Counts or deletions of a sealed segment are others now. */
  touched?: (segment: SealedSegment) => void
  /** `sealed` has taken the place of `replaced`. Undefined when nothing was left of them. */
  replaced?: (sealed: SealedSegment | undefined, replaced: readonly Segment[]) => void
}

export class IndexWriter implements Omit<EarlybirdWriter, 'settled'> {
  readonly authors: Authors
  readonly #options: IndexWriterOptions
  #live: Live
  /** Full, and readable until its sealed form is there. */
  #frozen: Live | undefined
  #sealed: Sealed[]
  #sealing: SegmentTask | undefined
  #merging: SegmentTask | undefined
  #nextName: number
  readonly #words = new IdWords()

  constructor(options: IndexWriterOptions) {
    this.#options = options
    this.#nextName = options.firstName ?? 1
    this.authors = options.authors ?? new Authors()
    this.#sealed = (options.sealed ?? []).map(candidate)
    this.#live = this.#newLive()
  }

  /** Newest last. */
  get segments(): Segment[] {
    const frozen = this.#frozen === undefined ? [] : [this.#frozen.segment]
    return [...this.#sealed.map(({ segment }) => segment), ...frozen, this.#live.segment]
  }

  get sealedSegments(): SealedSegment[] {
    return this.#sealed.map(({ segment }) => segment)
  }

  add(documents: readonly IndexDocument[]): void {
    let outdated: Place[] = []
    const publish = (): void => {
      this.#live.writer.publish()
      for (const place of outdated) place.remove()
      outdated = []
    }
    for (const document of documents) {
      if (!this.#live.writer.hasRoom(document)) {
        publish()
        this.freeze()
      }
      const former = this.#find(document.id)
      if (former !== undefined) outdated.push(former)
      this.#live.writer.write(document, this.authors.numberOf(document.author, this.#options.changed))
    }
    publish()
  }

  remove(id: StatusId): boolean {
    return this.#find(id)?.remove() ?? false
  }

  setCounts(id: StatusId, counts: Counts): boolean {
    const place = this.#find(id)
    if (place === undefined) return false
    writeCounts(place.segment.columns, place.document, counts)
    if (place.segment instanceof SealedSegment) this.#options.touched?.(place.segment)
    return true
  }

  consent(author: AccountId, allowed: boolean): void {
    this.authors.setConsent(this.authors.numberOf(author, this.#options.changed), allowed)
  }

  /** For segments that were loaded: the number of an author by the words of the id. */
  numberAuthor(low: number, high: number): number {
    return this.authors.numberOf(idOf(low, high) as AccountId, this.#options.changed)
  }

  removeAuthor(author: AccountId): number {
    return this.idsOfAuthor(author).filter((id) => this.remove(id)).length
  }

  idsOfAuthor(author: AccountId): StatusId[] {
    const number = this.authors.find(author)
    const found: StatusId[] = []
    if (number === -1) return found
    for (const segment of this.segments) {
      const { authors } = segment.columns
      for (let document = segment.begin(); document < segment.end; document++) {
        if (authors[document] === number && !isDeleted(segment.columns, document)) found.push(idAt(segment, document))
      }
    }
    return found
  }

  /** Of documents that no sealed segment holds. */
  unsealedIds(): StatusId[] {
    const found: StatusId[] = []
    for (const live of [this.#frozen, this.#live]) {
      if (live === undefined) continue
      const { segment } = live
      for (let document = segment.begin(); document < segment.end; document++) {
        if (!isDeleted(segment.columns, document)) found.push(idAt(segment, document))
      }
    }
    return found
  }

  has(id: StatusId): boolean {
    return this.#find(id) !== undefined
  }

  /** Begins a new live segment; the former one is sealed by `work`. Does nothing to an empty one. */
  freeze(): void {
    if (this.#live.writer.documents === 0) return
    while (this.#frozen !== undefined) this.#workOnSealing(Number.POSITIVE_INFINITY)
    this.#frozen = this.#live
    this.#live = this.#newLive()
    this.#sealing = new SegmentTask([this.#frozen.segment], this.authors)
    this.#options.frozen?.()
    this.#options.changed()
  }

  /**
   * Seals and merges until `untilAt` on the clock of `performance.now()`. False when nothing is left to do. Whoever calls it
   * in turns with other work keeps the writer answering meanwhile.
   */
  work(untilAt: number): boolean {
    if (this.#sealing !== undefined) this.#workOnSealing(untilAt)
    else this.#workOnMerging(untilAt)
    return this.#sealing !== undefined || this.#merging !== undefined
  }

  #workOnSealing(untilAt: number): void {
    const built = this.#sealing?.work(untilAt)
    if (built === undefined || this.#frozen === undefined) return
    const replaced = [this.#frozen.segment]
    this.#frozen = undefined
    this.#sealing = undefined
    this.#replace(replaced, built.memory)
  }

  #workOnMerging(untilAt: number): void {
    if (this.#merging === undefined) {
      const chosen = mergeChoice(this.#sealed).map(({ segment }) => segment)
      if (chosen.length === 0) return
      this.#merging = new SegmentTask(chosen, this.authors)
    }
    const { sources } = this.#merging
    const built = this.#merging.work(untilAt)
    if (built === undefined) return
    this.#merging = undefined
    this.#sealed = this.#sealed.filter(({ segment }) => !sources.includes(segment))
    this.#replace(sources, built.memory)
  }

  #replace(replaced: readonly Segment[], memory: SealedSegment['memory']): void {
    const segment = memory.sizes.documents === 0 ? undefined : new SealedSegment(this.#name('segment'), memory)
    if (segment !== undefined) this.#sealed.push(candidate(segment))
    this.#options.changed()
    this.#options.replaced?.(segment, replaced)
  }

  #newLive(): Live {
    const memory = allocateLive(this.#options.segmentDocuments ?? LIVE_DOCUMENTS_MAX)
    return { segment: new LiveSegment(this.#name('live'), memory), writer: new LiveWriter(memory) }
  }

  #name(kind: string): string {
    return `${kind}-${this.#nextName++}`
  }

  #removeSealed(sealed: Sealed, document: number): boolean {
    const removed = markDeleted(sealed.segment.columns, document)
    if (removed) sealed.deleted++
    this.#options.touched?.(sealed.segment)
    return removed
  }

  /** Where the status is, unless it is deleted. */
  #find(id: StatusId): Place | undefined {
    const { low, high } = this.#words.set(id)
    for (const live of [this.#live, this.#frozen]) {
      const document = live?.writer.find(low, high) ?? -1
      if (live === undefined || document === -1 || isDeleted(live.segment.columns, document)) continue
      return { segment: live.segment, document, remove: () => live.writer.remove(document) }
    }
    for (const sealed of this.#sealed) {
      const document = sealed.segment.findId(low, high)
      if (document === -1 || isDeleted(sealed.segment.columns, document)) continue
      return { segment: sealed.segment, document, remove: () => this.#removeSealed(sealed, document) }
    }
    return undefined
  }
}

function candidate(segment: SealedSegment): Sealed {
  const { documents, deleted } = stateOf(segment)
  return { segment, documents, deleted }
}

function bitsIn(word: number): number {
  let count = 0
  for (let rest = word >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++
  return count
}

export function idAt({ columns }: Segment, document: number): StatusId {
  return idOf(columns.ids[document * 2] ?? 0, columns.ids[document * 2 + 1] ?? 0) as StatusId
}

export function stateOf(segment: Segment): SegmentState {
  const { name, sealed, terms, bytes, columns } = segment
  const [begin, end] = [segment.begin(), segment.end]
  let [newest, oldest] = [begin, end - 1]
  for (let document = sealed ? end : begin; document < end; document++) {
    if (isBefore(columns.ids, newest, document)) newest = document
    if (isBefore(columns.ids, document, oldest)) oldest = document
  }
  return {
    name,
    sealed,
    documents: end - begin,
    deleted: columns.tombstones.reduce((sum, word) => (word === 0 ? sum : sum + bitsIn(word)), 0),
    terms,
    bytes,
    newest: begin === end ? null : idAt(segment, newest),
    oldest: begin === end ? null : idAt(segment, oldest),
  }
}

function isBefore(ids: Uint32Array, a: number, b: number): boolean {
  return compareIds(ids[a * 2] ?? 0, ids[a * 2 + 1] ?? 0, ids[b * 2] ?? 0, ids[b * 2 + 1] ?? 0) < 0
}
