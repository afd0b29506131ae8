/** Poll: a part of its status, and an answer of its own to who votes. It goes by the id of its status. */
import type { StatusView } from '../hydration/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import { dateTime } from './dates.ts'

export interface Poll {
  id: string
  expires_at: string
  expired: boolean
  multiple: boolean
  votes_count: number
  voters_count: number
  /** Counts are null while they are kept from voters. */
  options: { title: string; votes_count: number | null }[]
  emojis: never[]
  voted?: boolean
  own_votes?: number[]
}

/** `marks` are the viewer's on the status. As Mastodon: who asks counts as having voted. */
export function presentPoll(
  poll: NonNullable<StatusView['poll']>,
  marks: StatusView['marks'],
  viewer: AccountId | undefined,
): Poll {
  const countsShown = poll.closed || !poll.hideTotals
  const own = marks?.vote?.round === poll.round ? marks.vote.choices : []
  return {
    id: poll.status.toString(),
    expires_at: dateTime(poll.expiresAtMs),
    expired: poll.closed,
    multiple: poll.multiple,
    votes_count: poll.votes.reduce((sum, votes) => sum + votes, 0),
    voters_count: poll.voters,
    options: poll.options.map((title, option) => ({
      title,
      votes_count: countsShown ? (poll.votes[option] ?? 0) : null,
    })),
    emojis: [],
    ...(viewer !== undefined && { voted: own.length > 0 || poll.account === viewer, own_votes: [...own] }),
  }
}
