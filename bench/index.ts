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
import { documentOf } from '../src/ingester/document.ts'
import { rounded, type BenchOptions, type BenchResult } from './report.ts'
import { openPeers, type Peer } from './search-peers.ts'
import { SearchWorld } from './search-world.ts'

const BATCH = 500

/** One engine, its work so far, and the time of that alone. */
interface Entrant {
  name: string
  /** Adds the next statuses, prepared by `prepare`, which is not counted. */
  prepare(from: number, count: number): () => Promise<void> | void
  /** Whatever is left to do at the end. */
  finish(): void
  bytes(): Promise<number | null>
  statuses: number
  ms: number
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 10 : 100
  const statuses = quick ? 200_000 : 1_000_000
  const world = new SearchWorld(statuses)
  await using resources = new AsyncDisposableStack()
  const peers = await openPeers()
  for (const peer of peers) resources.use(peer)
  const own = earlybird('Earlybird', (n) => ingested(world, n))
  const raw = fromRaw(world)
  const entrants = [...peers.map((peer) => peerEntrant(world, peer)), own, raw]
  for (let round = 0; round < rounds; round++) {
    for (const entrant of entrants) await add(entrant, entrant === own ? statuses / rounds : BATCH)
    await add(raw, statuses / rounds / 4)
  }
  for (const entrant of entrants) {
    const beginMs = performance.now()
    entrant.finish()
    entrant.ms += performance.now() - beginMs
  }
  const rate = (entrant: Entrant): number => (entrant.statuses / entrant.ms) * 1000
  const bestPeer = Math.max(...entrants.filter((entrant) => entrant !== own && entrant !== raw).map(rate))
  const ownBytes = (await own.bytes()) ?? 0
  const rows = entrants.map(async (entrant) => {
    const bytes = await entrant.bytes()
    return {
      engine: entrant.name,
      statuses: entrant.statuses,
      'statuses/s': Math.round(rate(entrant)),
      'µs/status': rounded((entrant.ms * 1000) / entrant.statuses),
      'bytes/status': bytes === null ? null : Math.round(bytes / entrant.statuses),
    }
  })
  return {
    rows: await Promise.all(rows),
    summary: {
      bench: 'index',
      statusesPerSecond: Math.round(rate(own)),
      rawStatusesPerSecond: Math.round(rate(raw)),
      bytesPerStatus: Math.round(ownBytes / own.statuses),
      bestPeerStatusesPerSecond: Math.round(bestPeer),
      ratio: rounded(rate(own) / bestPeer),
    },
  }
}

async function add(entrant: Entrant, count: number): Promise<void> {
  for (let left = count; left > 0; left -= BATCH) {
    const size = Math.min(BATCH, left)
    const act = entrant.prepare(entrant.statuses, size)
    const beginMs = performance.now()
    await act()
    entrant.ms += performance.now() - beginMs
    entrant.statuses += size
  }
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => from + n)
}

function peerEntrant(world: SearchWorld, peer: Peer): Entrant {
  return {
    name: peer.name,
    prepare: (from, count) => {
      const batch = range(from, count).map((n) => world.statusAt(n))
      return () => peer.add(batch)
    },
    finish: () => {},
    bytes: () => peer.bytes(),
    statuses: 0,
    ms: 0,
  }
}

function ingested(world: SearchWorld, n: number): IndexDocument {
  const { favourites } = world.statusAt(n)
  const document = documentOf({ status: world.recordAt(n), media: [], counts: { favourites, boosts: 0, replies: 0 } })
  if (document === undefined) throw new Error('a public status gives a document')
  return document
}

function earlybird(name: string, documentAt: (n: number) => IndexDocument): Entrant {
  const writer = new IndexWriter({ changed: () => {} })
  return {
    name,
    prepare: (from, count) => {
      const documents = range(from, count).map(documentAt)
      return () => write(writer, documents)
    },
    finish: () => seal(writer),
    bytes: async () => writer.segments.reduce((sum, segment) => sum + segment.bytes, 0),
    statuses: 0,
    ms: 0,
  }
}

/** From rows as they come from PostgreSQL: making the documents counts too. */
function fromRaw(world: SearchWorld): Entrant {
  const writer = new IndexWriter({ changed: () => {} })
  return {
    name: 'with Ingester',
    prepare: (from, count) => {
      const records = range(from, count).map((n) => world.recordAt(n))
      return () =>
        write(
          writer,
          records.flatMap((status) => documentOf({ status, media: [] }) ?? []),
        )
    },
    finish: () => seal(writer),
    bytes: async () => null,
    statuses: 0,
    ms: 0,
  }
}

function write(writer: IndexWriter, documents: readonly IndexDocument[]): void {
  writer.add(documents)
  writer.work(performance.now() + 1) // in between, as the server does
}

function seal(writer: IndexWriter): void {
  writer.freeze()
  while (writer.work(Number.POSITIVE_INFINITY));
}
