/** Discovery on PostgreSQL and the graph in memory. */
import type { Accounts } from '../accounts/contract.ts'
import type { Database } from '../engines/database/contract.ts'
import { isSilencedFor, type AccountView, type Hydration, type StatusView } from '../hydration/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { parseId, type AccountId, type StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { Discovery, Stretch, Suggestion } from './contract.ts'
import { rankByCircle } from './suggestions.ts'
import * as rows from './trend-rows.ts'

/** Candidates looked at for suggestions, best first. */
const CANDIDATES_MAX = 400
/** Ranked statuses looked at for one page, because not everyone may see each. */
const STATUSES_LOOKED_MAX = 200

export interface DiscoveryDeps {
  database: Database
  accounts: Pick<Accounts, 'discoverableIds'>
  graph: Pick<SocialGraph, 'following' | 'relation'>
  hydration: Pick<Hydration, 'accounts' | 'statuses'>
  clock: Clock
  /** `on`; `reviewed`: only what a moderator allowed; `off`: nothing trends. */
  trends: 'on' | 'reviewed' | 'off'
}

export function openDiscovery(deps: DiscoveryDeps): Discovery {
  const { clock, database: db, trends } = deps
  const subjects = async (kind: rows.Use['kind'], stretch: Stretch) =>
    trends === 'off' ? [] : rows.rankedSubjects(db, kind, stretch, trends === 'reviewed')
  return {
    async trends(kind, stretch) {
      const found = await subjects(kind, stretch)
      return rows.withHistory(found, await rows.historyOf(db, kind, found, clock.nowMs()))
    },
    async trendingStatuses(viewer, { limit, offset }) {
      const found = await subjects('status', { limit: STATUSES_LOOKED_MAX, offset: 0 })
      const ids = found.flatMap((subject) => parseId<StatusId>(subject) ?? [])
      const views = await deps.hydration.statuses(ids, viewer)
      return views.filter((view) => mayTrend(deps, viewer, view)).slice(offset, offset + limit)
    },
    tagHistory: (names) => rows.historyOf(db, 'tag', names, clock.nowMs()),
    suggestions: (viewer, stretch) => suggestionsFor(deps, viewer, stretch),
    async dismiss(viewer, target) {
      await db.run`
        insert into suggestions_dismissed (account_id, target_id) values (${viewer}, ${target}) on conflict do nothing`
    },
    review: (kind, subject, allowed) => rows.writeReview(db, kind, subject, allowed),
    async refresh() {
      const nowMs = clock.nowMs()
      await rows.rollUp(db, nowMs)
      await rows.rank(db, nowMs)
      await rows.forgetOld(db, nowMs)
    },
  }
}

/** As Mastodon: nothing sensitive, by people who want to be found, and nobody whom the viewer silenced. */
function mayTrend({ graph }: DiscoveryDeps, viewer: AccountId | undefined, { status, author }: StatusView): boolean {
  const { account } = author
  if (status.visibility !== 'public' || status.sensitive || account.silenced || account.discoverable === false)
    return false
  return viewer === undefined || !isSilencedFor(graph.relation(viewer, status.accountId))
}

async function suggestionsFor(
  deps: DiscoveryDeps,
  viewer: AccountId,
  { limit, offset }: Stretch,
): Promise<Suggestion[]> {
  const dismissed = await dismissedBy(deps.database, viewer)
  const isCandidate = (id: AccountId): boolean => {
    if (id === viewer || dismissed.has(id)) return false
    const { following, requested, blocking, blockedBy, muting } = deps.graph.relation(viewer, id)
    return !following && !requested && !blocking && !blockedBy && !muting
  }
  const open = await openFollowing(deps, viewer)
  const ranked = rankByCircle({ following: open }, viewer)
  const near = ranked.flatMap(({ id }) => (isCandidate(id) ? [id] : [])).slice(0, CANDIDATES_MAX)
  const found = await suggestable(deps, near, 'friends_of_friends')
  if (found.length < offset + limit) {
    const active = await deps.accounts.discoverableIds('active', CANDIDATES_MAX, 0)
    const known = new Set(near)
    const rest = active.filter((id) => !known.has(id) && isCandidate(id))
    const others = await suggestable(deps, rest, 'most_followed')
    found.push(...others.toSorted((one, other) => other.view.followers - one.view.followers))
  }
  return found.slice(offset, offset + limit)
}

/** Whom an account follows, unless it hides that: the viewer must not learn of it by what is suggested. */
async function openFollowing(
  { graph, hydration }: DiscoveryDeps,
  viewer: AccountId,
): Promise<(id: AccountId) => AccountId[]> {
  const friends = await hydration.accounts(graph.following(viewer))
  const hiding = new Set(friends.flatMap(({ account }) => (account.hideCollections === true ? [account.id] : [])))
  return (id) => (hiding.has(id) ? [] : graph.following(id))
}

async function suggestable(
  { hydration }: DiscoveryDeps,
  ids: readonly AccountId[],
  source: Suggestion['source'],
): Promise<Suggestion[]> {
  const views = await hydration.accounts(ids)
  return views.filter(isOpenToStrangers).map((view) => ({ view, source }))
}

function isOpenToStrangers({ account }: AccountView): boolean {
  return !account.suspended && !account.silenced && account.discoverable !== false
}

async function dismissedBy(db: Database, viewer: AccountId): Promise<Set<AccountId>> {
  const found = await db.rows<{ id: AccountId }>`
    select target_id as id from suggestions_dismissed where account_id = ${viewer}`
  return new Set(found.map(({ id }) => id))
}
