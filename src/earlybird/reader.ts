/** Searching from any thread: the segments come by message, their content is shared memory. */
import type { Clock } from '../kit/clock.ts'
import { Authors, type AuthorsMemory } from './authors.ts'
import {
  type EarlybirdReader,
  type EarlybirdState,
  HITS_MAX,
  type Query,
  type SearchOptions,
  type SearchResult,
  type TermCount,
} from './contract.ts'
import { stateOf } from './index-writer.ts'
import { LiveSegment } from './live-segment.ts'
import { viewSealed, type SealedSizes } from './sealed-memory.ts'
import { SealedSegment } from './sealed-segment.ts'
import { searchIndex } from './searching.ts'
import { Budget, SearchScratch, type Segment } from './segment.ts'
import { termKey } from './term-bytes.ts'

/** What a reader sees: replaced as a whole, so that a search has one state of it. */
export interface IndexView {
  segments: readonly Segment[]
  authors: Authors
  /** One word: documents still to be read from the source. */
  missing: Int32Array
}

/** What is posted to a reader's thread. */
export interface IndexMemory {
  segments: readonly SegmentMemory[]
  authors: AuthorsMemory
  missing: SharedArrayBuffer
}

type SegmentMemory =
  | { name: string; kind: 'live'; buffer: SharedArrayBuffer; capacity: number }
  | { name: string; kind: 'sealed'; fixed: SharedArrayBuffer; changing: SharedArrayBuffer; sizes: SealedSizes }

const TERMS_DEADLINE_MS = 10

export class IndexReader implements EarlybirdReader {
  readonly #view: () => IndexView
  readonly #clock: Clock
  readonly #scratch = new SearchScratch()

  constructor(view: () => IndexView, clock: Clock) {
    this.#view = view
    this.#clock = clock
  }

  async search(query: Query, options: SearchOptions): Promise<SearchResult> {
    const { segments, authors, missing } = this.#view()
    return searchIndex(
      {
        segments,
        authors,
        scratch: this.#scratch,
        missing: Atomics.load(missing, 0),
        nowMs: this.#clock.nowMs(),
      },
      query,
      options,
    )
  }

  async termsWith(prefix: string, limit: number): Promise<TermCount[]> {
    const { bytes } = termKey(prefix)
    const budget = new Budget(performance.now() + TERMS_DEADLINE_MS, this.#scratch)
    const counts = new Map<string, number>()
    const decoder = new TextDecoder()
    for (const segment of this.#view().segments) {
      // The most frequent terms of the whole are among the more frequent ones of some part of it.
      const terms = segment
        .termsWith(bytes, budget)
        .toSorted((a, b) => segment.documentsWith(b) - segment.documentsWith(a))
        .slice(0, HITS_MAX * 2)
      for (const term of terms) {
        const { bytes: all, at, length } = segment.termAt(term)
        const text = decoder.decode(all.slice(at, at + length))
        counts.set(text, (counts.get(text) ?? 0) + segment.documentsWith(term))
      }
    }
    return Array.from(counts, ([term, documents]) => ({ term, documents }))
      .sort((a, b) => b.documents - a.documents || (a.term < b.term ? -1 : 1))
      .slice(0, Math.max(0, Math.min(limit, HITS_MAX)))
  }

  isWhole(): boolean {
    return Atomics.load(this.#view().missing, 0) === 0
  }

  state(): EarlybirdState {
    const { segments, authors, missing } = this.#view()
    const states = segments.map((segment) => stateOf(segment))
    const documents = states.reduce((sum, segment) => sum + segment.documents - segment.deleted, 0)
    const bytes = states.reduce((sum, segment) => sum + segment.bytes, authors.bytes)
    return {
      documents,
      bytes,
      bytesPerDocument: documents === 0 ? 0 : bytes / documents,
      segments: states,
      missing: Atomics.load(missing, 0),
    }
  }
}

export function memoryOf(view: IndexView): IndexMemory {
  return {
    segments: view.segments.map(memoryOfSegment),
    authors: view.authors.memory,
    missing: view.missing.buffer as SharedArrayBuffer, // always made of one
  }
}

function memoryOfSegment(segment: Segment): SegmentMemory {
  const { name } = segment
  if (segment instanceof LiveSegment) {
    return { name, kind: 'live', buffer: segment.memory.buffer, capacity: segment.memory.capacity }
  }
  if (!(segment instanceof SealedSegment)) throw new TypeError(`segment ${name} is of no known kind`)
  const { fixed, changing, sizes } = segment.memory
  return { name, kind: 'sealed', fixed, changing, sizes }
}

/** Segments that `former` has already, of the same writer, are taken from it. */
function viewOf(memory: IndexMemory, former?: IndexView): IndexView {
  const authors = new Authors(memory.authors)
  const same = former?.authors.writer === authors.writer ? former.segments : []
  const known = new Map(same.map((segment) => [segment.name, segment]))
  return {
    segments: memory.segments.map((segment) => known.get(segment.name) ?? segmentOver(segment)),
    authors,
    missing: new Int32Array(memory.missing),
  }
}

function segmentOver(memory: SegmentMemory): Segment {
  return memory.kind === 'live'
    ? LiveSegment.over(memory.name, memory.buffer, memory.capacity)
    : new SealedSegment(memory.name, viewSealed(memory.fixed, memory.changing, memory.sizes))
}

/**
 * A reader in another thread than the writer's. Give it what comes by message; before the first it finds nothing, and says
 * so. When the writer's thread is gone it goes on with what it has: nothing that is published is ever torn.
 */
export class RemoteIndex {
  readonly reader: EarlybirdReader
  #view: IndexView | undefined

  constructor(clock: Clock) {
    const nothing: IndexView = { segments: [], authors: new Authors(), missing: new Int32Array([1]) }
    this.reader = new IndexReader(() => this.#view ?? nothing, clock)
  }

  take(memory: IndexMemory): void {
    this.#view = viewOf(memory, this.#view)
  }
}
