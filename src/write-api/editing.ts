/** Another text for a status. */
import { isDeepStrictEqual } from 'node:util'

import type { Db } from '../engines/database/contract.ts'
import type { Hydration } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { notFound } from '../kit/errors.ts'
import { failpoint } from '../kit/failpoint.ts'
import type { Media, MediaRecord } from '../media/contract.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'
import { languageOf } from '../text/language.ts'
import { commit, type Committing } from './commit.ts'
import { chosenMedia, composeBy, type Composed, type ComposingBy } from './composing.ts'
import type { Edit, MediaChange } from './contract.ts'
import { editPoll } from './polling.ts'
import { statusEdited } from './telling.ts'

export interface Editing extends Committing, ComposingBy {
  statuses: Pick<StatusStore, 'byIds' | 'edit' | 'lock' | 'changePoll' | 'insertPoll' | 'lockPoll'>
  media: Pick<Media, 'attach' | 'attachedTo' | 'update'>
  hydration: Pick<Hydration, 'forgetStatus'>
  clock: Clock
}

export async function edit(editing: Editing, author: AccountId, id: StatusId, wanted: Edit): Promise<StatusRecord> {
  const [before] = await editing.statuses.byIds([id])
  if (!mayEdit(before, author)) throw notFound()
  const media = wanted.media && chosenMedia(wanted.media)
  const atMs = editing.clock.nowMs()
  const composed = await composeBy(editing, author, { ...wanted, hasMedia: (media ?? before.media).length > 0 })
  failpoint('W1')
  const edited = await commit(editing, async (tx, tell) => {
    // Two edits at once come one after the other, each with a revision of its own.
    const current = await editing.statuses.lock(tx, id)
    if (!mayEdit(current, author)) throw notFound()
    const now = versionAfter(current, wanted, { composed, media: media ?? current.media })
    const described = await applyToMedia(editing, tx, {
      status: current,
      media: now.media,
      changes: wanted.mediaChanges,
    })
    const asked = await editPoll(editing.statuses, tx, { status: current, draft: wanted.poll, media: now.media, atMs })
    if (isDeepStrictEqual(now, versionOf(current)) && !described.changed && !asked.changed) return current
    const previousMediaDescriptions = current.media.map((each) => described.before.get(each) ?? null)
    const { mentions, tags } = composed
    const change = { ...now, mentions, tags, previousMediaDescriptions, previousPollOptions: asked.before }
    const record = await editing.statuses.edit(tx, id, change, atMs)
    tell(statusEdited(record))
    return record
  })
  editing.hydration.forgetStatus(id)
  return edited
}

function mayEdit(status: StatusRecord | undefined, author: AccountId): status is StatusRecord {
  return status?.accountId === author && status.boostOf === null
}

/** What makes a new revision when it differs. */
interface Version {
  text: string
  spoilerText: string
  sensitive: boolean
  language: string | null
  media: readonly MediaId[]
}

function versionOf({ text, spoilerText, sensitive, language, media }: StatusRecord): Version {
  return { text, spoilerText, sensitive, language, media }
}

function versionAfter(
  current: StatusRecord,
  wanted: Edit,
  { composed, media }: { composed: Composed; media: readonly MediaId[] },
): Version {
  const language = wanted.language === undefined ? null : languageOf(wanted.language)
  return {
    text: composed.text,
    spoilerText: composed.spoilerText,
    sensitive: (wanted.sensitive ?? current.sensitive) || wanted.spoilerText.trim() !== '',
    language: language ?? current.language,
    media,
  }
}

interface MediaEdit {
  status: StatusRecord
  media: readonly MediaId[]
  changes: readonly MediaChange[]
}

/** Binds what is new and describes what is to be described anew; tells how the media were described before. */
async function applyToMedia(
  { media: store }: Editing,
  tx: Db,
  { status, media, changes }: MediaEdit,
): Promise<{ before: Map<MediaId, string | null>; changed: boolean }> {
  const before = new Map((await store.attachedTo(tx, status.id)).map((one) => [one.id, one.description]))
  const attached = media.length === 0 ? [] : await store.attach(tx, status.accountId, media, status.id)
  let changed = false
  for (const { id, ...change } of changes) {
    const record = attached.find((one) => one.id === id)
    if (record === undefined || isDeepStrictEqual({ ...record, ...change }, record)) continue
    const updated: MediaRecord = await store.update(status.accountId, id, change, tx)
    changed ||= !isDeepStrictEqual(updated, record)
  }
  return { before, changed }
}
