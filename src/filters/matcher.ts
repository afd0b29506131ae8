/** A person's filters, compiled: one search over all their keywords, one table of the statuses they list. */
import type { Clock } from '../kit/clock.ts'
import type { StatusId } from '../snowflake/contract.ts'
import type { FilterMatch, FilterMatcher, FilterRecord } from './contract.ts'
import { keywordSearch } from './keyword-search.ts'

/** Of who has nothing to filter. */
export const matchesNothing: FilterMatcher = () => []

export function filterMatcher(filters: readonly FilterRecord[], clock: Clock): FilterMatcher {
  const keywords = filters.flatMap((filter) => filter.keywords.map((keyword) => ({ filter, ...keyword })))
  const listed = new Map<StatusId, FilterRecord[]>()
  for (const filter of filters) {
    for (const { statusId } of filter.statuses) listed.set(statusId, [...(listed.get(statusId) ?? []), filter])
  }
  if (keywords.length === 0 && listed.size === 0) return matchesNothing
  const search = keywordSearch(keywords)
  return ({ id, texts }) => {
    const matches = new Map<FilterRecord, { keywords: string[]; statuses: StatusId[] }>()
    const matchOf = (filter: FilterRecord): { keywords: string[]; statuses: StatusId[] } => {
      const match = matches.get(filter) ?? { keywords: [], statuses: [] }
      matches.set(filter, match)
      return match
    }
    // One text, so that a keyword cannot begin in one and end in another.
    for (const index of search(texts.join('\n\n'))) {
      const hit = keywords[index]
      if (hit !== undefined) matchOf(hit.filter).keywords.push(hit.keyword)
    }
    for (const filter of listed.get(id) ?? []) matchOf(filter).statuses.push(id)
    return live(matches, clock.nowMs())
  }
}

/** Filters may lapse while they are compiled. */
function live(
  matches: ReadonlyMap<FilterRecord, Pick<FilterMatch, 'keywords' | 'statuses'>>,
  nowMs: number,
): FilterMatch[] {
  return [...matches]
    .filter(([filter]) => filter.expiresAtMs === null || filter.expiresAtMs > nowMs)
    .map(([filter, match]) => ({ filter, ...match }))
}
