/** Connections by `ioredis`, whose settings are all here: none waits for a server, nothing is queued for later. */
import { Cluster, Redis } from 'ioredis'

import type { CacheAddress } from './address.ts'

export type RedisClient = Redis | Cluster

/** For TCP and TLS to be set up. */
const CONNECT_MS_MAX = 2_000
/** A connection on which answers are owed and nothing comes is closed: the other side may be gone without a word. */
const SILENCE_MS_MAX = 2_000
const KEEP_ALIVE_MS = 10_000
const RECONNECT_MS_MAX = 1_000
/** Redirections and repetitions of one call in a cluster. */
const REDIRECTIONS_MAX = 8
const REDIRECTION_PAUSE_MS = 20
/** How often a cluster is asked which server has which keys, when nothing tells us sooner. */
const TOPOLOGY_MS = 2_000

const shared = {
  protocol: 2,
  connectTimeout: CONNECT_MS_MAX,
  socketTimeout: SILENCE_MS_MAX,
  keepAlive: KEEP_ALIVE_MS,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectionName: 'dunlin',
} as const

/** With jitter, so that many processes don't come back at one moment. */
function reconnectMs(times: number): number {
  return Math.min(50 * times, RECONNECT_MS_MAX) * (0.5 + Math.random() / 2)
}

function credentials({ username, password, tls }: CacheAddress) {
  return { ...(username && { username }), ...(password && { password }), ...(tls && { tls: {} }) }
}

/** A connection to one server, not yet made: `connect()`. */
export function serverClient(address: CacheAddress, node: CacheAddress['nodes'][number]): Redis {
  return new Redis({
    ...shared,
    ...credentials(address),
    host: node.host,
    port: node.port,
    db: address.database,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: reconnectMs,
    // A server that became a replica: behind the same name there may be another one by now.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  })
}

/** Connections to all servers of a cluster, not yet made: `connect()`. */
export function clusterClient(address: CacheAddress): Cluster {
  return new Cluster([...address.nodes], {
    lazyConnect: true,
    enableOfflineQueue: false,
    redisOptions: { ...shared, ...credentials(address) },
    clusterRetryStrategy: reconnectMs,
    maxRedirections: REDIRECTIONS_MAX,
    retryDelayOnFailover: REDIRECTION_PAUSE_MS,
    retryDelayOnClusterDown: REDIRECTION_PAUSE_MS,
    retryDelayOnTryAgain: REDIRECTION_PAUSE_MS,
    slotsRefreshTimeout: CONNECT_MS_MAX,
    slotsRefreshInterval: TOPOLOGY_MS,
  })
}

/** The connections to servers that hold keys. */
export function masters(client: RedisClient): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client]
}

export function addressOfServer({ options }: Redis): string {
  return `${options.host}:${options.port}`
}
