/** The naive index that Earlybird is compared with: every document is looked at for every query. */
import fc from 'fast-check'

import type { Counts, IndexDocument, Order, Query } from '../../src/earlybird/contract.ts'
import { idKey, highWord, lowWord } from '../../src/earlybird/layout.ts'
import { engagementOf, rarity, recencyOf, termScore } from '../../src/earlybird/scoring.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { firstIdAt } from '../../src/snowflake/ids.ts'

export const NOW_MS = Date.UTC(2026, 10, 22)
const WORDS = ['a', 'be', 'bee', 'beer', 'bear', 'the', 'wader', 'dunlin', 'über', '鳥', '#tag', 'from:1']
const AUTHORS = [1n, 2n, 3n, 2n ** 40n + 7n] as AccountId[]

/** Ids of neighbours in time, so that edits of the same status and ids out of order are frequent. */
export const anyId = fc
  .tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 }))
  .map(([hours, sequence]) => (firstIdAt(NOW_MS - hours * 3_600_000) + BigInt(sequence)) as StatusId)

const anyCounts: fc.Arbitrary<Counts> = fc.record({
  favourites: fc.nat(300),
  boosts: fc.nat(20),
  replies: fc.nat(5),
})

export const anyDocument: fc.Arbitrary<IndexDocument> = fc
  .record({
    id: anyId,
    author: fc.constantFrom(...AUTHORS),
    flags: fc.nat(15),
    words: fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }),
    counts: anyCounts,
  })
  .map(({ words, ...rest }) => ({
    ...rest,
    terms: words,
    positions: words.map((word, place) => (word.includes(':') ? -1 : place)),
    length: words.length,
  }))

const anyWord = fc.constantFrom(...WORDS, 'absent')

const anyLeaf: fc.Arbitrary<Query> = fc.oneof(
  { weight: 6, arbitrary: anyWord.map((term): Query => ({ kind: 'term', term })) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.oneof(anyWord, fc.constant('')), { maxLength: 3 })
      .map((terms): Query => ({ kind: 'phrase', terms })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('b', 'be', 'bee', 'ü', '鳥', 'q').map((prefix): Query => ({ kind: 'prefix', prefix })),
  },
  fc.constant<Query>({ kind: 'all' }),
  fc.constant<Query>({ kind: 'consenting' }),
  fc.nat(15).map((mask): Query => ({ kind: 'flags', mask, value: mask & 5 })),
  fc.nat(300).map((value): Query => ({ kind: 'atLeast', count: 'favourites', value })),
  fc.subarray(AUTHORS).map((authors): Query => ({ kind: 'by', authors })),
  fc
    .tuple(fc.option(anyId, { nil: undefined }), fc.option(anyId, { nil: undefined }))
    .map(([from, until]): Query => ({ kind: 'ids', from, until })),
)

export const anyQuery: fc.Arbitrary<Query> = fc.letrec<{ query: Query }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    anyLeaf,
    fc.array(tie('query'), { maxLength: 3 }).map((all): Query => ({ kind: 'and', all })),
    fc.array(tie('query'), { maxLength: 3 }).map((any): Query => ({ kind: 'or', any })),
    tie('query').map((none): Query => ({ kind: 'not', none })),
  ),
})).query

export interface Asked {
  query: Query
  order: Order
  limit: number
  offset: number
  maxId: StatusId | undefined
  minId: StatusId | undefined
}

export const anyAsked: fc.Arbitrary<Asked> = fc.record({
  query: anyQuery,
  order: fc.constantFrom<Order>('newest', 'relevance'),
  limit: fc.integer({ min: 1, max: 12 }),
  offset: fc.constantFrom(0, 0, 2),
  maxId: fc.option(anyId, { nil: undefined, freq: 4 }),
  minId: fc.option(anyId, { nil: undefined, freq: 4 }),
})

export class NaiveIndex {
  readonly documents = new Map<StatusId, IndexDocument>()
  readonly silent = new Set<AccountId>()

  add(documents: readonly IndexDocument[]): void {
    for (const document of documents) this.documents.set(document.id, document)
  }

  remove(id: StatusId): boolean {
    return this.documents.delete(id)
  }

  setCounts(id: StatusId, counts: Counts): boolean {
    const document = this.documents.get(id)
    if (document !== undefined) this.documents.set(id, { ...document, counts })
    return document !== undefined
  }

  consent(author: AccountId, allowed: boolean): void {
    if (allowed) this.silent.delete(author)
    else this.silent.add(author)
  }

  /** `frequencies` are those of the index, where deleted documents count until they are merged away. */
  search(asked: Asked, total: number, frequencies: ReadonlyMap<string, number>): { id: StatusId; score: number }[] {
    const scores = (query: Query, document: IndexDocument): number =>
      this.#text(query, document, (term) => rarity(frequencies.get(term) ?? 0, total))
    return [...this.documents.values()]
      .filter(({ id }) => asked.maxId === undefined || id < asked.maxId)
      .filter(({ id }) => asked.minId === undefined || id > asked.minId)
      .filter((document) => this.#matches(asked.query, document))
      .map((document) => ({
        id: document.id,
        score: asked.order === 'newest' ? 0 : scoreOf(document, scores(asked.query, document)),
      }))
      .toSorted((a, b) => b.score - a.score || (a.id < b.id ? 1 : -1))
      .slice(asked.offset, asked.offset + asked.limit)
  }

  #matches(query: Query, document: IndexDocument): boolean {
    switch (query.kind) {
      case 'all':
        return true
      case 'term':
        return document.terms.includes(query.term)
      case 'prefix':
        return document.terms.some((term) => term.startsWith(query.prefix))
      case 'phrase':
        return hasPhrase(query.terms, document)
      case 'and':
        return query.all.every((part) => this.#matches(part, document))
      case 'or':
        return query.any.some((part) => this.#matches(part, document))
      case 'not':
        return !this.#matches(query.none, document)
      case 'flags':
        return (document.flags & query.mask) === query.value
      case 'atLeast':
        return document.counts[query.count] >= query.value
      case 'ids':
        return (
          (query.from === undefined || document.id >= query.from) &&
          (query.until === undefined || document.id < query.until)
        )
      case 'by':
        return query.authors.includes(document.author)
      case 'consenting':
        return !this.silent.has(document.author)
    }
  }

  /** Of what matches: words count, fields and prefixes and what is excluded do not. */
  #text(query: Query, document: IndexDocument, idf: (term: string) => number): number {
    const word = (term: string): number => {
      const occurrences = document.terms.filter((other) => other === term).length
      return termScore(idf(term), Math.min(2, occurrences), Math.min(255, document.length))
    }
    switch (query.kind) {
      case 'term':
        return word(query.term)
      case 'phrase':
        return query.terms.filter((term) => term !== '').reduce((sum, term) => sum + word(term), 0)
      case 'and':
        return query.all.reduce((sum, part) => sum + this.#text(part, document, idf), 0)
      case 'or':
        return query.any
          .filter((part) => this.#matches(part, document))
          .reduce((sum, part) => sum + this.#text(part, document, idf), 0)
      default:
        return 0
    }
  }
}

function scoreOf({ id, counts }: IndexDocument, text: number): number {
  const recency = recencyOf(idKey(lowWord(id), highWord(id)), NOW_MS)
  return (1 + text) * recency * engagementOf(counts.favourites + 2 * counts.boosts + counts.replies)
}

function hasPhrase(terms: readonly string[], document: IndexDocument): boolean {
  const wanted = [...terms.entries()].filter(([, term]) => term !== '')
  const [first] = wanted
  if (first === undefined) return false
  if (wanted.length === 1) return document.terms.includes(first[1])
  const stands = (term: string, place: number): boolean =>
    document.terms.some((other, n) => other === term && document.positions[n] === place)
  return document.positions.some(
    (place) => place >= 0 && wanted.every(([offset, term]) => stands(term, place - first[0] + offset)),
  )
}
