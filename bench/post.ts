/**
 * Durable posts per second over HTTP, with 32 keep-alive connections, each fanned out to 75 present timelines on average,
 * on the PostgreSQL that Dunlin starts by itself, `synchronous_commit = on`. A round ends when the outbox is empty, so that
 * what is counted was accepted, delivered and forgotten by the relay, not put off.
 *
 * Beside it, in turns: single-row inserts into a table with a primary key, on as many connections to the same PostgreSQL.
 * `insertRatio` is posts by inserts; both suffer alike when other programs use the machine.
 *
 * The CPU time of each post is told by process, too: on a quiet machine two cores are shared by server, PostgreSQL and
 * this client, so what they take together is the limit that the load of others cannot hide.
 *
 * Then, at half that load: from the first byte of a post to the answer of a follower's home timeline that shows it.
 */
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

import pg from 'pg'

import { processTree } from '../src/cli/processes.ts'
import { clientConfig } from '../src/engines/database/connection.ts'
import { seededRandom } from '../src/seed/random.ts'
import { planWorld } from '../src/seed/world.ts'
import { KeepAlive, requestText } from './keep-alive.ts'
import { FOLLOWERS_MEAN, openPostWorld, type PostWorld } from './post-world.ts'
import { median, percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'

const CONNECTIONS = 32
const TEXTS = 2_000
const SEED = 3
/** Pause of the follower between two looks, and of the author between two posts. */
const LOOK_MS = 1
const PROBE_EVERY_MS = 20
const VISIBLE_MS_MAX = 10_000

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const roundMs = quick ? 3_000 : 8_000
  const rounds = quick ? 2 : 5
  await using world = await openPostWorld(quick ? 400 : 1_000)
  await using clients = new AsyncDisposableStack()
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => clients.use(await KeepAlive.open(world.server.url))),
  )
  const inserting = await insertClients(world, clients)
  const writer = new Writer(world)
  await readAllHomes(world, connections)
  await postFor(world, { connections, writer, inserting }, 1_000) // compiles, and fills the caches
  await insertFor(inserting, 300)

  const posts: Round[] = []
  const inserts: number[] = []
  for (let round = 0; round < rounds; round++) {
    inserts.push(await insertFor(inserting, roundMs / 3))
    posts.push(await postFor(world, { connections, writer, inserting }, roundMs))
  }
  const perSecond = median(posts.map((round) => round.perSecond))
  const latencies = await visibleLatencies(
    world,
    { connections, writer },
    { perSecond: perSecond / 2, ms: roundMs * 2 },
  )
  return report({ posts, inserts, latencies })
}

interface Round {
  perSecond: number
  /** Of the round, spent on waiting for the outbox at its end. */
  drainMs: number
  latencyMs: number[]
  /** Microseconds of CPU for each post. */
  cpu: { server: number; postgres: number; client: number }
  load: number
}

/** Requests of everybody's posts, texts and authors drawn evenly. */
class Writer {
  readonly #tokens: readonly string[]
  readonly #random = seededRandom(SEED)
  readonly #texts: readonly string[]

  constructor({ tokens }: PostWorld) {
    this.#tokens = tokens
    const { posts } = planWorld({ people: 50, posts: TEXTS, seed: SEED, endMs: 0 })
    this.#texts = posts.flatMap((post) => (post.kind === 'status' && post.inReplyTo === null ? [post.text] : []))
  }

  next(): string {
    const text = this.#random.pick(this.#texts)
    return requestText('POST', '/api/v1/statuses', this.#random.pick(this.#tokens), draftOf(text))
  }
}

/** As Mastodon's own web client sends it. */
function draftOf(status: string): object {
  return {
    status,
    in_reply_to_id: null,
    media_ids: [],
    sensitive: false,
    spoiler_text: '',
    visibility: 'public',
    poll: null,
    language: 'en',
  }
}

interface Load {
  connections: readonly KeepAlive[]
  writer: Writer
}

async function publish(connection: KeepAlive, request: string): Promise<string> {
  const { status, body } = await connection.send(request)
  if (status !== 200) throw new Error(`a post was answered ${status}: ${body}`)
  return body
}

async function postFor(world: PostWorld, load: Load & { inserting: Inserting }, ms: number): Promise<Round> {
  const latencyMs: number[] = []
  const cpuBefore = await cpuSeconds(world)
  const startMs = performance.now()
  await Promise.all(
    load.connections.map(async (connection) => {
      while (performance.now() - startMs < ms) {
        const sentMs = performance.now()
        await publish(connection, load.writer.next())
        latencyMs.push(performance.now() - sentMs)
      }
    }),
  )
  const postedMs = performance.now()
  await untilRelayed(load.inserting)
  const endMs = performance.now()
  const cpu = await cpuSeconds(world)
  const each = (of: keyof Cpu): number => Math.round(((cpu[of] - cpuBefore[of]) * 1e6) / latencyMs.length)
  return {
    perSecond: (latencyMs.length / (endMs - startMs)) * 1000,
    drainMs: endMs - postedMs,
    latencyMs,
    cpu: { server: each('server'), postgres: each('postgres'), client: each('client') },
    load: loadavg()[0] ?? 0,
  }
}

interface Cpu {
  server: number
  postgres: number
  client: number
}

async function cpuSeconds({ server, postgresPid }: PostWorld): Promise<Cpu> {
  const sum = async (pid: number): Promise<number> =>
    (await processTree(pid)).reduce((seconds, process) => seconds + process.cpuSeconds, 0)
  const { user, system } = process.cpuUsage()
  return { server: await sum(server.pid), postgres: await sum(postgresPid), client: (user + system) / 1e6 }
}

/** Everyone's timeline is present from now on. */
async function readAllHomes({ tokens }: PostWorld, connections: readonly KeepAlive[]): Promise<void> {
  const waiting = [...tokens]
  await Promise.all(
    connections.map(async (connection) => {
      for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) {
        const { status } = await connection.send(requestText('GET', '/api/v1/timelines/home', token))
        if (status !== 200) throw new Error(`a home timeline was answered ${status}`)
      }
    }),
  )
}

interface Inserting {
  clients: readonly pg.Client[]
  texts: readonly string[]
}

async function insertClients(world: PostWorld, resources: AsyncDisposableStack): Promise<Inserting> {
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const client = new pg.Client(clientConfig(world.connection))
      await client.connect()
      resources.defer(() => client.end())
      return client
    }),
  )
  await clients[0]?.query(
    `create table bench_inserts (id bigint generated always as identity primary key, account_id bigint not null,
       text text not null, created_at timestamptz not null default now())`,
  )
  return { clients, texts: ['A row of about as many characters as people write when they have something to tell.'] }
}

/** Rows per second, each in a transaction of its own. */
async function insertFor({ clients, texts }: Inserting, ms: number): Promise<number> {
  const startMs = performance.now()
  let rows = 0
  await Promise.all(
    clients.map(async (client, index) => {
      while (performance.now() - startMs < ms) {
        await client.query({
          name: 'insert',
          text: 'insert into bench_inserts (account_id, text) values ($1, $2)',
          values: [index, texts[0]],
        })
        rows += 1
      }
    }),
  )
  return (rows / (performance.now() - startMs)) * 1000
}

async function untilRelayed({ clients }: Inserting): Promise<void> {
  for (;;) {
    const answer = await clients[0]?.query<{ empty: boolean }>('select not exists (select from outbox) as empty')
    if (answer?.rows[0]?.empty === true) return
    await sleep(2)
  }
}

/** While others post at `perSecond`, one author posts now and then, and a follower looks until it is there. */
async function visibleLatencies(
  world: PostWorld,
  { connections, writer }: Load,
  pace: { perSecond: number; ms: number },
): Promise<number[]> {
  const [authorsOwn, followersOwn, ...others] = connections
  if (authorsOwn === undefined || followersOwn === undefined) throw new Error('too few connections')
  const authorToken = world.tokens[world.followOf.followed] ?? ''
  const followerToken = world.tokens[world.followOf.follower] ?? ''
  const startMs = performance.now()
  const crowd = others.map(async (connection, place) => {
    // Each keeps its own beat, and catches up when an answer was late: the load does not give way to the server.
    const everyMs = (others.length / pace.perSecond) * 1000
    for (let dueMs = startMs + (place / others.length) * everyMs; dueMs < startMs + pace.ms; dueMs += everyMs) {
      const waitMs = dueMs - performance.now()
      if (waitMs > 1) await sleep(waitMs)
      await publish(connection, writer.next())
    }
  })
  const latencies: number[] = []
  const probe = async (): Promise<void> => {
    while (performance.now() - startMs < pace.ms) {
      const sentMs = performance.now()
      const body = await publish(
        authorsOwn,
        requestText('POST', '/api/v1/statuses', authorToken, { status: 'A probe.' }),
      )
      const id = /"id":"(\d+)"/.exec(body)?.[1] ?? '0'
      // By the time of the look, others may have posted more than a page.
      const path = `/api/v1/timelines/home?limit=1&max_id=${BigInt(id) + 1n}`
      const look = requestText('GET', path, followerToken)
      while (!(await followersOwn.send(look)).body.includes(`"id":"${id}"`)) {
        if (performance.now() - sentMs > VISIBLE_MS_MAX) throw new Error('a post did not become visible')
        await sleep(LOOK_MS)
      }
      latencies.push(performance.now() - sentMs)
      await sleep(PROBE_EVERY_MS)
    }
  }
  await Promise.all([probe(), ...crowd])
  return latencies
}

function report(measured: { posts: Round[]; inserts: number[]; latencies: number[] }): BenchResult {
  const { posts, inserts, latencies } = measured
  const perSecond = median(posts.map((round) => round.perSecond))
  const insertsPerSecond = median(inserts)
  const cpu = (of: keyof Cpu): number => median(posts.map((round) => round.cpu[of]))
  const cpuMicros = cpu('server') + cpu('postgres') + cpu('client')
  return {
    rows: posts.map((round, index) => ({
      measured: `round ${index + 1}`,
      'posts/s': Math.round(round.perSecond),
      'p50 ms': rounded(percentile(round.latencyMs, 0.5)),
      'p99 ms': rounded(percentile(round.latencyMs, 0.99)),
      'drain ms': Math.round(round.drainMs),
      'server µs': round.cpu.server,
      'postgres µs': round.cpu.postgres,
      'client µs': round.cpu.client,
      'inserts/s': Math.round(inserts[index] ?? Number.NaN),
      load: rounded(round.load),
    })),
    summary: {
      bench: 'post',
      postsPerSecond: Math.round(perSecond),
      insertRatio: rounded(perSecond / insertsPerSecond),
      followersMean: FOLLOWERS_MEAN,
      cpuMicrosPerPost: Math.round(cpuMicros),
      visibleP50Ms: rounded(percentile(latencies, 0.5)),
      visibleP99Ms: rounded(percentile(latencies, 0.99)),
      probes: latencies.length,
      loadAverage: rounded(loadavg()[0] ?? 0),
    },
  }
}
