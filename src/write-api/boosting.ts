/** Passing a status on. */
import type { Accounts } from '../accounts/contract.ts'
import type { Visibility } from '../events/contract.ts'
import type { Hydration } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError, notFound } from '../kit/errors.ts'
import { idTimeMs, type AccountId, type Snowflakes, type StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { NewStatus, StatusRecord, StatusStore } from '../status-store/contract.ts'
import { commit, type Committing } from './commit.ts'
import { remove, type Removing } from './removing.ts'
import { statusCreated } from './telling.ts'

/** A boost that was there when we inserted, and gone when we looked, is tried again so often. */
const TRIES_MAX = 3

export interface Boosting extends Committing {
  statuses: Pick<StatusStore, 'boostBy' | 'byIds' | 'hold' | 'insert'>
  accounts: Pick<Accounts, 'user'>
  graph: Pick<SocialGraph, 'relation'>
  hydration: Pick<Hydration, 'forgetAccount' | 'forgetMarks' | 'forgetStatus' | 'status'>
  snowflakes: Snowflakes
  clock: Clock
}

export async function boost(
  boosting: Boosting,
  account: AccountId,
  id: StatusId,
  visibility: Visibility | undefined,
): Promise<StatusRecord> {
  const acceptedAtMs = boosting.clock.nowMs()
  const view = await boosting.hydration.status(id, account)
  const original = (view.boostOf ?? view).status
  refuseUnlessBoostable(boosting, account, original)
  const shown = await boostVisibility(boosting, account, original, visibility)
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const existing = await existingBoost(boosting, account, original.id)
    if (existing !== undefined) return existing
    const fresh = newBoost(boosting.snowflakes.next<StatusId>(), account, original.id, shown)
    const inserted = await commit(boosting, async (tx, tell) => {
      if ((await boosting.statuses.hold(tx, original.id)) === undefined) throw notFound()
      if (!(await boosting.statuses.insert(tx, fresh))) return false
      tell(statusCreated(fresh, original.accountId, acceptedAtMs))
      return true
    })
    if (!inserted) continue
    boosting.hydration.forgetStatus(original.id)
    boosting.hydration.forgetMarks(account, original.id)
    boosting.hydration.forgetAccount(account)
    return { ...fresh, editedAtMs: null, revision: 0 }
  }
  throw new AppError('conflict', 'The status is being boosted and unboosted at the same time, please try again')
}

/** Mastodon's `StatusPolicy#reblog?`; the status is seen, so saying no tells nothing. */
function refuseUnlessBoostable({ graph }: Boosting, account: AccountId, original: StatusRecord): void {
  const own = original.accountId === account
  const open = original.visibility === 'public' || original.visibility === 'unlisted'
  const allowed = open || (own && original.visibility === 'private')
  if (!allowed || graph.relation(account, original.accountId).blocking) {
    throw new AppError('forbidden', 'This action is not allowed')
  }
}

async function boostVisibility(
  { accounts }: Boosting,
  account: AccountId,
  original: StatusRecord,
  wanted: Visibility | undefined,
): Promise<Visibility> {
  if (wanted === 'direct') throw new AppError('invalid', 'Validation failed: Visibility is reserved')
  // Never wider than what is passed on.
  if (original.visibility === 'private') return 'private'
  return wanted ?? (await accounts.user(account))?.defaultPrivacy ?? 'public'
}

async function existingBoost(
  { statuses }: Boosting,
  account: AccountId,
  original: StatusId,
): Promise<StatusRecord | undefined> {
  const id = await statuses.boostBy(account, original)
  return id === undefined ? undefined : (await statuses.byIds([id]))[0]
}

export function newBoost(id: StatusId, account: AccountId, original: StatusId, visibility: Visibility): NewStatus {
  return {
    id,
    accountId: account,
    visibility,
    boostOf: original,
    inReplyTo: null,
    inReplyToAccount: null,
    conversation: id,
    text: '',
    spoilerText: '',
    sensitive: false,
    language: null,
    mentions: [],
    tags: [],
    media: [],
    appId: null,
    createdAtMs: idTimeMs(id),
  }
}

/** Also of a status that the account may not see any more; `not_found` for one it neither sees nor has boosted. */
export async function unboost(unboosting: Boosting & Removing, account: AccountId, id: StatusId): Promise<void> {
  const [status] = await unboosting.statuses.byIds([id])
  if (status === undefined) throw notFound()
  const existing = await unboosting.statuses.boostBy(account, status.boostOf ?? id)
  if (existing === undefined) {
    await unboosting.hydration.status(id, account)
    return
  }
  try {
    await remove(unboosting, account, existing, false)
  } catch (error) {
    // Another request has taken it back meanwhile: so be it.
    if (!(error instanceof AppError && error.code === 'not_found')) throw error
  }
}
