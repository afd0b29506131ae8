import { createServer } from 'node:net'

import type { FastifyInstance } from 'fastify'

/** Binding the port, with texts that say what to do when it fails. */
import { AppError } from '../kit/errors.ts'
import type { ListenOptions } from './routing.ts'

const LOOPBACK = '127.0.0.1'

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
