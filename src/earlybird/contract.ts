/**
 * Earlybird, the inverted index in memory: newest first, one writer, any number of readers without locks. After Busch et al.,
 * "Earlybird: Real-Time Search at Twitter" (ICDE 2012).
 *
 * - The index holds *documents*: what the Ingester made of a status. It knows no visibility: whatever is in it may be found, so
 *   private and direct statuses are never put in, and who may see a hit is decided again when it is served.
 * - A *term* is any string of at most TERM_BYTES_MAX bytes of UTF-8; longer ones are cut, in documents and queries alike. Fields are
 *   prefixes that no word begins with: `#tag`, `@12` (account mentioned), `from:12`, `url:host`, `lang:xx` …; their names are
 *   agreed on by Ingester and Blender and mean nothing here.
 * - A document that is added again replaces the former one; removing one that is not there is no error.
 * - Nothing here is truth: whatever is lost is read from the source again.
 */
import type { AccountId, StatusId } from '../snowflake/contract.ts'

export const TERM_BYTES_MAX = 64
/** Words of one document that can be part of a phrase: positions lie below it. */
export const POSITIONS_MAX = 2 ** 14 - 1
/** For terms that no phrase asks for: fields, and stems beside their words. */
export const NO_POSITION = -1
/** Terms of one document, repetitions counted; the rest is passed over. */
export const DOCUMENT_TERMS_MAX = 4_096
export const HITS_MAX = 400
/** Nodes of one query; more throw `invalid`. */
export const QUERY_NODES_MAX = 256
/** Terms that one prefix stands for in one segment; of more, the most frequent ones, and the result is partial. */
export const PREFIX_TERMS_MAX = 256
/** Documents scored for one search by relevance, newest first; beyond that the result is partial. */
export const CANDIDATES_MAX = 50_000

/** Facts that a query filters by, as bits. */
export const FLAG = {
  reply: 1,
  boost: 2,
  sensitive: 4,
  media: 8,
  image: 16,
  video: 32,
  audio: 64,
  poll: 128,
  link: 256,
  /** Written by an account of this server. */
  local: 512,
  /** Public, so that it may stand in public timelines; else unlisted. */
  public: 1024,
  edited: 2048,
} as const

export interface Counts {
  favourites: number
  boosts: number
  replies: number
}

export interface IndexDocument {
  /** Says when it was written, too: `before:` and `after:` are ranges of ids. */
  id: StatusId
  author: AccountId
  /** Bits of FLAG. */
  flags: number
  /** Terms in any order; repetitions are occurrences. */
  terms: readonly string[]
  /** As long as `terms`: the word's place in the text, or NO_POSITION. Words at consecutive places are a phrase. */
  positions: readonly number[]
  /** Words in the text, for the score: long texts count less. */
  length: number
  counts: Counts
}

/** What is searched for. Everything but `not`, `flags`, `atLeast`, `ids`, `by` and `consenting` finds documents by terms. */
export type Query =
  | { kind: 'all' }
  | { kind: 'term'; term: string }
  /** Terms at consecutive positions; an empty string stands for any word. */
  | { kind: 'phrase'; terms: readonly string[] }
  | { kind: 'prefix'; prefix: string }
  | { kind: 'and'; all: readonly Query[] }
  | { kind: 'or'; any: readonly Query[] }
  | { kind: 'not'; none: Query }
  /** (flags & mask) === value */
  | { kind: 'flags'; mask: number; value: number }
  | { kind: 'atLeast'; count: keyof Counts; value: number }
  /** `from` ≤ id < `until`; undefined is no limit. */
  | { kind: 'ids'; from: StatusId | undefined; until: StatusId | undefined }
  | { kind: 'by'; authors: readonly AccountId[] }
  /** Of authors who allow it: everyone but those of `consent(author, false)`. */
  | { kind: 'consenting' }

/**
 * `newest`: id descending. `relevance`: score descending, then id descending. The score is (BM25 of the words found, Robertson &
 * Zaragoza 2009, + 1) × recency × engagement; `scoring.ts` has the formula.
 */
export type Order = 'newest' | 'relevance'

export interface SearchOptions {
  order: Order
  /** At most HITS_MAX together with `offset`. */
  limit: number
  /** Hits passed over, in their order. */
  offset?: number
  /** Only ids below it. */
  maxId?: StatusId | undefined
  /** Only ids above it. */
  minId?: StatusId | undefined
  /** Milliseconds after which the search ends with what it has; DEADLINE_MS if not given. */
  deadlineMs?: number
}

export const DEADLINE_MS = 50

export interface Hit {
  id: StatusId
  author: AccountId
  /** 0 when ordered by id. */
  score: number
}

/**
 * Why a result may lack hits: the deadline passed, a prefix stood for too many terms, too many candidates, or a part of the index
 * is being read again or did not answer.
 */
export type Lacking = 'deadline' | 'prefix' | 'candidates' | 'missing'

export interface Explanation {
  /** Segments looked into, and how many there are. */
  segments: number
  segmentsTotal: number
  documents: number
  /** Postings stepped on. */
  postings: number
  /** Documents that matched and were compared. */
  candidates: number
  microseconds: number
  /** Each plain word of the query, with the documents it is in; deleted ones count until their segment is merged. */
  terms: { term: string; documents: number }[]
}

export interface SearchResult {
  hits: Hit[]
  /** Empty when nothing can be missing. */
  partial: Lacking[]
  explain: Explanation
}

export interface TermCount {
  term: string
  documents: number
}

/** Any thread has one; a caller cannot tell whether the index is in its own memory. */
export interface EarlybirdReader {
  /** Throws `invalid` for a query of more than QUERY_NODES_MAX nodes. */
  search(query: Query, options: SearchOptions): Promise<SearchResult>
  /** Terms that begin with `prefix`, most frequent first, of at most `limit` (HITS_MAX at most). For suggestions while typing. */
  termsWith(prefix: string, limit: number): Promise<TermCount[]>
  /** Whether nothing is still to be read from the source. */
  isWhole(): boolean
  /** Looks at every document: for people, not for each request. */
  state(): EarlybirdState
}

export interface SegmentState {
  name: string
  sealed: boolean
  documents: number
  deleted: number
  terms: number
  bytes: number
  newest: StatusId | null
  oldest: StatusId | null
}

export interface EarlybirdState {
  documents: number
  bytes: number
  bytesPerDocument: number
  segments: SegmentState[]
  /** Documents still to be read from the source, after a start or a damaged segment; 0 when the index is whole. */
  missing: number
}

/** The writer's side: one in the whole system. All take effect for every reader when they return. */
export interface EarlybirdWriter {
  add(documents: readonly IndexDocument[]): void
  /** Returns whether it was there. */
  remove(id: StatusId): boolean
  /** Sets the counts of a document; returns whether it was there. */
  setCounts(id: StatusId, counts: Counts): boolean
  /** Whether `consenting` finds the author's documents, those to come included. Takes effect at once, for all of them. */
  consent(author: AccountId, allowed: boolean): void
  /** Removes every document of an author. Returns how many. */
  removeAuthor(author: AccountId): number
  /**
   * Resolves when everything written so far will be there after a crash, be it read again from the source. Rejects with
   * `unavailable` when the disk does not take it; then it must be written again. To be waited for before an event is done with.
   */
  settled(): Promise<void>
}

/** Where documents are read from, when the index has lost them or never had them. Reads PostgreSQL, as committed. */
export interface DocumentSource {
  /** The documents of those that exist and may be in the index; others are left out. */
  documents(ids: readonly StatusId[]): Promise<IndexDocument[]>
  /** Ids of statuses that may be in the index, ascending, `after` < id ≤ `until`. */
  idsBetween(after: StatusId, until: StatusId, limit: number): Promise<StatusId[]>
  /** The same of one author, for imports and for when one is no longer suspended. */
  idsOf(author: AccountId, after: StatusId, limit: number): Promise<StatusId[]>
  /** Authors who do not let others find their statuses. */
  withoutConsent(): Promise<AccountId[]>
}
