/** An index that reads every document for every search: what a Blender under test searches in. */
import { matches } from '../../src/blender/matching.ts'
import type {
  EarlybirdReader,
  IndexDocument,
  Query,
  SearchOptions,
  SearchResult,
} from '../../src/earlybird/contract.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'

export interface PlainIndex {
  reader: Pick<EarlybirdReader, 'search'>
  documents: Map<bigint, IndexDocument>
  withoutConsent: Set<AccountId>
}

export function plainIndex(): PlainIndex {
  const documents = new Map<bigint, IndexDocument>()
  const withoutConsent = new Set<AccountId>()
  /** `consenting` is a fact of the author, which a document alone does not have. */
  const holds = (query: Query, document: IndexDocument): boolean => {
    switch (query.kind) {
      case 'consenting':
        return !withoutConsent.has(document.author)
      case 'and':
        return query.all.every((part) => holds(part, document))
      case 'or':
        return query.any.some((part) => holds(part, document))
      case 'not':
        return !holds(query.none, document)
      default:
        return matches(query, document)
    }
  }
  const search = async (query: Query, options: SearchOptions): Promise<SearchResult> => {
    const { limit, offset = 0, maxId, minId } = options
    const found = [...documents.values()].filter(
      (document) =>
        (maxId === undefined || document.id < maxId) &&
        (minId === undefined || document.id > minId) &&
        holds(query, document),
    )
    found.sort((one, other) => (one.id < other.id ? 1 : -1))
    const hits = found.slice(offset, offset + limit).map(({ id, author }) => ({ id, author, score: 0 }))
    const explain = {
      segments: 1,
      segmentsTotal: 1,
      documents: documents.size,
      postings: 0,
      candidates: 0,
      microseconds: 0,
    }
    return { hits, partial: [], explain: { ...explain, terms: [] } }
  }
  return { reader: { search }, documents, withoutConsent }
}
