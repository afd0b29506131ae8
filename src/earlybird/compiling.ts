/** A query made into a cursor over one segment. Filters are asked last, of documents that the terms have let through. */
import assert from 'node:assert/strict'

import { AppError } from '../kit/errors.ts'
import type { Authors } from './authors.ts'
import { HITS_MAX, PREFIX_TERMS_MAX, type Query, QUERY_NODES_MAX } from './contract.ts'
import { AllCursor, AndCursor, type Filter, NoneCursor, OrCursor, phraseFilter, type PhraseWord } from './cursors.ts'
import { compareIds, highWord, lowWord } from './layout.ts'
import { rarity } from './scoring.ts'
import type { Budget, Cursor, Segment, TermCursor } from './segment.ts'
import { termKey, type TermKey } from './term-bytes.ts'

assert(HITS_MAX <= 1_000) // the best hits are kept sorted by insertion

/** What is the same for all segments of one search. */
export interface SearchContext {
  segments: readonly Segment[]
  authors: Authors
  budget: Budget
  /** Whether scores are wanted. */
  scores: boolean
  /** Keys of the terms met so far, with how many documents of the whole index have them. */
  terms: Map<string, { key: TermKey; documents: number }>
  documents: number
  /** A prefix stood for more terms than were followed. */
  prefixCut: boolean
}

/** Throws `invalid` for a query of more than QUERY_NODES_MAX nodes: it would cost more than anybody may ask for. */
export function checkQuery(query: Query): void {
  if (nodesIn(query, QUERY_NODES_MAX) > QUERY_NODES_MAX) throw new AppError('invalid', 'This search has too many parts')
}

/** Counts until there are more than `limit`. */
function nodesIn(root: Query, limit: number): number {
  const waiting: Query[] = [root]
  let count = 0
  for (let query = waiting.pop(); query !== undefined && count <= limit; query = waiting.pop()) {
    count++
    if (query.kind === 'and') waiting.push(...query.all)
    else if (query.kind === 'or') waiting.push(...query.any)
    else if (query.kind === 'not') waiting.push(query.none)
    else if (query.kind === 'phrase') count += query.terms.length
    else if (query.kind === 'by') count += query.authors.length >>> 6
  }
  return count
}

export function compile(query: Query, segment: Segment, context: SearchContext): Cursor {
  switch (query.kind) {
    case 'all':
      return everything(segment)
    case 'term':
      return termCursor(query.term, segment, context) ?? new NoneCursor()
    case 'phrase':
      return phraseCursor(query.terms, segment, context)
    case 'prefix':
      return prefixCursor(query.prefix, segment, context)
    case 'or':
      return query.any.length === 1 && query.any[0] !== undefined
        ? compile(query.any[0], segment, context)
        : new OrCursor(query.any.map((part) => compile(part, segment, context)))
    case 'and':
      return andCursor(query.all, segment, context)
    case 'not':
    case 'flags':
    case 'atLeast':
    case 'ids':
    case 'by':
    case 'consenting':
      return andCursor([query], segment, context)
  }
}

function everything(segment: Segment): Cursor {
  return new AllCursor(segment.begin(), segment.end)
}

/** The term with what the whole index knows of it; looked up in every segment once a search. */
export function knownTerm(term: string, context: SearchContext): { key: TermKey; documents: number } {
  const known = context.terms.get(term)
  if (known !== undefined) return known
  const key = termKey(term)
  let documents = 0
  for (const segment of context.segments) {
    const number = segment.find(key)
    if (number !== -1) documents += segment.documentsWith(number)
  }
  const entry = { key, documents }
  context.terms.set(term, entry)
  return entry
}

function termCursor(term: string, segment: Segment, context: SearchContext): TermCursor | undefined {
  const { key, documents } = knownTerm(term, context)
  const number = documents === 0 ? -1 : segment.find(key)
  if (number === -1) return undefined
  const cursor = segment.cursor(number, context.budget)
  if (context.scores) cursor.score(rarity(documents, context.documents), segment.columns.lengths)
  return cursor
}

function phraseCursor(terms: readonly string[], segment: Segment, context: SearchContext): Cursor {
  const words: PhraseWord[] = []
  for (const [offset, term] of terms.entries()) {
    if (term === '') continue
    const cursor = termCursor(term, segment, context)
    if (cursor === undefined) return new NoneCursor()
    words.push({ cursor, offset })
  }
  const all = words.map(({ cursor }) => cursor)
  const [only] = all
  if (only === undefined) return new NoneCursor()
  if (all.length === 1) return only
  return new AndCursor({ all, none: [], filters: [phraseFilter(words, context.budget.scratch)] }, context.budget)
}

/** The documents of all terms that begin so; of too many, the most frequent ones. */
function prefixCursor(prefix: string, segment: Segment, context: SearchContext): Cursor {
  let terms = segment.termsWith(termKey(prefix).bytes, context.budget)
  if (terms.length > PREFIX_TERMS_MAX) {
    context.prefixCut = true
    terms = terms.toSorted((a, b) => segment.documentsWith(b) - segment.documentsWith(a)).slice(0, PREFIX_TERMS_MAX)
  }
  const cursors = terms.map((term) => segment.cursor(term, context.budget))
  return cursors.length === 1 && cursors[0] !== undefined ? cursors[0] : new OrCursor(cursors)
}

function andCursor(parts: readonly Query[], segment: Segment, context: SearchContext): Cursor {
  const all: Cursor[] = []
  const none: Cursor[] = []
  const filters: Filter[] = []
  const sort = (part: Query): void => {
    const filter = filterOf(part, segment, context)
    if (filter !== undefined) {
      filters.push(filter)
    } else if (part.kind === 'not') {
      const inner = filterOf(part.none, segment, context)
      if (inner === undefined) none.push(compile(part.none, segment, context))
      else filters.push((document) => !inner(document))
    } else if (part.kind === 'and') {
      for (const inner of part.all) sort(inner)
    } else if (part.kind !== 'all') {
      all.push(compile(part, segment, context))
    }
  }
  for (const part of parts) sort(part)
  if (all.length === 1 && all[0] !== undefined && none.length + filters.length === 0) return all[0]
  if (all.length === 0) all.push(everything(segment))
  return new AndCursor({ all, none, filters }, context.budget)
}

/** Undefined for what is found by terms. */
function filterOf(query: Query, segment: Segment, { authors }: SearchContext): Filter | undefined {
  const { columns } = segment
  switch (query.kind) {
    case 'flags': {
      const { mask, value } = query
      return (document) => ((columns.flags[document] ?? 0) & mask) === value
    }
    case 'atLeast': {
      const counts = columns[query.count]
      const { value } = query
      return (document) => (counts[document] ?? 0) >= value
    }
    case 'ids':
      return idFilter(columns.ids, query)
    case 'by': {
      const numbers = new Set(query.authors.map((id) => authors.find(id)))
      return (document) => numbers.has(columns.authors[document] ?? 0)
    }
    case 'consenting':
      return (document) => authors.consents(columns.authors[document] ?? 0)
    default:
      return undefined
  }
}

export function idFilter(ids: Uint32Array, range: { from: bigint | undefined; until: bigint | undefined }): Filter {
  const from = range.from === undefined ? [0, 0] : [lowWord(range.from), highWord(range.from)]
  const until = range.until === undefined ? [0, 2 ** 32] : [lowWord(range.until), highWord(range.until)]
  const [fromLow = 0, fromHigh = 0] = from
  const [untilLow = 0, untilHigh = 0] = until
  return (document) => {
    const low = ids[document * 2] ?? 0
    const high = ids[document * 2 + 1] ?? 0
    return compareIds(low, high, fromLow, fromHigh) >= 0 && compareIds(low, high, untilLow, untilHigh) < 0
  }
}
