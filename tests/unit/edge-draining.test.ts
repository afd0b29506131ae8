/** How the HTTP server gives up its port and its connections. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

import Fastify from 'fastify'

import { drain } from '../../src/edge/listen.ts'

/** Nobody waits for so long. */
const ENDLESS_MS = 60_000

async function openServer() {
  const server = Fastify({ forceCloseConnections: 'idle', return503OnClosing: false })
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  server.get('/now', async () => 'answered')
  server.get('/later', async () => {
    begun.resolve()
    await finish.promise
    return 'answered at last'
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  return { server, port, begun: begun.promise, finish: () => finish.resolve() }
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

test('a request on a connection that was there is answered while the port is closed already, and ends the connection', async () => {
  const { server, port } = await openServer()
  const [used, fresh] = await Promise.all([connected(port), connected(port)])
  used.write(get('/now'))
  await once(used, 'data')
  const drained = drain(server, ENDLESS_MS)
  while (server.server.listening) await new Promise(setImmediate)
  await assert.rejects(connected(port), /ECONNREFUSED/)
  for (const socket of [used, fresh]) {
    socket.write(get('/now'))
    const said = await text(socket)
    assert.match(said, /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*answered$/is)
  }
  await drained
})

test('connections on which nothing comes are closed after the grace; a request under way is waited for', async () => {
  const { server, port, begun, finish } = await openServer()
  const [idle, busy] = await Promise.all([connected(port), connected(port)])
  busy.write(get('/later'))
  await begun
  const drained = drain(server, 1)
  assert.equal(await text(idle), '')
  finish()
  assert.match(await text(busy), /^HTTP\/1\.1 200 .*answered at last$/s)
  await drained
})

test('a server that nobody is connected to is drained at once', async () => {
  const { server } = await openServer()
  await drain(server, ENDLESS_MS)
})

test('a server that never listened is drained at once', async () => {
  const server = Fastify()
  await server.ready()
  await drain(server, ENDLESS_MS)
})
