/**
 * Nonsense in every place that a route reads: ids in paths, parameters in queries and bodies, other people's objects. The
 * server answers with Mastodon's 4xx and JSON, or takes it for what it is; it never fails, and never says how it is made.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { RegisteredRoute } from '../../src/edge/routing.ts'
import { Hostility } from '../world/hostility.ts'
import { rawCall, type RawAnswer } from '../world/raw-http.ts'
import { openSystem, type System } from '../world/system.ts'

/** Of the values that each parameter is tried with in the long run. */
const VALUES_A_PARAMETER = 2
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
/** An id of the right form that nothing has. */
const NOBODY = '1152921504606846975'

let system: System

before(async () => {
  system = await openSystem()
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

const BAD_IDS = [
  '-1 0 01 1e30 0x1 1.5 +1 1,2 1;2 9223372036854775808 18446744073709551616 null undefined NaN __proto__ constructor',
  "toString ' %22 %20 %201 %00 1%00 %F0%9F%98%80 %EF%BC%91 %D9%A1 ..%2F..%2Fetc%2Fpasswd 1%2F2 %5C 1%0D%0AX-A:1",
  '9'.repeat(40),
].flatMap((line) => line.split(' '))
/** Bytes that are no UTF-8 or no percent encoding: not an address at all. */
const BROKEN_IDS = ['%', '%zz', '%C0%80', '%ED%A0%80', '%FF', 'x'.repeat(700)]

const apiRoutes = () => system.edge.routes.filter(({ path }) => path.startsWith('/api/'))
const ID_NAMES = /:(id|account_id|filter_id)\b/

function call(route: RegisteredRoute, id: string, token: string | undefined): Promise<RawAnswer> {
  const path = route.path.replaceAll(/:\w+/g, () => id)
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  if (route.method === 'GET') return rawCall(system.url, { method: route.method, path, headers })
  headers['content-type'] = 'application/json'
  return rawCall(system.url, {
    method: route.method,
    path,
    headers,
    body: '{"status":"x","status_id":"1","keyword":"k"}',
  })
}

function errorOf({ type, body }: RawAnswer): string {
  assert.match(type, /^application\/json/)
  const parsed: unknown = JSON.parse(body)
  assert.ok(
    typeof parsed === 'object' && parsed !== null && 'error' in parsed && typeof parsed.error === 'string',
    body,
  )
  return parsed.error
}

test('an id that is none is answered as one that nothing has, by every route and every caller', async () => {
  const token = await system.token(await system.person('ines'))
  const routes = apiRoutes().filter(({ path }) => ID_NAMES.test(path))
  assert.ok(routes.length > 60)
  for (const route of routes) {
    for (const who of [token, undefined]) {
      const unknown = await call(route, NOBODY, who)
      assert.ok([401, 404, 422].includes(unknown.status), `${route.method} ${route.path}: ${unknown.status}`)
      for (const id of who === undefined ? BAD_IDS.slice(0, 4) : BAD_IDS) {
        const answer = await call(route, id, who)
        assert.deepEqual(
          [id, answer.status, answer.body],
          [id, unknown.status, unknown.body],
          `${route.method} ${route.path}`,
        )
      }
      if (who === undefined) continue
      for (const id of BROKEN_IDS) {
        const answer = await call(route, id, who)
        errorOf(answer)
        assert.ok([400, 404, 414].includes(answer.status), `${route.method} ${route.path} ${id}: ${answer.status}`)
      }
    }
  }
  assert.deepEqual(system.errors, [])
})

test('names and keys that are none are refused or are nobody’s', async () => {
  const token = await system.token(await system.person('nina'))
  const routes = system.edge.routes.filter(({ path }) => path.includes(':') && !ID_NAMES.test(path))
  assert.ok(routes.length >= 8)
  for (const route of routes) {
    for (const name of [...BAD_IDS, ...BROKEN_IDS]) {
      const answer = await call(route, name, token)
      assert.ok(answer.status < 500, `${route.method} ${route.path} ${name}: ${answer.status} ${answer.body}`)
      assert.doesNotMatch(answer.body, /\bat .+\.[jt]s:\d+/)
    }
  }
  assert.deepEqual(system.errors, [])
})

test(`every parameter of every route is given values of every wrong kind (SEED=${SEED})`, async () => {
  const hostility = new Hostility(system, { seed: SEED, valuesMax: VALUES_A_PARAMETER })
  const { requests, parameters } = await hostility.visit(apiRoutes())
  assert.ok(parameters > 200 && requests > 500, `${parameters} parameters, ${requests} requests`)
  assert.deepEqual(system.errors, [])
})

test('what somebody may not see is answered as what is not there, whatever one tries with it', async () => {
  const { hidden, viewers } = await secrets()
  const routes = apiRoutes().filter(({ path }) => ID_NAMES.test(path))
  for (const [who, token] of Object.entries(viewers)) {
    for (const route of routes) {
      const missing = await call(route, NOBODY, token)
      for (const [what, id] of Object.entries(hidden)) {
        const answer = await call(route, id, token)
        assert.deepEqual(
          [answer.status, answer.body],
          [missing.status, missing.body],
          `${who} tries ${route.method} ${route.path} with ${what}`,
        )
      }
    }
  }
  assert.deepEqual(system.errors, [])
})

test('what somebody may not see cannot be answered, attached or filtered either', async () => {
  const { hidden, viewers } = await secrets('again')
  const send = (token: string, path: string, body: object) =>
    rawCall(system.url, {
      method: 'POST',
      path,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const token = viewers['a stranger']
  assert.ok(token !== undefined)
  const filter: unknown = JSON.parse((await send(token, '/api/v2/filters', { title: 't', context: ['home'] })).body)
  assert.ok(typeof filter === 'object' && filter !== null && 'id' in filter)
  const uses: [string, (id: string) => object][] = [
    ['/api/v1/statuses', (id) => ({ status: 'x', in_reply_to_id: id })],
    ['/api/v1/statuses', (id) => ({ status: 'x', media_ids: [id] })],
    [`/api/v2/filters/${String(filter.id)}/statuses`, (id) => ({ status_id: id })],
  ]
  for (const [path, body] of uses) {
    const missing = await send(token, path, body(NOBODY))
    assert.ok(missing.status === 404 || missing.status === 422, `${path}: ${missing.status}`)
    for (const [what, id] of Object.entries(hidden)) {
      const answer = await send(token, path, body(id))
      const said = answer.body.replaceAll(id, NOBODY) // it may name the id that was sent
      assert.deepEqual([answer.status, said], [missing.status, missing.body], `${path} with ${what}`)
    }
  }
})

/** Ids of what one person has and the viewers may not see. */
async function secrets(name = 'once'): Promise<{ hidden: Record<string, string>; viewers: Record<string, string> }> {
  const owner = await system.person(`owner_${name}`)
  const friend = await system.person(`friend_${name}`)
  const blocked = await system.person(`blocked_${name}`)
  const ownerToken = await system.token(owner)
  const friendToken = await system.token(friend)
  const act = async (token: string, path: string, body: object, method = 'POST') => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await rawCall(system.url, { method, path, headers, body: JSON.stringify(body) })
    assert.equal(answer.status, 200, `${path}: ${answer.body}`)
    const parsed: unknown = JSON.parse(answer.body)
    return JSON.stringify(parsed)
  }
  const idIn = (json: string, pattern = /"id":"(\d+)"/) => pattern.exec(json)?.[1] ?? assert.fail(json)
  const post = async (body: object) => idIn(await act(ownerToken, '/api/v1/statuses', body))
  const privateStatus = await post({ status: 'for followers', visibility: 'private' })
  const direct = await post({ status: `@friend_${name} for you`, visibility: 'direct' })
  const deleted = await post({ status: 'gone' })
  await act(ownerToken, `/api/v1/statuses/${deleted}`, {}, 'DELETE')
  const filters = await act(ownerToken, '/api/v2/filters', {
    title: 'mine',
    context: ['home'],
    keywords_attributes: [{ keyword: 'secret' }],
  })
  const picture = await upload(ownerToken)
  await act(friendToken, `/api/v1/accounts/${owner}/follow`, {})
  const notification = await firstNotification(ownerToken)
  await act(ownerToken, `/api/v1/accounts/${blocked}/block`, {})
  return {
    hidden: {
      'a private status': privateStatus,
      'a direct status': direct,
      'a deleted status': deleted,
      'a filter': idIn(filters),
      'a keyword of a filter': idIn(filters, /"keywords":\[{"id":"(\d+)"/),
      'a picture': picture,
      'a notification': notification,
      'a person who is not confirmed': String(await system.person(`waiting_${name}`, 'unconfirmed')),
      'a person who is not approved': String(await system.person(`asking_${name}`, 'unapproved')),
    },
    viewers: {
      'a stranger': await system.token(await system.person(`stranger_${name}`)),
      'somebody blocked': await system.token(blocked),
    },
  }
}

async function upload(token: string): Promise<string> {
  const form = new FormData()
  const png = 'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC'
  form.set('file', new Blob([Buffer.from(png, 'base64')], { type: 'image/png' }), 'a.png')
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${system.url}/api/v2/media`, { method: 'POST', headers, body: form })
  const media: unknown = await response.json()
  assert.ok(typeof media === 'object' && media !== null && 'id' in media, JSON.stringify(media))
  return String(media.id)
}

async function firstNotification(token: string): Promise<string> {
  const deadline = performance.now() + 5_000
  while (performance.now() < deadline) {
    const headers = { authorization: `Bearer ${token}` }
    const list: unknown = await (await fetch(`${system.url}/api/v1/notifications`, { headers })).json()
    const [first]: unknown[] = Array.isArray(list) ? list : []
    if (typeof first === 'object' && first !== null && 'id' in first) return String(first.id)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return assert.fail('no notification came')
}
