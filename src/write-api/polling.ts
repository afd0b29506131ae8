/** Polls: what may be asked, and voting. */
import { isDeepStrictEqual } from 'node:util'

import type { Db } from '../engines/database/contract.ts'
import { encodeEvent } from '../events/contract.ts'
import type { Hydration } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError, notFound } from '../kit/errors.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { PollQuestion, PollRecord, StatusRecord, StatusStore } from '../status-store/contract.ts'
import { cleanText } from '../text/clean.ts'
import { commit, type Committing } from './commit.ts'
import {
  POLL_MS_MAX,
  POLL_MS_MIN,
  POLL_OPTION_CHARACTERS_MAX,
  POLL_OPTIONS_MAX,
  POLL_OPTIONS_MIN,
  STATUS_MEDIA_MAX,
  type PollDraft,
} from './contract.ts'

/** UTF-16 units of an option before its characters are counted: a letter may carry any number of accents. */
const OPTION_UNITS_MAX = 1_000

export interface Voting extends Committing {
  statuses: Pick<StatusStore, 'addVotes' | 'lockPoll'>
  graph: Pick<SocialGraph, 'relation'>
  hydration: Pick<Hydration, 'forgetMarks' | 'forgetStatus' | 'status'>
  clock: Clock
}

/** Throws `invalid` for what may not be asked; `endsMs` is when the poll ends if the draft does not say. */
export function pollQuestion(
  draft: PollDraft,
  nowMs: number,
  media: readonly MediaId[],
  endsMs?: number,
): PollQuestion {
  // As Mastodon, which has one text for both.
  if (media.length > 0) throw new AppError('invalid', `Cannot attach more than ${STATUS_MEDIA_MAX} files`)
  const options = draft.options.map(readOption).filter((option) => option !== '')
  if (options.length < POLL_OPTIONS_MIN) throw faulty('options must have more than one item')
  if (options.length > POLL_OPTIONS_MAX) throw faulty(`options can't contain more than ${POLL_OPTIONS_MAX} items`)
  if (new Set(options).size < options.length) throw faulty('options contain duplicate items')
  const { lastsMs, multiple, hideTotals } = draft
  if (lastsMs === undefined) {
    if (endsMs === undefined) throw faulty("expires at can't be blank")
    return { options, multiple, hideTotals, expiresAtMs: endsMs }
  }
  if (lastsMs < POLL_MS_MIN) throw faulty('expires at is too soon')
  if (lastsMs > POLL_MS_MAX) throw faulty('expires at is too far into the future')
  return { options, multiple, hideTotals, expiresAtMs: nowMs + lastsMs }
}

function readOption(text: string): string {
  const isLong = text.length > OPTION_UNITS_MAX || charactersOf(text) > POLL_OPTION_CHARACTERS_MAX
  if (isLong) throw faulty(`options cannot be longer than ${POLL_OPTION_CHARACTERS_MAX} characters each`)
  return cleanText(text)
}

function charactersOf(text: string): number {
  return [...new Intl.Segmenter().segment(text.trim())].length
}

function faulty(fault: string): AppError {
  return new AppError('invalid', `Validation failed: Poll ${fault}`)
}

interface PollEdit {
  status: StatusRecord
  draft: PollDraft | undefined
  media: readonly MediaId[]
  atMs: number
}

/** Changes the poll of a status that the transaction has locked. Gives what it offered before, null for no poll. */
export async function editPoll(
  statuses: Pick<StatusStore, 'changePoll' | 'insertPoll' | 'lockPoll'>,
  tx: Db,
  { status, draft, media, atMs }: PollEdit,
): Promise<{ before: readonly string[] | null; changed: boolean }> {
  const before = status.hasPoll === true ? await statuses.lockPoll(tx, status.id) : undefined
  if (draft === undefined) {
    if (before !== undefined) await statuses.changePoll(tx, status.id, undefined)
    return { before: before?.options ?? null, changed: before !== undefined }
  }
  const question = pollQuestion(draft, atMs, media, before?.expiresAtMs)
  if (before === undefined) {
    await statuses.insertPoll(tx, status, question)
    return { before: null, changed: true }
  }
  const resetVotes = !isDeepStrictEqual(question.options, before.options) || question.multiple !== before.multiple
  const changed = resetVotes || question.hideTotals !== before.hideTotals || question.expiresAtMs !== before.expiresAtMs
  if (changed) await statuses.changePoll(tx, status.id, { question, resetVotes })
  return { before: before.options, changed }
}

export async function vote(
  voting: Voting,
  account: AccountId,
  id: StatusId,
  choices: readonly number[],
): Promise<void> {
  const { status } = await voting.hydration.status(id, account)
  if (status.hasPoll !== true) throw notFound()
  if (voting.graph.relation(account, status.accountId).blocking) {
    throw new AppError('forbidden', 'This action is not allowed')
  }
  if (status.accountId === account)
    throw new AppError('invalid', 'Validation failed: You cannot vote in your own polls')
  await commit(voting, async (tx, tell) => {
    const poll = await voting.statuses.lockPoll(tx, id)
    if (poll === undefined) throw notFound()
    refuseUnlessPossible(poll, choices, voting.clock.nowMs())
    if (!(await voting.statuses.addVotes(tx, poll, account, choices))) throw alreadyVoted()
    tell(encodeEvent('poll.voted', account, { status: id, author: poll.account, by: account }))
  })
  voting.hydration.forgetStatus(id)
  voting.hydration.forgetMarks(account, id)
}

function refuseUnlessPossible(poll: PollRecord, choices: readonly number[], nowMs: number): void {
  if (poll.closed || poll.expiresAtMs <= nowMs) {
    throw new AppError('invalid', 'Validation failed: The poll has already ended')
  }
  if (choices.length === 0) throw new AppError('invalid', "Validation failed: Choices can't be blank")
  const isOffered = (choice: number) => Number.isInteger(choice) && choice >= 0 && choice < poll.options.length
  if (!choices.every(isOffered)) {
    throw new AppError('invalid', 'Validation failed: The chosen vote option does not exist')
  }
  if (new Set(choices).size < choices.length || (choices.length > 1 && !poll.multiple)) throw alreadyVoted()
}

function alreadyVoted(): AppError {
  return new AppError('invalid', 'Validation failed: You have already voted on this poll')
}
