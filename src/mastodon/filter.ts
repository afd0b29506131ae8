/** Filters in the second form (several keywords, single statuses) and the first (one phrase each). */
import { dateTimeOrNull } from './dates.ts'

interface FilterKeywordRow {
  id: bigint
  keyword: string
  wholeWord: boolean
}

interface FilterStatusRow {
  id: bigint
  statusId: bigint
}

/** A filter as its store gives it. */
export interface FilterShown {
  id: bigint
  title: string
  contexts: readonly string[]
  action: string
  expiresAtMs: number | null
  keywords: readonly FilterKeywordRow[]
  statuses: readonly FilterStatusRow[]
}

export interface FilterKeyword {
  id: string
  keyword: string
  whole_word: boolean
}

export interface FilterStatus {
  id: string
  status_id: string
}

export interface Filter {
  id: string
  title: string
  context: string[]
  expires_at: string | null
  filter_action: string
  /** Left out where a status only names the filter it met. */
  keywords?: FilterKeyword[]
  statuses?: FilterStatus[]
}

export interface FilterResult {
  filter: Filter
  keyword_matches: string[] | null
  status_matches: string[] | null
}

export function presentFilterKeyword(row: FilterKeywordRow): FilterKeyword {
  return { id: row.id.toString(), keyword: row.keyword, whole_word: row.wholeWord }
}

export function presentFilterStatus(row: FilterStatusRow): FilterStatus {
  return { id: row.id.toString(), status_id: row.statusId.toString() }
}

export function presentFilter(filter: FilterShown): Filter {
  return {
    ...nameFilter(filter),
    keywords: filter.keywords.map(presentFilterKeyword),
    statuses: filter.statuses.map(presentFilterStatus),
  }
}

function nameFilter(filter: FilterShown): Filter {
  return {
    id: filter.id.toString(),
    title: filter.title,
    context: [...filter.contexts],
    expires_at: dateTimeOrNull(filter.expiresAtMs),
    filter_action: filter.action,
  }
}

/** What of a filter a status met. */
export interface FilterMatch {
  filter: FilterShown
  keywords: readonly string[]
  /** The status itself is listed in the filter. */
  statuses: readonly bigint[]
}

export function presentFilterResult(match: FilterMatch): FilterResult {
  return {
    filter: nameFilter(match.filter),
    keyword_matches: match.keywords.length === 0 ? null : [...match.keywords],
    status_matches: match.statuses.length === 0 ? null : match.statuses.map(String),
  }
}

export interface FilterV1 {
  id: string
  phrase: string
  context: string[]
  whole_word: boolean
  expires_at: string | null
  irreversible: boolean
}

/** One keyword of a filter, as clients before 4.0 know it; its id is the keyword's. */
export function presentFilterV1(filter: FilterShown, keyword: FilterKeywordRow): FilterV1 {
  return {
    id: keyword.id.toString(),
    phrase: keyword.keyword,
    context: [...filter.contexts],
    whole_word: keyword.wholeWord,
    expires_at: dateTimeOrNull(filter.expiresAtMs),
    irreversible: filter.action === 'hide',
  }
}
