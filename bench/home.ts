/**
 * Home reads per second over HTTP: pages of 20 statuses, warm, of a random reader of the seed's world (1,000 people, 50
 * follows each, 20,000 statuses) on 32 keep-alive connections, limits counted. Beside it, in turns, a bare `node:http`
 * server in a process of its own that sends the very same bytes to the same tokens on as many threads: what node itself
 * can do. Server, reference and this client share the machine's cores alike.
 *
 * `bareHttpRatio` compares requests per second; `bareHttpCpuRatio` the processor time for each, which the load of others
 * changes less.
 */
import { loadavg } from 'node:os'

import { processTree } from '../src/cli/processes.ts'
import { seededRandom } from '../src/seed/random.ts'
import { startReference, type Recorded } from './home-reference.ts'
import { openHomeWorld } from './home-world.ts'
import { KeepAlive, requestText } from './keep-alive.ts'
import { median, percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'

const CONNECTIONS = 32
const PAGE = 20
const PATH = `/api/v1/timelines/home?limit=${PAGE}`
const SEED = 11
/** Pages recorded at a time. */
const RECORDED_AT_ONCE = 8

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const roundMs = quick ? 600 : 2_000
  const rounds = quick ? 5 : 15
  const warmingReads = quick ? 8_000 : 30_000
  await using world = await openHomeWorld()
  const cold = await readCold(world)
  const recorded = await recordHomes(world.server.url, world.tokens)
  const threads = await apiThreads(world.server.pid)
  await using reference = await startReference({ recorded, threads })
  const requests = Object.keys(recorded).map((token) => Buffer.from(requestText('GET', PATH, token)))
  using server = await openConnections(world.server)
  using bare = await openConnections(reference)
  for (const each of [server, bare]) await warm(each, requests, warmingReads)

  const [ours, theirs]: [Round[], Round[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    ours.push(await readFor(server, requests, roundMs))
    theirs.push(await readFor(bare, requests, roundMs))
  }
  return report({ ours, theirs, cold, recorded, threads, world })
}

function report(measured: {
  ours: Round[]
  theirs: Round[]
  cold: Cold
  recorded: Recorded
  threads: number
  world: { people: number; follows: number; posts: number }
}): BenchResult {
  const { cold, recorded, threads, world } = measured
  const [ours, theirs] = [summarise(measured.ours), summarise(measured.theirs)]
  const inTurn = (of: (ours: Round, theirs: Round) => number): number =>
    median(measured.ours.map((round, index) => of(round, measured.theirs[index] ?? round)))
  const ratio = inTurn((one, other) => one.perSecond / other.perSecond)
  const bodies = Object.values(recorded).map(({ body }) => Buffer.byteLength(body))
  return {
    rows: [
      { measured: 'Dunlin, GET /api/v1/timelines/home', ...tableRow(ours), 'of bare': rounded(ratio) },
      { measured: 'bare node:http, the same bytes', ...tableRow(theirs), 'of bare': 1 },
    ],
    summary: {
      bench: 'home',
      readsPerSecond: Math.round(ours.perSecond),
      bareHttpReadsPerSecond: Math.round(theirs.perSecond),
      bareHttpRatio: rounded(ratio),
      bareHttpCpuRatio: rounded(inTurn((one, other) => other.cpuMicros / one.cpuMicros)),
      cpuMicrosPerRead: rounded(ours.cpuMicros),
      bareHttpCpuMicrosPerRead: rounded(theirs.cpuMicros),
      p50Ms: rounded(ours.p50Ms),
      p99Ms: rounded(ours.p99Ms),
      bareHttpP50Ms: rounded(theirs.p50Ms),
      bareHttpP99Ms: rounded(theirs.p99Ms),
      coldReadsPerSecond: Math.round(cold.perSecond),
      coldP50Ms: rounded(percentile(cold.latencyMs, 0.5)),
      coldP99Ms: rounded(percentile(cold.latencyMs, 0.99)),
      coldTurnedAway: cold.turnedAway,
      bytesPerPage: Math.round(median(bodies)),
      people: world.people,
      follows: world.follows,
      statuses: world.posts,
      readers: bodies.length,
      connections: CONNECTIONS,
      threads,
      loadAverage: rounded(loadavg()[0] ?? 0),
    },
  }
}

interface Round {
  perSecond: number
  /** Of the server's process, for each request. */
  cpuMicros: number
  latencyMs: number[]
}

/** Everyone's first read, when no timeline is there and nothing is in memory. */
interface Cold {
  perSecond: number
  latencyMs: number[]
  /** Answered 503, as there are bounds to what is asked of the database at a time. */
  turnedAway: number
}

async function readCold({
  server,
  tokens,
}: {
  server: { url: string; pid: number }
  tokens: readonly string[]
}): Promise<Cold> {
  using connections = await openConnections(server)
  const waiting = [...tokens]
  const latencyMs: number[] = []
  let turnedAway = 0
  const startMs = performance.now()
  const read = async (connection: KeepAlive): Promise<void> => {
    for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) {
      const sentMs = performance.now()
      const status = await connection.ask(requestText('GET', PATH, token))
      latencyMs.push(performance.now() - sentMs)
      if (status === 503) turnedAway += 1
      else demandPage(status, connection)
    }
  }
  await Promise.all(connections.all.map(read))
  return { perSecond: (latencyMs.length / (performance.now() - startMs)) * 1000, latencyMs, turnedAway }
}

interface Connections extends Disposable {
  all: KeepAlive[]
  pid: number
}

async function openConnections({ url, pid }: { url: string; pid: number }): Promise<Connections> {
  const opened = new DisposableStack()
  const all = await Promise.all(Array.from({ length: CONNECTIONS }, async () => opened.use(await KeepAlive.open(url))))
  return { all, pid, [Symbol.dispose]: () => opened.dispose() }
}

/** The pages of everyone who has a full one, with their headers; or some would read less than others. */
async function recordHomes(url: string, tokens: readonly string[]): Promise<Recorded> {
  const recorded: Recorded = {}
  const waiting = [...tokens]
  const record = async (): Promise<void> => {
    for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) {
      const response = await fetch(url + PATH, { headers: { authorization: `Bearer ${token}` } })
      const body = await response.text()
      if (response.status !== 200) throw new Error(`a home timeline was answered ${response.status}: ${body}`)
      const statuses: unknown = JSON.parse(body)
      if (Array.isArray(statuses) && statuses.length >= PAGE) recorded[token] = { body, headers: ofAnswer(response) }
    }
  }
  await Promise.all(Array.from({ length: RECORDED_AT_ONCE }, record))
  return recorded
}

/** Those that are not of the connection or the moment. */
function ofAnswer({ headers }: Response): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !['connection', 'date', 'keep-alive'].includes(name)))
}

/** Threads that answer requests; one where they have no names of their own. */
async function apiThreads(pid: number): Promise<number> {
  const [server] = await processTree(pid)
  return Math.max(1, server?.threads.filter(({ name }) => name.startsWith('api')).length ?? 1)
}

/** Compiles, and fills the caches of every thread: each reader's page is read several times by each. */
async function warm({ all }: Connections, requests: readonly Buffer[], reads: number): Promise<void> {
  const random = seededRandom(SEED)
  const read = async (connection: KeepAlive): Promise<void> => {
    for (let count = 0; count < reads / CONNECTIONS; count++) {
      demandPage(await connection.ask(random.pick(requests)), connection)
    }
  }
  await Promise.all(all.map(read))
}

async function readFor({ all, pid }: Connections, requests: readonly Buffer[], ms: number): Promise<Round> {
  const random = seededRandom(SEED)
  const latencyMs: number[] = []
  const cpuBefore = await cpuSeconds(pid)
  const startMs = performance.now()
  const read = async (connection: KeepAlive): Promise<void> => {
    for (let sentMs = startMs; sentMs - startMs < ms;) {
      demandPage(await connection.ask(random.pick(requests)), connection)
      const nowMs = performance.now()
      latencyMs.push(nowMs - sentMs)
      sentMs = nowMs
    }
  }
  await Promise.all(all.map(read))
  const tookMs = performance.now() - startMs
  const cpuMicros = (((await cpuSeconds(pid)) - cpuBefore) * 1e6) / latencyMs.length
  return { perSecond: (latencyMs.length / tookMs) * 1000, cpuMicros, latencyMs }
}

async function cpuSeconds(pid: number): Promise<number> {
  return (await processTree(pid)).reduce((seconds, process) => seconds + process.cpuSeconds, 0)
}

function demandPage(status: number, connection: KeepAlive): void {
  if (status !== 200) throw new Error(`a home timeline was answered ${status}: ${connection.body().slice(0, 300)}`)
}

interface Summary {
  perSecond: number
  best: number
  cpuMicros: number
  p50Ms: number
  p99Ms: number
}

function summarise(rounds: readonly Round[]): Summary {
  const latencies = rounds.flatMap(({ latencyMs }) => latencyMs)
  const rates = rounds.map(({ perSecond }) => perSecond)
  return {
    perSecond: median(rates),
    best: Math.max(...rates),
    cpuMicros: median(rounds.map(({ cpuMicros }) => cpuMicros)),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}

function tableRow({ perSecond, best, cpuMicros, p50Ms, p99Ms }: Summary) {
  return {
    'reads/s': Math.round(perSecond),
    best: Math.round(best),
    'cpu µs': rounded(cpuMicros),
    'p50 ms': rounded(p50Ms),
    'p99 ms': rounded(p99Ms),
  }
}
