import type { StatusId } from '../snowflake/contract.ts'
/**
 * One search over all segments, newest segment first. Ordered by id the walk ends when what is left is older than the last
 * hit; by relevance when nothing left can score as much (the idea of block-max pruning, Ding & Suel, "Faster Top-k Document
 * Retrieval Using Block-Max Indexes", SIGIR 2011, with bounds by time and engagement instead of by word).
 */
import type { Authors } from './authors.ts'
import { BestHits } from './best-hits.ts'
import { interactionsOf, isDeleted, keyOf } from './columns.ts'
import { checkQuery, compile, idFilter, knownTerm, type SearchContext } from './compiling.ts'
import {
  CANDIDATES_MAX,
  DEADLINE_MS,
  HITS_MAX,
  type Hit,
  type Lacking,
  type Query,
  type SearchOptions,
  type SearchResult,
} from './contract.ts'
import type { Filter } from './cursors.ts'
import { BLOCK_BITS, END, compareIds, idKey, idOf } from './layout.ts'
import { engagementOf, interactionsFor, recencyOf } from './scoring.ts'
import { Budget, type Cursor, newestKey, type SearchScratch, type Segment } from './segment.ts'

/** What a search looks into. */
export interface SearchedIndex {
  segments: readonly Segment[]
  authors: Authors
  scratch: SearchScratch
  /** Documents that are to be read from the source. */
  missing: number
  nowMs: number
}

/** Scores are compared with bounds that were multiplied in another order. */
const ROUNDING = 1 + 1e-9

interface Range {
  from: StatusId | undefined
  until: StatusId | undefined
}

interface Walk {
  range: Range
  hits: BestHits
  budget: Budget
  nowMs: number
  candidates: number
  candidatesCut: boolean
}

export function searchIndex(index: SearchedIndex, query: Query, options: SearchOptions): SearchResult {
  const startedAt = performance.now()
  checkQuery(query)
  index.scratch.begin()
  const budget = new Budget(startedAt + (options.deadlineMs ?? DEADLINE_MS), index.scratch)
  const offset = Math.max(0, Math.min(HITS_MAX, options.offset ?? 0))
  const limit = Math.max(0, Math.min(HITS_MAX - offset, options.limit))
  const segments = index.segments.map((segment) => segment.snapshot()).sort((a, b) => newestKey(b) - newestKey(a))
  const context: SearchContext = {
    segments,
    authors: index.authors,
    budget,
    scores: options.order === 'relevance',
    terms: new Map(),
    documents: segments.reduce((sum, segment) => sum + segment.end - segment.begin(), 0),
    prefixCut: false,
  }
  const range = rangeOf(query, options)
  const walk: Walk = {
    range,
    hits: new BestHits(offset + limit),
    budget,
    nowMs: index.nowMs,
    candidates: 0,
    candidatesCut: false,
  }
  let looked = 0
  for (const segment of segments) {
    if (limit === 0 || budget.look() || walk.candidatesCut) break
    if (!mayHold(segment, walk, options)) continue
    looked++
    const cursor = compile(query, segment, context)
    if (options.order === 'newest') walkNewest(segment, cursor, walk)
    else walkRelevant(segment, cursor, walk)
  }
  const partial: Lacking[] = []
  if (budget.expired) partial.push('deadline')
  if (context.prefixCut) partial.push('prefix')
  if (walk.candidatesCut) partial.push('candidates')
  if (index.missing > 0) partial.push('missing')
  const terms = plainTerms(query).map((term) => ({ term, documents: knownTerm(term, context).documents }))
  return {
    hits: hitsOf(walk.hits, index.authors).slice(offset),
    partial,
    explain: {
      segments: looked,
      segmentsTotal: segments.length,
      documents: context.documents,
      postings: budget.postings,
      candidates: walk.candidates,
      microseconds: Math.round((performance.now() - startedAt) * 1000),
      terms,
    },
  }
}

/** Ids that can be hits at all, as far as that is plain: the rest is left to the filters. */
function rangeOf(query: Query, { maxId, minId }: SearchOptions): Range {
  let from = minId === undefined ? undefined : ((minId + 1n) as StatusId)
  let until = maxId
  for (const part of query.kind === 'and' ? query.all : [query]) {
    if (part.kind !== 'ids') continue
    if (part.from !== undefined && (from === undefined || part.from > from)) from = part.from
    if (part.until !== undefined && (until === undefined || part.until < until)) until = part.until
  }
  return { from, until }
}

function mayHold(segment: Segment, { hits, range }: Walk, { order }: SearchOptions): boolean {
  const newest = newestKey(segment)
  if (newest < 0) return false
  if (range.from !== undefined && newest < Number(range.from) && range.from > 0n) return false
  if (segment.sealed && range.until !== undefined && keyOf(segment.columns, segment.end - 1) > Number(range.until)) {
    return false
  }
  return !(order === 'newest' && hits.isFull && idKey(hits.worstLow, hits.worstHigh) > newest)
}

/** Where the walk of a sealed segment begins; of a live one everything is looked at. */
function beginOf(segment: Segment, { until }: Range): number {
  if (!segment.sealed || until === undefined) return segment.begin()
  const isBelow = idFilter(segment.columns.ids, { from: undefined, until })
  let low = segment.begin()
  let high = segment.end
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(middle)) high = middle
    else low = middle + 1
  }
  return low
}

function inRange(segment: Segment, range: Range): Filter | undefined {
  return range.from === undefined && range.until === undefined ? undefined : idFilter(segment.columns.ids, range)
}

function walkNewest(segment: Segment, cursor: Cursor, walk: Walk): void {
  const { columns, sealed } = segment
  const { hits, budget } = walk
  const isWanted = inRange(segment, walk.range)
  const until = lastOf(segment, walk.range)
  for (let document = cursor.advance(beginOf(segment, walk.range)); document < until; document = cursor.next()) {
    if (budget.step()) return
    if (hits.isFull && idKey(hits.worstLow, hits.worstHigh) > (columns.idBounds[document >>> BLOCK_BITS] ?? 0)) return
    if (isDeleted(columns, document) || isWanted?.(document) === false) continue
    walk.candidates++
    const low = columns.ids[document * 2] ?? 0
    const high = columns.ids[document * 2 + 1] ?? 0
    const isBehind = hits.isFull && compareIds(low, high, hits.worstLow, hits.worstHigh) <= 0
    if (!isBehind) hits.offer(low, high, 0, columns.authors[document] ?? 0)
    else if (sealed) return
  }
}

/** After the last document that can be in the range. */
function lastOf(segment: Segment, { from }: Range): number {
  return segment.sealed && from !== undefined ? beginOf(segment, { from: undefined, until: from }) : END
}

function walkRelevant(segment: Segment, cursor: Cursor, walk: Walk): void {
  const { columns } = segment
  const { hits, budget, nowMs } = walk
  const isWanted = inRange(segment, walk.range)
  const { engagementBounds, idBounds } = columns
  const textBound = (1 + cursor.weightBound) * ROUNDING
  const until = lastOf(segment, walk.range)
  let block = -1
  /** Of this block: with fewer favourites, boosts and replies a document cannot be among the best, whatever its words. */
  let interactionsMin = 0
  let document = cursor.advance(beginOf(segment, walk.range))
  while (document < until) {
    if (budget.step()) return
    if (document >>> BLOCK_BITS !== block) {
      block = document >>> BLOCK_BITS
      const bound = textBound * recencyOf(idBounds[block] ?? 0, nowMs)
      if (hits.isFull && bound * (engagementBounds[engagementBounds.length - 1] ?? 0) < hits.worstScore) return
      if (hits.isFull && bound * (engagementBounds[block] ?? 0) < hits.worstScore) {
        document = cursor.advance((block + 1) << BLOCK_BITS)
        continue
      }
      interactionsMin = hits.isFull ? interactionsFor(hits.worstScore / bound) : 0
    }
    if (
      interactionsOf(columns, document) >= interactionsMin &&
      !isDeleted(columns, document) &&
      isWanted?.(document) !== false
    ) {
      if (++walk.candidates > CANDIDATES_MAX) {
        walk.candidatesCut = true
        return
      }
      const score = scoreOf(segment, document, cursor, nowMs)
      if (!hits.isFull || score >= hits.worstScore) {
        hits.offer(
          columns.ids[document * 2] ?? 0,
          columns.ids[document * 2 + 1] ?? 0,
          score,
          columns.authors[document] ?? 0,
        )
      }
    }
    document = cursor.next()
  }
}

function scoreOf({ columns }: Segment, document: number, cursor: Cursor, nowMs: number): number {
  const engagement = engagementOf(interactionsOf(columns, document))
  return (1 + cursor.weight()) * recencyOf(keyOf(columns, document), nowMs) * engagement
}

function hitsOf(best: BestHits, authors: Authors): Hit[] {
  const hits: Hit[] = []
  best.each((low, high, score, author) => {
    hits.push({ id: idOf(low, high) as StatusId, author: authors.idAt(author), score })
  })
  return hits
}

/** Words that documents must or may have, each once. */
function plainTerms(query: Query): string[] {
  const terms = new Set<string>()
  const visit = (part: Query): void => {
    if (part.kind === 'term') terms.add(part.term)
    else if (part.kind === 'phrase') for (const term of part.terms) if (term !== '') terms.add(term)
    if (part.kind === 'and') part.all.forEach(visit)
    if (part.kind === 'or') part.any.forEach(visit)
  }
  visit(query)
  return [...terms]
}
