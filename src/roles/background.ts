/** Starts what works without anybody asking: the relay and every group of the bus. One thread of a server runs it. */
import { conversationConsumer } from '../conversations/consumer.ts'
import { noteUses } from '../discovery/uses.ts'
import { decodeEvent } from '../events/contract.ts'
import type { StatusLives } from '../fanout/contract.ts'
import { startFanout } from '../fanout/fanout.ts'
import type { Config } from '../kit/config/config.ts'
import { listMembership } from '../lists/membership.ts'
import { notificationConsumer } from '../notifications/consumer.ts'
import type { Relay } from '../relay/contract.ts'
import { startRelay } from '../relay/relay.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { TimelineCache } from '../timeline-cache/contract.ts'
import type { Engines } from './engines.ts'
import { startPush } from './push.ts'
import { followStatuses, type SearchIndex } from './search-index.ts'
import type { Stores } from './stores.ts'

export interface BackgroundDeps {
  config: Config
  engines: Engines
  stores: Stores
  /** The one that writes timelines. */
  cache: TimelineCache
  lives: StatusLives
  search: SearchIndex
}

/** Groups join before the relay publishes anything; so must whoever listens on this thread. */
export function startBackground(deps: BackgroundDeps, resources: AsyncDisposableStack): Relay {
  const { engines, stores, cache, lives, search } = deps
  const { bus, clock, database, log, outbox } = engines
  const { people, graph, statuses, merged } = stores
  const shared = { bus, cache, clock, graph, lives, merged, statuses }
  resources.use(startFanout(shared))
  resources.use(notificationConsumer({ ...shared, database, outbox, accounts: people.accounts }))
  const isFollowing = (account: AccountId, other: AccountId) => {
    const { following, requested } = graph.relation(account, other)
    return following || requested
  }
  followStatuses(search, engines, stores, resources)
  resources.use(noteUses({ bus, database, statuses }))
  startPush(deps.config, engines, stores, resources)
  resources.use(conversationConsumer({ bus, db: database, outbox, statuses }))
  resources.use(listMembership({ bus, db: database, outbox, isFollowing }))
  return resources.use(
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
}
