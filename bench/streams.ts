/**
 * Held streams: 10,000 (2,000 with --quick), half of them server-sent events and half WebSocket, in a client process of their
 * own. Measured: what each costs the server in resident memory; how long one public post takes to reach all of them, from
 * the request of the post to the arrival; the same for a post to 500 followers' homes; and home reads meanwhile, in turns
 * with home reads while nothing is sent.
 *
 * Both sides of 10,000 connections are on this machine: `ulimit -n` has to allow so many open files in one process.
 */
import { execFileSync, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { KeepAlive, requestText } from './keep-alive.ts'
import { median, percentile, rounded, type BenchOptions, type BenchResult } from './report.ts'
import type { Heard, HolderAnswer, HolderCommand } from './streams-holder.ts'
import { openStreamsWorld, type StreamsWorld } from './streams-world.ts'

const HOLDER = fileURLToPath(new URL('streams-holder.ts', import.meta.url))
const HOMES = 500
/** Files that a process has open besides its streams. */
const OTHER_FILES = 300
const READERS = 8
/** Home reads a second, evenly spread: what matters is how long one waits, not how many go. */
const READS_PER_SECOND = 200
const WARM_MS = 1_000
const SETTLE_MS = 1_000

export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const streams = quick ? 2_000 : 10_000
  const rounds = quick ? 4 : 12
  demandFiles(streams)
  await using world = await openStreamsWorld(streams, HOMES)
  const { pid } = world.server
  // As a server that has worked: code compiled, caches and heap as large as requests make them.
  await using holder = await startHolder(world)
  await readHomes(world, WARM_MS)
  await sleep(SETTLE_MS)
  const beforeBytes = residentBytes(pid)
  await ask(holder, { open: true })
  await sleep(SETTLE_MS)
  const bytesPerStream = (residentBytes(pid) - beforeBytes) / streams
  await post(holder, 'public') // compiles
  const [publicPosts, homePosts]: [Heard[], Heard[]] = [[], []]
  const [quietMs, busyMs]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    quietMs.push(...(await readHomes(world, 1_000)))
    const reading = readHomes(world, 1_000)
    publicPosts.push(await post(holder, 'public'))
    busyMs.push(...(await reading))
    homePosts.push(await post(holder, 'unlisted'))
  }
  const broadcast = summarise(publicPosts)
  const home = summarise(homePosts)
  const [quiet, busy] = [percentile(quietMs, 0.99), percentile(busyMs, 0.99)]
  return {
    rows: [
      { measured: `one public post to ${streams} streams`, ...tableRow(broadcast) },
      { measured: `one post to ${HOMES} homes`, ...tableRow(home) },
      { measured: 'home reads, nothing sent', 'p50 ms': rounded(median(quietMs)), 'p99 ms': rounded(quiet) },
      { measured: 'home reads, during public posts', 'p50 ms': rounded(median(busyMs)), 'p99 ms': rounded(busy) },
    ],
    summary: {
      bench: 'streams',
      streams,
      bytesPerStream: Math.round(bytesPerStream),
      p50Ms: rounded(broadcast.p50Ms),
      p99Ms: rounded(broadcast.p99Ms),
      missed: broadcast.missed + home.missed,
      homeP50Ms: rounded(home.p50Ms),
      homeP99Ms: rounded(home.p99Ms),
      readP99Ms: rounded(busy),
      quietReadP99Ms: rounded(quiet),
      readP99Ratio: rounded(busy / quiet),
      posts: rounds,
    },
  }
}

function demandFiles(streams: number): void {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  const wanted = streams + OTHER_FILES
  if (limit === 'unlimited' || Number(limit) >= wanted) return
  throw new Error(
    `${streams} streams need ${wanted} open files in one process, and ${limit} are allowed: try ulimit -n ${wanted}`,
  )
}

/** Of the process with all its threads. */
function residentBytes(pid: number): number {
  if (process.platform !== 'linux') {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024
  }
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(found) * 1024
}

async function startHolder(world: StreamsWorld): Promise<ChildProcess & AsyncDisposable> {
  const child = fork(HOLDER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const { server, tokens, author } = world
  await ask(child, { begin: { url: server.url, tokens, homes: HOMES, author } })
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      child.send({ close: true } satisfies HolderCommand)
      await once(child, 'exit')
    },
  })
}

async function ask(child: ChildProcess, command: HolderCommand): Promise<HolderAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HolderAnswer>()
  const fail = (): void => reject(new Error('the holder of the streams ended'))
  child.once('message', resolve)
  child.once('exit', fail)
  child.send(command)
  return promise.finally(() => child.off('exit', fail))
}

async function post(child: ChildProcess, visibility: 'public' | 'unlisted'): Promise<Heard> {
  const answer = await ask(child, { post: visibility })
  if (!('heard' in answer)) throw new Error('the holder answered something else')
  return answer.heard
}

/** Latencies of home reads at a steady pace, one after the other on each connection. */
async function readHomes({ server, tokens }: StreamsWorld, ms: number): Promise<number[]> {
  const latencyMs: number[] = []
  const everyMs = (READERS * 1_000) / READS_PER_SECOND
  const startMs = performance.now()
  const reader = async (index: number): Promise<void> => {
    using connection = await KeepAlive.open(server.url)
    const request = requestText('GET', '/api/v1/timelines/home?limit=20', tokens[index] ?? '')
    for (let turn = 0; ; turn += 1) {
      const dueMs = startMs + (turn + index / READERS) * everyMs
      if (dueMs - startMs >= ms) return
      await sleep(Math.max(0, dueMs - performance.now()))
      const { status, body } = await connection.send(request)
      if (status !== 200) throw new Error(`a home timeline was answered ${status}: ${body}`)
      // From when it was due: a read that waits for the one before it waits for the server.
      latencyMs.push(performance.now() - dueMs)
    }
  }
  await Promise.all(Array.from({ length: READERS }, (_, index) => reader(index)))
  return latencyMs
}

interface Summary {
  p50Ms: number
  p99Ms: number
  /** The last stream of a post, in the middle of all posts. */
  allMs: number
  missed: number
}

function summarise(posts: readonly Heard[]): Summary {
  const latencies = posts.flatMap(({ latencyMs }) => latencyMs)
  return {
    p50Ms: percentile(latencies, 0.5),
    // Of each post, then the middle of the posts: one that met another program's work says nothing of the server.
    p99Ms: median(posts.map(({ latencyMs }) => percentile(latencyMs, 0.99))),
    allMs: median(posts.map(({ latencyMs }) => Math.max(...latencyMs))),
    missed: posts.reduce((sum, { expected, latencyMs }) => sum + expected - latencyMs.length, 0),
  }
}

function tableRow({ p50Ms, p99Ms, allMs, missed }: Summary) {
  return { 'p50 ms': rounded(p50Ms), 'p99 ms': rounded(p99Ms), 'all ms': rounded(allMs), missed }
}
