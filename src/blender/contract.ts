/**
 * The Blender: parses a query, scatters it to the Earlybirds, merges and ranks what they find, and decides for every hit
 * whether this viewer may find it. A part that does not answer is missing in the result, and the result says so.
 */
import type { Explanation, Lacking, Order } from '../earlybird/contract.ts'
import type { AccountView, StatusView } from '../hydration/contract.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { TagQuery } from '../status-store/contract.ts'

export interface SearchRequest {
  /** As typed: any text, of any length. */
  text: string
  /** Undefined: a stranger, who finds what everyone may find. */
  viewer: AccountId | undefined
  /** What the text does not say with `order:`. */
  order: Order
  limit: number
  offset: number
  maxId?: StatusId | undefined
  minId?: StatusId | undefined
  /** Only statuses by this account. */
  author?: AccountId | undefined
  /** The text is being typed: its last word may be the beginning of one. */
  typing?: boolean
}

export interface PartExplanation extends Explanation {
  part: string
}

export interface StatusesFound {
  statuses: StatusView[]
  /** Why hits may be missing; empty when none can be. `library`: more marked or closed statuses than are looked through. */
  partial: (Lacking | 'library')[]
  /** What of the query was understood otherwise than it was typed, in sentences. */
  notes: string[]
  explain: PartExplanation[]
}

export interface Stretch {
  limit: number
  offset: number
}

export interface PeopleRequest extends Stretch {
  text: string
  viewer: AccountId | undefined
  /** Only people whom the viewer follows. */
  following: boolean
}

export interface Blender {
  /** Never fails because of the text. */
  statuses(request: SearchRequest): Promise<StatusesFound>
  /** What was said in public under hashtags, newest first, what was posted this moment included. */
  tag(viewer: AccountId | undefined, query: TagQuery, page: Page): Promise<{ statuses: StatusView[]; more: boolean }>
  /** By how names begin, or nearly so; ranked by what people are to the viewer. */
  people(request: PeopleRequest): Promise<AccountView[]>
  /** Normalised names. */
  hashtags(viewer: AccountId | undefined, text: string, stretch: Stretch): Promise<string[]>
}
