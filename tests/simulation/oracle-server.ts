/**
 * The real thing for the oracle: every block as `roles/` wires it, on a database of its own, with a clock that can be
 * moved, and with timelines that hold few entries. A restart opens all of it again on what PostgreSQL has.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Bus } from '../../src/engines/bus/contract.ts'
import { openMemoryBus } from '../../src/engines/bus/memory.ts'
import { openParking } from '../../src/engines/bus/parking.ts'
import { openDiskFiles } from '../../src/engines/files/disk.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { isKnownEvent } from '../../src/events/contract.ts'
import { systemClock, type Clock } from '../../src/kit/clock.ts'
import { listeningOn, type Config } from '../../src/kit/config/config.ts'
import { loadConfig } from '../../src/kit/config/load.ts'
import type { Log } from '../../src/kit/log.ts'
import { openBlocks, type Blocks } from '../../src/roles/blocks.ts'
import type { Engines } from '../../src/roles/engines.ts'
import { MIGRATIONS } from '../../src/roles/migrations.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { openSnowflakes } from '../../src/snowflake/leased.ts'
import type { TimelineCache, TimelineEntry } from '../../src/timeline-cache/contract.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'
import { openThreads, type Threads } from './oracle-threads.ts'

const SETTLE_MS_MAX = 60_000
const MINUTE_MS = 60_000
/** Of a server that is reached over HTTP: each answers every other request. */
const API_SIDES = 2

export interface ServerOptions {
  celebrityFollowers: number
  entriesMax: number
  /** Reached over HTTP too. */
  http: boolean
  /** Messages reach the bus so much later than they could: whatever only haste makes right shows. */
  lateMs: number
  /** Further variables of the configuration. */
  env: Readonly<Record<string, string>>
}

export interface Server extends AsyncDisposable {
  /** Of the present opening: a restart makes others. */
  readonly blocks: Blocks
  readonly database: TestDatabase
  /** Where one of its api sides listens, another each time; empty without HTTP. */
  readonly url: string
  /** Errors and warnings logged so far: in a world where nothing fails, each is a bug. */
  readonly complaints: readonly object[]
  /** Somebody with that name. */
  signUp(username: string): Promise<AccountId>
  token(account: AccountId): Promise<string>
  /** Resolves when everything that was committed has been heard by everybody. */
  settle(): Promise<void>
  moveClock(minutes: number): void
  /** Of the movable clock, milliseconds since 1970. */
  nowMs(): number
  /** Drops everything that is derived. */
  restart(): Promise<void>
}

export async function openServer(options: ServerOptions): Promise<Server> {
  await using resources = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'dunlin-oracle-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  const database = resources.use(await openTestDatabase(MIGRATIONS))
  const complaints: object[] = []
  const complain = (fields: object): void => void complaints.push(fields)
  const log: Log = { debug() {}, info() {}, warn: complain, error: complain }
  // Ids are of the real time: a clock that jumps ahead would stop them.
  const snowflakes = resources.use(await openSnowflakes({ db: database, clock: systemClock, log, owner: 'oracle' }))
  const files = resources.use(await openDiskFiles(dataDir, systemClock))
  const config = await configOf(options, dataDir)
  const clock = movableClock()
  const lasting = { clock, log, database, databasePid: () => null, embedded: true, snowflakes, files }
  const server = new OracleServer(lasting, config, options, complaints)
  await server.open()
  server.holds(resources.move())
  return server
}

type Lasting = Omit<Engines, 'outbox' | 'parking' | 'bus' | 'clock' | 'database'> & {
  clock: MovableClock
  database: TestDatabase
}

class OracleServer implements Server {
  readonly complaints: readonly object[]
  readonly #lasting: Lasting
  readonly #config: Config
  readonly #options: ServerOptions
  #opened:
    | { engines: Engines; blocks: Blocks; threads: Threads | undefined; resources: AsyncDisposableStack }
    | undefined
  #asked = 0
  #appId: bigint | undefined
  #held: AsyncDisposableStack | undefined

  constructor(lasting: Lasting, config: Config, options: ServerOptions, complaints: readonly object[]) {
    this.#lasting = lasting
    this.#config = config
    this.#options = options
    this.complaints = complaints
  }

  get blocks(): Blocks {
    return this.#running.blocks
  }

  get database(): TestDatabase {
    return this.#lasting.database
  }

  get url(): string {
    const { urls } = this.#running.threads ?? { urls: [] }
    this.#asked += 1
    return urls[this.#asked % urls.length] ?? ''
  }

  get #running() {
    if (this.#opened === undefined) throw new Error('the server is closed')
    return this.#opened
  }

  /** What is closed after everything else. */
  holds(resources: AsyncDisposableStack): void {
    this.#held = resources
  }

  async open(): Promise<void> {
    await using resources = new AsyncDisposableStack()
    const { clock, database: db, log } = this.#lasting
    const outbox = openOutbox({ db, clock })
    const parking = openParking(db)
    const bus = resources.use(openMemoryBus({ clock, log, parking, accepts: isKnownEvent }))
    const engines: Engines = { ...this.#lasting, outbox, parking, bus: late(bus, this.#options.lateMs) }
    const changed = (blocks: Blocks): void => limitEntries(blocks.timelineCache, this.#options.entriesMax)
    if (this.#options.http) {
      const ports = Array.from({ length: API_SIDES }, () => 0)
      const threads = await openThreads(this.#config, engines, resources, { ports, changed })
      this.#opened = { engines, blocks: threads.blocks, threads, resources: resources.move() }
    } else {
      const blocks = await openBlocks(this.#config, engines, resources)
      changed(blocks)
      this.#opened = { engines, blocks, threads: undefined, resources: resources.move() }
    }
  }

  async signUp(username: string): Promise<AccountId> {
    const { id } = await this.blocks.people.accounts.signUp({
      username,
      email: `${username}@localhost`,
      password: null,
      locale: 'en',
      reason: '',
      role: 'user',
      confirmed: true,
      approved: true,
      indexable: true,
    })
    return id
  }

  async token(account: AccountId): Promise<string> {
    const { oauth } = this.blocks.people
    const scopes = ['read', 'write', 'follow']
    if (this.#appId === undefined) {
      const redirectUris = ['urn:ietf:wg:oauth:2.0:oob']
      this.#appId = (await oauth.registerApp({ name: 'Oracle', website: null, redirectUris, scopes })).app.id
    }
    const app = await oauth.appById(this.#appId)
    if (app === undefined) throw new Error('the app is there')
    return (await oauth.issueToken(app, account, scopes)).token
  }

  async settle(): Promise<void> {
    const { engines, blocks, threads } = this.#running
    const deadlineMs = performance.now() + SETTLE_MS_MAX
    const isQuiet = () =>
      blocks.relay.state().inFlight === 0 && engines.bus.state().every(({ pending }) => pending === 0)
    while (!isQuiet() || (await engines.outbox.lag()).rows > 0) {
      if (performance.now() > deadlineMs) throw new Error(`not settled: ${JSON.stringify(engines.bus.state())}`)
      await sleep(1)
    }
    await threads?.heard()
  }

  moveClock(minutes: number): void {
    this.#lasting.clock.aheadMs += minutes * MINUTE_MS
  }

  nowMs(): number {
    return this.#lasting.clock.nowMs()
  }

  async restart(): Promise<void> {
    await this.#running.resources.disposeAsync()
    await this.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.resources.disposeAsync()
    await this.#held?.disposeAsync()
  }
}

/**
 * Timelines that are built or merged keep only the newest `entriesMax`, as the contract allows: what is left out raises the
 * floor. So a small world has timelines that end above the store.
 */
function limitEntries(cache: TimelineCache, entriesMax: number): void {
  const cut = (entries: readonly TimelineEntry[], floor: bigint): [readonly TimelineEntry[], bigint] => {
    const last = entries[entriesMax - 1]
    return entries.length <= entriesMax || last === undefined
      ? [entries, floor]
      : [entries.slice(0, entriesMax), last.id - 1n]
  }
  const finishBuild = cache.finishBuild.bind(cache)
  const merge = cache.merge.bind(cache)
  cache.finishBuild = (ticket, entries, floor) => finishBuild(ticket, ...cut(entries, floor))
  cache.merge = (owner, entries, floor) => merge(owner, ...cut(entries, floor))
}

/** The same bus, its messages held back in their order. */
function late(bus: Bus, ms: number): Bus {
  if (ms === 0) return bus
  return {
    publish: async (messages) => {
      await sleep(ms)
      await bus.publish(messages)
    },
    join: bus.join.bind(bus),
    listen: bus.listen.bind(bus),
    state: bus.state.bind(bus),
    [Symbol.asyncDispose]: bus[Symbol.asyncDispose].bind(bus),
  }
}

interface MovableClock extends Clock {
  aheadMs: number
}

function movableClock(): MovableClock {
  const clock: MovableClock = {
    aheadMs: 0,
    nowMs: () => systemClock.nowMs() + clock.aheadMs,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
  }
  return clock
}

async function configOf({ celebrityFollowers, http, ...options }: ServerOptions, dataDir: string): Promise<Config> {
  const env = {
    ...options.env,
    DUNLIN_ENV: 'test',
    RATE_LIMITS: 'false',
    AUTO_CONFIRM_SIGNUPS: 'true',
    FANOUT_CELEBRITY_FOLLOWERS: String(celebrityFollowers),
  }
  const { config } = await loadConfig({ flags: { 'data-dir': dataDir }, env, cwd: dataDir })
  return http ? listeningOn(config, await freePort()) : config
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
