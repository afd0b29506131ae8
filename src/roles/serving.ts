/** Opens the blocks that answer people. They run in every api thread: nothing here may need to be one per server. */
import { openBlender } from '../blender/blender.ts'
import type { Blender } from '../blender/contract.ts'
import type { Conversations } from '../conversations/contract.ts'
import { openConversations } from '../conversations/conversations.ts'
import type { Discovery } from '../discovery/contract.ts'
import { openDiscovery } from '../discovery/discovery.ts'
import type { EarlybirdReader } from '../earlybird/contract.ts'
import type { StatusLife } from '../fanout/contract.ts'
import { anyDocumentOf } from '../ingester/document.ts'
import type { Config } from '../kit/config/config.ts'
import type { PushSubscriptions } from '../mobile-push/contract.ts'
import type { Notifications } from '../notifications/contract.ts'
import { notifications as openNotifications } from '../notifications/notifications.ts'
import type { StatusId } from '../snowflake/contract.ts'
import type { TimelineReading } from '../timeline-cache/contract.ts'
import type { TimelineService } from '../timeline-service/contract.ts'
import { openTimelineService } from '../timeline-service/service.ts'
import type { WriteApi } from '../write-api/contract.ts'
import { openWriteApi } from '../write-api/write-api.ts'
import type { ThreadEngines } from './engines.ts'
import { openPush } from './push.ts'
import type { Stores } from './stores.ts'

/** What the background thread has and api threads ask it for. */
export interface BackgroundAnswers {
  timelineCache: TimelineReading
  lives: { find(id: StatusId): Promise<StatusLife | undefined> }
  /** Reads the search index in shared memory. */
  earlybird: EarlybirdReader
}

export interface Serving extends Stores, BackgroundAnswers {
  timelines: TimelineService
  notifications: Notifications
  discovery: Discovery
  blender: Blender
  writeApi: WriteApi
  push: PushSubscriptions
  conversations: Conversations
}

interface ServingDeps {
  config: Config
  engines: ThreadEngines
  stores: Stores
  background: BackgroundAnswers
}

export function openServing(deps: ServingDeps, resources: AsyncDisposableStack): Serving {
  const { config, engines, stores, background } = deps
  const { bus, clock, database: db, log, outbox, snowflakes } = engines
  const { people, graph, statuses, media, hydration, merged, lists, tagFollows } = stores
  const { earlybird, timelineCache } = background
  const timelines = resources.use(
    openTimelineService({ bus, cache: timelineCache, graph, hydration, log, merged, statuses, lists, tagFollows }),
  )
  const { accounts } = people
  const rules = { localDomain: config.localDomain, charactersMax: config.maxCharacters }
  const writing = { db, outbox, statuses, accounts, graph, media, hydration, snowflakes, clock, log, rules }
  const blender = openBlender({
    parts: [{ name: 'earlybird', reader: earlybird }],
    isWhole: () => earlybird.isWhole(),
    documentOf: ({ status, media: attached, counts, poll }) =>
      anyDocumentOf({ status, media: attached, counts, pollOptions: poll?.options ?? [] }),
    accounts,
    graph,
    hydration,
    statuses,
    tagFollows,
    clock,
    localDomain: config.localDomain,
  })
  return {
    ...stores,
    ...background,
    timelines,
    notifications: openNotifications({ database: db, hydration, graph, clock }),
    discovery: openDiscovery({ database: db, accounts, graph, hydration, clock, trends: config.trends }),
    blender,
    writeApi: openWriteApi(writing),
    push: openPush(config, engines, resources),
    conversations: openConversations({ db, hydration, graph }),
  }
}
