/**
 * The background thread: relay, bus and all its groups, work by the clock, and the one writer of the timelines. Add what
 * joins a group to `startBackground` of `background.ts`, and what works by the clock here.
 */
import { openBlocks } from '../blocks.ts'
import { openRelayEngines, openThreadEngines, type Engines } from '../engines.ts'
import { startHousekeeping } from '../housekeeping.ts'
import { openOperator } from '../operator.ts'
import { startScheduling } from '../scheduling.ts'
import { catchingUp, deskHandlers } from './background-side.ts'
import { Desk } from './desk.ts'
import { runThread, type OpenThread, type ThreadWorld } from './thread.ts'

const DATABASE_CHECK_MS_MAX = 1_000

await runThread(openFanout)

async function openFanout({ setup, log, links, resources, takeDesks }: ThreadWorld): Promise<OpenThread> {
  const { config, connection, name, shared, embedded, outboxOwner, isFirst } = setup
  const base = await openThreadEngines({ config, log, connection, thread: name }, resources)
  const relaying = openRelayEngines({ ...base, outboxOwner }, resources)
  const desk = resources.use(new Desk(relaying))
  // Before anything is published: no thread may miss a message.
  takeDesks((end) => desk.connect(end))
  const bus = catchingUp(relaying.bus, () => links.catchUp())
  const engines: Engines = { ...base, ...relaying, bus, databasePid: () => null, embedded, siblings: links, shared }
  const blocks = await openBlocks(config, engines, resources, isFirst)
  resources.use(startHousekeeping(engines, blocks))
  resources.use(startScheduling(config, engines, blocks))
  const { timelineCache: cache, lives, relay } = blocks
  desk.open({ handlers: deskHandlers(blocks), memory: cache.memory, index: blocks.searchIndex })
  const checks = async () => ({ database: await base.database.healthy(DATABASE_CHECK_MS_MAX) })
  return {
    listen: async () => {}, // it takes no requests
    state: async () => {
      const { lagRows: rows, lagMs: oldestMs } = relay.state()
      const outbox = await relaying.outbox.lag().catch(() => ({ rows, oldestMs })) // as it was last known
      const background = {
        relay: relay.state(),
        groups: relaying.bus.state(),
        timelines: cache.stats(),
        outbox,
      }
      return { checks: await checks(), requests: null, streams: null, background }
    },
    life: (id) => lives.find(id),
    command: openOperator(blocks, blocks.searchIndex, engines, resources),
  }
}
