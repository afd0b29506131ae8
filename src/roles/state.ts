/** What the running system tells of itself: readiness, metrics, `dunlin ps`, `dunlin life`. */
import type { monitorEventLoopDelay } from 'node:perf_hooks'

import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

import type { Edge } from '../edge/routing.ts'
import type { Config } from '../kit/config/config.ts'
import { parseId, type StatusId } from '../snowflake/contract.ts'
import type { AdminAnswers } from './admin-listener.ts'
import type { Blocks } from './blocks.ts'
import type { Engines } from './engines.ts'
import type { SystemState } from './system-state.ts'

export interface RunningSystem {
  config: Config
  engines: Engines
  blocks: Blocks
  edge: Edge
  version: string
  /** Milliseconds since 1970. */
  startedAtMs: number
  loopDelay: ReturnType<typeof monitorEventLoopDelay>
  checks: () => Promise<Record<string, boolean>>
}

export function adminAnswers(system: RunningSystem): AdminAnswers {
  const registry = metricsOf(system)
  return {
    async readiness() {
      const checks = { ...(await system.checks()), accepting: !system.edge.draining }
      return {
        ready: Object.values(checks).every(Boolean),
        checks: Object.fromEntries(Object.entries(checks).map(([name, ok]) => [name, ok ? 'ok' : 'failing'])),
      }
    },
    metrics: () => registry.metrics(),
    processes: () => stateOf(system),
    async life(text) {
      const id = parseId<StatusId>(text)
      const life = id === undefined ? undefined : await system.blocks.lives.find(id)
      return life === undefined ? undefined : { ...life, id: life.id.toString(), author: life.author.toString() }
    },
  }
}

async function stateOf({ config, engines, blocks, version, startedAtMs }: RunningSystem): Promise<SystemState> {
  const relay = blocks.relay.state()
  return {
    version,
    url: config.baseUrl,
    startedAtMs,
    nowMs: engines.clock.nowMs(),
    databasePid: engines.databasePid(),
    outbox: await engines.outbox.lag(),
    loops: [
      { name: 'relay', lastSuccessMs: relay.lastSuccessMs, pending: relay.inFlight, parked: null },
      ...engines.bus.state().map(({ group, lastSuccessMs, pending, parked }) => ({
        name: group,
        lastSuccessMs,
        pending,
        parked,
      })),
    ],
  }
}

/** Few series, none by person or address. */
function metricsOf({ engines, blocks, loopDelay }: RunningSystem): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: () => number) => {
    const made: Gauge = new Gauge({ name, help, registers: [registry], collect: () => made.set(read()) })
  }
  const cache = () => blocks.timelineCache.stats()
  gauge('dunlin_outbox_rows', 'Committed messages that wait for the relay', () => blocks.relay.state().lagRows)
  gauge('dunlin_outbox_oldest_seconds', 'Age of the oldest of them', () => blocks.relay.state().lagMs / 1_000)
  gauge('dunlin_timelines_present', 'Home timelines in the cache', () => cache().present)
  gauge('dunlin_timeline_entries', 'Entries of all home timelines in the cache', () => cache().entries)
  gauge('dunlin_timeline_bytes', 'Memory of the timeline cache', () => cache().bytes)
  gauge('dunlin_timeline_bytes_limit', 'Memory that the timeline cache may take', () => cache().bytesLimit)
  gauge(
    'dunlin_event_loop_delay_p99_seconds',
    'Delay of the event loop since the start',
    () => loopDelay.percentile(99) / 1e9,
  )
  gauge('dunlin_ids_ready', '1 while ids can be minted', () => (engines.snowflakes.ready() ? 1 : 0))
  const pending = new Gauge({
    name: 'dunlin_bus_pending',
    help: 'Messages that a consumer has not handled yet',
    labelNames: ['group'],
    registers: [registry],
    collect: () => engines.bus.state().forEach((state) => pending.set({ group: state.group }, state.pending)),
  })
  const age = new Gauge({
    name: 'dunlin_last_success_seconds',
    help: 'Unix time of the last message that a consumer handled without error',
    labelNames: ['group'],
    registers: [registry],
    collect: () => engines.bus.state().forEach((state) => age.set({ group: state.group }, state.lastSuccessMs / 1_000)),
  })
  return registry
}
