/** Opens the streams of this thread and puts them behind its public door. */
import { threadId } from 'node:worker_threads'

import { filterSource } from '../edge/filter-source.ts'
import { streamStateRoutes } from '../edge/routes/debug-streams.ts'
import type { Edge } from '../edge/routing.ts'
import type { HttpPush, StreamsState } from '../http-push/contract.ts'
import { openHttpPush } from '../http-push/door.ts'
import { NO_SIBLINGS, type Topic } from '../kit/siblings.ts'
import type { Site } from '../mastodon/site.ts'
import type { ThreadEngines } from './engines.ts'
import type { Serving } from './serving.ts'

/** Each thread tells the others what it holds, as often as that, so that any of them can tell of all. */
const TELL_MS = 1_000
/** A thread that has not told for so long is gone. */
const TOLD_MS_MAX = 5 * TELL_MS

interface Told {
  thread: number
  state: StreamsState
}

const STREAMS: Topic<Told> = { name: 'streams' }

export function openStreams(edge: Edge, engines: ThreadEngines, blocks: Serving, site: Site): HttpPush {
  const { bus, clock, log, siblings = NO_SIBLINGS } = engines
  const { conversations, filters, graph, hydration, lists, notifications, people, tagFollows } = blocks
  const sources = {
    graph,
    hydration,
    lists,
    tagFollows,
    notifications,
    conversations,
    filters: filterSource(filters),
    site,
  }
  const push = openHttpPush({ bus, clock, log, ...sources })
  edge.streams(push)
  const others = new Map<number, { state: StreamsState; atMs: number }>()
  const hearing = siblings.hear(STREAMS, ({ thread, state }) => others.set(thread, { state, atMs: clock.nowMs() }))
  const telling = setInterval(() => siblings.tell(STREAMS, { thread: threadId, state: push.state() }), TELL_MS)
  telling.unref()
  edge.server.addHook('onClose', async () => {
    clearInterval(telling)
    hearing[Symbol.dispose]()
    await push[Symbol.asyncDispose]()
  })
  const present = () => [...others.values()].filter(({ atMs }) => clock.nowMs() - atMs < TOLD_MS_MAX)
  const streams = async () => [push.state(), ...present().map(({ state }) => state)]
  streamStateRoutes(edge, { accounts: people.accounts, streams })
  return push
}
