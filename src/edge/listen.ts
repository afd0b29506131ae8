/** Binding the port, with texts that say what to do when it fails; and giving it up without losing a request. */
import { once } from 'node:events'
import { createServer, Server } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'

import { AppError } from '../kit/errors.ts'
import { DRAIN_MS_MAX } from '../kit/lifecycle.ts'
import type { ListenOptions } from './routing.ts'

const LOOPBACK = '127.0.0.1'
/** A client may be sending on an idle connection at the moment that we stop: its request is still answered. */
const IDLE_GRACE_MS = 1_000
const SWEEP_MS = 50

export async function listen(server: FastifyInstance, options: ListenOptions): Promise<number> {
  const host = options.host ?? LOOPBACK
  try {
    await server.listen({ host, port: options.port, ...(options.reusePort === true && { reusePort: true }) })
  } catch (error) {
    throw new AppError('unavailable', failureText(error, host, options.port), { cause: error })
  }
  const address = server.server.address()
  return typeof address === 'object' && address !== null ? address.port : options.port
}

/**
 * The port to listen on: `port` itself, or a free one for 0. Throws `unavailable` with a clear text when it is taken, also
 * by somebody who shares it: two servers on one port would each get a part of the requests.
 */
export async function portFor({ port, host = LOOPBACK }: Pick<ListenOptions, 'port' | 'host'>): Promise<number> {
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen(port, host, resolve)
    })
    const address = probe.address()
    return typeof address === 'object' && address !== null ? address.port : port
  } catch (error) {
    throw new AppError('unavailable', failureText(error, host, port), { cause: error })
  } finally {
    await new Promise((resolve) => probe.close(resolve))
  }
}

/**
 * Answers what has come and what is on its way, each on a connection that ends with the answer; takes no connection that is
 * not there yet. Connections on which nothing comes are closed after a grace, and all of them after DRAIN_MS_MAX.
 */
export async function drain(server: FastifyInstance, idleGraceMs = IDLE_GRACE_MS): Promise<void> {
  const { server: http } = server
  http.prependListener('request', (_request, response) => response.setHeader('connection', 'close'))
  const cut = setTimeout(() => http.closeAllConnections(), DRAIN_MS_MAX)
  // Connections that the system has made for us by now: each turn takes those it finds.
  await nextTurn()
  await nextTurn()
  const ended = new AbortController()
  const allClosed = once(http, 'close', { signal: ended.signal }).catch(() => undefined)
  // The port alone: the HTTP server's own close would close every idle connection under the hands of its client.
  Server.prototype.close.call(http)
  await Promise.race([allClosed, sleep(idleGraceMs, undefined, { signal: ended.signal }).catch(() => undefined)])
  ended.abort()
  // A connection may fall idle only after its last answer; nobody else would close it then.
  const sweep = setInterval(() => http.closeIdleConnections(), SWEEP_MS)
  await server.close().finally(() => {
    clearTimeout(cut)
    clearInterval(sweep)
  })
}

function failureText(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is taken by another program. Choose another with --port or PORT=${port + 1}.`
    case 'EACCES':
      return `Port ${port} may not be used by this user. Ports below 1024 need root: choose another with --port.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `This machine has no address ${host}. Choose another with --host.`
    default:
      return `Cannot listen on ${host}, port ${port}: ${code}`
  }
}
