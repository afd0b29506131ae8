/** What all routes of statuses share: what they are given, and which status they speak of. */
import type { Hydration, StatusView } from '../../hydration/contract.ts'
import type { Media } from '../../media/contract.ts'
import type { AccountId, StatusId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'
import type { StatusStore } from '../../status-store/contract.ts'
import type { TimelineService } from '../../timeline-service/contract.ts'
import type { WriteApi } from '../../write-api/contract.ts'
import type { Presenting } from '../presenting.ts'
import type { Scope } from '../scopes.ts'

export interface StatusRouteDeps {
  writing: WriteApi
  hydration: Pick<Hydration, 'accounts' | 'status' | 'statuses'>
  timelines: Pick<TimelineService, 'thread'>
  statuses: Pick<StatusStore, 'boostedBy' | 'byIds' | 'edits' | 'favouritedBy'>
  media: Pick<Media, 'byIds'>
  graph: Pick<SocialGraph, 'relation'>
  present: Presenting
}

export const READ_STATUSES: readonly Scope[] = ['read:statuses']
export const WRITE_STATUSES: readonly Scope[] = ['write:statuses']

/** The status itself, or what a boost boosts: whatever is asked about it, is asked about that. */
export async function properView(
  { hydration }: Pick<StatusRouteDeps, 'hydration'>,
  id: StatusId,
  viewer: AccountId | undefined,
): Promise<StatusView> {
  const view = await hydration.status(id, viewer)
  return view.boostOf ?? view
}
