import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import { allowedAddresses } from '../../src/engines/outbound/addresses.ts'
import type { Outbound } from '../../src/engines/outbound/contract.ts'
import { openOutbound } from '../../src/engines/outbound/safe-fetch.ts'
import { AppError } from '../../src/kit/errors.ts'

const LOOPBACK = ['127.0.0.0/8', '::1']

const isRefused = (error: unknown) => error instanceof AppError && error.code === 'invalid'
const isUnreachable = (error: unknown) => error instanceof AppError && error.code === 'unavailable'

const request = (outbound: Outbound, url: string, more: object = {}) =>
  outbound.request({
    url: new URL(url),
    method: 'POST',
    headers: {},
    body: Buffer.from('x'),
    deadlineMs: 20_000,
    answerBytesMax: 100,
    ...more,
  })

async function serving(answer: RequestListener): Promise<AsyncDisposable & { port: number; sockets(): number }> {
  const server = createServer(answer)
  let sockets = 0
  server.on('connection', () => (sockets += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    sockets: () => sockets,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Lookup = NonNullable<Parameters<typeof openOutbound>[0]['lookup']>

const standingFor =
  (...addresses: string[]): Lookup =>
  (_host, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )

test('nothing near can be reached, however it is written', async () => {
  using outbound = openOutbound({ exceptions: [] })
  const hosts = [
    '127.0.0.1 127.1 0x7f.1 2130706433 017700000001 0 10.1.2.3 100.64.0.1',
    '172.31.255.255 192.168.0.1 169.254.169.254 192.0.2.1 198.18.0.1 224.0.0.1 255.255.255.255 １２７.0.0.1',
    '[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [fc00::1] [fe80::1]',
    '[2002:7f00:1::] [2001:db8::1] [ff02::1] [3fff::1] [::ffff:10.0.0.1]',
  ]
  for (const host of hosts.flatMap((line) => line.split(' '))) {
    await assert.rejects(request(outbound, `https://${host}/`), isRefused, host)
  }
})

test('addresses of the world can', () => {
  const isAllowed = allowedAddresses([])
  for (const address of ['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1']) {
    assert.ok(isAllowed(address), address)
  }
  assert.equal(isAllowed('no address'), false)
})

test('other schemes, ports, names and lengths are refused', async () => {
  using outbound = openOutbound({ exceptions: [] })
  for (const url of [
    'http://push.example/',
    'https://push.example:8443/',
    'https://user@push.example/',
    'https://good:word@push.example/',
    'file:///etc/passwd',
    'ftp://push.example/',
    'javascript:alert(1)',
    `https://push.example/${'x'.repeat(1_000)}`,
  ]) {
    await assert.rejects(request(outbound, url), isRefused, url)
  }
})

test('a name is refused when one of its addresses is near, and whatever it stood for a moment ago', async () => {
  const answers = [['1.1.1.1', '10.0.0.1'], ['127.0.0.1'], ['::ffff:10.0.0.1']]
  for (const addresses of answers) {
    using outbound = openOutbound({ exceptions: [], lookup: standingFor(...addresses) })
    await assert.rejects(request(outbound, 'https://a.internal/'), isRefused, addresses.join())
  }
})

test('an exception is reached, without TLS and on any port; what is no exception is not', async () => {
  await using server = await serving((_request, response) => response.end('yes'))
  using outbound = openOutbound({ exceptions: LOOPBACK, lookup: standingFor('127.0.0.1') })
  for (const host of ['127.0.0.1', 'ntfy.home']) {
    const answer = await request(outbound, `http://${host}:${server.port}/`)
    assert.deepEqual([answer.status, answer.body.toString()], [200, 'yes'])
  }
  await assert.rejects(request(outbound, 'https://10.0.0.1/'), isRefused)
  await assert.rejects(request(outbound, 'http://1.1.1.1/'), isRefused)
  using strict = openOutbound({ exceptions: LOOPBACK, lookup: standingFor('1.1.1.1') })
  await assert.rejects(request(strict, 'http://push.example/'), isRefused)
  await assert.rejects(request(strict, 'https://push.example:444/'), isRefused)
})

test('a redirect is an answer, and is not followed', async () => {
  let asked = 0
  await using server = await serving((_request, response) => {
    asked += 1
    response.writeHead(302, { location: `http://127.0.0.1:${server.port}/elsewhere` }).end()
  })
  using outbound = openOutbound({ exceptions: LOOPBACK })
  const answer = await request(outbound, `http://127.0.0.1:${server.port}/`)
  assert.deepEqual([answer.status, asked], [302, 1])
})

test('who never answers, or drips, or sends without end is left', async () => {
  await using server = await serving(({ url }, response) => {
    if (url === '/silent') return
    response.writeHead(200)
    const isEndless = url === '/endless'
    const more = setInterval(() => response.write('x'.repeat(isEndless ? 10_000 : 1)), isEndless ? 1 : 10)
    response.on('close', () => clearInterval(more))
  })
  using outbound = openOutbound({ exceptions: LOOPBACK })
  const at = (path: string) => `http://127.0.0.1:${server.port}${path}`
  await assert.rejects(request(outbound, at('/silent'), { deadlineMs: 50 }), isUnreachable)
  await assert.rejects(
    request(outbound, at('/dripping'), { deadlineMs: 50, answerBytesMax: 1_000_000_000 }),
    isUnreachable,
  )
  const endless = await request(outbound, at('/endless'))
  assert.equal(endless.body.length, 100)
})

test('connections are used again, and a service that is not there is told as such', async () => {
  await using server = await serving((_request, response) => response.end())
  using outbound = openOutbound({ exceptions: LOOPBACK })
  for (let round = 0; round < 5; round += 1) await request(outbound, `http://127.0.0.1:${server.port}/`)
  assert.equal(server.sockets(), 1)
  const { port } = server
  await server[Symbol.asyncDispose]()
  await assert.rejects(request(outbound, `http://127.0.0.1:${port}/`), isUnreachable)
})
