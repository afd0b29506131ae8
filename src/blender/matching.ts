/** A query held against one document, by reading it: for the few documents that are not in the index. */
import type { IndexDocument, Query } from '../earlybird/contract.ts'

/** Whether the document is a hit; `consenting` counts as true. */
export function matches(query: Query, document: IndexDocument): boolean {
  return holds(query, document, termsOf(document))
}

/** Places by term; a term without any has none. */
type Places = ReadonlyMap<string, ReadonlySet<number>>

function termsOf({ terms, positions }: IndexDocument): Places {
  const places = new Map<string, Set<number>>()
  for (const [index, term] of terms.entries()) {
    const known = places.get(term) ?? new Set()
    known.add(positions[index] ?? -1)
    places.set(term, known)
  }
  return places
}

function holds(query: Query, document: IndexDocument, terms: Places): boolean {
  switch (query.kind) {
    case 'all':
    case 'consenting':
      return true
    case 'term':
      return terms.has(query.term)
    case 'phrase':
      return hasPhrase(query.terms, terms)
    case 'prefix':
      return terms.keys().some((term) => term.startsWith(query.prefix))
    case 'and':
      return query.all.every((part) => holds(part, document, terms))
    case 'or':
      return query.any.some((part) => holds(part, document, terms))
    case 'not':
      return !holds(query.none, document, terms)
    case 'flags':
      return (document.flags & query.mask) === query.value
    case 'atLeast':
      return document.counts[query.count] >= query.value
    case 'ids':
      return document.id >= (query.from ?? 0n) && (query.until === undefined || document.id < query.until)
    case 'by':
      return query.authors.includes(document.author)
  }
}

function hasPhrase(wanted: readonly string[], terms: Places): boolean {
  const first = wanted.findIndex((term) => term !== '')
  const starts = terms.get(wanted[first] ?? '')
  if (starts === undefined) return false
  return starts
    .values()
    .some(
      (start) =>
        start >= 0 &&
        wanted.every((term, index) => term === '' || terms.get(term)?.has(start + index - first) === true),
    )
}
