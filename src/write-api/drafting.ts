/** What a person wants to post → a post that is allowed and complete, but for the id it gets when it is written. */
import type { Accounts } from '../accounts/contract.ts'
import type { Visibility } from '../events/contract.ts'
import type { Hydration, StatusView } from '../hydration/contract.ts'
import { AppError } from '../kit/errors.ts'
import { idTimeMs, type AccountId, type StatusId } from '../snowflake/contract.ts'
import type { NewStatus, StatusRecord } from '../status-store/contract.ts'
import { detectLanguage, languageOf } from '../text/language.ts'
import { chosenMedia, composeBy, type Composed, type ComposingBy } from './composing.ts'
import { UnexpectedMentions, type Draft } from './contract.ts'

export interface Drafting extends ComposingBy {
  accounts: Pick<Accounts, 'byUsernames' | 'user'>
  hydration: Pick<Hydration, 'accounts' | 'status'>
}

/** A status without an id. Its conversation is null when it begins one. */
export type Drafted = Omit<NewStatus, 'conversation' | 'createdAtMs' | 'id'> & { conversation: StatusId | null }

/** Throws `invalid` for what may not be written, `not_found` when what is answered is not there for the author. */
export async function drafted(drafting: Drafting, author: AccountId, draft: Draft): Promise<Drafted> {
  const media = chosenMedia(draft.media)
  const composed = await composeBy(drafting, author, { ...draft, hasMedia: media.length > 0 })
  refuseUnexpected(composed, draft.allowedMentions)
  const parent = draft.inReplyTo === undefined ? undefined : await parentOf(drafting, author, draft.inReplyTo)
  const language = draft.language === undefined ? null : languageOf(draft.language)
  const complete = draft.visibility !== undefined && draft.sensitive !== undefined && language !== null
  const defaults = complete ? undefined : await drafting.accounts.user(author)
  return {
    accountId: author,
    visibility: await shownTo(drafting, author, draft.visibility ?? defaults?.defaultPrivacy ?? 'public'),
    boostOf: null,
    inReplyTo: parent?.id ?? null,
    inReplyToAccount: parent === undefined ? null : repliedTo(parent, author),
    conversation: parent?.conversation ?? null,
    text: composed.text,
    spoilerText: composed.spoilerText,
    // A warning that became the text still says that something is sensitive.
    sensitive: (draft.sensitive ?? defaults?.defaultSensitive ?? false) || draft.spoilerText.trim() !== '',
    language: language ?? defaults?.defaultLanguage ?? detectLanguage(composed.tokens),
    mentions: composed.mentions,
    tags: composed.tags,
    media,
    appId: draft.appId,
  }
}

/** The status, now that it has an id. */
export function identified(draft: Drafted, id: StatusId): NewStatus {
  return { ...draft, id, conversation: draft.conversation ?? id, createdAtMs: idTimeMs(id) }
}

function refuseUnexpected({ mentions }: Composed, allowed: readonly AccountId[] | undefined): void {
  const unexpected = allowed === undefined ? [] : mentions.filter((id) => !allowed.includes(id))
  if (unexpected.length > 0) throw new UnexpectedMentions(unexpected)
}

/** The status that is replied to; of a boost, what it boosts. */
async function parentOf({ hydration }: Drafting, author: AccountId, id: StatusId): Promise<StatusRecord> {
  let view: StatusView
  try {
    view = await hydration.status(id, author)
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') throw parentNotFound()
    throw error
  }
  return (view.boostOf ?? view).status
}

export function parentNotFound(): AppError {
  return new AppError('not_found', 'The post you are trying to reply to does not appear to exist.')
}

type Repliable = Pick<StatusRecord, 'accountId' | 'inReplyToAccount'>

/** Whoever goes on in their own reply still talks to whom that replied to. */
export function repliedTo(parent: Repliable, author: AccountId): AccountId {
  return (parent.accountId === author ? parent.inReplyToAccount : null) ?? parent.accountId
}

/** Somebody whom moderators have silenced does not appear in public. */
async function shownTo({ hydration }: Drafting, author: AccountId, wanted: Visibility): Promise<Visibility> {
  if (wanted !== 'public') return wanted
  const [view] = await hydration.accounts([author])
  return view?.account.silenced === true ? 'unlisted' : 'public'
}
