/** Favourites, bookmarks, pins and muted conversations: small rows, each with the event that tells of it. */
import type { Db } from '../engines/database/contract.ts'
import type { OutboxMessage } from '../engines/outbox/contract.ts'
import { encodeEvent } from '../events/contract.ts'
import type { Hydration } from '../hydration/contract.ts'
import { AppError, notFound } from '../kit/errors.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'
import { commit, type Committing } from './commit.ts'

export interface Marking extends Committing {
  statuses: StatusStore
  graph: Pick<SocialGraph, 'relation'>
  hydration: Pick<Hydration, 'forgetMarks' | 'forgetStatus' | 'status'>
}

/** One kind of mark: what is written, and what is told of it. */
interface Mark {
  change(statuses: StatusStore, tx: Db, account: AccountId, status: StatusRecord): Promise<boolean>
  event(account: AccountId, status: StatusRecord): OutboxMessage
}

const FAVOURITE: Mark = {
  change: (statuses, tx, account, { id }) => statuses.addFavourite(tx, account, id),
  event: (by, { id, accountId }) => encodeEvent('favourite.added', by, { status: id, author: accountId, by }),
}
const UNFAVOURITE: Mark = {
  change: (statuses, tx, account, { id }) => statuses.removeFavourite(tx, account, id),
  event: (by, { id, accountId }) => encodeEvent('favourite.removed', by, { status: id, author: accountId, by }),
}
const BOOKMARK: Mark = {
  change: (statuses, tx, account, { id }) => statuses.addBookmark(tx, account, id),
  event: (by, { id }) => encodeEvent('bookmark.added', by, { status: id, by }),
}
const UNBOOKMARK: Mark = {
  change: (statuses, tx, account, { id }) => statuses.removeBookmark(tx, account, id),
  event: (by, { id }) => encodeEvent('bookmark.removed', by, { status: id, by }),
}
const PIN: Mark = {
  change: (statuses, tx, account, { id }) => statuses.addPin(tx, account, id),
  event: (by, { id }) => encodeEvent('status.pinned', by, { status: id, by }),
}
const UNPIN: Mark = {
  change: (statuses, tx, account, { id }) => statuses.removePin(tx, account, id),
  event: (by, { id }) => encodeEvent('status.unpinned', by, { status: id, by }),
}
const MUTE: Mark = {
  change: (statuses, tx, account, { conversation }) => statuses.muteConversation(tx, account, conversation),
  event: (by, { conversation }) => encodeEvent('conversation.muted', by, { conversation, by }),
}
const UNMUTE: Mark = {
  change: (statuses, tx, account, { conversation }) => statuses.unmuteConversation(tx, account, conversation),
  event: (by, { conversation }) => encodeEvent('conversation.unmuted', by, { conversation, by }),
}

export async function favourite(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  const status = await visibleStatus(marking, account, id)
  // Mastodon's `StatusPolicy#favourite?`: seen, but not of somebody one has blocked.
  if (marking.graph.relation(account, status.accountId).blocking) {
    throw new AppError('forbidden', 'This action is not allowed')
  }
  await put(marking, FAVOURITE, account, status)
}

export async function bookmark(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  await put(marking, BOOKMARK, account, await visibleStatus(marking, account, id))
}

export async function unfavourite(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  await take(marking, UNFAVOURITE, account, id)
}

export async function unbookmark(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  await take(marking, UNBOOKMARK, account, id)
}

export async function pin(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  const { status } = await marking.hydration.status(id, account)
  if (status.boostOf !== null) throw pinRefused('A boost cannot be pinned')
  if (status.accountId !== account) throw pinRefused("Someone else's post cannot be pinned")
  if (status.visibility === 'direct') {
    throw pinRefused('Posts that are only visible to mentioned users cannot be pinned')
  }
  await put(marking, PIN, account, status)
}

export async function unpin(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  await take(marking, UNPIN, account, id)
}

/** A boost has no conversation of its own: that of the boosted status is meant. */
export async function muteConversation(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  await put(marking, MUTE, account, await visibleStatus(marking, account, id))
}

export async function unmuteConversation(marking: Marking, account: AccountId, id: StatusId): Promise<void> {
  await take(marking, UNMUTE, account, id)
}

/** The status, or what it boosts. */
async function visibleStatus({ hydration }: Marking, account: AccountId, id: StatusId): Promise<StatusRecord> {
  const view = await hydration.status(id, account)
  return (view.boostOf ?? view).status
}

async function put(marking: Marking, mark: Mark, account: AccountId, status: StatusRecord): Promise<void> {
  await commit(marking, async (tx, tell) => {
    if ((await marking.statuses.hold(tx, status.id)) === undefined) throw notFound()
    if (await mark.change(marking.statuses, tx, account, status)) tell(mark.event(account, status))
  })
  forget(marking, account, status.id, mark)
}

/** Also from a status that the account may not see any more; `not_found` for one it neither sees nor has marked. */
async function take(marking: Marking, mark: Mark, account: AccountId, id: StatusId): Promise<void> {
  const [named] = await marking.statuses.byIds([id])
  const [status] = named && named.boostOf !== null ? await marking.statuses.byIds([named.boostOf]) : [named]
  if (status === undefined) throw notFound()
  const taken = await commit(marking, async (tx, tell) => {
    const changed = await mark.change(marking.statuses, tx, account, status)
    if (changed) tell(mark.event(account, status))
    return changed
  })
  if (taken) forget(marking, account, status.id, mark)
  else await marking.hydration.status(id, account)
}

/** The local caches hear of it at once, the others by the event. */
function forget({ hydration }: Marking, account: AccountId, status: StatusId, mark: Mark): void {
  hydration.forgetStatus(status)
  // A muted conversation shows on all of its statuses.
  hydration.forgetMarks(account, mark === MUTE || mark === UNMUTE ? undefined : status)
}

function pinRefused(reason: string): AppError {
  return new AppError('invalid', `Validation failed: ${reason}`)
}
