/**
 * Lists: people whom somebody reads apart. A list has a timeline of its own; what it may show is what its owner's home
 * might show, but for replies, about which each list has its own policy. An *exclusive* list takes its people out of home.
 */
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'

/** Lists of one account, and the length of a title in characters: Mastodon's figures. */
export const LISTS_MAX = 50
export const LIST_TITLE_MAX = 256
/** People on one list: its timeline is one question about all of them. */
export const LIST_MEMBERS_MAX = 1_000

/** Replies shown: to people followed, to members of the list, or none but those of a thread with oneself. */
export const REPLIES_POLICIES = ['followed', 'list', 'none'] as const
export type RepliesPolicy = (typeof REPLIES_POLICIES)[number]

export type ListId = bigint & { readonly brand: 'ListId' }

export interface ListRecord {
  id: ListId
  account: AccountId
  title: string
  repliesPolicy: RepliesPolicy
  exclusive: boolean
}

export type ListDraft = Pick<ListRecord, 'exclusive' | 'repliesPolicy' | 'title'>

/** A list with its members. */
export interface ListView {
  record: ListRecord
  members: ReadonlySet<AccountId>
}

/** Whoever's list it is not gets `not_found`. Blank and overlong titles and too many of something are `invalid`. */
export interface Lists {
  of(account: AccountId): Promise<ListRecord[]>
  find(account: AccountId, id: ListId): Promise<ListRecord>
  view(account: AccountId, id: ListId): Promise<ListView>
  create(account: AccountId, draft: ListDraft): Promise<ListRecord>
  change(account: AccountId, id: ListId, change: Partial<ListDraft>): Promise<ListRecord>
  remove(account: AccountId, id: ListId): Promise<void>
  /** The cursor is the membership's own id. */
  members(account: AccountId, id: ListId, page: Page): Promise<Cursored<AccountId>[]>
  /** `invalid` when one of them is a member. Whether they are followed is for the caller to know. */
  add(account: AccountId, id: ListId, members: readonly AccountId[]): Promise<void>
  /** Those who are no members are passed over. */
  removeMembers(account: AccountId, id: ListId, members: readonly AccountId[]): Promise<void>
  /** The account's lists that have this member. */
  containing(account: AccountId, member: AccountId): Promise<ListRecord[]>

  /** From memory: whom the account's exclusive lists keep out of its home; undefined for nobody. */
  hiddenFromHome(account: AccountId): ReadonlySet<AccountId> | undefined
  /**
   * Keeps a list in memory, members and policy, until it is disposed as often as it was watched: for streams. Resolves when
   * it is there; `not_found` as `find`.
   */
  watch(account: AccountId, id: ListId): Promise<Disposable>
  /** From memory: the watched lists that have this author. Ask `showsReply` of each. */
  watchedWith(author: AccountId): readonly ListView[]
}

/** What the rule looks at of a status; a boost is no reply. */
interface Reply {
  accountId: AccountId
  inReplyToAccount: AccountId | null
}

/** Mastodon's `filter_from_list?`: besides what home's rules say of the status. Pure. */
export function showsReply({ record, members }: ListView, { accountId, inReplyToAccount }: Reply): boolean {
  if (inReplyToAccount === null || inReplyToAccount === accountId || inReplyToAccount === record.account) return true
  if (record.repliesPolicy === 'followed') return true
  return record.repliesPolicy === 'list' && members.has(inReplyToAccount)
}
