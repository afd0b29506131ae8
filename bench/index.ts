import type { IndexDocument } from '../src/earlybird/contract.ts'
/**
 * Statuses per second into the search index, on one thread, and what each costs in memory; beside MiniSearch, FlexSearch,
 * Orama and PostgreSQL (`tsvector` and GIN) on the same statuses. Engines take turns, batch by batch. Earlybird's time has
 * everything in it: sealing, compressing, merging.
 *
 * - *Earlybird*: documents as the Ingester made them;
 * - *with Ingester*: from the raw text on, as it lies in PostgreSQL.
 */
import { IndexWriter } from '../src/earlybird/index-writer.ts'
import { stateOf } from '../src/earlybird/index-writer.ts'
import { documentOf } from '../src/ingester/document.ts'
import { rounded, type BenchOptions, type BenchResult } from './report.ts'
import { openPeers, type Peer } from './search-peers.ts'
import { SearchWorld } from './search-world.ts'

const BATCH = 500

interface Measured {
  name: string
  statuses: number
  ms: number
  bytes: number | null
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const statuses = quick ? 300_000 : 1_000_000
  const peerStatuses = quick ? 10_000 : 50_000
  const world = new SearchWorld(statuses)
  await using resources = new AsyncDisposableStack()
  const peers = await openPeers()
  for (const peer of peers) resources.use(peer)
  const measured = [
    ...(await measurePeers(world, peers, peerStatuses)),
    measureEarlybird('Earlybird', statuses, (n) => ingested(world, n)),
    measureRaw(world, Math.round(statuses / 3)),
  ]
  const rate = ({ statuses: count, ms }: Measured): number => (count / ms) * 1000
  const own = measured.find(({ name }) => name === 'Earlybird')
  const raw = measured.find(({ name }) => name === 'with Ingester')
  const peerRates = measured.filter(({ name }) => peers.some((peer) => peer.name === name)).map(rate)
  return {
    rows: measured.map((one) => ({
      engine: one.name,
      statuses: one.statuses,
      'statuses/s': Math.round(rate(one)),
      'µs/status': rounded((one.ms * 1000) / one.statuses),
      'bytes/status': one.bytes === null ? null : Math.round(one.bytes / one.statuses),
    })),
    summary: {
      bench: 'index',
      statusesPerSecond: own === undefined ? null : Math.round(rate(own)),
      rawStatusesPerSecond: raw === undefined ? null : Math.round(rate(raw)),
      bytesPerStatus: Math.round((own?.bytes ?? 0) / (own?.statuses ?? 1)),
      bestPeerStatusesPerSecond: Math.round(Math.max(...peerRates)),
      ratio: own === undefined ? null : rounded(rate(own) / Math.max(...peerRates)),
    },
  }
}

function ingested(world: SearchWorld, n: number): IndexDocument {
  const { favourites } = world.statusAt(n)
  const document = documentOf({ status: world.recordAt(n), media: [], counts: { favourites, boosts: 0, replies: 0 } })
  if (document === undefined) throw new Error('a public status gives a document')
  return document
}

/** Only the index' own time is counted, sealing to the end included. */
function measureEarlybird(name: string, statuses: number, documentAt: (n: number) => IndexDocument): Measured {
  const writer = new IndexWriter({ changed: () => {} })
  let ms = 0
  for (let n = 0; n < statuses; n += BATCH) {
    const documents = Array.from({ length: Math.min(BATCH, statuses - n) }, (_, k) => documentAt(n + k))
    const beginMs = performance.now()
    writer.add(documents)
    writer.work(performance.now() + 1) // in between, as the server does
    ms += performance.now() - beginMs
  }
  const beginMs = performance.now()
  writer.freeze()
  while (writer.work(Number.POSITIVE_INFINITY));
  ms += performance.now() - beginMs
  const bytes = writer.segments.reduce((sum, segment) => sum + stateOf(segment).bytes, 0)
  return { name, statuses, ms, bytes }
}

/** From rows as they come from PostgreSQL: making the documents counts too. */
function measureRaw(world: SearchWorld, statuses: number): Measured {
  const writer = new IndexWriter({ changed: () => {} })
  let ms = 0
  for (let n = 0; n < statuses; n += BATCH) {
    const records = Array.from({ length: Math.min(BATCH, statuses - n) }, (_, k) => world.recordAt(n + k))
    const beginMs = performance.now()
    writer.add(records.flatMap((status) => documentOf({ status, media: [] }) ?? []))
    writer.work(performance.now() + 1)
    ms += performance.now() - beginMs
  }
  return { name: 'with Ingester', statuses, ms, bytes: null }
}

async function measurePeers(world: SearchWorld, peers: readonly Peer[], statuses: number): Promise<Measured[]> {
  const ms = new Map(peers.map(({ name }) => [name, 0]))
  for (let n = 0; n < statuses; n += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, k) => world.statusAt(n + k))
    for (const peer of peers) {
      const beginMs = performance.now()
      await peer.add(batch)
      ms.set(peer.name, (ms.get(peer.name) ?? 0) + performance.now() - beginMs)
    }
  }
  return Promise.all(
    peers.map(async (peer) => ({ name: peer.name, statuses, ms: ms.get(peer.name) ?? 0, bytes: await peer.bytes() })),
  )
}
