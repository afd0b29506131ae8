/**
 * Who may notify whom: pure functions, asked when a notification is written and again whenever it is served (I6, I7).
 * Mastodon's `NotifyService` is the model; where this differs, the comment says so.
 */
import type { AccountRecord } from '../accounts/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Relation } from '../social-graph/contract.ts'
import type { StatusRecord } from '../status-store/contract.ts'
import type { NotificationPolicy, NotificationType, PolicyChoice } from './contract.ts'

/** An account counts as new for this long. */
export const NEW_ACCOUNT_MS = 30 * 24 * 60 * 60 * 1000

/**
 * What happens without a choice of one's own. Mastodon also holds back private mentions by strangers; here there are no
 * strangers of other servers, so they arrive.
 */
export const DEFAULT_POLICY: NotificationPolicy = {
  notFollowing: 'accept',
  notFollowers: 'accept',
  newAccounts: 'accept',
  privateMentions: 'accept',
  limitedAccounts: 'filter',
  bots: 'accept',
}

export interface NotificationFacts {
  /** Of a poll people are told by themselves, too: that their own has ended. */
  type?: NotificationType
  recipient: AccountId
  sender: AccountId
  senderSuspended: boolean
  /** The recipient's of the sender. */
  relation: Relation
  /** Null: not about a status. */
  status: { visible: boolean; conversationMuted: boolean; unwelcomeCompany: boolean } | null
}

/** Whether the recipient may be told at all. */
export function mayNotify(facts: NotificationFacts): boolean {
  const isOwnDoing = facts.recipient === facts.sender && facts.type !== 'poll'
  if (isOwnDoing || facts.senderSuspended) return false
  const { blocking, blockedBy, mutingNotifications } = facts.relation
  if (blocking || blockedBy || mutingNotifications) return false
  const { status } = facts
  return status === null || (status.visible && !status.conversationMuted && !status.unwelcomeCompany)
}

/**
 * Whether a status that mentions the recipient also mentions, or answers, somebody whom the recipient blocks or wants no
 * notifications of: they are not drawn into that (Mastodon's `filter_from_mentions?`).
 */
export function isUnwelcomeCompany(
  recipient: AccountId,
  { mentions, inReplyToAccount }: Pick<StatusRecord, 'mentions' | 'inReplyToAccount'>,
  relationTo: (target: AccountId) => Relation,
): boolean {
  const company = inReplyToAccount === null ? mentions : [...mentions, inReplyToAccount]
  return company.some((id) => {
    if (id === recipient) return false
    const { blocking, mutingNotifications } = relationTo(id)
    return blocking || mutingNotifications
  })
}

/**
 * Whether the edge that a follow or a request tells of still stands. Only when serving: where notifications are written,
 * the graph in memory may be some milliseconds behind the event.
 */
export function edgeStands(type: NotificationType, relation: Relation): boolean {
  if (type === 'follow') return relation.followedBy
  return type !== 'follow_request' || relation.requestedBy
}

export interface PolicyFacts {
  type: NotificationType
  recipient: AccountId
  sender: AccountRecord
  relation: Relation
  status: StatusRecord | undefined
  /** The recipient accepted a request of this sender. */
  permitted: boolean
  nowMs: number
}

/** The strictest choice that applies. Mastodon counts followers of less than three days as none; here a follow is a follow. */
export function policyChoice(policy: NotificationPolicy, facts: PolicyFacts): PolicyChoice {
  // An edit tells of a status one has boosted, the end of a poll of one's vote: that sender is no stranger.
  if (facts.type === 'update' || facts.type === 'poll' || facts.permitted) return 'accept'
  const { sender, relation } = facts
  const isStranger = !relation.following
  const choices = [
    isStranger ? policy.notFollowing : 'accept',
    relation.followedBy || isFollowing(facts.type) ? 'accept' : policy.notFollowers,
    facts.nowMs - sender.createdAtMs < NEW_ACCOUNT_MS ? policy.newAccounts : 'accept',
    isStranger && isUnaskedPrivateMention(facts) ? policy.privateMentions : 'accept',
    isStranger && sender.silenced ? policy.limitedAccounts : 'accept',
    isStranger && sender.bot ? policy.bots : 'accept',
  ]
  if (choices.includes('drop')) return 'drop'
  return choices.includes('filter') ? 'filter' : 'accept'
}

/** Who follows just now is a follower, even where the graph in memory is still behind. */
function isFollowing(type: NotificationType): boolean {
  return type === 'follow'
}

/** Mastodon searches the whole thread for a mention of the sender; an answer to the recipient's own status suffices here. */
function isUnaskedPrivateMention({ type, status, recipient }: PolicyFacts): boolean {
  return type === 'mention' && status?.visibility === 'direct' && status.inReplyToAccount !== recipient
}
