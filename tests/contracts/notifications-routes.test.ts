/** Notifications, markers and policies as clients ask for them, against the tables of the Mastodon API. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Presenting } from '../../src/edge/presenting.ts'
import { markerRoutes } from '../../src/edge/routes/notifications-markers.ts'
import { notificationPolicyRoutes, notificationRequestRoutes } from '../../src/edge/routes/notifications-policy.ts'
import { notificationRoutes } from '../../src/edge/routes/notifications.ts'
import { urls } from '../../src/mastodon/urls.ts'
import { bearer, edgeWorld, identity, json, type Answer, type EdgeWorld } from '../world/http.ts'
import { alice, bob, carol, dan, notificationWorld, type NotificationWorld } from '../world/notifications.ts'
import { checkResponse } from '../world/schema.ts'

interface Client extends AsyncDisposable {
  world: NotificationWorld
  http: EdgeWorld
  /** As alice unless another token is named; a good answer is held to the tables. */
  ask(method: string, path: string, body?: unknown, token?: string): Promise<Answer>
}

async function client(): Promise<Client> {
  await using resources = new AsyncDisposableStack()
  const world = resources.use(await notificationWorld())
  const people = {
    alice: identity({ accountId: alice }),
    bob: identity({ accountId: bob, tokenId: 12n }),
    reader: identity({ accountId: alice, tokenId: 13n, scopes: ['read:statuses'] }),
  }
  const http = resources.use(await edgeWorld(people, { limits: { enforced: false } }))
  const present = new Presenting(urls('https://dunlin.example', 'dunlin.example'), async () => () => [])
  const deps = { notifications: world.notifications, hydration: world.hydration, present }
  notificationRoutes(http.edge, deps)
  markerRoutes(http.edge, deps)
  notificationPolicyRoutes(http.edge, deps)
  notificationRequestRoutes(http.edge, deps)
  const opened = resources.move()
  return {
    world,
    http,
    async ask(method, path, sent, token = 'alice') {
      const { headers } = bearer(token)
      const answer = await http.call(method, path, sent === undefined ? { headers } : json(sent, headers))
      if (answer.status === 200) {
        assert.deepEqual(checkResponse(method, path, answer.json, { viewer: true }), [], answer.text)
      }
      return answer
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Three mentions, a favourite of two and a follow, for alice. */
async function populate(world: NotificationWorld): Promise<void> {
  for (let id = 100n; id < 103n; id += 1n) await world.created(world.addStatus(id, bob, { mentions: [alice] }))
  const own = world.addStatus(50n, alice)
  await world.favourite(bob, own)
  await world.favourite(carol, own)
  world.relate(dan, alice, { following: true })
  await world.tell('graph.changed', { source: dan, target: alice, change: 'followed', version: 1n })
}

function list(answer: Answer): Record<string, unknown>[] {
  assert.ok(Array.isArray(answer.json), answer.text)
  return answer.json
}

function body(answer: Answer): Record<string, unknown> {
  assert.ok(typeof answer.json === 'object' && answer.json !== null, answer.text)
  return { ...answer.json }
}

test('a page of notifications links to the next and the previous, keeps its filters, and an empty one links nowhere', async () => {
  await using on = await client()
  await populate(on.world)
  const first = await on.ask('GET', '/api/v1/notifications?limit=2&types[]=mention')
  const ids = list(first).map(({ id }) => String(id))
  const link = first.headers.get('link') ?? ''
  assert.match(link, new RegExp(`^<https://dunlin.example/api/v1/notifications\\?[^>]*max_id=${ids[1]}>; rel="next", `))
  assert.match(link, new RegExp(`min_id=${ids[0]}>; rel="prev"$`))
  assert.match(link, /types%5B%5D=mention/)
  const rest = await on.ask('GET', `/api/v1/notifications?limit=2&types[]=mention&max_id=${ids[1]}`)
  assert.equal(list(rest).length, 1)
  const none = await on.ask('GET', `/api/v1/notifications?types[]=mention&max_id=${String(list(rest)[0]?.['id'])}`)
  assert.deepEqual([list(none), none.headers.get('link')], [[], null])
})

test('each type comes with what it is about, and unknown types name nothing', async () => {
  await using on = await client()
  await populate(on.world)
  const all = list(await on.ask('GET', '/api/v1/notifications'))
  assert.deepEqual(
    all.map(({ type }) => type),
    ['follow', 'favourite', 'favourite', 'mention', 'mention', 'mention'],
  )
  assert.ok(all.every((one) => (one['type'] === 'follow') !== 'status' in one))
  const types = async (query: string) =>
    list(await on.ask('GET', `/api/v1/notifications?${query}`)).map(({ type }) => type)
  assert.deepEqual(await types('exclude_types[]=mention&exclude_types[]=poll'), ['follow', 'favourite', 'favourite'])
  assert.deepEqual(await types('types[]=poll'), [])
  assert.deepEqual(await types(`account_id=${carol}`), ['favourite'])
  assert.deepEqual(await types('limit=0'), [])
})

test('one notification is found, dismissed once, and then missing; another person’s was always missing', async () => {
  await using on = await client()
  await populate(on.world)
  const id = String(list(await on.ask('GET', '/api/v1/notifications'))[0]?.['id'])
  assert.equal(body(await on.ask('GET', `/api/v1/notifications/${id}`))['id'], id)
  for (const path of [`/api/v1/notifications/${id}`, '/api/v1/notifications/999999', '/api/v1/notifications/-1']) {
    assert.deepEqual(body(await on.ask('GET', path, undefined, 'bob')), { error: 'Record not found' }, path)
  }
  assert.equal((await on.ask('POST', `/api/v1/notifications/${id}/dismiss`, undefined, 'bob')).status, 404)
  assert.deepEqual((await on.ask('POST', `/api/v1/notifications/${id}/dismiss`)).json, {})
  assert.equal((await on.ask('POST', `/api/v1/notifications/${id}/dismiss`)).status, 404)
  assert.equal(list(await on.ask('GET', '/api/v1/notifications')).length, 5)
  assert.deepEqual((await on.ask('POST', '/api/v1/notifications/clear')).json, {})
  assert.deepEqual(list(await on.ask('GET', '/api/v1/notifications')), [])
})

test('groups name each account and status once, and partial avatars say little of all but the first', async () => {
  await using on = await client()
  await populate(on.world)
  const answer = await on.ask('GET', '/api/v2/notifications')
  const page = body(answer)
  const groups = page['notification_groups'] as Record<string, unknown>[]
  assert.deepEqual(
    groups.map(({ type, notifications_count }) => [type, notifications_count]),
    [
      ['follow', 1],
      ['favourite', 2],
      ['mention', 1],
      ['mention', 1],
      ['mention', 1],
    ],
  )
  assert.equal(typeof groups[0]?.['most_recent_notification_id'], 'number')
  assert.match(answer.headers.get('link') ?? '', /rel="next".*rel="prev"/)
  assert.equal((page['accounts'] as unknown[]).length, 3)
  assert.equal((page['statuses'] as unknown[]).length, 4)
  const partial = body(await on.ask('GET', '/api/v2/notifications?expand_accounts=partial_avatars&limit=2'))
  assert.equal((partial['partial_accounts'] as unknown[]).length, 1)
  const wrong = await on.ask('GET', '/api/v2/notifications?expand_accounts=all')
  assert.equal(wrong.status, 400)

  const key = String(groups[1]?.['group_key'])
  assert.equal((body(await on.ask('GET', `/api/v2/notifications/${key}`))['accounts'] as unknown[]).length, 2)
  assert.equal(list(await on.ask('GET', `/api/v2/notifications/${key}/accounts`)).length, 2)
  assert.equal((await on.ask('GET', `/api/v2/notifications/${key}`, undefined, 'bob')).status, 404)
  assert.equal((await on.ask('GET', '/api/v2/notifications/nonsense')).status, 404)
  assert.deepEqual((await on.ask('POST', `/api/v2/notifications/${key}/dismiss`)).json, {})
  assert.deepEqual((await on.ask('GET', '/api/v2/notifications/unread_count')).json, { count: 4 })
  assert.deepEqual((await on.ask('POST', '/api/v2/notifications/clear')).json, {})
  const empty = await on.ask('GET', '/api/v2/notifications')
  assert.deepEqual([body(empty)['notification_groups'], empty.headers.get('link')], [[], null])
})

test('unread counts go by the marker, which is saved in every form a client sends', async () => {
  await using on = await client()
  await populate(on.world)
  assert.deepEqual((await on.ask('GET', '/api/v1/markers?timeline[]=home')).json, {})
  assert.deepEqual((await on.ask('GET', '/api/v1/notifications/unread_count')).json, { count: 6 })
  assert.deepEqual((await on.ask('GET', '/api/v1/notifications/unread_count?limit=4')).json, { count: 4 })
  assert.deepEqual((await on.ask('GET', '/api/v2/notifications/unread_count')).json, { count: 5 })
  const second = String(list(await on.ask('GET', '/api/v1/notifications'))[1]?.['id'])
  const form = await on.http.call('POST', '/api/v1/markers', {
    ...bearer('alice'),
    body: new URLSearchParams({ 'notifications[last_read_id]': second }),
  })
  assert.equal(form.status, 200)
  const saved = body(form)['notifications'] as Record<string, unknown>
  assert.deepEqual([saved['last_read_id'], saved['version']], [second, 0])
  assert.deepEqual((await on.ask('GET', '/api/v1/notifications/unread_count')).json, { count: 1 })
  const both = body(
    await on.ask('POST', '/api/v1/markers', {
      home: { last_read_id: '108242423' },
      notifications: { last_read_id: 7 },
    }),
  )
  assert.deepEqual(Object.keys(both).toSorted(), ['home', 'notifications'])
  assert.equal((both['notifications'] as Record<string, unknown>)['version'], 1)
  assert.deepEqual(Object.keys(body(await on.ask('GET', '/api/v1/markers?timeline=home'))), ['home'])
  assert.deepEqual((await on.ask('POST', '/api/v1/markers', {})).json, {})
  for (const last_read_id of ['x', '-1', '1e30', '99999999999999999999']) {
    assert.equal((await on.ask('POST', '/api/v1/markers', { home: { last_read_id } })).status, 422, last_read_id)
  }
})

test('a policy is changed by either form, and what it holds back is asked for and decided', async () => {
  await using on = await client()
  const changed = body(await on.ask('PATCH', '/api/v2/notifications/policy', { for_not_following: 'filter' }))
  assert.deepEqual([changed['for_not_following'], changed['for_bots']], ['filter', 'accept'])
  assert.equal((await on.ask('PATCH', '/api/v2/notifications/policy', { for_bots: 'maybe' })).status, 422)
  await populate(on.world)
  assert.deepEqual(list(await on.ask('GET', '/api/v1/notifications')), [])
  const first = body(await on.ask('GET', '/api/v1/notifications/policy'))
  assert.equal(first['filter_not_following'], true)
  assert.deepEqual(first['summary'], { pending_requests_count: 3, pending_notifications_count: 6 })

  const requests = list(await on.ask('GET', '/api/v1/notifications/requests'))
  assert.equal(requests.length, 3)
  const [fromDan] = requests
  assert.deepEqual([fromDan?.['id'], fromDan?.['notifications_count']], [`${dan}`, '1'])
  assert.equal(body(await on.ask('GET', `/api/v1/notifications/requests/${bob}`))['notifications_count'], '4')
  assert.equal((await on.ask('GET', `/api/v1/notifications/requests/${alice}`)).status, 404)
  assert.deepEqual((await on.ask('POST', `/api/v1/notifications/requests/${bob}/accept`)).json, {})
  assert.equal((await on.ask('POST', `/api/v1/notifications/requests/${bob}/accept`)).status, 404)
  assert.equal(list(await on.ask('GET', '/api/v1/notifications')).length, 4)
  assert.deepEqual((await on.ask('POST', '/api/v1/notifications/requests/dismiss', { id: [`${dan}`, 'x'] })).json, {})
  assert.equal(list(await on.ask('GET', '/api/v1/notifications/requests')).length, 1)
  assert.deepEqual((await on.ask('GET', '/api/v1/notifications/requests/merged')).json, { merged: true })
  const back = body(await on.ask('PUT', '/api/v1/notifications/policy', { filter_not_following: 'false' }))
  assert.equal(back['filter_not_following'], false)
})

test('a token without the scope, or no token, is turned away', async () => {
  await using on = await client()
  assert.equal((await on.ask('GET', '/api/v1/notifications', undefined, 'reader')).status, 403)
  assert.equal((await on.ask('POST', '/api/v1/notifications/clear', undefined, 'reader')).status, 403)
  assert.equal((await on.http.call('GET', '/api/v2/notifications')).status, 401)
  assert.equal((await on.ask('GET', '/api/v1/markers?timeline[]=home', undefined, 'reader')).status, 200)
})
