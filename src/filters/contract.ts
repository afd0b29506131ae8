/**
 * Filters: words and single statuses that a person does not want to see, each with what to do about them. They belong to
 * one account, never change what is stored, and are applied when a status is presented.
 */
import type { AccountId, StatusId } from '../snowflake/contract.ts'

export const FILTER_CONTEXTS = ['home', 'notifications', 'public', 'thread', 'account'] as const
export type FilterContext = (typeof FILTER_CONTEXTS)[number]

export const FILTER_ACTIONS = ['warn', 'hide', 'blur'] as const
export type FilterAction = (typeof FILTER_ACTIONS)[number]

/** Mastodon's lengths in characters, and bounds of our own on numbers. */
export const FILTER_TITLE_MAX = 256
export const FILTER_KEYWORD_MAX = 512
export const FILTERS_MAX = 200
export const FILTER_KEYWORDS_MAX = 200
export const FILTER_STATUSES_MAX = 200

export interface FilterKeyword {
  id: bigint
  keyword: string
  /** Only where the keyword is not part of a longer word. */
  wholeWord: boolean
}

export interface FilterStatus {
  id: bigint
  statusId: StatusId
}

export interface FilterRecord {
  id: bigint
  accountId: AccountId
  title: string
  /** Never empty. */
  contexts: readonly FilterContext[]
  action: FilterAction
  /** Milliseconds since 1970; null for never. A lapsed filter stays listed and matches nothing. */
  expiresAtMs: number | null
  keywords: readonly FilterKeyword[]
  statuses: readonly FilterStatus[]
}

export interface FilterDraft {
  title: string
  contexts: readonly FilterContext[]
  action: FilterAction
  expiresAtMs: number | null
  keywords: readonly KeywordChange[]
}

/** Of a filter's keywords: a new one without `id`, a change with it, and the end of it with `remove`. */
export interface KeywordChange {
  id?: bigint
  keyword?: string
  wholeWord?: boolean
  remove?: boolean
}

export type FilterChange = Partial<FilterDraft>

/** What a filter looks at. */
interface Filterable {
  id: StatusId
  /** Text, content warning, descriptions of media. */
  texts: readonly string[]
}

export interface FilterMatch {
  filter: FilterRecord
  /** Keywords of the filter that occur, as the person wrote them. */
  keywords: readonly string[]
  /** The status, when it is listed itself. */
  statuses: readonly StatusId[]
}

/** The filters of one person that have not lapsed; time is linear in the length of the texts. */
export type FilterMatcher = (status: Filterable) => FilterMatch[]

/** Whoever's filter it is not gets `not_found`. Blank or overlong texts and too many of something are `invalid`. */
export interface Filters {
  list(account: AccountId): Promise<FilterRecord[]>
  find(account: AccountId, id: bigint): Promise<FilterRecord>
  create(account: AccountId, draft: FilterDraft): Promise<FilterRecord>
  change(account: AccountId, id: bigint, change: FilterChange): Promise<FilterRecord>
  remove(account: AccountId, id: bigint): Promise<void>

  findByKeyword(account: AccountId, keywordId: bigint): Promise<{ filter: FilterRecord; keyword: FilterKeyword }>
  addKeyword(account: AccountId, id: bigint, keyword: { keyword: string; wholeWord: boolean }): Promise<FilterKeyword>
  changeKeyword(
    account: AccountId,
    keywordId: bigint,
    change: { keyword?: string; wholeWord?: boolean },
  ): Promise<FilterKeyword>
  removeKeyword(account: AccountId, keywordId: bigint): Promise<void>

  findByStatus(account: AccountId, filterStatusId: bigint): Promise<FilterStatus>
  /** Again gives the same row. */
  addStatus(account: AccountId, id: bigint, status: StatusId): Promise<FilterStatus>
  removeStatus(account: AccountId, filterStatusId: bigint): Promise<FilterStatus>

  /** From memory when warm. */
  matcher(account: AccountId): Promise<FilterMatcher>
  /** The same without waiting: undefined when it is not in memory, `none` for who has nothing to filter. */
  matcherNow(account: AccountId): FilterMatcher | 'none' | undefined
}
