/** An api thread: answers people. Add what answers to `openServing` and what is a door to `openEdge`. */
import { openOutbox } from '../../engines/outbox/postgres.ts'
import { systemClock } from '../../kit/clock.ts'
import { openEdge } from '../doors.ts'
import { openThreadEngines, type ThreadEngines } from '../engines.ts'
import { openServing } from '../serving.ts'
import { openStores } from '../stores.ts'
import { openTimelineCache } from '../timeline-cache.ts'
import { DeskClient } from './desk-client.ts'
import { runThread, type OpenThread, type ThreadWorld } from './thread.ts'

const DATABASE_CHECK_MS_MAX = 1_000

await runThread(openApi)

async function openApi({ setup, log, links, resources, takeDesks }: ThreadWorld): Promise<OpenThread> {
  const { config, connection, name, shared } = setup
  const clock = systemClock
  const catchUp = (): void => links.catchUp()
  const desk = resources.use(new DeskClient({ clock, log, catchUp }))
  const base = await openThreadEngines({ config, log, connection, thread: name }, resources)
  const rows = openOutbox({ db: base.database, clock })
  const outbox: ThreadEngines['outbox'] = {
    append: (tx, messages) => rows.append(tx, messages),
    wake: () => desk.wake(),
  }
  const engines: ThreadEngines = { ...base, outbox, bus: desk.bus, siblings: links, shared }
  const stores = await openStores(config, engines, resources, false)
  const timelineCache =
    config.timelines.cache === 'shared-memory'
      ? desk.timelines
      : await openTimelineCache(config.timelines, { clock, log, graph: stores.graph, startsEmpty: false }, resources)
  const background = {
    timelineCache,
    earlybird: desk.index.reader,
    lives: { find: (id: Parameters<OpenThread['life']>[0]) => desk.call('findLife', [id]) },
  }
  const serving = openServing({ config, engines, stores, background }, resources)
  const checks = async () => ({
    database: await base.database.healthy(DATABASE_CHECK_MS_MAX),
    ids: base.snowflakes.ready(),
  })
  const site = { version: setup.version, setupLink: setup.setupLink, checks }
  const edge = resources.use(await openEdge(config, engines, serving, site))
  // Only now: whatever came meanwhile is heard by those who opened before.
  takeDesks((end) => desk.connect(end))
  let requests = 0
  return {
    async listen() {
      const { server } = edge.server
      // First of all that hear of a request: it must see what any other thread has answered before it was sent.
      for (const event of ['request', 'upgrade'] as const) {
        if (server.listenerCount(event) === 0) continue
        server.prependListener(event, () => {
          requests += 1
          links.catchUp()
        })
      }
      await edge.listen({ port: config.http.port, host: config.http.bind, reusePort: setup.reusePort })
    },
    state: async () => ({ checks: { ...(await checks()), accepting: !edge.draining }, requests, background: null }),
    life: async () => undefined,
  }
}
