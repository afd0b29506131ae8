/**
 * Polls: what a status asks, and who chose what. One row a poll holds the question and its counts; whoever votes, closes
 * or changes it waits for that row, so that the counts are always those of the votes and nothing is counted after the end.
 */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { PollQuestion, PollRecord, PollVote, StatusRecord } from './contract.ts'

interface PollRow {
  status_id: StatusId
  account_id: AccountId
  options: string[]
  multiple: boolean
  hide_totals: boolean
  expires_at: Date
  closed: boolean
  votes: number[]
  voters: number
  round: bigint
}

function pollRecord(row: PollRow): PollRecord {
  return {
    status: row.status_id,
    account: row.account_id,
    options: row.options,
    multiple: row.multiple,
    hideTotals: row.hide_totals,
    expiresAtMs: row.expires_at.getTime(),
    closed: row.closed,
    votes: row.votes,
    voters: row.voters,
    round: row.round,
  }
}

export async function insertPoll(
  tx: Db,
  { id, accountId }: Pick<StatusRecord, 'accountId' | 'id'>,
  question: PollQuestion,
): Promise<void> {
  await tx.run`
    with asked as (
      insert into polls (status_id, account_id, options, multiple, hide_totals, expires_at, votes)
      values (${id}, ${accountId}, ${question.options}, ${question.multiple}, ${question.hideTotals},
        ${new Date(question.expiresAtMs)}, array_fill(0, array[${question.options.length}::int]))
    )
    update statuses set has_poll = true where id = ${id}`
}

export async function changePoll(
  tx: Db,
  status: StatusId,
  change: { question: PollQuestion; resetVotes: boolean } | undefined,
): Promise<void> {
  if (change === undefined) {
    await removePoll(tx, status)
    await tx.run`update statuses set has_poll = false where id = ${status}`
    return
  }
  const { question, resetVotes } = change
  await tx.run`
    update polls set options = ${question.options}, multiple = ${question.multiple},
      hide_totals = ${question.hideTotals}, expires_at = ${new Date(question.expiresAtMs)}, closed = false,
      votes = case when ${resetVotes} then array_fill(0, array[${question.options.length}::int]) else votes end,
      voters = case when ${resetVotes} then 0 else voters end,
      round = case when ${resetVotes} then nextval('poll_rounds') else round end
    where status_id = ${status}`
  if (resetVotes) await tx.run`delete from poll_votes where status_id = ${status}`
}

/** The poll first: whoever votes right now is waited for, and everyone later finds none. */
export async function removePoll(tx: Db, status: StatusId): Promise<void> {
  await tx.run`delete from polls where status_id = ${status}`
  await tx.run`delete from poll_votes where status_id = ${status}`
}

/** Of a poll whose status is about to go. Returns how many went, at most `limit`. */
export async function removeVotes(tx: Db, status: StatusId, limit: number): Promise<number> {
  return tx.run`
    delete from poll_votes where status_id = ${status}
      and account_id = any(array(select account_id from poll_votes where status_id = ${status} limit ${limit}))`
}

export async function lockPoll(tx: Db, status: StatusId): Promise<PollRecord | undefined> {
  const row = await tx.one<PollRow>`select * from polls where status_id = ${status} for update`
  return row && pollRecord(row)
}

export async function addVotes(
  tx: Db,
  poll: PollRecord,
  account: AccountId,
  choices: readonly number[],
): Promise<boolean> {
  const voted = await tx.one<{ choices: number[] }>`
    insert into poll_votes as before (status_id, account_id, choices)
    values (${poll.status}, ${account}, ${choices}::smallint[])
    on conflict (status_id, account_id) do update set choices = before.choices || excluded.choices
      where ${poll.multiple} and not before.choices && excluded.choices
    returning choices`
  if (voted === undefined) return false
  const isFirst = voted.choices.length === choices.length
  const votes = poll.votes.map((count, option) => count + (choices.includes(option) ? 1 : 0))
  await tx.run`
    update polls set votes = ${votes}::int[], voters = voters + ${isFirst ? 1 : 0} where status_id = ${poll.status}`
  return true
}

export async function closePolls(
  tx: Db,
  nowMs: number,
  limit: number,
): Promise<{ status: StatusId; account: AccountId }[]> {
  return tx.rows<{ status: StatusId; account: AccountId }>`
    update polls set closed = true where status_id = any(array(
      select status_id from polls where not closed and expires_at <= ${new Date(nowMs)}
      order by expires_at limit ${limit} for update skip locked
    )) and not closed
    returning status_id as status, account_id as account`
}

export async function pollsOf(db: Db, statuses: readonly StatusId[]): Promise<Map<StatusId, PollRecord>> {
  if (statuses.length === 0) return new Map()
  const rows = await db.rows<PollRow>`select * from polls where status_id = any(${statuses})`
  return new Map(rows.map((row) => [row.status_id, pollRecord(row)]))
}

/** What the viewer chose in the polls of these statuses, as a part of their marks; nothing is asked where there is none. */
export async function votesOf(
  db: Db,
  viewer: AccountId,
  statuses: readonly StatusRecord[],
): Promise<Map<StatusId, { vote: PollVote }>> {
  const asking = statuses.flatMap(({ id, hasPoll }) => (hasPoll === true ? [id] : []))
  if (asking.length === 0) return new Map()
  const rows = await db.rows<{ status_id: StatusId; choices: number[]; round: bigint }>`
    select status_id, choices, round from poll_votes join polls using (status_id)
    where poll_votes.account_id = ${viewer} and status_id = any(${asking})`
  return new Map(
    rows.map(({ status_id: id, choices, round }) => [
      id,
      { vote: { round, choices: choices.toSorted((a, b) => a - b) } },
    ]),
  )
}

export async function pollVoters(
  db: Db,
  status: StatusId,
  after: AccountId | undefined,
  limit: number,
): Promise<AccountId[]> {
  const rows = await db.rows<{ account_id: AccountId }>`
    select account_id from poll_votes where status_id = ${status} and account_id > ${after ?? 0n}
    order by account_id limit ${limit}`
  return rows.map((row) => row.account_id)
}
