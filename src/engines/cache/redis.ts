/** `Cache` on Redis or Valkey, alone or as a cluster: which of them is asked of the server. */
import { setTimeout as sleep } from 'node:timers/promises'

import { Cluster, type Redis } from 'ioredis'

import type { SteadyClock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { parseCacheAddress, type CacheAddress } from './address.ts'
import { BatchCommand } from './batch-command.ts'
import { Breaker } from './breaker.ts'
import { CacheError, CALL_MS_MAX, CALLS_IN_FLIGHT_MAX } from './contract.ts'
import type { Cache, CacheServer, FunctionCall, FunctionLibrary, Reply } from './contract.ts'
import { cacheError, isFunctionMissing, isOfServer } from './failures.ts'
import { addressOfServer, clusterClient, masters, serverClient, type RedisClient } from './redis-clients.ts'
import { slotOf } from './slots.ts'

/** The first connection is waited for this long; without one the cache opens all the same, and goes on trying. */
const OPEN_MS_MAX = 2_000
const CONNECT_AGAIN_MS = 1_000
/** Keys looked at by one step of a walk over all keys. */
const SCAN_KEYS = 1_000
/** Connection failures are logged at most once in this time. */
const FAILURE_LOG_MS = 5_000

export interface RedisOptions {
  /** See `address.ts`. */
  readonly url: string
  readonly libraries: readonly FunctionLibrary[]
  readonly log: Log
  readonly steady: SteadyClock
  /** CALL_MS_MAX if not given. */
  readonly callMsMax?: number
}

/** Connections for small calls and for large work. */
interface Lanes {
  readonly prompt: RedisClient
  readonly bulk: RedisClient
}

interface ServerState {
  readonly breaker: Breaker
  inFlight: number
}

/** Opens also when no server can be reached: calls are `unavailable` until one can. Throws `invalid` for a bad URL. */
export async function openRedis(options: RedisOptions): Promise<Cache> {
  const cache = new RedisCache(parseCacheAddress(options.url), options)
  await cache.open()
  return cache
}

class RedisCache implements Cache {
  readonly #address: CacheAddress
  readonly #options: RedisOptions
  readonly #callMsMax: number
  readonly #servers = new Map<string, ServerState>()
  readonly #stop = new AbortController()
  #lanes: Lanes | undefined
  #connecting: Promise<void> = Promise.resolve()
  #loading: Promise<void> | undefined
  #failureLoggedMs = -Infinity

  constructor(address: CacheAddress, options: RedisOptions) {
    this.#address = address
    this.#options = options
    this.#callMsMax = options.callMsMax ?? CALL_MS_MAX
  }

  async open(): Promise<void> {
    this.#connecting = this.#connect()
    const late = new AbortController()
    await Promise.race([
      this.#connecting,
      sleep(OPEN_MS_MAX, undefined, { signal: late.signal }).catch(() => undefined),
    ])
    late.abort()
  }

  async call(call: FunctionCall): Promise<Reply> {
    const lanes = this.#lanes
    if (lanes === undefined) throw new CacheError('down')
    const address = this.addressOf(call.keys[0] ?? '')
    const server = this.#server(address)
    if (server.inFlight >= CALLS_IN_FLIGHT_MAX || !server.breaker.admits()) throw new CacheError('shed')
    server.inFlight += 1
    const answer = this.#send(call.bulk === true ? lanes.bulk : lanes.prompt, call)
    const settled = () => {
      server.inFlight -= 1
    }
    answer.then(settled, settled) // also long after its deadline
    try {
      const reply = await within(this.#callMsMax, answer)
      if (server.breaker.succeeded()) this.#options.log.info({ event: 'cache.reopened', server: address })
      return reply
    } catch (error) {
      const failure = cacheError(error)
      this.#noteFailure(server, address, failure)
      throw failure
    }
  }

  addressOf(key: string): string {
    const client = this.#lanes?.prompt
    if (client === undefined) return 'unknown'
    return client instanceof Cluster ? (client.slots[slotOf(key)]?.[0] ?? 'unknown') : addressOfServer(client)
  }

  async servers(): Promise<CacheServer[]> {
    const described = this.#masters().map(async (server): Promise<CacheServer[]> => {
      try {
        return [describedBy(addressOfServer(server), await within(this.#callMsMax, server.info()))]
      } catch {
        return []
      }
    })
    return (await Promise.all(described)).flat()
  }

  async *keys(prefix: string): AsyncIterable<string[]> {
    const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
    if (this.#lanes === undefined) throw new CacheError('down')
    for (const server of this.#masters()) {
      let cursor = '0'
      do {
        const step = server.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_KEYS)
        const [next, found] = await within(this.#callMsMax, step).catch((error: unknown) => {
          throw cacheError(error)
        })
        cursor = next
        yield found
      } while (cursor !== '0')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#connecting
    this.#lanes?.prompt.disconnect()
    this.#lanes?.bulk.disconnect()
  }

  /** Every await ends when the connection does, so that nothing hangs on to a call that was given up. */
  async #send(client: RedisClient, call: FunctionCall): Promise<Reply> {
    try {
      return await callFunction(client, call)
    } catch (error) {
      if (!isFunctionMissing(error)) throw error
      // A server that was restarted, flushed, or is new in the cluster.
      await this.#loadLibraries()
      return callFunction(client, call)
    }
  }

  #noteFailure(server: ServerState, address: string, failure: CacheError): void {
    const { log } = this.#options
    if (!isOfServer(failure.fault)) {
      server.breaker.succeeded()
      if (failure.fault === 'refused') this.#logFailure(failure.cause)
    } else if (server.breaker.failed()) {
      log.warn({ event: 'cache.closed', server: address, fault: failure.fault }, 'leaving the cache alone for a while')
    }
  }

  #server(address: string): ServerState {
    let server = this.#servers.get(address)
    if (server === undefined) {
      server = { breaker: new Breaker(() => this.#options.steady.awakeMs()), inFlight: 0 }
      this.#servers.set(address, server)
    }
    return server
  }

  #masters(): Redis[] {
    return this.#lanes === undefined ? [] : masters(this.#lanes.prompt)
  }

  #loadLibraries(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #load(): Promise<void> {
    const loads = this.#masters().flatMap((server) =>
      this.#options.libraries.map(({ code }) =>
        server.call('FUNCTION', 'LOAD', code).catch((error: unknown) => {
          const isThere = error instanceof Error && /already exists/.test(error.message)
          if (!isThere) throw error
        }),
      ),
    )
    // One server of a cluster that is down does not keep the others from having it.
    const failed = (await Promise.allSettled(loads)).find((load) => load.status === 'rejected')
    if (failed !== undefined && loads.length === this.#options.libraries.length) throw failed.reason
    if (failed !== undefined) this.#logFailure(failed.reason)
  }

  async #connect(): Promise<void> {
    const { log } = this.#options
    while (!this.#stop.signal.aborted) {
      try {
        const clustered = await this.#asksForCluster()
        this.#lanes = await this.#openLanes(clustered)
        await this.#loadLibraries()
        log.info({ event: 'cache.connected', clustered })
        return
      } catch (error) {
        this.#logFailure(error)
        await sleep(CONNECT_AGAIN_MS, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined)
      }
    }
  }

  /** The first server that answers says whether it belongs to a cluster. */
  async #asksForCluster(): Promise<boolean> {
    const asked = this.#address.nodes.map(async (node) => {
      const client = this.#watched(serverClient(this.#address, node))
      try {
        await within(OPEN_MS_MAX, client.connect())
        return /^cluster_enabled:1/m.test(await within(OPEN_MS_MAX, client.info('cluster')))
      } finally {
        client.disconnect()
      }
    })
    return Promise.any(asked)
  }

  async #openLanes(clustered: boolean): Promise<Lanes> {
    const [first] = this.#address.nodes
    const opened: RedisClient[] = []
    const open = async (): Promise<RedisClient> => {
      const client = this.#watched(
        clustered || first === undefined ? clusterClient(this.#address) : serverClient(this.#address, first),
      )
      opened.push(client)
      await within(OPEN_MS_MAX, client.connect())
      return client
    }
    try {
      const [prompt, bulk] = await Promise.all([open(), open()])
      return { prompt, bulk }
    } catch (error) {
      for (const client of opened) client.disconnect()
      throw error
    }
  }

  /** Without a listener, the first failure of a connection would end the process. */
  #watched<Client extends RedisClient>(client: Client): Client {
    client.on('error', (error: unknown) => this.#logFailure(error))
    return client
  }

  #logFailure(error: unknown): void {
    const nowMs = this.#options.steady.awakeMs()
    if (nowMs - this.#failureLoggedMs < FAILURE_LOG_MS || this.#stop.signal.aborted) return
    this.#failureLoggedMs = nowMs
    const said = error instanceof AggregateError ? error.errors[0] : error
    this.#options.log.warn({ event: 'cache.failed', error: said instanceof Error ? said.message : String(said) })
  }
}

async function callFunction(client: RedisClient, call: FunctionCall): Promise<Reply> {
  const { name, keys, numbered, args, readOnly } = call
  const command = readOnly === true ? 'FCALL_RO' : 'FCALL'
  let answer: unknown
  if (numbered === undefined) answer = await client.callBuffer(command, [name, keys.length, ...keys, ...args])
  else answer = await client.sendCommand(new BatchCommand(command, { ...call, numbered }))
  return answer as Reply // RESP2 has nothing else, and its strings come as Buffers
}

/** Rejects with `late` after `ms`. What has arrived by then counts, even if this process had no time to look at it. */
function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const timer = setTimeout(() => setImmediate(() => reject(new CacheError('late'))), ms)
  const done = () => clearTimeout(timer)
  work.then(resolve, reject).finally(done)
  return promise
}

function describedBy(address: string, info: string): CacheServer {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const limit = Number(field('maxmemory'))
  return {
    address,
    run: field('run_id'),
    usedBytes: Number(field('used_memory')),
    limitBytes: limit > 0 ? limit : Number(field('total_system_memory')),
  }
}
