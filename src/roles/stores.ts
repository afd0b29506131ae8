/** Opens what every thread has of its own: stores, and statuses made whole of them. */
import type { AccountsBlock } from '../accounts/contract.ts'
import { openAccounts } from '../accounts/open.ts'
import type { Filters } from '../filters/contract.ts'
import { filters as openFilters } from '../filters/filters.ts'
import type { Hydration } from '../hydration/contract.ts'
import { ToldHydration } from '../hydration/told-hydration.ts'
import type { Config } from '../kit/config/config.ts'
import { NO_SIBLINGS } from '../kit/siblings.ts'
import type { Lists } from '../lists/contract.ts'
import { openLists } from '../lists/lists.ts'
import type { Media } from '../media/contract.ts'
import { imageProcessor } from '../media/image.ts'
import { openMedia } from '../media/media.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import { openSocialGraph } from '../social-graph/graph.ts'
import type { StatusStore } from '../status-store/contract.ts'
import { openStatusStore } from '../status-store/store.ts'
import type { TagFollows } from '../tag-follows/contract.ts'
import { openTagFollows } from '../tag-follows/tag-follows.ts'
import { MergedAuthors } from '../timeline-cache/contract.ts'
import type { ThreadEngines } from './engines.ts'

export interface Stores {
  people: AccountsBlock
  graph: SocialGraph
  statuses: StatusStore
  media: Media
  filters: Filters
  lists: Lists
  tagFollows: TagFollows
  hydration: Hydration
  /** Authors who are merged at read. */
  merged: MergedAuthors
}

/** `leads`: in all threads of a process but one false. */
export async function openStores(
  config: Config,
  engines: ThreadEngines,
  resources: AsyncDisposableStack,
  leads = true,
): Promise<Stores> {
  const { bus, clock, database: db, log, outbox, snowflakes, siblings = NO_SIBLINGS } = engines
  const people = resources.use(openAccounts({ db, outbox, snowflakes, clock, log, bus, siblings }))
  const graph = resources.use(await openSocialGraph({ db, outbox, bus, clock, log, siblings, leads }))
  const statuses = openStatusStore({ db, clock })
  const media = openMedia({ db, files: engines.files, images: imageProcessor(), snowflakes, clock })
  const filters = resources.use(openFilters({ database: db, outbox, bus, clock, siblings }))
  const lists = resources.use(await openLists({ db, outbox, bus, log, siblings }))
  const tagFollows = resources.use(await openTagFollows({ db, outbox, bus, clock, log, siblings }))
  const { accounts, oauth } = people
  const hydration = resources.use(new ToldHydration({ accounts, oauth, graph, statuses, media }, siblings))
  resources.use(hydration.listenTo(bus))
  const merged = new MergedAuthors(config.timelines.celebrityFollowers, engines.shared?.mergedAuthors)
  return { people, graph, statuses, media, filters, lists, tagFollows, hydration, merged }
}
