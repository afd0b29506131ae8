/**
 * Builds one sealed segment out of others, live or sealed: documents in the order of their ids, deleted ones left out, terms in
 * the order of their bytes. A generator, so that the writer can do other work in between; the sources stay readable,
 * and what changes in them meanwhile is carried over at the end by `carryChanges`.
 */
import type { Authors } from './authors.ts'
import { ByteSink, WordSink } from './byte-sink.ts'
import { isDeleted, keyOf, markDeleted, readCounts, writeCounts } from './columns.ts'
import { BLOCK_BITS, BLOCK_DOCUMENTS, compareIds, highWord, lowWord } from './layout.ts'
import { PostingsEncoder } from './postings-encoder.ts'
import { allocateSealed, SKIP_WORDS, type SealedMemory } from './sealed-memory.ts'
import { Budget, SearchScratch, type Segment } from './segment.ts'
import { hashSlice } from './term-bytes.ts'
import { compareTerms, sortedTerms } from './term-order.ts'

const GONE = 0xffff_ffff
/** Postings between two rests. */
const STEP_POSTINGS = 4_096

/** Where each document of each source went; GONE when it was deleted. */
type Places = Uint32Array[]

export interface Built {
  memory: SealedMemory
  places: Places
}

export function* buildSealed(sources: readonly Segment[], authors: Authors): Generator<void, Built> {
  const { places, documents } = placeDocuments(sources)
  yield
  const terms: Terms = {
    encoder: new PostingsEncoder(),
    bytes: new ByteSink(),
    at: new WordSink(),
    hashes: new WordSink(),
  }
  yield* encodeTerms(sources, places, terms)
  const local = placeAuthors(sources, places)
  const { encoder, hashes } = terms
  const memory = allocateSealed({
    documents,
    authors: local.size,
    terms: hashes.length,
    slots: 2 ** Math.ceil(Math.log2(Math.max(2, hashes.length * 1.5))),
    skips: encoder.skips.length / SKIP_WORDS,
    termBytes: terms.bytes.length,
    postings: encoder.postings.length,
    positions: encoder.positions.length,
  })
  yield
  memory.termAt.set(terms.at.written)
  memory.termBytes.set(terms.bytes.written)
  memory.entries.set(encoder.entries.written)
  memory.skips.set(encoder.skips.written)
  memory.postings.set(encoder.postings.written)
  memory.positions.set(encoder.positions.written)
  fillSlots(memory, hashes)
  yield
  for (const [number, place] of local) {
    const id = authors.idAt(number)
    memory.authorIds[place * 2] = lowWord(id)
    memory.authorIds[place * 2 + 1] = highWord(id)
  }
  fillColumns({ memory, places }, sources, local)
  return { memory, places }
}

interface Terms {
  encoder: PostingsEncoder
  bytes: ByteSink
  at: WordSink
  hashes: WordSink
}

function* encodeTerms(sources: readonly Segment[], places: Places, terms: Terms): Generator<void> {
  const { encoder } = terms
  const gathering = { sources, places, budget: new Budget(Number.POSITIVE_INFINITY, new SearchScratch()) }
  let sinceRest = 0
  for (const found of mergedTerms(sources)) {
    for (const one of found) gather(encoder, one, gathering)
    sinceRest += encoder.pending + 16
    const first = found[0]
    const slice = first === undefined ? undefined : sources[first.source]?.termAt(first.term)
    if (encoder.finishTerm() && slice !== undefined) {
      terms.at.push(terms.bytes.length)
      terms.bytes.append(slice.bytes, slice.at, slice.length)
      terms.hashes.push(hashSlice(slice.bytes, slice.at, slice.length))
    }
    if (sinceRest < STEP_POSTINGS) continue
    sinceRest = 0
    yield
  }
  terms.at.push(terms.bytes.length)
}

/** Brings counts and deletions that came since the documents were copied. */
export function carryChanges({ memory, places }: Built, sources: readonly Segment[]): void {
  for (const [n, source] of sources.entries()) {
    const moved = places[n]
    for (let document = source.begin(); document < source.end; document++) {
      const place = moved?.[document] ?? GONE
      if (place === GONE) continue
      if (isDeleted(source.columns, document)) markDeleted(memory.columns, place)
      writeCounts(memory.columns, place, readCounts(source.columns, document))
    }
  }
}

function placeDocuments(sources: readonly Segment[]): { places: Places; documents: number } {
  const total = sources.reduce((sum, source) => sum + source.end - source.begin(), 0)
  const places = sources.map((source) => new Uint32Array(source.end).fill(GONE))
  const from = new Uint32Array(total)
  const which = new Uint32Array(total)
  const keys = { low: new Uint32Array(total), high: new Uint32Array(total) }
  let count = 0
  let isSorted = true
  for (const [n, source] of sources.entries()) {
    const { ids } = source.columns
    for (let document = source.begin(); document < source.end; document++) {
      if (isDeleted(source.columns, document)) continue
      const [low, high] = [ids[document * 2] ?? 0, ids[document * 2 + 1] ?? 0]
      if (count > 0 && compareIds(keys.low[count - 1] ?? 0, keys.high[count - 1] ?? 0, low, high) < 0) isSorted = false
      from[count] = n
      which[count] = document
      keys.low[count] = low
      keys.high[count++] = high
    }
  }
  const order = new Uint32Array(count)
  for (let n = 0; n < count; n++) order[n] = n
  const { low, high } = keys
  if (!isSorted) {
    order.sort((a, b) => compareIds(low[b] ?? 0, high[b] ?? 0, low[a] ?? 0, high[a] ?? 0))
  }
  for (let place = 0; place < count; place++) {
    const n = order[place] ?? 0
    const moved = places[from[n] ?? 0]
    if (moved !== undefined) moved[which[n] ?? 0] = place
  }
  return { places, documents: count }
}

interface Gathering {
  sources: readonly Segment[]
  places: Places
  budget: Budget
}

interface FoundTerm {
  source: number
  term: number
}

/** The terms of all sources in the order of their bytes, each with where it was found. */
function* mergedTerms(sources: readonly Segment[]): Generator<FoundTerm[]> {
  const orders = sources.map(sortedTerms)
  const at = sources.map(() => 0)
  for (;;) {
    const found: FoundTerm[] = []
    for (const [source, segment] of sources.entries()) {
      const place = at[source] ?? 0
      const order = orders[source]
      if (order === undefined || place >= order.length) continue
      const term = order[place] ?? 0
      const [best] = found
      const bestSegment = best === undefined ? undefined : sources[best.source]
      const difference =
        best === undefined || bestSegment === undefined ? -1 : compareTerms(segment, term, bestSegment, best.term)
      if (difference < 0) found.length = 0
      if (difference <= 0) found.push({ source, term })
    }
    if (found.length === 0) return
    for (const { source } of found) at[source] = (at[source] ?? 0) + 1
    yield found
  }
}

function gather(encoder: PostingsEncoder, { source, term }: FoundTerm, { sources, places, budget }: Gathering): void {
  const segment = sources[source]
  const moved = places[source]
  if (segment === undefined || moved === undefined) return
  budget.scratch.begin()
  const cursor = segment.cursor(term, budget)
  for (let document = cursor.next(); document < segment.end; document = cursor.next()) {
    const place = moved[document] ?? GONE
    if (place !== GONE) encoder.add(place, cursor)
  }
}

/** Authors of the documents that stay: their places in this segment by their numbers in the index. */
function placeAuthors(sources: readonly Segment[], places: Places): Map<number, number> {
  const local = new Map<number, number>()
  for (const [n, source] of sources.entries()) {
    for (let document = source.begin(); document < source.end; document++) {
      const author = source.columns.authors[document] ?? 0
      if (places[n]?.[document] !== GONE && !local.has(author)) local.set(author, local.size)
    }
  }
  return local
}

function fillColumns({ memory, places }: Built, sources: readonly Segment[], local: Map<number, number>): void {
  const { columns } = memory
  for (const [n, source] of sources.entries()) {
    const old = source.columns
    for (let document = source.begin(); document < source.end; document++) {
      const place = places[n]?.[document] ?? GONE
      if (place === GONE) continue
      columns.ids[place * 2] = old.ids[document * 2] ?? 0
      columns.ids[place * 2 + 1] = old.ids[document * 2 + 1] ?? 0
      columns.flags[place] = old.flags[document] ?? 0
      columns.lengths[place] = old.lengths[document] ?? 0
      columns.authors[place] = old.authors[document] ?? 0
      memory.localAuthors[place] = local.get(old.authors[document] ?? 0) ?? 0
      writeCounts(columns, place, readCounts(old, document))
    }
  }
  for (let document = 0; document < memory.sizes.documents; document += BLOCK_DOCUMENTS) {
    columns.idBounds[document >>> BLOCK_BITS] = keyOf(columns, document)
  }
}

function fillSlots({ slots }: SealedMemory, hashes: WordSink): void {
  const mask = slots.length - 1
  for (let term = 0; term < hashes.length; term++) {
    let slot = hashes.at(term) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = term + 1
  }
}
