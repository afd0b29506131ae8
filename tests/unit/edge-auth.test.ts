/** Who may call what: every kind of route against every kind of caller, with Mastodon's answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bearerToken } from '../../src/edge/auth.ts'
import type { Edge } from '../../src/edge/routing.ts'
import { bearer, edgeWorld, identity } from '../world/http.ts'
import type { Answer } from '../world/http.ts'

const PEOPLE = {
  whole: identity(),
  reader: identity({ scopes: ['read:statuses'] }),
  follower: identity({ scopes: ['follow'] }),
  app: identity({ accountId: null }),
  gone: 'revoked' as const,
  unconfirmed: identity({ standing: 'unconfirmed' }),
  unapproved: identity({ standing: 'unapproved' }),
  disabled: identity({ standing: 'disabled' }),
  suspended: identity({ standing: 'suspended' }),
}

function addRoutes(edge: Edge): void {
  const handler = ({ viewer }: { viewer?: bigint | undefined }) => ({ viewer: viewer?.toString() ?? null })
  edge.route({ method: 'GET', path: '/api/user', auth: 'user', scopes: ['read:statuses'], handler })
  edge.route({ method: 'GET', path: '/api/member', auth: 'user', scopes: [], handler })
  edge.route({ method: 'GET', path: '/api/any', auth: 'user', scopes: ['read:statuses'], anyStanding: true, handler })
  edge.route({ method: 'GET', path: '/api/optional', auth: 'optional', scopes: ['read:statuses'], handler })
  edge.route({ method: 'GET', path: '/api/follows', auth: 'user', scopes: ['write:follows'], handler })
  edge.route({ method: 'GET', path: '/api/app', auth: 'app', scopes: [], handler })
  edge.route({ method: 'GET', path: '/api/client', auth: 'client', scopes: ['write:accounts'], handler })
  edge.route({ method: 'GET', path: '/api/public', auth: 'public', handler })
}

const INVALID = [401, 'The access token is invalid']
const REVOKED = [401, 'The access token was revoked']
const SCOPES = [403, 'This action is outside the authorized scopes']
const NEEDS_USER = [422, 'This method requires an authenticated user']
const UNCONFIRMED = [403, 'Your login is missing a confirmed e-mail address']
const PENDING = [403, 'Your login is currently pending approval']
const DISABLED = [403, 'Your login is currently disabled']
const CLIENT_ONLY = [403, 'This method requires an client credentials authentication']
const AS = (viewer: string | null) => [200, viewer]

/** Caller → what each route answers, in the order of COLUMNS. */
const COLUMNS = ['user', 'member', 'any', 'optional', 'follows', 'app', 'client', 'public']
const MATRIX: Record<string, unknown[][]> = {
  none: [INVALID, NEEDS_USER, INVALID, AS(null), INVALID, INVALID, INVALID, AS(null)],
  unknown: [INVALID, NEEDS_USER, INVALID, AS(null), INVALID, INVALID, INVALID, AS(null)],
  gone: [REVOKED, NEEDS_USER, REVOKED, REVOKED, REVOKED, REVOKED, REVOKED, AS(null)],
  whole: [AS('1'), AS('1'), AS('1'), AS('1'), AS('1'), AS('1'), CLIENT_ONLY, AS(null)],
  reader: [AS('1'), AS('1'), AS('1'), AS('1'), SCOPES, AS('1'), SCOPES, AS(null)],
  follower: [SCOPES, AS('1'), SCOPES, SCOPES, AS('1'), AS('1'), SCOPES, AS(null)],
  app: [NEEDS_USER, NEEDS_USER, NEEDS_USER, AS(null), NEEDS_USER, AS(null), AS(null), AS(null)],
  unconfirmed: [UNCONFIRMED, UNCONFIRMED, AS('1'), AS(null), UNCONFIRMED, AS('1'), CLIENT_ONLY, AS(null)],
  unapproved: [PENDING, PENDING, AS('1'), AS(null), PENDING, AS('1'), CLIENT_ONLY, AS(null)],
  disabled: [DISABLED, DISABLED, DISABLED, DISABLED, DISABLED, AS('1'), CLIENT_ONLY, AS(null)],
  suspended: [DISABLED, DISABLED, DISABLED, DISABLED, DISABLED, AS('1'), CLIENT_ONLY, AS(null)],
}

function told(answer: Answer): unknown[] {
  const body = answer.json as { error?: string; viewer?: string | null }
  return [answer.status, answer.status === 200 ? body.viewer : body.error]
}

test('every kind of caller gets Mastodon’s answer from every kind of route', async () => {
  await using world = await edgeWorld(PEOPLE)
  addRoutes(world.edge)
  for (const [caller, answers] of Object.entries(MATRIX)) {
    for (const [i, column] of COLUMNS.entries()) {
      const init = caller === 'none' ? {} : bearer(caller)
      assert.deepEqual(told(await world.call('GET', `/api/${column}`, init)), answers[i], `${caller} at ${column}`)
    }
  }
})

test('of several scopes one is enough, and the scope above covers it', async () => {
  await using world = await edgeWorld({
    profile: identity({ scopes: ['profile'] }),
    read: identity({ scopes: ['read'] }),
    write: identity({ scopes: ['write', 'read:statuses'] }),
  })
  world.edge.route({
    method: 'GET',
    path: '/api/either',
    auth: 'user',
    scopes: ['read:accounts', 'profile'],
    handler: () => ({}),
  })
  const status = async (token: string): Promise<number> =>
    (await world.call('GET', '/api/either', bearer(token))).status
  assert.deepEqual([await status('profile'), await status('read'), await status('write')], [200, 200, 403])
})

test('a refused token says why in WWW-Authenticate', async () => {
  await using world = await edgeWorld(PEOPLE)
  addRoutes(world.edge)
  const challenge = async (token: string, path: string): Promise<string | null> =>
    (await world.call('GET', path, bearer(token))).headers.get('www-authenticate')
  assert.equal(
    await challenge('nobody', '/api/user'),
    'Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token is invalid"',
  )
  assert.match((await challenge('gone', '/api/user')) ?? '', /error="invalid_token".*was revoked/)
  assert.match((await challenge('reader', '/api/follows')) ?? '', /error="insufficient_scope"/)
})

test('only a bearer token in the header counts, never one in the address or the body', async () => {
  await using world = await edgeWorld(PEOPLE)
  addRoutes(world.edge)
  assert.equal((await world.call('GET', '/api/user?access_token=whole')).status, 401)
  assert.equal((await world.call('GET', '/api/user', { headers: { authorization: 'Basic whole' } })).status, 401)
  assert.equal((await world.call('GET', '/api/user', { headers: { authorization: 'whole' } })).status, 401)
  assert.deepEqual(world.identified, [], 'no such token was even looked for')
  assert.equal((await world.call('GET', '/api/user', { headers: { authorization: 'bearer whole' } })).status, 200)
  for (const bad of ['Bearer a b', 'Bearer "x"', `Bearer ${'x'.repeat(600)}`, 'Bearer']) {
    assert.equal((await world.call('GET', '/api/user', { headers: { authorization: bad } })).status, 401, bad)
  }
  assert.deepEqual(world.identified, ['whole'])
  assert.equal(bearerToken(undefined), undefined)
})

test('whoever may not is turned away before the body is read and before the handler runs', async () => {
  await using world = await edgeWorld(PEOPLE)
  let ran = 0
  world.edge.route({
    method: 'POST',
    path: '/api/write',
    auth: 'user',
    scopes: ['write:statuses'],
    handler: () => {
      ran += 1
    },
  })
  const broken = { body: '{', headers: { 'content-type': 'application/json', authorization: 'Bearer reader' } }
  assert.equal((await world.call('POST', '/api/write', broken)).status, 403)
  const huge = { body: 'x'.repeat(3_000_000), headers: { 'content-type': 'application/json' } }
  const refused = await world.call('POST', '/api/write', huge).then(
    ({ status }) => status,
    () => 'cut', // the server may close before all of the body was sent
  )
  assert.ok(refused === 401 || refused === 'cut', String(refused))
  assert.equal(ran, 0)
})

test('a person who was let in is seen; others are not', async () => {
  await using world = await edgeWorld(PEOPLE)
  addRoutes(world.edge)
  await world.call('GET', '/api/user', bearer('whole'))
  await world.call('GET', '/api/user', bearer('suspended'))
  await world.call('GET', '/api/public', bearer('whole'))
  assert.deepEqual(world.seen, [1n])
})

test('the table of routes names the policy of each', async () => {
  await using world = await edgeWorld()
  addRoutes(world.edge)
  world.edge.route({
    method: ['PUT', 'PATCH'],
    path: '/api/x/:id',
    auth: 'user',
    scopes: ['write'],
    limits: ['statuses'],
    handler: () => ({}),
  })
  const lines = world.edge.routes.map(({ method, path, auth, scopes, limits }) => [method, path, auth, scopes, limits])
  assert.deepEqual(lines.slice(0, 1), [['GET', '/api/user', 'user', ['read:statuses'], []]])
  assert.deepEqual(lines.slice(-2), [
    ['PUT', '/api/x/:id', 'user', ['write'], ['statuses']],
    ['PATCH', '/api/x/:id', 'user', ['write'], ['statuses']],
  ])
})
