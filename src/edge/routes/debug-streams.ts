/** `GET /debug/streams`: what streams are held and what passes through them, for those who run the server. */
import type { Accounts } from '../../accounts/contract.ts'
import { notFound } from '../../kit/errors.ts'
import type { Edge } from '../routing.ts'

/** Of one thread (`http-push` has its contract). */
interface StreamsShown {
  eventStreams: number
  webSockets: number
  people: number
  subscriptions: Partial<Record<string, number>>
  dropped: Record<string, number>
  refused: Record<string, number>
  events: number
  frames: number
  eventsPerSecond: number
  framesPerSecond: number
  waiting: number
  queuedBytes: number
}

export interface StreamStateDeps {
  accounts: Pick<Accounts, 'user'>
  /** One entry a thread. */
  streams: () => Promise<StreamsShown[]>
}

export function streamStateRoutes(edge: Edge, { accounts, streams }: StreamStateDeps): void {
  edge.route({
    method: 'GET',
    path: '/debug/streams',
    auth: 'user',
    scopes: ['read:statuses'],
    handler: async ({ viewer }) => {
      const user = await accounts.user(viewer)
      if (user?.role !== 'owner' && user?.role !== 'admin') throw notFound()
      const threads = await streams()
      return {
        connections: sum(threads, (one) => one.eventStreams + one.webSockets),
        event_streams: sum(threads, (one) => one.eventStreams),
        web_sockets: sum(threads, (one) => one.webSockets),
        // Somebody with streams on two threads counts twice.
        people: sum(threads, (one) => one.people),
        subscriptions: sumByName(threads.map((one) => one.subscriptions)),
        dropped: sumByName(threads.map((one) => one.dropped)),
        refused: sumByName(threads.map((one) => one.refused)),
        // Every thread hears every event.
        events: Math.max(0, ...threads.map((one) => one.events)),
        events_per_second: Math.max(0, ...threads.map((one) => one.eventsPerSecond)),
        frames: sum(threads, (one) => one.frames),
        frames_per_second: sum(threads, (one) => one.framesPerSecond),
        waiting_events: Math.max(0, ...threads.map((one) => one.waiting)),
        queued_bytes: sum(threads, (one) => one.queuedBytes),
        threads: threads.length,
      }
    },
  })
}

function sum(threads: readonly StreamsShown[], of: (one: StreamsShown) => number): number {
  return threads.reduce((total, one) => total + of(one), 0)
}

function sumByName(counts: readonly Partial<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const [name, count] of counts.flatMap((one) => Object.entries(one)))
    total[name] = (total[name] ?? 0) + (count ?? 0)
  return total
}
