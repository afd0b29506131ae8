/** `dunlin serve`: everything in this process, in order, until a signal ends it. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'

import { keepLocalDomain } from '../accounts/local-domain.ts'
import { createSetupLink } from '../edge/pages/setup-link.ts'
import { listeningOn, type Config } from '../kit/config/config.ts'
import { loadConfig, type Invocation } from '../kit/config/load.ts'
import { runUntilStopped, type Lifecycle } from '../kit/lifecycle.ts'
import { openAdminListener } from './admin-listener.ts'
import { openBlocks } from './blocks.ts'
import { openEdge } from './doors.ts'
import { openEngines } from './engines.ts'
import { startHousekeeping } from './housekeeping.ts'
import { openLog } from './log.ts'
import { startScheduling } from './scheduling.ts'
import { adminAnswers } from './state.ts'

export async function serve(invocation: Invocation): Promise<number> {
  const { config, warnings } = await loadConfig(invocation)
  for (const warning of warnings) tell(warning)
  const log = openLog(config)
  return runUntilStopped(async (lifecycle) => start(await withPort(config), lifecycle), { log })
}

async function start(config: Config, { resources, stopping }: Lifecycle): Promise<void> {
  const startedAtMs = performance.timeOrigin
  const log = openLog(config)
  const version = ownVersion()
  const engines = await openEngines(config, log, resources, tell)
  await keepLocalDomain(engines.database, config.localDomain, config.localDomainChange)
  const blocks = await openBlocks(config, engines, resources)
  resources.use(startHousekeeping(engines, blocks))
  resources.use(startScheduling(config, engines, blocks))
  const setup = (await blocks.people.accounts.hasOwner()) ? undefined : createSetupLink(engines.clock.nowMs())
  const checks = async () => ({
    database: await engines.database.healthy(1_000),
    ids: engines.snowflakes.ready(),
  })
  const edge = resources.use(await openEdge(config, engines, blocks, { version, setupLink: setup?.link, checks }))
  stopping.addEventListener('abort', () => void edge.drain(), { once: true })
  const loopDelay = monitorEventLoopDelay({ resolution: 20 })
  loopDelay.enable()
  const answers = adminAnswers({ config, engines, blocks, edge, version, startedAtMs, loopDelay, checks })
  const { adminPort } = config.http
  resources.use(await openAdminListener({ port: adminPort, dataDir: config.dataDir, pid: process.pid }, answers))
  await edge.listen({ port: config.http.port, host: config.http.bind })
  tell(`Dunlin is ready at ${config.baseUrl}`)
  if (setup !== undefined) {
    tell('')
    tell('Nobody owns this server yet. Open this link within 15 minutes to become its owner:')
    tell(`  ${config.baseUrl}/setup?token=${setup.token}`)
    tell('')
  }
}

/** With PORT=0 a free port is found first, because it is part of every link. */
async function withPort(config: Config): Promise<Config> {
  if (config.http.port !== 0) return config
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(0, config.http.bind, resolve)
  })
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return listeningOn(config, typeof address === 'object' && address !== null ? address.port : 0)
}

function ownVersion(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const hasVersion = typeof description === 'object' && description !== null && 'version' in description
  return hasVersion ? String(description.version) : '0'
}

/** For the person at the terminal; the log goes to the other stream. */
function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}
