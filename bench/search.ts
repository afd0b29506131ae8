/**
 * Searches in 5 M statuses of a year (`--quick`: 500,000 of five weeks), while another thread writes 5,000 statuses a second
 * into the same index; beside MiniSearch, FlexSearch, Orama and PostgreSQL (`tsvector` and GIN) at a size they can hold, on
 * the same queries, which are taken from statuses that all of them have. Engines take turns, a few queries each, and nobody
 * writes into the peers. "Relevance" is text × recency × engagement for all of them.
 */
import { Worker } from 'node:worker_threads'

import type { Query } from '../src/earlybird/contract.ts'
import { RemoteIndex } from '../src/earlybird/reader.ts'
import { systemClock } from '../src/kit/clock.ts'
import { seededRandom, type Random } from '../src/seed/random.ts'
import { FIELD } from '../src/text/fields.ts'
import { percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'
import { openPeers, type Peer, type PeerQuery } from './search-peers.ts'
import { authorAt, NEWEST_MS, type SearchStatus, SearchWorld, zipf } from './search-world.ts'
import type { FromSearchWriter, SearchWriterSetup } from './search-writer.ts'

const WRITES_PER_SECOND = 5_000
const LIMIT = 20
const PEER_BATCH = 500
const SEED = 11

interface Kind {
  name: string
  query(world: SearchWorld, random: Random, newest: number): Omit<PeerQuery, 'order'>
}

const KINDS: readonly Kind[] = [
  { name: 'one word', query: (world, random, newest) => wordsOf(oneOf(world, random, newest), random, 1) },
  { name: 'two words', query: (world, random, newest) => wordsOf(oneOf(world, random, newest), random, 2) },
  { name: 'phrase', query: (world, random, newest) => phraseOf(oneOf(world, random, newest), random) },
  {
    name: 'rare ∧ frequent',
    query: (world, random) => {
      const words = [world.wordAt('en', 5_000 + random.below(20_000)), world.wordAt('en', random.below(5))]
      return { words, phrase: false, author: undefined }
    },
  },
  {
    name: 'from:',
    query: (_world, random) => ({ words: [], phrase: false, author: authorAt(zipf(random, 2_000)).toString() }),
  },
]

/** Words of one of the newest statuses, which every engine has. */
function wordsOf(status: SearchStatus, random: Random, count: number): Omit<PeerQuery, 'order'> {
  const words = Array.from({ length: count }, () => random.pick(status.words))
  return { words: [...new Set(words)], phrase: false, author: undefined }
}

function phraseOf({ words }: SearchStatus, random: Random): Omit<PeerQuery, 'order'> {
  const first = random.below(words.length - 1)
  return { words: words.slice(first, first + 2), phrase: true, author: undefined }
}

function oneOf(world: SearchWorld, random: Random, newest: number): SearchStatus {
  return world.statusAt(newest - 1 - random.below(5_000))
}

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const statuses = quick ? 500_000 : 5_000_000
  const peerStatuses = quick ? 30_000 : 50_000
  const turns = quick ? { count: 6, own: 50, peer: 3 } : { count: 20, own: 100, peer: 4 }
  await using resources = new AsyncDisposableStack()
  const index = resources.use(new WrittenIndex({ statuses, perSecond: WRITES_PER_SECOND }))
  const peers = await openPeers()
  for (const peer of peers) resources.use(peer)
  const world = new SearchWorld(statuses)
  for (let n = statuses - peerStatuses; n < statuses; n += PEER_BATCH) {
    const batch = Array.from({ length: PEER_BATCH }, (_, k) => world.statusAt(n + k))
    for (const peer of peers) await peer.add(batch)
  }
  const bytes = await index.built
  const rows: Row[] = []
  for (const kind of KINDS) {
    for (const order of ['newest', 'relevance'] as const) {
      const random = seededRandom(SEED)
      const asked = Array.from({ length: turns.count * turns.own }, () => ({
        ...kind.query(world, random, statuses),
        order,
      }))
      rows.push(await measureRow(`${kind.name}, ${order}`, { asked, turns }, index, peers))
    }
  }
  const written = await index.stop()
  return report(rows, { statuses, peerStatuses, bytes, writtenPerSecond: (written.statuses / written.ms) * 1000 })
}

interface Row {
  name: string
  own: number[]
  partial: number
  peers: Map<string, number[]>
}

/** Engines take turns; of the queries that are asked of Earlybird the peers get the first of each turn. */
interface Turns {
  count: number
  own: number
  peer: number
}

/** Milliseconds of each query. The turn before the first that counts compiles. */
async function measureRow(
  name: string,
  { asked, turns }: { asked: readonly PeerQuery[]; turns: Turns },
  index: WrittenIndex,
  peers: readonly Peer[],
): Promise<Row> {
  const row: Row = { name, own: [], partial: 0, peers: new Map(peers.map((peer) => [peer.name, []])) }
  for (let turn = -1; turn < turns.count; turn++) {
    const at = Math.max(0, turn) * turns.own
    for (const query of asked.slice(at, at + turns.own)) {
      const own = ownQuery(query)
      const beginMs = performance.now()
      const { partial } = await index.reader.search(own, { order: query.order, limit: LIMIT })
      const ms = performance.now() - beginMs
      if (turn >= 0) row.own.push(ms)
      if (partial.length > 0 && turn >= 0) row.partial++
    }
    for (const peer of peers) {
      for (const query of asked.slice(at, at + turns.peer)) {
        const beginMs = performance.now()
        await peer.search(query)
        if (turn >= 0) row.peers.get(peer.name)?.push(performance.now() - beginMs)
      }
    }
  }
  return row
}

function ownQuery({ words, phrase, author }: PeerQuery): Query {
  if (author !== undefined) return { kind: 'term', term: FIELD.from + author }
  if (phrase) return { kind: 'phrase', terms: words }
  return { kind: 'and', all: words.map((term) => ({ kind: 'term', term })) }
}

interface Sizes {
  statuses: number
  peerStatuses: number
  bytes: number
  writtenPerSecond: number
}

function report(rows: readonly Row[], sizes: Sizes): BenchResult {
  const all = rows.flatMap(({ own }) => own)
  const mean = all.reduce((sum, ms) => sum + ms, 0) / all.length
  const ratios = rows.map(ratioOf)
  return {
    rows: rows.map((row) => ({
      search: row.name,
      'p50 ms': rounded(percentile(row.own, 0.5)),
      'p99 ms': rounded(percentile(row.own, 0.99)),
      'per core and s': Math.round(1000 / (row.own.reduce((sum, ms) => sum + ms, 0) / row.own.length)),
      partial: row.partial,
      ...Object.fromEntries([...row.peers].map(([name, ms]) => [`${name} p50`, rounded(percentile(ms, 0.5))])),
      'best peer / own': rounded(ratioOf(row)),
    })),
    summary: {
      bench: 'search',
      p50Ms: rounded(percentile(all, 0.5)),
      p99Ms: rounded(percentile(all, 0.99)),
      worstRowP50Ms: rounded(Math.max(...rows.map(({ own }) => percentile(own, 0.5)))),
      worstRowP99Ms: rounded(Math.max(...rows.map(({ own }) => percentile(own, 0.99)))),
      queriesPerSecondPerCore: Math.round(1000 / mean),
      rowsAheadOfEveryPeer: ratios.filter((ratio) => ratio > 1).length,
      rows: rows.length,
      worstRatio: rounded(Math.min(...ratios)),
      statuses: sizes.statuses,
      peerStatuses: sizes.peerStatuses,
      bytesPerStatus: Math.round(sizes.bytes / sizes.statuses),
      writtenPerSecond: Math.round(sizes.writtenPerSecond),
    },
  }
}

/** The fastest peer's middle query against ours. */
function ratioOf({ own, peers }: Row): number {
  return Math.min(...[...peers.values()].map((ms) => percentile(ms, 0.5))) / percentile(own, 0.5)
}

/** The index that a thread of its own writes, seen from here. */
class WrittenIndex implements AsyncDisposable {
  // Ages are those of the statuses, whenever this runs.
  readonly #remote = new RemoteIndex({ ...systemClock, nowMs: () => NEWEST_MS })
  readonly #worker: Worker
  readonly built: Promise<number>
  readonly #written = Promise.withResolvers<{ statuses: number; ms: number }>()

  constructor(setup: SearchWriterSetup) {
    this.#worker = new Worker(new URL('search-writer.ts', import.meta.url), { workerData: setup })
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.built = promise
    this.#worker.on('error', reject)
    this.#worker.on('message', (message: FromSearchWriter) => {
      if (message.kind === 'memory') this.#remote.take(message.memory)
      else if (message.kind === 'built') resolve(message.bytes)
      else this.#written.resolve(message)
    })
  }

  get reader() {
    return this.#remote.reader
  }

  stop(): Promise<{ statuses: number; ms: number }> {
    this.#worker.postMessage('stop', [])
    return this.#written.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}
