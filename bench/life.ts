/**
 * Where the time of a post goes, on a whole server over HTTP with PostgreSQL: while others post at a steady pace, an author
 * posts now and then, a follower looks at home until it is there, and the server is asked for the life of the status:
 *
 *   accepted ─▶ committed ─▶ relayed ─▶ delivered ─▶ readable
 *
 * The first four are the server's own times (`GET /debug/life/:id`), to the millisecond; readable is when the first answer
 * that shows it has come, by the clock of the same machine. So the last step has half a look's pause in it on average.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { KeepAlive, requestText } from './keep-alive.ts'
import { FOLLOWERS_MEAN, openPostWorld, type PostWorld } from './post-world.ts'
import { percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'

/** Posts per second of the others: a busy evening of a large community, and no strain. */
const PACE = 100
const CROWD_CONNECTIONS = 4
const PROBE_EVERY_MS = 10
const LOOK_MS = 1
const READABLE_MS_MAX = 10_000
const LIFE_MS_MAX = 10_000
const WARM_UP_PROBES = 20

const STEPS = ['accepted', 'committed', 'relayed', 'fanned_out', 'readable'] as const
type Step = (typeof STEPS)[number]

/** Milliseconds since 1970 of each step. */
type Life = Record<Step, number>

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const probes = quick ? 150 : 1_000
  await using world = await openPostWorld(quick ? 200 : 1_000)
  await using clients = new AsyncDisposableStack()
  const open = async () => clients.use(await KeepAlive.open(world.server.url))
  const pair = { author: await open(), follower: await open() }
  // Everyone's timeline is present from now on.
  for (const token of world.tokens) await get(pair.follower, '/api/v1/timelines/home?limit=1', token)
  const stop = new AbortController()
  const crowd = Array.from({ length: CROWD_CONNECTIONS }, async (_, place) => {
    await post(world, { connection: await open(), place, stop: stop.signal })
  })
  const lives: Life[] = []
  for (let probe = 0; probe < probes + WARM_UP_PROBES; probe++) {
    const life = await follow(world, pair)
    if (probe >= WARM_UP_PROBES) lives.push(life)
    await sleep(PROBE_EVERY_MS)
  }
  stop.abort()
  await Promise.all(crowd)
  return report(lives)
}

interface Poster {
  connection: KeepAlive
  place: number
  stop: AbortSignal
}

/** One of those who post at a steady pace together. */
async function post(world: PostWorld, { connection, place, stop }: Poster): Promise<void> {
  const everyMs = (CROWD_CONNECTIONS / PACE) * 1000
  const startMs = performance.now() + (place / CROWD_CONNECTIONS) * everyMs
  for (let turn = 0; !stop.aborted; turn++) {
    const waitMs = startMs + turn * everyMs - performance.now()
    if (waitMs > 1) await sleep(waitMs)
    const token = world.tokens[(turn * CROWD_CONNECTIONS + place) % world.tokens.length] ?? ''
    await send(connection, requestText('POST', '/api/v1/statuses', token, { status: `Turn ${turn} of ${place}.` }))
  }
}

async function send(connection: KeepAlive, request: string): Promise<string> {
  const { status, body } = await connection.send(request)
  if (status !== 200) throw new Error(`answered ${status}: ${body}`)
  return body
}

async function get(connection: KeepAlive, path: string, token: string): Promise<string> {
  return send(connection, requestText('GET', path, token))
}

/** Posts one status and sees it through. */
async function follow(world: PostWorld, { author, follower }: Record<'author' | 'follower', KeepAlive>): Promise<Life> {
  const authorToken = world.tokens[world.followOf.followed] ?? ''
  const followerToken = world.tokens[world.followOf.follower] ?? ''
  const body = await send(author, requestText('POST', '/api/v1/statuses', authorToken, { status: 'A life.' }))
  const id = /"id":"(\d+)"/.exec(body)?.[1] ?? '0'
  // By the time of the look, others may have posted more than a page.
  const path = `/api/v1/timelines/home?limit=1&max_id=${BigInt(id) + 1n}`
  const sentMs = Date.now()
  while (!(await get(follower, path, followerToken)).includes(`"id":"${id}"`)) {
    if (Date.now() - sentMs > READABLE_MS_MAX) throw new Error('a post did not become readable')
    await sleep(LOOK_MS)
  }
  const readable = Date.now()
  const times = await lifeOf(author, id, authorToken)
  return { ...times, readable }
}

async function lifeOf(connection: KeepAlive, id: string, token: string): Promise<Omit<Life, 'readable'>> {
  const sinceMs = performance.now()
  for (;;) {
    const { status, body } = await connection.send(requestText('GET', `/debug/life/${id}`, token))
    const at = (step: Step) => Date.parse(new RegExp(`"step":"${step}","at":"([^"]+)"`).exec(body)?.[1] ?? '')
    const life = {
      accepted: at('accepted'),
      committed: at('committed'),
      relayed: at('relayed'),
      fanned_out: at('fanned_out'),
    }
    if (status === 200 && Object.values(life).every((ms) => !Number.isNaN(ms))) return life
    if (performance.now() - sinceMs > LIFE_MS_MAX) throw new Error(`no life of ${id}: ${status} ${body}`)
    await sleep(LOOK_MS)
  }
}

function report(lives: readonly Life[]): BenchResult {
  const between = (from: Step, to: Step) => {
    // Two clocks of one machine may differ by their rounding.
    const ms = lives.map((life) => Math.max(0, life[to] - life[from]))
    return { p50: percentile(ms, 0.5), p90: percentile(ms, 0.9), p99: percentile(ms, 0.99) }
  }
  const spans = {
    committed: between('accepted', 'committed'),
    relayed: between('committed', 'relayed'),
    delivered: between('relayed', 'fanned_out'),
    readable: between('fanned_out', 'readable'),
    all: between('accepted', 'readable'),
  }
  const names = {
    committed: 'accepted → committed',
    relayed: 'committed → relayed',
    delivered: 'relayed → delivered',
    readable: 'delivered → readable',
    all: 'accepted → readable',
  }
  return {
    rows: Object.entries(spans).map(([span, { p50, p90, p99 }]) => ({
      step: names[span as keyof typeof names], // of the same keys
      'p50 ms': rounded(p50),
      'p90 ms': rounded(p90),
      'p99 ms': rounded(p99),
    })),
    summary: {
      bench: 'life',
      ...Object.fromEntries(
        Object.entries(spans).flatMap(([span, { p50, p90, p99 }]) => [
          [`${span}P50Ms`, rounded(p50)],
          [`${span}P90Ms`, rounded(p90)],
          [`${span}P99Ms`, rounded(p99)],
        ]),
      ),
      statuses: lives.length,
      postsPerSecondMeanwhile: PACE,
      followersMean: FOLLOWERS_MEAN,
    },
  }
}
