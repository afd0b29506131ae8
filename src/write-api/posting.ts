/** A new status. */
import type { Accounts } from '../accounts/contract.ts'
import type { Visibility } from '../events/contract.ts'
import type { Hydration, StatusView } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError, notFound } from '../kit/errors.ts'
import { failpoint } from '../kit/failpoint.ts'
import type { Media } from '../media/contract.ts'
import { idTimeMs, type AccountId, type Snowflakes, type StatusId } from '../snowflake/contract.ts'
import type { NewStatus, StatusRecord, StatusStore } from '../status-store/contract.ts'
import { detectLanguage, languageOf } from '../text/language.ts'
import { commit, type Committing } from './commit.ts'
import { chosenMedia, compose, type Composed, type Composing } from './composing.ts'
import { UnexpectedMentions, type Draft } from './contract.ts'
import { statusCreated } from './telling.ts'

export interface Posting extends Committing, Composing {
  statuses: Pick<StatusStore, 'byIds' | 'findByIdempotencyKey' | 'hold' | 'insert' | 'reserveIdempotencyKey'>
  accounts: Pick<Accounts, 'byUsernames' | 'user'>
  media: Pick<Media, 'attach'>
  hydration: Pick<Hydration, 'accounts' | 'forgetAccount' | 'forgetStatus' | 'status'>
  snowflakes: Snowflakes
  clock: Clock
}

export async function post(posting: Posting, author: AccountId, draft: Draft): Promise<StatusRecord> {
  const acceptedAtMs = posting.clock.nowMs()
  const { idempotencyKey: key } = draft
  // Asked first: a repetition must not fail because its picture is taken, or its parent is gone.
  const before = key === undefined ? undefined : await statusMadeBy(posting, author, key)
  if (before !== undefined) return before

  const status = await newStatus(posting, author, draft)
  failpoint('W1')
  const inserted = await commit(posting, async (tx, tell) => {
    const { statuses } = posting
    if (key !== undefined && !(await statuses.reserveIdempotencyKey(tx, author, key, status.id))) return false
    if (status.inReplyTo !== null && (await statuses.hold(tx, status.inReplyTo)) === undefined) throw parentNotFound()
    await statuses.insert(tx, status)
    if (status.media.length > 0) await posting.media.attach(tx, author, status.media, status.id)
    tell(statusCreated(status, null, acceptedAtMs))
    return true
  })
  if (!inserted && key !== undefined) return (await statusMadeBy(posting, author, key)) ?? unavailableRepetition()
  if (status.inReplyTo !== null) posting.hydration.forgetStatus(status.inReplyTo)
  posting.hydration.forgetAccount(author)
  return { ...status, editedAtMs: null, revision: 0 }
}

/** Throws `not_found` when that status has been deleted since, as Mastodon does. */
async function statusMadeBy({ statuses }: Posting, author: AccountId, key: string): Promise<StatusRecord | undefined> {
  const id = await statuses.findByIdempotencyKey(author, key)
  if (id === undefined) return undefined
  const [status] = await statuses.byIds([id])
  if (status === undefined) throw notFound()
  return status
}

/** The key was taken when we asked for it and lapsed before we could look. */
function unavailableRepetition(): never {
  throw new AppError('unavailable', 'There was a temporary problem serving your request, please try again')
}

async function newStatus(posting: Posting, author: AccountId, draft: Draft): Promise<NewStatus> {
  const media = chosenMedia(draft.media)
  const composed = await compose(posting, { ...draft, hasMedia: media.length > 0 })
  refuseUnexpected(composed, draft.allowedMentions)
  const parent = draft.inReplyTo === undefined ? undefined : await parentOf(posting, author, draft.inReplyTo)
  const language = draft.language === undefined ? null : languageOf(draft.language)
  const complete = draft.visibility !== undefined && draft.sensitive !== undefined && language !== null
  const defaults = complete ? undefined : await posting.accounts.user(author)
  const id = posting.snowflakes.next<StatusId>()
  return {
    id,
    accountId: author,
    visibility: await shownTo(posting, author, draft.visibility ?? defaults?.defaultPrivacy ?? 'public'),
    boostOf: null,
    inReplyTo: parent?.id ?? null,
    inReplyToAccount: parent === undefined ? null : repliedTo(parent, author),
    conversation: parent?.conversation ?? id,
    text: composed.text,
    spoilerText: composed.spoilerText,
    // A warning that became the text still says that something is sensitive.
    sensitive: (draft.sensitive ?? defaults?.defaultSensitive ?? false) || draft.spoilerText.trim() !== '',
    language: language ?? defaults?.defaultLanguage ?? detectLanguage(composed.tokens),
    mentions: composed.mentions,
    tags: composed.tags,
    media,
    appId: draft.appId,
    createdAtMs: idTimeMs(id),
  }
}

function refuseUnexpected({ mentions }: Composed, allowed: readonly AccountId[] | undefined): void {
  const unexpected = allowed === undefined ? [] : mentions.filter((id) => !allowed.includes(id))
  if (unexpected.length > 0) throw new UnexpectedMentions(unexpected)
}

/** The status that is replied to; of a boost, what it boosts. */
async function parentOf({ hydration }: Posting, author: AccountId, id: StatusId): Promise<StatusRecord> {
  let view: StatusView
  try {
    view = await hydration.status(id, author)
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') throw parentNotFound()
    throw error
  }
  return (view.boostOf ?? view).status
}

function parentNotFound(): AppError {
  return new AppError('not_found', 'The post you are trying to reply to does not appear to exist.')
}

type Repliable = Pick<StatusRecord, 'accountId' | 'inReplyToAccount'>

/** Whoever goes on in their own reply still talks to whom that replied to. */
export function repliedTo(parent: Repliable, author: AccountId): AccountId {
  return (parent.accountId === author ? parent.inReplyToAccount : null) ?? parent.accountId
}

/** Somebody whom moderators have silenced does not appear in public. */
async function shownTo({ hydration }: Posting, author: AccountId, wanted: Visibility): Promise<Visibility> {
  if (wanted !== 'public') return wanted
  const [view] = await hydration.accounts([author])
  return view?.account.silenced === true ? 'unlisted' : 'public'
}
