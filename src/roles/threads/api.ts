/** An api thread: answers people. What is in it is opened by `api-side.ts`. */
import { systemClock } from '../../kit/clock.ts'
import { openThreadEngines } from '../engines.ts'
import { openApiSide } from './api-side.ts'
import { DeskClient } from './desk-client.ts'
import { runThread, type OpenThread, type ThreadWorld } from './thread.ts'

const DATABASE_CHECK_MS_MAX = 1_000

await runThread(openApi)

async function openApi({ setup, log, links, resources, takeDesks }: ThreadWorld): Promise<OpenThread> {
  const { config, connection, name, shared, version, setupLink, reusePort } = setup
  const desk = resources.use(new DeskClient({ clock: systemClock, log, catchUp: () => links.catchUp() }))
  const engines = await openThreadEngines({ config, log, connection, thread: name }, resources)
  const checks = async () => ({
    database: await engines.database.healthy(DATABASE_CHECK_MS_MAX),
    ids: engines.snowflakes.ready(),
  })
  const site = { version, setupLink, checks }
  const { edge, requests } = await openApiSide({ config, engines, links, desk, shared, site }, resources)
  // Only now: whatever came meanwhile is heard by those who opened before.
  takeDesks((end) => desk.connect(end))
  return {
    async listen() {
      await edge.listen({ port: config.http.port, host: config.http.bind, reusePort })
    },
    state: async () => ({
      checks: { ...(await checks()), accepting: !edge.draining },
      requests: requests(),
      streams: edge.push.state(),
      background: null,
    }),
    life: async () => undefined,
  }
}
