/** What a client sends to write or edit a status → what the write API takes. */
import type { Visibility } from '../../events/contract.ts'
import { AppError } from '../../kit/errors.ts'
import { parseId, type AccountId, type MediaId, type StatusId } from '../../snowflake/contract.ts'
import { STATUS_MEDIA_MAX, type Draft, type Edit, type MediaChange, type PollDraft } from '../../write-api/contract.ts'
import type { UserCall } from '../call.ts'
import type { Params } from '../params.ts'
import { readMediaChange } from './media-details.ts'

export const VISIBILITIES: readonly Visibility[] = ['public', 'unlisted', 'private', 'direct']

/** Lists are read up to here, so that "one too many" is told by the rule it breaks. */
const LIST_MAX = 100

export function readDraft(call: Pick<UserCall, 'header' | 'identity' | 'params'>): Draft {
  const { params, identity } = call
  refuseWhatIsNotOffered(params)
  const key = call.header('idempotency-key')?.trim()
  return {
    text: params.text('status') ?? '',
    spoilerText: params.text('spoiler_text') ?? '',
    visibility: params.choice('visibility', VISIBILITIES),
    sensitive: params.bool('sensitive'),
    language: params.text('language') || undefined,
    inReplyTo: params.optionalId<StatusId>('in_reply_to_id'),
    media: readMediaIds(params),
    allowedMentions: params.has('allowed_mentions') ? params.ids<AccountId>('allowed_mentions', LIST_MAX) : undefined,
    idempotencyKey: key === '' ? undefined : key,
    appId: identity.appId,
    poll: readPoll(params),
  }
}

/** As Mastodon: what is not sent is empty afterwards, the pictures too, since a form has no way to send an empty list. */
export function readEdit(params: Params): Edit {
  refuseWhatIsNotOffered(params)
  return {
    text: params.text('status') ?? '',
    spoilerText: params.text('spoiler_text') ?? '',
    sensitive: params.bool('sensitive'),
    language: params.text('language') || undefined,
    media: readMediaIds(params),
    mediaChanges: (params.nestedList('media_attributes', STATUS_MEDIA_MAX) ?? []).map(readAttachmentChange),
    poll: readPoll(params),
  }
}

function readAttachmentChange(params: Params): MediaChange {
  return { id: params.id<MediaId>('id'), ...readMediaChange(params) }
}

/** Undefined where none is asked for: clients send the parameter empty, too. */
function readPoll(params: Params): PollDraft | undefined {
  const poll = params.nested('poll')
  const options = poll.texts('options', LIST_MAX)
  if (!poll.has('options') && !poll.has('expires_in')) return undefined
  const seconds = poll.int('expires_in')
  return {
    options,
    lastsMs: seconds === undefined ? undefined : seconds * 1_000,
    multiple: poll.bool('multiple') === true,
    hideTotals: poll.bool('hide_totals') === true,
  }
}

/** Clients must not think that something was quoted. */
function refuseWhatIsNotOffered(params: Params): void {
  if ((params.text('quoted_status_id') ?? '') !== '') throw new AppError('invalid', 'Quotes are not supported yet')
}

/** An id that can name nothing is refused like one that names nothing: leaving it out would post without the picture. */
function readMediaIds(params: Params): MediaId[] {
  return params.texts('media_ids', LIST_MAX).map((text) => {
    const id = parseId<MediaId>(text)
    if (id === undefined) throw new AppError('invalid', 'Media not found or already attached to another post')
    return id
  })
}
