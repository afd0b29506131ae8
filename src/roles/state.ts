/** What the running system tells of itself: readiness, metrics, `dunlin ps`, `dunlin life`. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

import type { StatusLife } from '../fanout/contract.ts'
import type { StreamsState } from '../http-push/contract.ts'
import { systemClock } from '../kit/clock.ts'
import { parseId, type StatusId } from '../snowflake/contract.ts'
import type { AdminAnswers } from './admin-listener.ts'
import type { SystemState } from './system-state.ts'
import type { Supervisor, ThreadReport } from './threads/supervisor.ts'
import type { BackgroundState } from './threads/thread-state.ts'

export interface RunningSystem {
  url: string
  supervisor: Pick<Supervisor, 'reports' | 'life' | 'restart' | 'command'>
  databasePid: () => number | null
  version: string
  /** Milliseconds since 1970. */
  startedAtMs: number
}

export function adminAnswers(system: RunningSystem): AdminAnswers {
  const { supervisor } = system
  const metrics = new Metrics()
  return {
    async readiness() {
      const checks = checksOf(await supervisor.reports())
      return {
        ready: Object.values(checks).every(Boolean),
        checks: Object.fromEntries(Object.entries(checks).map(([name, ok]) => [name, ok ? 'ok' : 'failing'])),
      }
    },
    metrics: async () => metrics.of(await supervisor.reports()),
    processes: async () => stateOf(system, await supervisor.reports()),
    async life(text) {
      const id = parseId<StatusId>(text)
      const life = (id === undefined ? undefined : await supervisor.life(id)) as StatusLife | undefined // as asked
      return life === undefined ? undefined : { ...life, id: life.id.toString(), author: life.author.toString() }
    },
    command: (command) => supervisor.command(command),
    restartThread: (name) => supervisor.restart(name),
  }
}

/** A check passes when it passes in every thread that has it. */
function checksOf(reports: readonly ThreadReport[]): Record<string, boolean> {
  const checks: Record<string, boolean> = { threads: reports.every(({ state }) => state === 'running') }
  for (const [name, ok] of reports.flatMap(({ figures }) => Object.entries(figures?.checks ?? {}))) {
    checks[name] = ok && checks[name] !== false
  }
  return checks
}

function stateOf(system: RunningSystem, reports: readonly ThreadReport[]): SystemState {
  const { url, version, startedAtMs, databasePid } = system
  const background = backgroundOf(reports)
  const relay = background?.relay
  return {
    version,
    url,
    startedAtMs,
    nowMs: systemClock.nowMs(),
    databasePid: databasePid(),
    outbox: background?.outbox ?? { rows: 0, oldestMs: 0 },
    threads: reports.map(({ name, state, restarts, figures }) => ({
      name,
      state,
      restarts,
      tid: figures?.tid ?? null,
      cpuSeconds: figures?.cpuSeconds ?? null,
      heapBytes: figures?.heapBytes ?? null,
      loopDelayP99Ms: figures?.loopDelayP99Ms ?? null,
      requests: figures?.requests ?? null,
    })),
    loops: [
      ...(relay === undefined
        ? []
        : [{ name: 'relay', lastSuccessMs: relay.lastSuccessMs, pending: relay.inFlight, parked: null }]),
      ...(background?.groups ?? []).map(({ group, lastSuccessMs, pending, parked }) => ({
        name: group,
        lastSuccessMs,
        pending,
        parked,
      })),
    ],
  }
}

function backgroundOf(reports: readonly ThreadReport[]): BackgroundState | undefined {
  return (
    reports
      .map(({ figures }) => figures?.background)
      .find((background) => background !== undefined && background !== null) ?? undefined
  )
}

/** Few series, none by person or address. */
class Metrics {
  readonly #registry = new Registry()
  readonly #gauges = new Map<string, Gauge>()

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  of(reports: readonly ThreadReport[]): Promise<string> {
    for (const { name: thread, state, restarts, figures } of reports) {
      const set = (name: string, help: string, value: number): void => this.#set(name, help, value, { thread })
      set('dunlin_thread_running', '1 while the thread works', state === 'running' ? 1 : 0)
      set('dunlin_thread_restarts', 'Since the start of the process', restarts)
      if (figures === null) continue
      set('dunlin_thread_cpu_seconds', 'Of the thread, since its start', figures.cpuSeconds)
      set('dunlin_thread_heap_bytes', 'Used by JavaScript in the thread', figures.heapBytes)
      const delay = 'Delay of the event loop since the last look'
      set('dunlin_event_loop_delay_p99_seconds', delay, figures.loopDelayP99Ms / 1_000)
      if (figures.requests !== null) set('dunlin_thread_requests', 'Taken since the start', figures.requests)
      if (figures.streams !== null) this.#setStreams(figures.streams, thread)
      const { ids } = figures.checks
      if (ids !== undefined) set('dunlin_ids_ready', '1 while ids can be minted', ids ? 1 : 0)
    }
    const background = backgroundOf(reports)
    if (background !== undefined) this.#setBackground(background)
    return this.#registry.metrics()
  }

  #setStreams(streams: StreamsState, thread: string): void {
    const held = 'Streams that are open'
    this.#set('dunlin_streams', held, streams.eventStreams, { thread, transport: 'events' })
    this.#set('dunlin_streams', held, streams.webSockets, { thread, transport: 'websocket' })
    this.#set('dunlin_stream_events', 'Heard from the bus since the start', streams.events, { thread })
    this.#set('dunlin_stream_frames', 'Written since the start', streams.frames, { thread })
    this.#set('dunlin_stream_events_waiting', 'Events that wait to be told', streams.waiting, { thread })
    this.#set('dunlin_stream_queued_bytes', 'Written and not taken yet', streams.queuedBytes, { thread })
    for (const [reason, count] of Object.entries(streams.dropped)) {
      this.#set('dunlin_streams_dropped', 'Streams that were ended, since the start', count, { thread, reason })
    }
    for (const [reason, count] of Object.entries(streams.refused)) {
      this.#set('dunlin_streams_refused', 'Streams that were not let in, since the start', count, { thread, reason })
    }
  }

  #setBackground({ outbox, timelines, groups }: BackgroundState): void {
    this.#set('dunlin_outbox_rows', 'Committed messages that wait for the relay', outbox.rows)
    this.#set('dunlin_outbox_oldest_seconds', 'Age of the oldest of them', outbox.oldestMs / 1_000)
    this.#set('dunlin_timelines_present', 'Home timelines in the cache', timelines.present)
    this.#set('dunlin_timeline_entries', 'Entries of all home timelines in the cache', timelines.entries)
    this.#set('dunlin_timeline_bytes', 'Memory of the timeline cache', timelines.bytes)
    this.#set('dunlin_timeline_bytes_limit', 'Memory that the timeline cache may take', timelines.bytesLimit)
    const age = 'Unix time of the last message that a consumer handled without error'
    for (const { group, pending, lastSuccessMs } of groups) {
      this.#set('dunlin_bus_pending', 'Messages that a consumer has not handled yet', pending, { group })
      this.#set('dunlin_last_success_seconds', age, lastSuccessMs / 1_000, { group })
    }
  }

  #set(name: string, help: string, value: number, labels: Record<string, string> = {}): void {
    const made = (): Gauge => new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] })
    const gauge = this.#gauges.get(name) ?? made()
    this.#gauges.set(name, gauge)
    gauge.set(labels, value)
  }
}
