/**
 * Discovery: what many people talk about now (trends), and whom to follow. Trends count people, not repetitions: whoever
 * says a thing a hundred times says it once. Everything shown is asked of the rules when it is served.
 */
import type { AccountView, StatusView } from '../hydration/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'

export type TrendKind = 'tag' | 'link' | 'status'

/** One UTC day. */
export interface DayOfUses {
  startMs: number
  uses: number
  /** Distinct people. */
  accounts: number
}

export interface Trend {
  /** A hashtag, an address, or the id of a status as decimal digits. */
  subject: string
  /** The last days in which there were uses, newest first. */
  days: DayOfUses[]
}

export interface Suggestion {
  view: AccountView
  /** Friends of friends; or, where there are too few, those most active of those who want to be found. */
  source: 'friends_of_friends' | 'most_followed'
}

export interface Stretch {
  limit: number
  offset: number
}

export interface Discovery {
  /** Best first; those of moderators' choice left out. */
  trends(kind: 'tag' | 'link', stretch: Stretch): Promise<Trend[]>
  trendingStatuses(viewer: AccountId | undefined, stretch: Stretch): Promise<StatusView[]>
  /** The last seven days of each hashtag; those never used are left out. */
  tagHistory(names: readonly string[]): Promise<Map<string, DayOfUses[]>>
  suggestions(viewer: AccountId, stretch: Stretch): Promise<Suggestion[]>
  /** Never suggests the account to the viewer again. */
  dismiss(viewer: AccountId, target: AccountId): Promise<void>
  /** A moderator's word on what may trend; null takes it back. */
  review(kind: TrendKind, subject: string, allowed: boolean | null): Promise<void>
  /** Rolls up the hours, ranks anew and forgets what is old: work for the background, every few minutes. */
  refresh(): Promise<void>
}
