/** Taking a status back. Also how a boost is taken back: a boost is a status of its own. */
import type { Hydration } from '../hydration/contract.ts'
import { notFound } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Media } from '../media/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusRecord, StatusStore } from '../status-store/contract.ts'
import { commit, type Committing } from './commit.ts'
import { statusDeleted } from './telling.ts'

/** Boosts or favourites that are removed together with a status; more go before it, so many in one transaction. */
export const DEPENDENTS_PER_ROUND = 1_000

export interface Removing extends Committing {
  statuses: Pick<StatusStore, 'byIds' | 'counts' | 'lock' | 'polls' | 'remove' | 'removeDependents'>
  media: Pick<Media, 'detach' | 'remove'>
  hydration: Pick<Hydration, 'forgetAccount' | 'forgetMarks' | 'forgetStatus'>
  log: Log
}

export async function remove(removing: Removing, author: AccountId, id: StatusId, deleteMedia: boolean): Promise<void> {
  const [status] = await removing.statuses.byIds([id])
  if (status?.accountId !== author) throw notFound()
  await removeFame(removing, status)
  const freed = await commit(removing, async (tx, tell) => {
    if ((await removing.statuses.lock(tx, id)) === undefined) throw notFound()
    const removed = await removing.statuses.remove(tx, id)
    for (const each of removed) tell(statusDeleted(each))
    return { removed, media: await removing.media.detach(tx, id) }
  })
  forget(removing, freed.removed)
  if (deleteMedia && freed.media.length > 0) await deleteFiles(removing, author, freed.media)
}

/**
 * A status that thousands have boosted or voted on loses that first, in rounds, each with its events: no transaction is larger
 * than a round, and a crash in between leaves a status with fewer boosts, not boosts of nothing.
 */
async function removeFame(removing: Removing, { id, hasPoll }: StatusRecord): Promise<void> {
  const counts = (await removing.statuses.counts([id])).get(id)
  const poll = hasPoll === true ? (await removing.statuses.polls([id])).get(id) : undefined
  const most = Math.max(counts?.boosts ?? 0, counts?.favourites ?? 0, poll?.voters ?? 0)
  if (most <= DEPENDENTS_PER_ROUND) return
  for (let more = true; more;) {
    const round = await commit(removing, async (tx, tell) => {
      const dependents = await removing.statuses.removeDependents(tx, id, DEPENDENTS_PER_ROUND)
      for (const boost of dependents.boosts) tell(statusDeleted(boost))
      return dependents
    })
    forget(removing, round.boosts)
    more = round.more
  }
}

/** The local caches hear of it at once, the others by the events. */
function forget({ hydration }: Removing, removed: readonly StatusRecord[]): void {
  for (const status of removed) {
    hydration.forgetStatus(status.id)
    const counted = status.boostOf ?? status.inReplyTo
    if (counted !== null) hydration.forgetStatus(counted)
    hydration.forgetAccount(status.accountId)
    if (status.boostOf !== null) hydration.forgetMarks(status.accountId, status.boostOf)
  }
}

/** The status is gone whatever happens here; what cannot be deleted now is pruned later, being bound to nothing. */
async function deleteFiles(
  { media, log }: Removing,
  author: AccountId,
  ids: Parameters<Media['remove']>[1],
): Promise<void> {
  try {
    await media.remove(author, ids)
  } catch (error) {
    log.warn({ event: 'media.remove_failed', err: error }, 'pictures of a deleted status are left to be pruned')
  }
}
