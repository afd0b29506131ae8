import { startReference, type Recorded } from './home-reference.ts'
import { openHomeWorld } from './home-world.ts'
/**
 * Home reads per second over HTTP: pages of 20 statuses, warm, by 200 readers of the seed's world (1,000 people, 50 follows
 * each, 20,000 statuses) on 32 keep-alive connections. Beside it, in turns, a bare `node:http` server in a process of its
 * own that sends the very same bytes to the same tokens: what node itself can do. Server, reference and this client share
 * the machine's cores alike.
 */
import { KeepAlive, requestText, type Answer } from './keep-alive.ts'
import { median, percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'

const CONNECTIONS = 32
const READERS = 200
/** Some follow too few people to have a full page. */
const SPARE_READERS = 50
const PAGE = 20
const PATH = `/api/v1/timelines/home?limit=${PAGE}`

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const roundMs = quick ? 1_500 : 5_000
  const rounds = quick ? 3 : 7
  await using world = await openHomeWorld(READERS + SPARE_READERS)
  const recorded = await recordHomes(world.server.url, world.tokens)
  await using reference = await startReference(recorded)
  const requests = Object.keys(recorded).map((token) => requestText('GET', PATH, token))
  const server = await openConnections(world.server.url)
  const bare = await openConnections(reference.url)
  using _server = server
  using _bare = bare
  for (const { all } of [server, bare]) await readFor(all, requests, roundMs) // compiles, and fills the caches

  const serverRounds: Round[] = []
  const bareRounds: Round[] = []
  for (let round = 0; round < rounds; round++) {
    serverRounds.push(await readFor(server.all, requests, roundMs))
    bareRounds.push(await readFor(bare.all, requests, roundMs))
  }
  const [ours, theirs] = [summarise(serverRounds), summarise(bareRounds)]
  const bodies = Object.values(recorded).map(({ body }) => Buffer.byteLength(body))
  return {
    rows: [
      {
        measured: 'Dunlin, GET /api/v1/timelines/home',
        ...tableRow(ours),
        'of reference': rounded(ours.perSecond / theirs.perSecond),
      },
      { measured: 'bare node:http, the same bytes', ...tableRow(theirs), 'of reference': 1 },
    ],
    summary: {
      bench: 'home',
      readsPerSecond: Math.round(ours.perSecond),
      referenceReadsPerSecond: Math.round(theirs.perSecond),
      ratio: rounded(ours.perSecond / theirs.perSecond),
      p50Ms: rounded(ours.p50Ms),
      p99Ms: rounded(ours.p99Ms),
      referenceP50Ms: rounded(theirs.p50Ms),
      bytesPerPage: Math.round(median(bodies)),
      people: world.people,
      follows: world.follows,
      statuses: world.posts,
      readers: READERS,
      connections: CONNECTIONS,
    },
  }
}

interface Round {
  perSecond: number
  latencyMs: number[]
}

interface Connections extends Disposable {
  all: KeepAlive[]
}

async function openConnections(url: string): Promise<Connections> {
  const opened = new DisposableStack()
  const all = await Promise.all(Array.from({ length: CONNECTIONS }, async () => opened.use(await KeepAlive.open(url))))
  return { all, [Symbol.dispose]: () => opened.dispose() }
}

/** The pages of READERS readers with their headers; full ones only, or some would read less than others. */
async function recordHomes(url: string, tokens: readonly string[]): Promise<Recorded> {
  const recorded: Recorded = {}
  for (const token of tokens) {
    const response = await fetch(url + PATH, { headers: { authorization: `Bearer ${token}` } })
    const body = await response.text()
    if (response.status !== 200) throw new Error(`a home timeline was answered ${response.status}: ${body}`)
    const statuses: unknown = JSON.parse(body)
    if (!Array.isArray(statuses) || statuses.length < PAGE) continue
    recorded[token] = { body, headers: ofAnswer(response.headers) }
    if (Object.keys(recorded).length === READERS) return recorded
  }
  throw new Error(`fewer than ${READERS} of ${tokens.length} readers have a full page`)
}

/** Those that are not of the connection or the moment. */
function ofAnswer(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !['connection', 'date', 'keep-alive'].includes(name)))
}

async function readFor(connections: readonly KeepAlive[], requests: readonly string[], ms: number): Promise<Round> {
  const latencyMs: number[] = []
  const startMs = performance.now()
  await Promise.all(
    connections.map(async (connection, index) => {
      for (let turn = index; performance.now() - startMs < ms; turn += CONNECTIONS) {
        const request = requests[turn % requests.length] ?? ''
        const sentMs = performance.now()
        demandPage(await connection.send(request))
        latencyMs.push(performance.now() - sentMs)
      }
    }),
  )
  return { perSecond: (latencyMs.length / (performance.now() - startMs)) * 1000, latencyMs }
}

function demandPage({ status, body }: Answer): void {
  if (status !== 200) throw new Error(`a home timeline was answered ${status}: ${body.slice(0, 300)}`)
}

interface Summary {
  perSecond: number
  best: number
  p50Ms: number
  p99Ms: number
}

function summarise(rounds: readonly Round[]): Summary {
  const latencies = rounds.flatMap(({ latencyMs }) => latencyMs)
  const rates = rounds.map(({ perSecond }) => perSecond)
  return {
    perSecond: median(rates),
    best: Math.max(...rates),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  }
}

function tableRow({ perSecond, best, p50Ms, p99Ms }: Summary) {
  return {
    'reads/s': Math.round(perSecond),
    best: Math.round(best),
    'p50 ms': rounded(p50Ms),
    'p99 ms': rounded(p99Ms),
  }
}
