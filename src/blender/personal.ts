/**
 * What only the viewer finds: their own private and direct statuses, which are never in the index, and what they favourited,
 * boosted, bookmarked or answered of people who are found by nobody else. It is read from the status store and held against
 * the query one by one: a bounded number, newest first.
 */
import type { Query } from '../earlybird/contract.ts'
import type { IndexDocument } from '../earlybird/contract.ts'
import type { Hydration, StatusView } from '../hydration/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { LibraryRow, StatusStore } from '../status-store/contract.ts'
import { matches } from './matching.ts'

/** Own private and direct statuses looked through, newest first. */
const CLOSED_MAX = 1_000
/** Of favourites, bookmarks, boosts and answers, the newest of each. */
const LIBRARY_MAX = 1_000

export interface PersonalDeps {
  statuses: Pick<StatusStore, 'closedIdsOf' | 'libraryOf'>
  hydration: Pick<Hydration, 'accounts' | 'statuses'>
  /** Of any status, whoever may see it. */
  documentOf: (view: StatusView) => IndexDocument
}

export interface Personal {
  /** Own statuses that are not in the index. */
  closed: readonly StatusId[]
  library: readonly LibraryRow[]
  /** More is there than was read. */
  cut: boolean
}

export async function readPersonal({ statuses }: PersonalDeps, viewer: AccountId): Promise<Personal> {
  const [closed, library] = await Promise.all([
    statuses.closedIdsOf(viewer, CLOSED_MAX),
    statuses.libraryOf(viewer, LIBRARY_MAX),
  ])
  return { closed, library, cut: closed.length === CLOSED_MAX || library.length >= LIBRARY_MAX }
}

/** The views among them that match. With `whole`, of the whole library; else of what the index does not give the viewer. */
export async function personalHits(
  deps: PersonalDeps,
  viewer: AccountId,
  personal: Personal,
  { query, whole }: { query: Query; whole: boolean },
): Promise<StatusView[]> {
  const library = whole ? personal.library : await unfoundByOthers(deps, personal.library)
  const ids = [...new Set([...personal.closed, ...library.map(({ id }) => id)])]
  if (ids.length === 0) return []
  const views = await deps.hydration.statuses(ids, viewer)
  return views.filter((view) => matches(query, deps.documentOf(view)))
}

async function unfoundByOthers(
  { hydration }: PersonalDeps,
  library: readonly LibraryRow[],
): Promise<readonly LibraryRow[]> {
  const authors = await hydration.accounts([...new Set(library.map(({ accountId }) => accountId))])
  const consenting = new Set(authors.flatMap(({ account }) => (account.indexable ? [account.id] : [])))
  return library.filter(({ accountId, visibility }) => visibility !== 'public' || !consenting.has(accountId))
}
