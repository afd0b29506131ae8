/** Opens the search index and what fills it. One thread of a server has them; every other reads by `connect`. */
import { join } from 'node:path'

import type { DocumentSource } from '../earlybird/contract.ts'
import type { Earlybird } from '../earlybird/open.ts'
import { openEarlybird } from '../earlybird/open.ts'
import { startIngester } from '../ingester/ingester.ts'
import { documentSource } from '../ingester/source.ts'
import type { Config } from '../kit/config/config.ts'
import type { Engines, ThreadEngines } from './engines.ts'
import type { Stores } from './stores.ts'

export interface SearchIndex {
  index: Earlybird
  source: DocumentSource
}

/** What is sealed comes from `<data>/earlybird`, the rest is read from PostgreSQL while the server already answers. */
export async function openSearchIndex(
  config: Config,
  engines: ThreadEngines,
  stores: Stores,
  resources: AsyncDisposableStack,
): Promise<SearchIndex> {
  const { clock, log } = engines
  const source = documentSource({ accounts: stores.people.accounts, statuses: stores.statuses, media: stores.media })
  const folder = join(config.dataDir, 'earlybird')
  return { index: resources.use(await openEarlybird({ folder, source, clock, log })), source }
}

/** Joins the bus; before anything is published. */
export function followStatuses(
  { index, source }: SearchIndex,
  engines: Engines,
  stores: Stores,
  resources: AsyncDisposableStack,
): void {
  const { bus, log } = engines
  const { people, statuses } = stores
  resources.use(startIngester({ bus, source, writer: index.writer, accounts: people.accounts, statuses, log }))
}
