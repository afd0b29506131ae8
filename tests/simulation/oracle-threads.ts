/**
 * A server of several threads, played in one: the blocks that work in the background, and api sides that tell each other what
 * they changed as threads do, each with memory of its own and a door of its own. What hides a change from a sibling shows.
 */
import { MessageChannel } from 'node:worker_threads'

import type { Bus } from '../../src/engines/bus/contract.ts'
import type { Config } from '../../src/kit/config/config.ts'
import { openBlocks, type Blocks } from '../../src/roles/blocks.ts'
import type { Engines } from '../../src/roles/engines.ts'
import { sharedState } from '../../src/roles/shared-state.ts'
import { openApiSide } from '../../src/roles/threads/api-side.ts'
import { catchingUp, deskHandlers } from '../../src/roles/threads/background-side.ts'
import { DeskClient } from '../../src/roles/threads/desk-client.ts'
import { Desk } from '../../src/roles/threads/desk.ts'
import { SiblingLinks } from '../../src/roles/threads/sibling-links.ts'
import type { StatusId } from '../../src/snowflake/contract.ts'

export interface Threads {
  /** Those of the background. */
  blocks: Blocks
  bus: Bus
  /** Where the api sides listen. */
  urls: readonly string[]
  /** Resolves when every side has heard what the bus has published so far. */
  heard(): Promise<void>
}

/** `changed`: gets the blocks of the background before anybody uses them. */
export async function openThreads(
  config: Config,
  engines: Engines,
  resources: AsyncDisposableStack,
  { ports, changed }: { ports: readonly number[]; changed: (blocks: Blocks) => void },
): Promise<Threads> {
  const { clock, log } = engines
  const shared = sharedState()
  const names = ['fanout', ...ports.map((_port, index) => `api-${index + 1}`)]
  const links = new Map(names.map((name) => [name, resources.use(new SiblingLinks())]))
  const linksOf = (name: string): SiblingLinks => {
    const found = links.get(name)
    if (found === undefined) throw new Error(`no thread ${name}`)
    return found
  }
  for (const [index, one] of names.entries()) {
    for (const other of names.slice(0, index)) {
      const { port1, port2 } = new MessageChannel()
      const sent = new Int32Array(new SharedArrayBuffer(8))
      linksOf(one).connect({ peer: other, port: port1, sent, end: 0 })
      linksOf(other).connect({ peer: one, port: port2, sent, end: 1 })
    }
  }
  const bus = catchingUp(engines.bus, () => linksOf('fanout').catchUp())
  const desk = resources.use(new Desk({ bus, outbox: engines.outbox }))
  const clients = names.slice(1).map((name) => {
    const client = resources.use(new DeskClient({ clock, log, catchUp: () => linksOf(name).catchUp() }))
    const { port1, port2 } = new MessageChannel()
    const waking = new Int32Array(new SharedArrayBuffer(4))
    desk.connect({ peer: name, port: port1, waking })
    return { name, client, end: { peer: 'fanout', port: port2, waking } }
  })
  const blocks = await openBlocks(config, { ...engines, bus, siblings: linksOf('fanout'), shared }, resources)
  changed(blocks)
  desk.open({ handlers: deskHandlers(blocks), memory: blocks.timelineCache.memory, index: blocks.searchIndex })
  const site = { version: '0', setupLink: undefined, checks: async () => ({}) }
  const urls = await Promise.all(
    clients.map(async ({ name, client, end }, index) => {
      const deps = { config, engines, links: linksOf(name), desk: client, shared, site }
      const { edge } = await openApiSide(deps, resources)
      client.connect(end)
      const port = await edge.listen({ port: ports[index] ?? 0, host: config.http.bind })
      return `http://${config.http.bind}:${port}`
    }),
  )
  for (const each of links.values()) each.startHearing()
  return {
    blocks,
    bus,
    urls,
    // An answer comes after the messages that were sent before it.
    heard: async () => void (await Promise.all(clients.map(({ client }) => client.call('findLife', [0n as StatusId])))),
  }
}
