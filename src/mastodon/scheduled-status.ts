/** ScheduledStatus: what is going to be posted, in the words of the request that asked for it. */
import type { StatusView } from '../hydration/contract.ts'
import { dateTime } from './dates.ts'
import { presentMedia } from './media.ts'
import type { Site } from './site.ts'

export interface ScheduledShown {
  id: bigint
  scheduledAtMs: number
  draft: {
    text: string
    spoilerText: string
    visibility: string | undefined
    sensitive: boolean | undefined
    language: string | undefined
    inReplyTo: bigint | undefined
    media: readonly bigint[]
    idempotencyKey: string | undefined
    poll?:
      | { options: readonly string[]; lastsMs: number | undefined; multiple: boolean; hideTotals: boolean }
      | undefined
  }
}

export function presentScheduledStatus(
  { id, scheduledAtMs, draft }: ScheduledShown,
  media: StatusView['media'],
  at: Site,
) {
  const { poll } = draft
  return {
    id: id.toString(),
    scheduled_at: dateTime(scheduledAtMs),
    params: {
      text: draft.text,
      poll:
        poll === undefined
          ? null
          : {
              options: poll.options,
              expires_in: Math.round((poll.lastsMs ?? 0) / 1_000),
              multiple: poll.multiple,
              hide_totals: poll.hideTotals,
            },
      media_ids: draft.media.length === 0 ? null : draft.media.map(String),
      sensitive: draft.sensitive ?? null,
      spoiler_text: draft.spoilerText === '' ? null : draft.spoilerText,
      visibility: draft.visibility ?? 'public',
      // Text, though Mastodon's own are numbers: these do not fit into one.
      in_reply_to_id: draft.inReplyTo?.toString() ?? null,
      language: draft.language ?? null,
      // A number, of which clients have no use; ids here would lose bits in one.
      application_id: 0,
      scheduled_at: null,
      idempotency: draft.idempotencyKey ?? null,
      with_rate_limit: false,
    },
    media_attachments: media.map((one) => presentMedia(one, at)),
  }
}
