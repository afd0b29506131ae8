/**
 * Redis servers for tests: each in a folder of its own, on free ports of loopback, without anything on disk that matters.
 * They go away with the test's process, however that ends: a shell between the two waits for its input to close, then kills
 * the server and removes its folder.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Redis } from 'ioredis'

const START_MS_MAX = 20_000
const CLUSTER_MS_MAX = 60_000
const MIGRATE_MS_MAX = 10_000
const POLL_MS = 20
const SLOTS = 16_384
const MASTERS = 3
/** A cluster replaces a master that has been silent for this long. */
const NODE_TIMEOUT_MS = 1_500

/**
 * The server in the background, its pid on the first line; both end when our side of the input closes. Told to leave, it
 * goes alone: its server is gone, and its folder belongs to another keeper.
 */
const KEEPER = `folder=$1; shift; redis-server "$@" >/dev/null 2>&1 & echo $!
head -n 1 | grep -q leave && exit; kill -9 $! 2>/dev/null; rm -rf "$folder"`

const MISSING = `redis-server is not installed, and these tests are about it. Install Redis 7 or newer, or Valkey:
  Debian, Ubuntu   apt-get install redis-server
  Fedora           dnf install valkey valkey-compat-redis
  macOS            brew install redis`

export type RedisSettings = Readonly<Record<string, string>>

export interface RedisServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** One command on a connection of its own. */
  run(...command: (string | number)[]): Promise<unknown>
  /** The value of a field of INFO. */
  info(field: string): Promise<string>
  /** Stops answering without ending, and goes on. */
  hang(): void
  wake(): void
  /** SIGKILL: connections are reset, the port is free. */
  kill(): Promise<void>
  /** After `kill`: the same port and folder, a new process. */
  restart(): Promise<void>
}

export async function startRedis(settings: RedisSettings = {}): Promise<RedisServer> {
  if (spawnSync('redis-server', ['--version']).error !== undefined) throw new Error(MISSING)
  const folder = await mkdtemp(join(tmpdir(), 'dunlin-redis-'))
  const server = new Server(folder, settings)
  await server.start()
  return server
}

class Server implements RedisServer {
  readonly #folder: string
  readonly #settings: RedisSettings
  #keeper: ChildProcess | undefined
  port = 0
  pid = 0

  constructor(folder: string, settings: RedisSettings) {
    this.#folder = folder
    this.#settings = settings
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort()
    const isClustered = this.#settings['cluster-enabled'] === 'yes'
    const settings = {
      port: `${this.port}`,
      bind: '127.0.0.1',
      dir: this.#folder,
      save: '',
      appendonly: 'no',
      logfile: 'redis.log',
      ...(isClustered && { 'cluster-port': `${await freePort()}` }),
      ...this.#settings,
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const keeper = spawn('sh', ['-c', KEEPER, 'keeper', this.#folder, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [line] = (await once(keeper.stdout, 'data')) as [Buffer]
    this.#keeper = keeper
    this.pid = Number(line.toString())
    await until('redis-server answers', START_MS_MAX, async () => {
      if (isRunning(this.pid)) return (await this.run('PING')) === 'PONG'
      throw new Error(`redis-server did not start:\n${await readFile(join(this.#folder, 'redis.log'), 'utf8')}`)
    })
  }

  async run(...command: (string | number)[]): Promise<unknown> {
    const client = new Redis({
      port: this.port,
      host: '127.0.0.1',
      lazyConnect: true,
      retryStrategy: null,
      protocol: 2,
    })
    client.on('error', () => undefined) // the command itself rejects
    try {
      await client.connect()
      const [name = '', ...args] = command
      return await client.call(`${name}`, ...args)
    } finally {
      client.disconnect()
    }
  }

  async info(field: string): Promise<string> {
    const text = String(await this.run('INFO'))
    return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? ''
  }

  hang(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  wake(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL')
    await until('redis-server has gone', START_MS_MAX, async () => !isRunning(this.pid))
  }

  async restart(): Promise<void> {
    const before = this.#keeper
    await this.start()
    before?.stdin?.end('leave\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const keeper = this.#keeper
    if (keeper === undefined) return
    const gone = once(keeper, 'exit')
    keeper.stdin?.end()
    await gone
  }
}

export interface RedisCluster extends AsyncDisposable {
  /** The first three began as masters, each with the replica three places further on. */
  readonly servers: readonly RedisServer[]
  readonly url: string
  /** Waits until all slots are served and every server agrees on who is a master, whose number is returned. */
  settle(): Promise<number>
  /** Moves a slot with its keys, one by one, from one master to another. */
  moveSlot(slot: number, from: RedisServer, to: RedisServer): Promise<void>
}

/** Three masters, each with a replica. */
export async function startRedisCluster(settings: RedisSettings = {}): Promise<RedisCluster> {
  await using resources = new AsyncDisposableStack()
  const clustered = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': `${NODE_TIMEOUT_MS}`,
    'cluster-require-full-coverage': 'no',
    'cluster-migration-barrier': '99',
    'repl-ping-replica-period': '1',
    'repl-diskless-sync-delay': '0',
    ...settings,
  }
  const servers = await Promise.all(Array.from({ length: 2 * MASTERS }, () => startRedis(clustered)))
  for (const server of servers) resources.use(server)
  await joinServers(servers)
  const owned = resources.move()
  return {
    servers,
    url: servers.map(({ url }) => url).join(','),
    settle: () => settledMasters(servers),
    moveSlot: (slot, from, to) => moveSlot(servers, { slot, from, to }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function joinServers(servers: readonly RedisServer[]): Promise<void> {
  const [first] = servers
  assert(first !== undefined)
  await Promise.all(servers.map((server, n) => server.run('CLUSTER', 'SET-CONFIG-EPOCH', n + 1)))
  for (const [n, server] of servers.slice(0, MASTERS).entries()) {
    const [from, to] = [n, n + 1].map((part) => Math.round((part * SLOTS) / MASTERS))
    await server.run('CLUSTER', 'ADDSLOTSRANGE', from ?? 0, (to ?? 0) - 1)
  }
  for (const server of servers.slice(1)) {
    const [, busPort = ''] = /@(\d+)/.exec(String(await server.run('CLUSTER', 'NODES'))) ?? []
    await first.run('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort)
  }
  const masterIds = await Promise.all(servers.slice(0, MASTERS).map((server) => server.run('CLUSTER', 'MYID')))
  for (const [n, replica] of servers.slice(MASTERS).entries()) {
    await until('the replica knows its master', CLUSTER_MS_MAX, async () => {
      await replica.run('CLUSTER', 'REPLICATE', String(masterIds[n]))
      return true
    })
  }
  await until('every replica has its master’s data', CLUSTER_MS_MAX, async () => {
    const states = await Promise.all(servers.slice(MASTERS).map((server) => server.info('master_link_status')))
    return states.every((state) => state === 'up')
  })
  assert.equal(await settledMasters(servers), MASTERS)
}

async function moveSlot(
  servers: readonly RedisServer[],
  { slot, from, to }: { slot: number; from: RedisServer; to: RedisServer },
): Promise<void> {
  const [fromId, toId] = await Promise.all(
    [from, to].map(async (server) => String(await server.run('CLUSTER', 'MYID'))),
  )
  assert(fromId !== undefined && toId !== undefined)
  await to.run('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
  await from.run('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
  for (;;) {
    const keys = (await from.run('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[]
    if (keys.length === 0) break
    await from.run('MIGRATE', '127.0.0.1', to.port, '', 0, MIGRATE_MS_MAX, 'KEYS', ...keys)
  }
  // First those concerned: whoever else hears of it later is told by them.
  const others = servers.filter((server) => server !== to && server !== from)
  for (const server of [to, from, ...others]) {
    // A replica learns it from its master.
    if ((await server.info('role')) === 'master') await server.run('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
  }
}

async function settledMasters(servers: readonly RedisServer[]): Promise<number> {
  let masters = 0
  await until('the cluster is settled', CLUSTER_MS_MAX, async () => {
    const alive = servers.filter(({ pid }) => isRunning(pid))
    const views = await Promise.all(alive.map(async (server) => String(await server.run('CLUSTER', 'NODES'))))
    const inCharge = views.map((view) => {
      const lines = view.split('\n').filter((line) => /master/.test(line) && !/fail|handshake/.test(line))
      return lines.map((line) => `${line.slice(0, 40)} ${line.split(' ').slice(8).join(' ')}`).toSorted()
    })
    masters = inCharge[0]?.length ?? 0
    const infos = await Promise.all(alive.map((server) => server.run('CLUSTER', 'INFO')))
    const isWell = infos.every((info) => /cluster_state:ok/.test(String(info)) && /slots_ok:16384/.test(String(info)))
    return isWell && inCharge.every((view) => view.join() === inCharge[0]?.join())
  })
  return masters
}

/** Polls until `holds` is true; what it throws counts as false until the time is up. */
export async function until(what: string, msMax: number, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + msMax
  for (;;) {
    let last: unknown
    try {
      if (await holds()) return
    } catch (error) {
      last = error
    }
    if (performance.now() > endMs) throw new Error(`waited ${msMax} ms in vain until ${what}`, { cause: last })
    await sleep(POLL_MS)
  }
}

async function freePort(): Promise<number> {
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  await once(listener, 'close')
  return port
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
