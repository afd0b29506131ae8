/** The server around the routes: errors, headers, CORS, addresses, broken HTTP, and going down in order. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { Refusal } from '../../src/edge/errors.ts'
import { AppError } from '../../src/kit/errors.ts'
import type { ErrorCode } from '../../src/kit/errors.ts'
import { bearer, edgeWorld, identity } from '../world/http.ts'
import type { Answer, EdgeWorld } from '../world/http.ts'

/** A world with one route that does what the test says. */
async function worldWith(handler: () => unknown, path = '/api/it'): Promise<EdgeWorld> {
  const world = await edgeWorld({ token: identity() })
  world.edge.route({ method: 'GET', path, auth: 'optional', scopes: ['read'], handler })
  return world
}

const error = (answer: Answer): unknown => (answer.json as { error?: unknown }).error

test('each code of error has its status and its text', async () => {
  const expected: Record<ErrorCode, number> = {
    bad_request: 400,
    unauthenticated: 401,
    forbidden: 403,
    not_found: 404,
    conflict: 409,
    gone: 410,
    too_large: 413,
    invalid: 422,
    too_many: 429,
    unavailable: 503,
  }
  for (const [code, status] of Object.entries(expected) as [ErrorCode, number][]) {
    await using world = await worldWith(() => {
      throw new AppError(code, `about ${code}`)
    })
    const answer = await world.call('GET', '/api/it')
    assert.deepEqual([answer.status, error(answer)], [status, `about ${code}`])
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal(answer.headers.get('retry-after') !== null, status === 429 || status === 503, code)
  }
})

test('details, waiting times and bodies of their own reach the client', async () => {
  const details = { username: [{ error: 'ERR_TAKEN', description: 'has already been taken' }] }
  await using world = await worldWith(() => {
    throw new AppError('invalid', 'Validation failed: Username has already been taken', {
      details,
      retryAfterSeconds: 6.2,
    })
  })
  const answer = await world.call('GET', '/api/it')
  assert.deepEqual((answer.json as { details: unknown }).details, details)
  assert.equal(answer.headers.get('retry-after'), '7')
  await using refusing = await worldWith(() => {
    throw new Refusal(400, { error: 'invalid_grant', error_description: 'Too late' }, { 'x-extra': '1' })
  })
  const refused = await refusing.call('GET', '/api/it')
  assert.deepEqual(refused.json, { error: 'invalid_grant', error_description: 'Too late' })
  assert.equal(refused.headers.get('x-extra'), '1')
})

test('a bug is a 500 without a word of what it was; the log has it with the request’s id', async () => {
  for (const thrown of [new Error('password=hunter2'), Object.assign(new Error('secret'), { statusCode: 500 })]) {
    await using world = await worldWith(() => {
      throw thrown
    })
    const answer = await world.call('GET', '/api/it', { headers: { 'x-request-id': 'trace-7' } })
    assert.equal(answer.status, 500)
    assert.doesNotMatch(answer.text, /hunter2|secret|stack|\.ts/)
    assert.equal(world.logged.length, 1)
    assert.match(JSON.stringify(world.logged[0]), /"requestId":"trace-7"/)
  }
})

test('what a handler returns is JSON; nothing is an empty object', async () => {
  await using world = await worldWith(() => undefined)
  const answer = await world.call('GET', '/api/it')
  assert.deepEqual([answer.status, answer.text], [200, '{}'])
  await using ready = await worldWith(() => '[1]')
  assert.deepEqual((await ready.call('GET', '/api/it')).json, [1])
})

test('unknown routes are JSON under /api for everyone, and a page elsewhere for browsers', async () => {
  await using world = await worldWith(() => ({}))
  const asBrowser = { headers: { accept: 'text/html,application/xhtml+xml' } }
  for (const path of ['/api', '/api/', '/api/v1/nope', '/api/it/more', '/api/it.json']) {
    const answer = await world.call('GET', path, asBrowser)
    assert.deepEqual([answer.status, answer.json], [404, { error: 'Not Found' }], path)
  }
  assert.equal((await world.call('POST', '/api/it')).status, 404)
  const page = await world.call('GET', '/nope', asBrowser)
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  assert.deepEqual((await world.call('GET', '/nope')).json, { error: 'Not Found' })
})

test('a trailing slash is tolerated, and HEAD answers as GET without the body', async () => {
  await using world = await worldWith(() => ({ a: 1 }))
  assert.equal((await world.call('GET', '/api/it/')).status, 200)
  const head = await world.call('HEAD', '/api/it')
  assert.deepEqual([head.status, head.text, head.headers.get('content-length')], [200, '', '7'])
})

test('addresses that do not decode, and parts too long, are answered like other mistakes', async () => {
  await using world = await worldWith(() => ({}), '/api/it/:id')
  for (const path of ['/api/it/%ff', '/api/it/%', `/api/it/${'x'.repeat(2_000)}`]) {
    const answer = await world.call('GET', path)
    assert.ok(answer.status >= 400 && answer.status < 500, `${path.slice(0, 20)} ${answer.status}`)
    assert.equal(typeof error(answer), 'string')
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    assert.ok(answer.headers.get('x-request-id'))
  }
})

test('a query that cannot be parsed is a 400, not the end of the server', async () => {
  await using world = await worldWith(() => ({}))
  assert.equal((await world.call('GET', `/api/it?a${'[b]'.repeat(60)}=1`)).status, 400)
  assert.equal((await world.call('GET', `/api/it?${'a=1&'.repeat(1_200)}`)).status, 400)
  assert.equal((await world.call('GET', '/api/it')).status, 200)
})

test('the request id comes back; one that is no id is replaced', async () => {
  await using world = await worldWith(() => ({}))
  const idFor = async (given: string): Promise<string | null> =>
    (await world.call('GET', '/api/it', { headers: { 'x-request-id': given } })).headers.get('x-request-id')
  assert.equal(await idFor('abc-123'), 'abc-123')
  assert.match((await idFor('a b;c')) ?? '', /^[0-9a-f-]{36}$/)
  assert.match((await idFor('x'.repeat(300))) ?? '', /^[0-9a-f-]{36}$/)
})

test('caches are told what they may keep: public answers without a token, nothing else', async () => {
  await using world = await edgeWorld({ token: identity() })
  world.edge.route({
    method: 'GET',
    path: '/api/p',
    auth: 'optional',
    scopes: ['read'],
    cache: 'public',
    handler: () => [],
  })
  world.edge.route({ method: 'GET', path: '/api/i', auth: 'public', cache: 'instance', handler: () => ({}) })
  world.edge.route({ method: 'GET', path: '/api/n', auth: 'public', handler: () => ({}) })
  const cacheOf = async (path: string, init?: RequestInit): Promise<string | null> =>
    (await world.call('GET', path, init)).headers.get('cache-control')
  assert.equal(await cacheOf('/api/p'), 'max-age=15, public, stale-while-revalidate=30')
  assert.equal(await cacheOf('/api/p', bearer('token')), 'private, no-store')
  assert.equal(await cacheOf('/api/p', { headers: { cookie: 'a=b' } }), 'private, no-store')
  assert.match((await cacheOf('/api/i')) ?? '', /^max-age=300, public/)
  assert.equal(await cacheOf('/api/n'), 'private, no-store')
  assert.equal(await cacheOf('/api/nope'), 'private, no-store')
  assert.equal((await world.call('GET', '/api/p')).headers.get('vary'), 'Authorization, Origin')
})

test('security headers are on every answer; HSTS because the server is reached by https', async () => {
  await using world = await worldWith(() => ({}))
  for (const path of ['/api/it', '/api/nope', '/nope']) {
    const { headers } = await world.call('GET', path)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('x-frame-options'), 'DENY')
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.ok(headers.get('referrer-policy'))
    assert.match(headers.get('strict-transport-security') ?? '', /max-age=\d{8}/)
    assert.equal(headers.get('server'), null)
    assert.equal(headers.get('x-powered-by'), null)
  }
})

test('other origins may read the API and public documents, errors included, and nothing else', async () => {
  await using world = await worldWith(() => ({}))
  const origin = { headers: { origin: 'https://elsewhere.example' } }
  for (const path of [
    '/api/it',
    '/api/nope',
    '/oauth/token',
    '/oauth/revoke',
    '/oauth/userinfo',
    '/.well-known/host-meta',
    '/nodeinfo/2.0',
    '/@alice',
    '/users/alice',
    '/media/x.png',
  ]) {
    const { headers } = await world.call('GET', path, origin)
    assert.equal(headers.get('access-control-allow-origin'), '*', path)
    assert.equal(headers.get('access-control-allow-credentials'), null)
    const exposed = headers.get('access-control-expose-headers') ?? ''
    for (const name of [
      'Link',
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
      'X-Request-Id',
      'Mastodon-Async-Refresh',
    ])
      assert.ok(exposed.includes(name), name)
  }
  for (const path of ['/', '/oauth/authorize', '/auth/sign_in', '/@alice/1', '/apiary']) {
    assert.equal((await world.call('GET', path, origin)).headers.get('access-control-allow-origin'), null, path)
  }
})

test('preflights allow any header and the methods of the path, without reaching a route', async () => {
  await using world = await worldWith(() => {
    throw new Error('reached')
  })
  const ask = (path: string, headers = 'authorization, content-type, idempotency-key'): Promise<Answer> =>
    world.call('OPTIONS', path, {
      headers: {
        origin: 'https://elsewhere.example',
        'access-control-request-method': 'DELETE',
        'access-control-request-headers': headers,
      },
    })
  const answer = await ask('/api/it')
  assert.equal(answer.status, 204)
  assert.equal(answer.headers.get('access-control-allow-headers'), 'authorization, content-type, idempotency-key')
  assert.match(answer.headers.get('access-control-allow-methods') ?? '', /GET, POST, PUT, PATCH, DELETE/)
  assert.equal((await ask('/oauth/token')).headers.get('access-control-allow-methods'), 'POST')
  assert.equal((await ask('/oauth/authorize')).headers.get('access-control-allow-methods'), null)
  assert.equal(world.logged.length, 0)
})

/** Sends bytes, and returns all that comes back until the server closes or a second is over. */
async function rawly(world: EdgeWorld, text: string): Promise<string> {
  await world.call('GET', '/api/it')
  const socket = connect(Number(new URL(world.base).port), '127.0.0.1')
  let received = ''
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(text)
  await Promise.race([closed, sleep(1_000)])
  socket.destroy()
  return received
}

test('ambiguous and broken requests are refused with 4xx and a closed connection', async () => {
  await using world = await worldWith(() => ({}))
  const host = 'Host: dunlin.example\r\n'
  const requests: Record<string, string> = {
    'length and chunks': `POST /api/it HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'two lengths': `POST /api/it HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    'unknown coding': `POST /api/it HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    'folded header': `GET /api/it HTTP/1.1\r\n${host}X-A: b\r\n c\r\n\r\n`,
    'bare LF': `GET /api/it HTTP/1.1\n${host.replace('\r', '')}\n`,
    'no host': 'GET /api/it HTTP/1.1\r\n\r\n',
    'no HTTP': 'hello there\r\n\r\n',
    'space before colon': `GET /api/it HTTP/1.1\r\n${host}X-A : b\r\n\r\n`,
    'huge header': `GET /api/it HTTP/1.1\r\n${host}X-A: ${'x'.repeat(20_000)}\r\n\r\n`,
  }
  for (const [name, request] of Object.entries(requests)) {
    const answer = await rawly(world, request)
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, `${name}: ${answer.slice(0, 80)}`)
    assert.doesNotMatch(answer, /HTTP\/1\.1 200/, name)
  }
  assert.equal((await world.call('GET', '/api/it')).status, 200)
})

test('draining lets requests finish, takes no new ones, and ends', async () => {
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  await using world = await worldWith(async () => {
    begun.resolve()
    await gate.promise
    return { done: true }
  })
  const pending = world.call('GET', '/api/it')
  await begun.promise
  assert.equal(world.edge.draining, false)
  const drained = world.edge.drain()
  assert.equal(world.edge.draining, true)
  await sleep(30)
  await assert.rejects(fetch(`${world.base}/api/it`))
  gate.resolve()
  const answer = await pending
  assert.deepEqual(answer.json, { done: true })
  assert.equal(answer.headers.get('connection'), 'close')
  await drained
})

test('a port that is taken is told in a sentence that says what to do', async () => {
  await using world = await worldWith(() => ({}))
  await world.call('GET', '/api/it')
  const port = Number(new URL(world.base).port)
  await using second = await edgeWorld()
  await assert.rejects(second.edge.listen({ port }), (fault: unknown) => {
    assert.ok(fault instanceof AppError)
    assert.match(fault.message, new RegExp(`Port ${port} is taken.*--port`))
    return true
  })
})

test('only loopback is listened on unless told otherwise', async () => {
  await using world = await worldWith(() => ({}))
  await world.call('GET', '/api/it')
  const address = world.edge.server.server.address()
  assert.ok(typeof address === 'object' && address?.address === '127.0.0.1')
})

test('slow clients and swollen headers have limits', async () => {
  await using world = await edgeWorld()
  const { server } = world.edge.server
  assert.deepEqual([server.headersTimeout, server.requestTimeout, server.maxHeadersCount], [10_000, 300_000, 100])
  assert.ok(server.keepAliveTimeout > 60_000, 'longer than proxies keep a connection')
})
