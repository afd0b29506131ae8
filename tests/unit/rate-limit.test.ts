/** Rate limits: the figures, the keys, the headers, and ways around them that do not work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { addressKey } from '../../src/edge/client-address.ts'
import { RateCounters, rateMemory } from '../../src/edge/rate-counters.ts'
import { nearest, RateLimiter } from '../../src/edge/rate-limiter.ts'
import { THROTTLE_NAMES, THROTTLES } from '../../src/edge/rate-limits.ts'
import type { ThrottleName } from '../../src/edge/rate-limits.ts'
import { RATE_LIMIT_NAMES } from '../../src/kit/config/keys.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { bearer, edgeWorld, identity, json } from '../world/http.ts'
import type { Answer } from '../world/http.ts'

function limiterAt(nowMs = 1_000_000_000_000, enforced = true) {
  const clock = { ms: nowMs, nowMs: () => clock.ms, sleep: async () => {} }
  return { clock, limiter: new RateLimiter(clock, { enforced }, new RateCounters(7)) }
}

const status = ({ status: code }: Answer): number => code

test('the figures are Mastodon’s', () => {
  const figures = Object.fromEntries(
    Object.entries(THROTTLES).map(([name, { limit, periodSeconds }]) => [name, `${limit}/${periodSeconds}`]),
  )
  assert.deepEqual(figures, {
    api_user: '1500/300',
    api_token: '300/300',
    api_anonymous: '300/300',
    paging_user: '300/900',
    paging_anonymous: '300/900',
    media_upload: '30/1800',
    status_delete: '30/1800',
    app_registration: '5/600',
    sign_up_api: '5/1800',
    sign_up_form: '25/300',
    login_ip: '25/300',
    login_email: '25/3600',
    password_reset_ip: '25/300',
    password_reset_email: '5/1800',
    confirmation_ip: '25/300',
    confirmation_email: '5/1800',
    password_change: '10/600',
    streaming_ip: '1500/300',
    streaming_user: '300/300',
    statuses: '300/10800',
    follows: '400/86400',
    reports: '400/86400',
  })
  assert.deepEqual(THROTTLE_NAMES, [...RATE_LIMIT_NAMES], 'each can be configured')
})

test('every throttle lets exactly its limit through in a window, and begins anew in the next', () => {
  for (const name of THROTTLE_NAMES) {
    const { limiter, clock } = limiterAt()
    const { limit, periodSeconds } = THROTTLES[name]
    for (let i = 1; i <= limit; i++) {
      const verdict = limiter.take(name, 'k')
      assert.deepEqual([verdict.allowed, verdict.remaining], [true, limit - i], `${name} ${i}`)
    }
    const over = limiter.take(name, 'k')
    assert.deepEqual([over.allowed, over.remaining], [false, 0], name)
    assert.equal(over.resetSeconds % periodSeconds, 0, 'windows are aligned')
    assert.equal(limiter.take(name, 'other').allowed, true)
    clock.ms = over.resetSeconds * 1000 - 1
    assert.equal(limiter.take(name, 'k').allowed, false)
    clock.ms = over.resetSeconds * 1000
    assert.equal(limiter.take(name, 'k').allowed, true)
  }
})

test('switched off, nothing is counted and everything remains', () => {
  const { limiter } = limiterAt(0, false)
  for (let i = 0; i < 1_000; i++) assert.equal(limiter.take('app_registration', 'k').remaining, 5)
})

test('a count can be given back, but not into a later window', () => {
  const { limiter, clock } = limiterAt()
  const first = limiter.take('app_registration', 'k')
  limiter.giveBack(first, 'k')
  assert.equal(limiter.take('app_registration', 'k').remaining, 4)
  clock.ms = first.resetSeconds * 1000
  limiter.giveBack(first, 'k')
  assert.equal(limiter.take('app_registration', 'k').remaining, 4)
})

test('the nearest throttle is the one with least left, and a refusal beats all', () => {
  const verdict = (name: ThrottleName, remaining: number, allowed = true) => ({
    name,
    remaining,
    allowed,
    limit: 9,
    resetSeconds: 0,
    resetText: '',
    waitSeconds: 0,
  })
  assert.equal(nearest(undefined, verdict('statuses', 5)).name, 'statuses')
  assert.equal(nearest(verdict('statuses', 5), verdict('api_user', 4)).name, 'api_user')
  assert.equal(nearest(verdict('statuses', 4), verdict('api_user', 5)).name, 'statuses')
  assert.equal(nearest(verdict('statuses', 0), verdict('api_user', 0, false)).name, 'api_user')
})

test('counters keep to their memory, and a flood of new keys does not free a key that is near its limit', () => {
  const memory = rateMemory(1_024)
  const counters = new RateCounters(3, memory)
  const window = { nowSeconds: 1_700_000_000, endSeconds: 1_700_000_300 }
  for (let i = 0; i < 20; i++) counters.add('victim@example.org', window, 1)
  for (let i = 0; i < 100_000; i++) counters.add(`flood ${i}`, window, 1)
  assert.equal(counters.add('victim@example.org', window, 1), 21)
  assert.equal(memory.byteLength, 1_024 * 12)
  const later = { nowSeconds: 1_700_000_300, endSeconds: 1_700_000_600 }
  assert.equal(counters.add('flood 99999', later, 1), 1)
})

test('threads that share the memory share the counts', () => {
  const memory = rateMemory(1_024)
  const [one, other] = [new RateCounters(3, memory), new RateCounters(3, memory)]
  const window = { nowSeconds: 1_700_000_000, endSeconds: 1_700_000_300 }
  one.add('k', window, 1)
  assert.equal(other.add('k', window, 1), 2)
})

test('an address is one IPv4 address or a /64 of IPv6, however it is written', () => {
  assert.equal(addressKey('192.0.2.1'), '192.0.2.1')
  assert.equal(addressKey('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(addressKey('::ffff:c000:201'), '192.0.2.1')
  const one = addressKey('2001:db8:1:2:3:4:5:6')
  for (const same of ['2001:DB8:1:2::1', '2001:0db8:0001:0002:ffff::', '2001:db8:1:2:0:0:0:9%eth0'])
    assert.equal(addressKey(same), one)
  for (const different of ['2001:db8:1:3::1', '2001:db8::1', '::1']) assert.notEqual(addressKey(different), one)
  assert.equal(addressKey('unknown'), 'unknown')
  assert.equal(addressKey(''), 'unknown')
})

test('every API answer has the headers of the throttle nearest its end, also errors', async () => {
  await using world = await edgeWorld({ token: identity() })
  world.edge.route({ method: 'GET', path: '/api/it', auth: 'user', scopes: ['read'], handler: () => ({}) })
  const expect = async (path: string, init: RequestInit, limit: string, remaining: string): Promise<void> => {
    const { headers } = await world.call('GET', path, init)
    assert.deepEqual([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')], [limit, remaining], path)
    assert.equal(headers.get('x-ratelimit-reset'), '2026-08-07T12:35:00.000000Z')
    assert.ok(headers.get('date'))
  }
  await expect('/api/it', bearer('token'), '300', '299')
  await expect('/api/it', {}, '300', '299')
  await expect('/api/nope', {}, '300', '298')
  await expect('/api/it', bearer('nobody'), '300', '297')
})

test('above the limit the answer is 429 until the window ends, before anything else is done', async () => {
  await using world = await edgeWorld(
    { token: identity() },
    { limits: { enforced: true, changed: { api_token: { limit: 2, periodSeconds: 60 } } } },
  )
  let ran = 0
  world.edge.route({ method: 'GET', path: '/api/it', auth: 'user', scopes: ['read'], handler: () => void (ran += 1) })
  const call = () => world.call('GET', '/api/it', bearer('token'))
  assert.deepEqual([status(await call()), status(await call())], [200, 200])
  const refused = await call()
  assert.deepEqual([refused.status, refused.json, ran], [429, { error: 'Too many requests' }, 2])
  assert.equal(refused.headers.get('x-ratelimit-remaining'), '0')
  assert.equal(refused.headers.get('retry-after'), '4')
  assert.equal(refused.headers.get('access-control-allow-origin'), '*')
  world.nowMs += 4_000
  assert.equal(status(await call()), 200)
})

test('tokens of one person are counted apart, and together per person', async () => {
  const second = identity({ tokenId: 12n })
  const stranger = identity({ tokenId: 13n, accountId: 2n as AccountId })
  const limits = {
    enforced: true,
    changed: { api_token: { limit: 2, periodSeconds: 300 }, api_user: { limit: 3, periodSeconds: 300 } },
  }
  await using world = await edgeWorld({ first: identity(), second, stranger }, { limits })
  world.edge.route({ method: 'GET', path: '/api/it', auth: 'user', scopes: ['read'], handler: () => ({}) })
  const call = async (token: string): Promise<number> => status(await world.call('GET', '/api/it', bearer(token)))
  assert.deepEqual([await call('first'), await call('first'), await call('first')], [200, 200, 429])
  assert.deepEqual(
    [await call('second'), await call('second')],
    [200, 429],
    'three of the person, the refused one not counted twice',
  )
  assert.equal(await call('stranger'), 200)
})

test('invented tokens do not get around the limit per address', async () => {
  const limits = { enforced: true, changed: { api_anonymous: { limit: 3, periodSeconds: 300 } } }
  await using world = await edgeWorld({}, { limits })
  world.edge.route({ method: 'GET', path: '/api/it', auth: 'optional', scopes: ['read'], handler: () => ({}) })
  const answers: number[] = []
  for (let i = 0; i < 4; i++) answers.push(status(await world.call('GET', '/api/it', bearer(`t${i}`))))
  assert.deepEqual(answers, [200, 200, 200, 429])
})

test('paging has a limit of its own', async () => {
  const limits = { enforced: true, changed: { paging_anonymous: { limit: 1, periodSeconds: 900 } } }
  await using world = await edgeWorld({}, { limits })
  world.edge.route({ method: 'GET', path: '/api/it', auth: 'public', handler: () => ({}) })
  assert.equal(status(await world.call('GET', '/api/it?max_id=1')), 200)
  assert.equal(status(await world.call('GET', '/api/it?min_id=1')), 429)
  assert.equal(status(await world.call('GET', '/api/it?limit=1')), 200)
})

test('variants of a path are the same route and the same limit, or no route at all', async () => {
  const limits = { enforced: true, changed: { app_registration: { limit: 2, periodSeconds: 600 } } }
  await using world = await edgeWorld({}, { limits })
  world.edge.route({
    method: 'POST',
    path: '/api/v1/apps',
    auth: 'public',
    limits: ['app_registration'],
    handler: () => ({}),
  })
  const answers: number[] = []
  for (const path of ['/api/v1/apps', '/api/v1/apps/', '/api/v1/apps?x=1', '/api/v1/apps/?y=2', '/api/v1/%61pps'])
    answers.push(status(await world.call('POST', path)))
  assert.deepEqual(answers, [200, 200, 429, 429, 429])
  for (const path of ['/api/v1/apps.json', '/api/v1/APPS', '/api/v1//apps', '/api/v1/apps/.', '/api/v1/apps;x']) {
    const answer = status(await world.call('POST', path))
    assert.ok(answer === 404 || answer === 429, `${path} ${answer}`)
  }
  assert.equal(status(await world.call('GET', '/api/v1/apps', { headers: { 'x-http-method-override': 'POST' } })), 404)
})

test('limits by a given key hold over all addresses and spellings of the key', async () => {
  const limits = { enforced: true, changed: { login_email: { limit: 2, periodSeconds: 3_600 } } }
  await using world = await edgeWorld({}, { limits, trustedProxies: ['127.0.0.1'] })
  world.edge.route({
    method: 'POST',
    path: '/auth/sign_in',
    auth: 'public',
    handler: (call) => call.throttle('login_email', call.params.text('email') ?? ''),
  })
  const answers: number[] = []
  for (const [i, email] of ['A@b.org', ' a@B.org ', 'a@b.org'].entries()) {
    answers.push(
      status(await world.call('POST', '/auth/sign_in', json({ email }, { 'x-forwarded-for': `198.51.100.${i}` }))),
    )
  }
  assert.deepEqual(answers, [200, 200, 429])
})

test('families count successes only', async () => {
  const limits = { enforced: true, changed: { statuses: { limit: 2, periodSeconds: 10_800 } } }
  await using world = await edgeWorld({ token: identity() }, { limits })
  world.edge.route({
    method: 'POST',
    path: '/api/v1/statuses',
    auth: 'user',
    scopes: ['write:statuses'],
    limits: ['statuses'],
    handler: (call) => ({ status: call.params.requireText('status') }),
  })
  const post = (body: unknown) => world.call('POST', '/api/v1/statuses', json(body, { authorization: 'Bearer token' }))
  for (let i = 0; i < 5; i++) assert.equal(status(await post({})), 400)
  const first = await post({ status: 'a' })
  assert.deepEqual(
    [first.status, first.headers.get('x-ratelimit-limit'), first.headers.get('x-ratelimit-remaining')],
    [200, '2', '1'],
  )
  assert.equal(status(await post({ status: 'b' })), 200)
  assert.equal(status(await post({ status: 'c' })), 429)
  assert.equal(status(await post({ status: 'd' })), 429)
})

test('X-Forwarded-For is believed from configured proxies alone, and only the part they vouch for', async () => {
  const addressOf = async (trustedProxies: string[], forwarded: string): Promise<string> => {
    await using world = await edgeWorld({}, { trustedProxies })
    world.edge.route({ method: 'GET', path: '/api/ip', auth: 'public', handler: (call) => ({ ip: call.address }) })
    const answer = await world.call('GET', '/api/ip', { headers: { 'x-forwarded-for': forwarded } })
    return (answer.json as { ip: string }).ip
  }
  assert.equal(await addressOf([], '198.51.100.7'), '127.0.0.1')
  assert.equal(await addressOf(['10.0.0.0/8'], '198.51.100.7'), '127.0.0.1')
  assert.equal(await addressOf(['127.0.0.1'], '198.51.100.7'), '198.51.100.7')
  assert.equal(
    await addressOf(['127.0.0.1'], '203.0.113.9, 198.51.100.7'),
    '198.51.100.7',
    'what a client prepends is ignored',
  )
  assert.equal(await addressOf(['127.0.0.0/8', '10.0.0.0/8'], '203.0.113.9, 198.51.100.7, 10.1.2.3'), '198.51.100.7')
  assert.equal(await addressOf(['127.0.0.1'], '2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  assert.equal(await addressOf(['127.0.0.1'], 'garbage'), 'unknown')
})
