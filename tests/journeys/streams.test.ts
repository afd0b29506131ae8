/** Streams as apps use them: masto.js over WebSocket, and server-sent events; who is told what, and who is not. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { createStreamingAPIClient } from 'masto'
import { WebSocket } from 'ws'

import type { AccountId } from '../../src/snowflake/contract.ts'
import { caller } from '../world/people.ts'
import { EventsClient, SocketClient } from '../world/streams.ts'
import { openSystem, type System } from '../world/system.ts'

interface Member {
  name: string
  id: string
  account: AccountId
  token: string
  call: ReturnType<typeof caller>
}

let system: System
let alice: Member
let bob: Member
let carol: Member

before(async () => {
  system = await openSystem()
  ;[alice, bob, carol] = [await member('alice'), await member('bob'), await member('carol')]
  await ok(bob, 'POST', `/api/v1/accounts/${alice.id}/follow`)
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

async function member(name: string): Promise<Member> {
  const account = await system.person(name)
  const token = await system.token(account)
  return { name, id: account.toString(), account, token, call: caller(system.url, token) }
}

async function ok({ call }: Pick<Member, 'call'>, method: string, path: string, body?: unknown) {
  const answer = await call(method, path, body)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body as { id: string; [name: string]: unknown } // looked at by tests
}

const post = async (who: Member, status: string, more: object = {}): Promise<string> =>
  (await ok(who, 'POST', '/api/v1/statuses', { status, ...more })).id

const remove = (who: Member, id: string) => ok(who, 'DELETE', `/api/v1/statuses/${id}`)

test('masto.js hears at home of a post, its edit, its end, and of being mentioned', async () => {
  const streamingApiUrl = system.url.replace('http', 'ws')
  const client = createStreamingAPIClient({ streamingApiUrl, accessToken: bob.token, implementation: WebSocket })
  // It would connect again for ever.
  using cleanUp = new DisposableStack()
  cleanUp.defer(() => client.close())
  using subscription = client.user.subscribe()
  const events = subscription.values()
  const first = events.next()
  // The client connects when it is asked for its first event, some time later.
  using own = await SocketClient.open(system.url, bob.token, '?stream=user')
  const heard = new AbortController()
  const told = first.then(() => heard.abort())
  let id = ''
  while (!heard.signal.aborted) {
    id = await post(alice, 'Good morning @bob')
    await own.next('update', id)
    await Promise.race([told, sleep(50)])
  }
  own.forget()
  id = await post(alice, 'Good evening @bob')
  await own.next('update', id)
  await ok(alice, 'PUT', `/api/v1/statuses/${id}`, { status: 'Good night @bob' })
  // What is gone before it is told is not told.
  await own.next('status.update', id)
  await remove(alice, id)
  const story: string[] = []
  const kinds = new Set(['update', 'status.update', 'delete'])
  while (!story.includes('delete')) {
    const { value } = await events.next()
    assert.ok(value !== undefined)
    const about: unknown = value.payload
    const isThis = about === id || (typeof about === 'object' && about !== null && 'id' in about && about.id === id)
    if (isThis && kinds.has(value.event)) story.push(value.event)
  }
  assert.deepEqual(story, ['update', 'status.update', 'delete'])
  await own.next('notification')
})

test('server-sent events carry the same, with an id for each, CORS, and when to come back', async () => {
  using stream = await EventsClient.open(system.url, 'user', bob.token)
  assert.match(String(stream.headers['content-type']), /^text\/event-stream/)
  assert.equal(stream.headers['access-control-allow-origin'], '*')
  assert.equal(stream.headers['cache-control'], 'private, no-store')
  const id = await post(alice, 'Hello')
  const { payload, id: eventId } = await stream.next('update', id)
  assert.match(eventId, /^\d+$/)
  const status = payload as { account: { id: string }; content: string; filtered: unknown }
  assert.deepEqual([status.account.id, status.content, status.filtered], [alice.id, '<p>Hello</p>', []])
  assert.match(stream.others.join(), /retry: \d+/)
  await remove(alice, id)
  assert.equal((await stream.next('delete')).payload, id)
})

test('whoever comes back with the last id they saw is told what they missed, and nothing twice', async () => {
  const seen = await EventsClient.open(system.url, 'user', bob.token)
  const id = await post(alice, 'One')
  const { id: lastId } = await seen.next('update', id)
  seen[Symbol.dispose]()
  const missed = [await post(alice, 'Two'), await post(alice, 'Three')]
  await post(carol, 'Not for Bob')
  await post(alice, 'Not for Bob either', { visibility: 'direct' })
  using again = await EventsClient.open(system.url, 'user', bob.token, { 'last-event-id': lastId })
  const later = await post(alice, 'Four')
  await again.next('update', later)
  assert.deepEqual(
    again.summary,
    [...missed, later].map((one) => `update ${one}`),
  )
  using stranger = await EventsClient.open(system.url, 'user', bob.token, { 'last-event-id': '999999999' })
  await stranger.until('a comment', () => stranger.others.some((line) => line.startsWith(':missed')))
})

test('one socket carries many streams, each under its name, and ending one leaves the others', async () => {
  using all = await SocketClient.open(system.url, carol.token)
  for (const stream of ['user', 'public', 'public:local', 'public:media', 'public:remote', 'direct'])
    all.say('subscribe', stream)
  all.say('subscribe', 'hashtag', { tag: 'Birds' })
  all.say('subscribe', 'hashtag:local', { tag: 'birds' })
  all.say('subscribe', 'hashtag', { tag: 'birds' })
  await all.settled()
  const id = await post(alice, 'Look: #birds')
  await all.until('four frames', () => all.told.length >= 4)
  await all.settled()
  const heardBy = (event: string) =>
    new Set(all.told.filter((one) => one.event === event).map(({ stream }) => stream.join(' ')))
  assert.deepEqual(heardBy('update'), new Set(['hashtag Birds', 'hashtag:local birds', 'public', 'public:local']))
  all.say('unsubscribe', 'hashtag', { tag: 'birds' })
  all.say('unsubscribe', 'public')
  await all.settled()
  all.forget()
  await remove(alice, id)
  await all.until('three frames', () => all.told.length >= 3)
  await all.settled()
  // What was told by the stream of pictures is not remembered: an id too many harms nobody.
  assert.deepEqual(heardBy('delete'), new Set(['hashtag:local birds', 'public:local', 'public:media']))
  assert.deepEqual(new Set(all.told.map(({ payload }) => payload)), new Set([id]))
})

test('every path and every name of a stream is served, and a picture reaches the streams of pictures', async () => {
  const paths = [
    'user',
    'user/notification',
    'public',
    'public/local',
    'public/remote',
    'public?only_media=true',
    'direct',
  ]
  for (const path of [...paths, 'hashtag?tag=a1', 'hashtag/local?tag=a1']) {
    const stream = await EventsClient.open(system.url, path, bob.token)
    stream[Symbol.dispose]()
  }
  using media = await SocketClient.open(system.url, bob.token, '?stream=public:local:media')
  await media.settled()
  await post(alice, 'Only words')
  const form = new FormData()
  const png = Buffer.from(PIXEL, 'base64')
  form.set('file', new Blob([png], { type: 'image/png' }), 'pixel.png')
  const headers = { authorization: `Bearer ${alice.token}` }
  const uploaded = await fetch(`${system.url}/api/v2/media`, { method: 'POST', headers, body: form })
  const { id: picture } = (await uploaded.json()) as { id: string }
  const id = await post(alice, 'A picture', { media_ids: [picture] })
  await media.next('update', id)
  assert.deepEqual(media.summary, [`update ${id}`])
})

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

test('nobody is told of what they could not read', async () => {
  using own = await EventsClient.open(system.url, 'user', alice.token)
  using follower = await EventsClient.open(system.url, 'user', bob.token)
  using stranger = await SocketClient.open(system.url, carol.token)
  for (const stream of ['user', 'public', 'direct']) stranger.say('subscribe', stream)
  stranger.say('subscribe', 'hashtag', { tag: 'secret' })
  await stranger.settled()
  const secret = await post(alice, '#secret', { visibility: 'private' })
  const unlisted = await post(alice, '#secret', { visibility: 'unlisted' })
  const direct = await post(alice, '@carol #secret', { visibility: 'direct' })
  for (const client of [own, follower]) await client.next('update', secret)
  await own.next('update', direct)
  await remove(alice, secret)
  const open = await post(alice, 'For all')
  for (const client of [own, follower, stranger]) await client.next('update', open)
  assert.deepEqual(own.summary, [
    `update ${secret}`,
    `update ${unlisted}`,
    `update ${direct}`,
    `delete ${secret}`,
    `update ${open}`,
  ])
  assert.deepEqual(follower.summary, [`update ${secret}`, `update ${unlisted}`, `delete ${secret}`, `update ${open}`])
  await stranger.next('notification')
  const heard = stranger.told.filter(({ event }) => event !== 'notification' && event !== 'conversation')
  assert.deepEqual(
    heard.map(({ event, stream }) => [event, ...stream]),
    [['update', 'public']],
  )
})

test('mutes, blocks and hidden boosts hold at the moment of sending', async () => {
  const dave = await member('dave')
  for (const target of [alice, carol]) await ok(dave, 'POST', `/api/v1/accounts/${target.id}/follow`)
  using stream = await SocketClient.open(system.url, dave.token)
  for (const name of ['user', 'public']) stream.say('subscribe', name)
  await stream.settled()
  const plain = await post(bob, 'Boost me')
  await ok(dave, 'POST', `/api/v1/accounts/${carol.id}/follow`, { reblogs: false })
  await ok(dave, 'POST', `/api/v1/accounts/${alice.id}/mute`)
  await ok(carol, 'POST', `/api/v1/statuses/${plain}/reblog`)
  await post(alice, 'Muted')
  const seen = await post(carol, 'Seen')
  await stream.next('update', seen)
  await ok(carol, 'POST', `/api/v1/accounts/${dave.id}/block`)
  await post(carol, 'Blocked')
  const last = await post(bob, 'The last')
  await stream.next('update', last)
  assert.deepEqual(new Set(stream.summary), new Set([`update ${plain}`, `update ${seen}`, `update ${last}`]))
})

test('filters mark what they meet, for their person alone, and their change is told', async () => {
  using mine = await SocketClient.open(system.url, bob.token, '?stream=user')
  using theirs = await SocketClient.open(system.url, carol.token, '?stream=public')
  const filter = {
    title: 'Weather',
    context: ['home'],
    filter_action: 'hide',
    keywords_attributes: [{ keyword: 'rain' }],
  }
  const { id: filterId } = await ok(bob, 'POST', '/api/v2/filters', filter)
  await mine.next('filters_changed')
  assert.equal(mine.told[0]?.payload, undefined)
  const id = await post(alice, 'Nothing but rain')
  const filteredBy = async (client: SocketClient) => {
    const { filtered } = (await client.next('update', id)).payload as { filtered: { filter: { title: string } }[] }
    return filtered.map((hit) => hit.filter.title)
  }
  assert.deepEqual([await filteredBy(mine), await filteredBy(theirs)], [['Weather'], []])
  mine.forget()
  await ok(bob, 'DELETE', `/api/v2/filters/${filterId}`)
  await mine.next('filters_changed')
})

test('a token hears what its scopes cover, stream by stream', async () => {
  const statuses = await system.token(bob.account, ['read:statuses'])
  const notifications = await system.token(bob.account, ['read:notifications'])
  const writing = await system.token(bob.account, ['write'])
  using reader = await SocketClient.open(system.url, statuses, '?stream=user')
  using told = await SocketClient.open(system.url, notifications, '?stream=user:notification')
  using writer = await SocketClient.open(system.url, writing)
  writer.say('subscribe', 'public')
  await writer.until('a refusal', () => writer.others.length === 1)
  assert.equal(writer.others[0], '{"error":"Access token does not have the required scopes","status":401}')
  told.say('subscribe', 'user')
  await told.until('a refusal', () => told.others.length === 1)
  await reader.settled()
  const id = await post(alice, '@bob hello')
  await told.next('notification')
  await reader.next('update', id)
  await reader.settled()
  assert.deepEqual(reader.summary, [`update ${id}`])
  assert.deepEqual(
    told.told.map(({ event, stream }) => [event, ...stream]),
    [['notification', 'user:notification']],
  )
  await assert.rejects(EventsClient.open(system.url, 'user', notifications), /^Error: 401 /)
})

test('a list has a stream for its owner, with its people alone', async () => {
  const { id: list } = await ok(bob, 'POST', '/api/v1/lists', { title: 'Few' })
  await ok(bob, 'POST', `/api/v1/lists/${list}/accounts`, { account_ids: [alice.id] })
  using stream = await SocketClient.open(system.url, bob.token, `?stream=list&list=${list}`)
  using events = await EventsClient.open(system.url, `list?list=${list}`, bob.token)
  using other = await SocketClient.open(system.url, carol.token, `?stream=list&list=${list}`)
  await other.until('a refusal', () => other.others.length === 1)
  assert.equal(other.others[0], '{"error":"Not authorized to stream this list","status":401}')
  await stream.settled()
  await post(bob, 'Not of the list')
  const id = await post(alice, 'Of the list')
  assert.deepEqual((await stream.next('update', id)).stream, ['list', list])
  await events.next('update', id)
  assert.deepEqual(stream.summary, [`update ${id}`])
  await remove(alice, id)
  await stream.next('delete', id)
})

test('whoever follows a hashtag hears of it at home, whoever said it', async () => {
  await ok(bob, 'POST', '/api/v1/tags/gannets/follow')
  using stream = await SocketClient.open(system.url, bob.token, '?stream=user')
  await stream.settled()
  await post(carol, 'Two #gannets', { visibility: 'unlisted' })
  const id = await post(carol, 'Three #gannets')
  await stream.next('update', id)
  await stream.settled()
  assert.deepEqual(stream.summary, [`update ${id}`])
  await ok(bob, 'POST', '/api/v1/tags/gannets/unfollow')
})

test('a direct status reaches the conversations of those who take part, and of nobody else', async () => {
  using stream = await SocketClient.open(system.url, bob.token, '?stream=direct')
  using events = await EventsClient.open(system.url, 'direct', carol.token)
  using stranger = await SocketClient.open(system.url, (await member('frank')).token, '?stream=direct')
  for (const client of [stream, stranger]) await client.settled()
  const id = await post(carol, '@bob between us', { visibility: 'direct' })
  for (const client of [stream, events]) {
    const { payload } = await client.next('conversation')
    const { last_status: last, accounts } = payload as { last_status: { id: string }; accounts: { id: string }[] }
    assert.deepEqual([last.id, accounts.map((one) => one.id)], [id, [client === stream ? carol.id : bob.id]])
  }
  await stranger.settled()
  assert.deepEqual(stranger.told, [])
})

test('tokens come by header, sub-protocol, which is echoed, or query; others are turned away before the upgrade', async () => {
  using byProtocol = await SocketClient.open(system.url, bob.token)
  assert.equal(byProtocol.socket.protocol, bob.token)
  using byHeader = await SocketClient.open(system.url, undefined, '', { authorization: `Bearer ${bob.token}` })
  assert.equal(byHeader.socket.protocol, '')
  using byQuery = await SocketClient.open(system.url, undefined, `?access_token=${bob.token}&stream=user`)
  await byQuery.settled()
  const app = await system.token(null)
  for (const token of [undefined, 'nonsense', app]) {
    const expected = token === app ? /^Error: 422 / : /^Error: 401 \{"error":"The access token is invalid"\}/
    await assert.rejects(SocketClient.open(system.url, token), expected)
    if (token !== undefined) await assert.rejects(EventsClient.open(system.url, 'public', token), expected)
  }
  const plain = await fetch(`${system.url}/api/v1/streaming?stream=user`, {
    headers: { authorization: `Bearer ${bob.token}` },
  })
  assert.equal(plain.status, 404)
})

test('a revoked token and a suspended person are cut, and nobody else', async () => {
  const erin = await member('erin')
  const second = await system.token(erin.account)
  using cut = await SocketClient.open(system.url, erin.token, '?stream=user')
  using cutToo = await EventsClient.open(system.url, 'user', erin.token)
  using stays = await SocketClient.open(system.url, second, '?stream=user')
  const identity = await system.blocks.people.oauth.identify(erin.token)
  assert.ok(typeof identity === 'object')
  await system.blocks.people.oauth.revokeTokenById(identity.tokenId)
  assert.equal(await cut.ended(), '1008')
  assert.equal(await cutToo.ended(), 'end')
  await stays.settled()
  using bystander = await SocketClient.open(system.url, bob.token, '?stream=user')
  await system.blocks.people.accounts.setSuspended(erin.account, true)
  assert.equal(await stays.ended(), '1008')
  await assert.rejects(SocketClient.open(system.url, second), /^Error: 403 /)
  await bystander.settled()
})

test('the instance names the address of its streams, which answers to its health', async () => {
  const { configuration } = (await (await fetch(`${system.url}/api/v2/instance`)).json()) as {
    configuration: { urls: { streaming: string } }
  }
  assert.equal(configuration.urls.streaming, system.url.replace('http://', 'ws://'))
  assert.equal(await (await fetch(`${system.url}/api/v1/streaming/health`)).text(), 'OK')
})

test('those who run the server see what is held, and nobody else does', async () => {
  using _one = await SocketClient.open(system.url, bob.token, '?stream=user')
  using _two = await EventsClient.open(system.url, 'public', bob.token)
  await _one.settled()
  assert.equal((await bob.call('GET', '/debug/streams')).status, 404)
  const admin = await member('admin2')
  await system.blocks.people.accounts.setRole(admin.account, 'admin')
  const state = await ok(admin, 'GET', '/debug/streams')
  assert.ok(Number(state['web_sockets']) >= 1 && Number(state['event_streams']) >= 1, JSON.stringify(state))
  assert.ok(Number((state['subscriptions'] as Record<string, number>)['user']) >= 1)
})
