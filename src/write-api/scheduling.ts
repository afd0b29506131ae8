/**
 * Statuses for later. The draft is checked when it is handed in and again when it is posted: people who are mentioned, or
 * answered, may be others by then. Pictures are held by the scheduled status, so that nothing else takes them up and
 * nobody prunes them.
 */
import type { Accounts } from '../accounts/contract.ts'
import { AppError, notFound } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Page } from '../kit/page.ts'
import type { Media } from '../media/contract.ts'
import type { DueWork } from '../scheduler/contract.ts'
import { parseId, type AccountId, type MediaId, type StatusId } from '../snowflake/contract.ts'
import type { ScheduledRecord, StatusStore } from '../status-store/contract.ts'
import { commit } from './commit.ts'
import { SCHEDULE_MS_MAX, SCHEDULE_MS_MIN, type Draft, type ScheduledDraft, type ScheduledPost } from './contract.ts'
import { drafted } from './drafting.ts'
import { pollQuestion } from './polling.ts'
import { postClaimed, type Posting } from './posting.ts'

/** What fails for a reason that nobody foresaw is tried so often, a minute apart. */
const TRIES_MAX = 10
const RETRY_MS = 60_000

export interface Scheduling extends Posting {
  statuses: Posting['statuses'] &
    Pick<
      StatusStore,
      | 'dueScheduled'
      | 'findScheduled'
      | 'insertScheduled'
      | 'moveScheduled'
      | 'putOffScheduled'
      | 'removeScheduled'
      | 'takeScheduled'
    >
  accounts: Posting['accounts'] & Pick<Accounts, 'user'>
  media: Posting['media'] & Pick<Media, 'detach'>
  log: Log
}

export async function schedule(
  scheduling: Scheduling,
  author: AccountId,
  draft: Draft,
  atMs: number,
): Promise<ScheduledPost> {
  const { statuses, media, clock, snowflakes } = scheduling
  const { idempotencyKey: key } = draft
  const nowMs = clock.nowMs()
  const before = key === undefined ? undefined : await repetition(scheduling, author, key)
  if (before !== undefined) return before
  refuseTime(atMs, nowMs)
  if (draft.poll !== undefined) pollQuestion(draft.poll, nowMs, draft.media)
  const made = await drafted(scheduling, author, draft)
  const id = snowflakes.next<StatusId>()
  const stored = storedDraft({ ...draft, visibility: made.visibility })
  const record: ScheduledRecord = { id, account: author, scheduledAtMs: atMs, draft: stored, media: made.media }
  const done = await commit(scheduling, async (tx) => {
    if (key !== undefined && !(await statuses.reserveIdempotencyKey(tx, author, key, id))) return false
    await statuses.insertScheduled(tx, record)
    if (made.media.length > 0) await media.attach(tx, author, made.media, id)
    return true
  })
  if (done) return scheduledPost(record)
  return (key === undefined ? undefined : await repetition(scheduling, author, key)) ?? repeatedTooFast()
}

/** What a request under this key has scheduled. Throws `not_found` when it was posted or taken back since. */
async function repetition(
  { statuses }: Scheduling,
  author: AccountId,
  key: string,
): Promise<ScheduledPost | undefined> {
  const id = await statuses.findByIdempotencyKey(author, key)
  if (id === undefined) return undefined
  const record = await statuses.findScheduled(author, id)
  if (record === undefined) throw notFound()
  return scheduledPost(record)
}

function repeatedTooFast(): never {
  throw new AppError('unavailable', 'There was a temporary problem serving your request, please try again')
}

export interface ScheduledReading extends Scheduling {
  statuses: Scheduling['statuses'] & Pick<StatusStore, 'scheduled'>
}

export async function scheduled({ statuses }: ScheduledReading, author: AccountId, page: Page) {
  return (await statuses.scheduled(author, page)).map(scheduledPost)
}

export async function findScheduled({ statuses }: Scheduling, author: AccountId, id: StatusId): Promise<ScheduledPost> {
  const record = await statuses.findScheduled(author, id)
  if (record === undefined) throw notFound()
  return scheduledPost(record)
}

export async function reschedule(
  { statuses, clock, ...committing }: Scheduling,
  author: AccountId,
  id: StatusId,
  atMs: number,
): Promise<ScheduledPost> {
  refuseTime(atMs, clock.nowMs())
  const record = await commit(committing, (tx) => statuses.moveScheduled(tx, author, id, atMs))
  if (record === undefined) throw notFound()
  return scheduledPost(record)
}

/** Its pictures are free again: for another status, or to be pruned. */
export async function unschedule(scheduling: Scheduling, author: AccountId, id: StatusId): Promise<void> {
  await commit(scheduling, async (tx) => {
    if (!(await scheduling.statuses.removeScheduled(tx, author, id))) throw notFound()
    await scheduling.media.detach(tx, id)
  })
}

function refuseTime(atMs: number, nowMs: number): void {
  if (atMs < nowMs + SCHEDULE_MS_MIN) {
    throw new AppError('invalid', 'Validation failed: Scheduled at must be at least 5 minutes in the future')
  }
  if (atMs > nowMs + SCHEDULE_MS_MAX) {
    throw new AppError('invalid', 'Validation failed: Scheduled at is too far into the future')
  }
}

/** Posts what is due. The row goes in the transaction in which the status comes: it is posted once, whoever tries. */
export function scheduledPosting(scheduling: Scheduling): DueWork {
  return {
    name: 'scheduled_statuses',
    async run(nowMs, limit) {
      const due = await scheduling.statuses.dueScheduled(scheduling.db, nowMs, limit)
      for (const record of due) await publish(scheduling, record, nowMs)
      return due.length
    },
  }
}

async function publish(scheduling: Scheduling, record: ScheduledRecord, nowMs: number): Promise<void> {
  const { statuses, media } = scheduling
  try {
    const { draft } = scheduledPost(record)
    await refuseUnlessMember(scheduling, record.account)
    await postClaimed(scheduling, record.account, draft, async (tx) => {
      if (!(await statuses.takeScheduled(tx, record.id, nowMs))) return false
      await media.detach(tx, record.id)
      return true
    })
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') throw error
    await putOff(scheduling, record, error)
  }
}

async function refuseUnlessMember({ accounts, hydration }: Scheduling, author: AccountId): Promise<void> {
  const [[view], user] = await Promise.all([hydration.accounts([author]), accounts.user(author)])
  const isMember = view !== undefined && !view.account.suspended && user?.disabled === false
  if (!isMember) throw new AppError('forbidden', 'The account may not post')
}

/**
 * What cannot be posted is not thrown away: it stays in its author's list, and is tried again when they give it another
 * time. What may be our own fault is tried some times more.
 */
async function putOff(
  { statuses, db, clock, log }: Scheduling,
  { id }: ScheduledRecord,
  error: unknown,
): Promise<void> {
  const isFinal = error instanceof AppError
  const attempts = await statuses.putOffScheduled(db, id, isFinal ? null : clock.nowMs() + RETRY_MS)
  if (!isFinal && attempts >= TRIES_MAX) await statuses.putOffScheduled(db, id, null)
  log.warn({ event: 'scheduled_status.failed', status: id.toString(), attempts, err: error })
}

type Stored = Omit<ScheduledDraft, 'appId' | 'inReplyTo' | 'media'> & {
  inReplyTo: string | null
  media: string[]
  appId: string | null
}

/** JSON has neither big numbers nor undefined. */
function storedDraft(draft: Draft): Stored {
  const { text, spoilerText, visibility, sensitive, language, inReplyTo, media, appId, idempotencyKey, poll } = draft
  return {
    text,
    spoilerText,
    visibility,
    sensitive,
    language,
    idempotencyKey,
    poll,
    inReplyTo: inReplyTo?.toString() ?? null,
    media: media.map(String),
    appId: appId?.toString() ?? null,
  }
}

function scheduledPost({ id, scheduledAtMs, draft }: ScheduledRecord): ScheduledPost {
  const stored = draft as Stored // written by `storedDraft` alone
  return {
    id,
    scheduledAtMs,
    draft: {
      text: stored.text,
      spoilerText: stored.spoilerText,
      visibility: stored.visibility,
      sensitive: stored.sensitive,
      language: stored.language,
      idempotencyKey: stored.idempotencyKey,
      poll: stored.poll,
      inReplyTo: parseId<StatusId>(stored.inReplyTo),
      media: stored.media.flatMap((text) => parseId<MediaId>(text) ?? []),
      appId: stored.appId === null ? null : BigInt(stored.appId),
    },
  }
}
