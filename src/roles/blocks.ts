/** Opens the blocks: stores, hydration, flows, and the consumers that work in the background. */
import type { AccountsBlock } from '../accounts/contract.ts'
import { openAccounts } from '../accounts/open.ts'
import { decodeEvent } from '../events/contract.ts'
import type { StatusLives } from '../fanout/contract.ts'
import { startFanout } from '../fanout/fanout.ts'
import { recentLives } from '../fanout/lives.ts'
import type { Filters } from '../filters/contract.ts'
import { filters as openFilters } from '../filters/filters.ts'
import type { Hydration } from '../hydration/contract.ts'
import { CachedHydration } from '../hydration/hydration.ts'
import type { Config } from '../kit/config/config.ts'
import type { Media } from '../media/contract.ts'
import { imageProcessor } from '../media/image.ts'
import { openMedia } from '../media/media.ts'
import { notificationConsumer } from '../notifications/consumer.ts'
import type { Notifications } from '../notifications/contract.ts'
import { notifications as openNotifications } from '../notifications/notifications.ts'
import type { Relay } from '../relay/contract.ts'
import { startRelay } from '../relay/relay.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import { openSocialGraph } from '../social-graph/graph.ts'
import type { StatusStore } from '../status-store/contract.ts'
import { openStatusStore } from '../status-store/store.ts'
import { MergedAuthors, type TimelineCache } from '../timeline-cache/contract.ts'
import type { TimelineService } from '../timeline-service/contract.ts'
import { openTimelineService } from '../timeline-service/service.ts'
import type { WriteApi } from '../write-api/contract.ts'
import { openWriteApi } from '../write-api/write-api.ts'
import type { Engines } from './engines.ts'
import { openTimelineCache } from './timeline-cache.ts'

export interface Blocks {
  people: AccountsBlock
  graph: SocialGraph
  statuses: StatusStore
  media: Media
  filters: Filters
  hydration: Hydration
  timelineCache: TimelineCache
  timelines: TimelineService
  notifications: Notifications
  writeApi: WriteApi
  lives: StatusLives
  relay: Relay
}

export async function openBlocks(config: Config, engines: Engines, resources: AsyncDisposableStack): Promise<Blocks> {
  const { bus, clock, database: db, log, outbox, snowflakes } = engines
  const people = resources.use(openAccounts({ db, outbox, snowflakes, clock, log, bus }))
  const { accounts } = people
  const graph = resources.use(await openSocialGraph({ db, outbox, bus, clock, log }))
  const statuses = openStatusStore({ db, clock })
  const media = openMedia({ db, files: engines.files, images: imageProcessor(), snowflakes, clock })
  const filters = resources.use(openFilters({ database: db, outbox, bus, clock }))
  const hydration = new CachedHydration({ accounts, oauth: people.oauth, graph, statuses, media })
  resources.use(hydration.listenTo(bus))
  const timelineCache = await openTimelineCache(config.timelines, { clock, log, graph }, resources)
  const merged = new MergedAuthors(config.timelines.celebrityFollowers)
  const timelines = resources.use(
    openTimelineService({ bus, cache: timelineCache, graph, hydration, log, merged, statuses }),
  )
  const rules = { localDomain: config.localDomain, charactersMax: config.maxCharacters }
  const writeApi = openWriteApi({
    db,
    outbox,
    statuses,
    accounts,
    graph,
    media,
    hydration,
    snowflakes,
    clock,
    log,
    rules,
  })
  const lives = recentLives()
  const background = { bus, cache: timelineCache, clock, graph, lives, merged, statuses }
  resources.use(startFanout(background))
  resources.use(notificationConsumer({ ...background, database: db, outbox, accounts }))
  const relay = resources.use(
    startRelay({
      queue: outbox,
      bus,
      parking: engines.parking,
      clock,
      log,
      sole: engines.embedded,
      noteRelayed: (row, atMs) => {
        if (row.type !== 'status.created') return
        const { id, author } = decodeEvent('status.created', row)
        lives.note(id, author, { relayedAtMs: atMs })
      },
    }),
  )
  return {
    people,
    graph,
    statuses,
    media,
    filters,
    hydration,
    timelineCache,
    timelines,
    notifications: openNotifications({ database: db, hydration, graph, clock }),
    writeApi,
    lives,
    relay,
  }
}
