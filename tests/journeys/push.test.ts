/** Mobile push from the request to the device: a phone is a pair of keys, its push service a server of the test's own. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { AccountId } from '../../src/snowflake/contract.ts'
import { watchConformance } from '../world/conformance.ts'
import { caller, eventually } from '../world/people.ts'
import { answering, newReceiver, openPushService, type Device, type PushService } from '../world/push-service.ts'
import { openSystem, type System } from '../world/system.ts'

const WAIT_MS_MAX = 30_000
const PATH = '/api/v1/push/subscription'

interface Subscription {
  id: number
  endpoint: string
  standard: boolean
  server_key: string
  alerts: Record<string, boolean>
  policy: string
}

interface Outcome {
  outcome: string
  status: number | null
  notification_id: string | null
}

interface Person {
  id: AccountId
  name: string
  token: string
  call: ReturnType<typeof caller>
  send<Body>(method: string, path: string, body?: object): Promise<Body>
}

let system: System
let service: PushService
let people = 0
let phones = 0

before(async () => {
  watchConformance()
  service = await openPushService()
  system = await openSystem({ PUSH_ALLOW_LOOPBACK: 'true' })
})

after(async () => {
  await system[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
})

async function somebody(): Promise<Person> {
  people += 1
  const name = `person${people}`
  const id = await system.person(name)
  const token = await system.token(id)
  const call = caller(system.url, token)
  const send = async <Body>(method: string, path: string, body?: object): Promise<Body> => {
    const answer = await call(method, path, body)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body as Body // the tables of the API were held against it
  }
  return { id, name, token, call, send }
}

interface Phone {
  device: Device
  path: string
  subscription: Subscription
  /** What it has been told, in order. */
  told(): Record<string, unknown>[]
}

function asked(device: Device, path: string, more: object = {}) {
  const keys = { p256dh: device.publicKey.toString('base64url'), auth: device.auth.toString('base64url') }
  return { endpoint: `${service.url}${path}`, keys, ...more }
}

async function phoneOf(person: Person, data: object = {}, more: object = { standard: true }): Promise<Phone> {
  const device = newReceiver()
  const path = `/phone/${(phones += 1)}`
  const subscription = await person.send<Subscription>('POST', PATH, {
    subscription: asked(device, path, more),
    data: { alerts: { mention: true, favourite: true, follow: true }, ...data },
  })
  const told = () =>
    service.received
      .filter((pushed) => pushed.path === path)
      .map(({ body, headers }) => JSON.parse(device.decrypt(body, headers).toString()) as Record<string, unknown>)
  return { device, path, subscription, told }
}

const mention = (from: Person, whom: Person, more: object = {}) =>
  from.send<{ id: string }>('POST', '/api/v1/statuses', { status: `Hello @${whom.name}`, ...more })

const heard = (phone: Phone, count: number) =>
  eventually(
    WAIT_MS_MAX,
    async () => phone.told(),
    (messages) => messages.length >= count,
  )

const logged = (person: Person, count: number) =>
  eventually(
    WAIT_MS_MAX,
    () => person.send<Outcome[]>('GET', `${PATH}/log`),
    (outcomes) => outcomes.length >= count,
  )

/** What waits for another try is due now. */
const hurry = () => system.engines.database.run`update push_deliveries set due_at = '-infinity'`

test('a subscription is one per token: made, shown, changed, replaced and deleted', async () => {
  const me = await somebody()
  assert.equal((await me.call('GET', PATH)).status, 404)
  assert.equal((await me.call('PUT', PATH, { data: { policy: 'none' } })).status, 404)
  const { subscription } = await phoneOf(me)
  assert.equal(typeof subscription.id, 'number')
  assert.deepEqual([subscription.standard, subscription.policy], [true, 'all'])
  assert.deepEqual([subscription.alerts['mention'], subscription.alerts['reblog']], [true, false])
  assert.deepEqual(await me.send('GET', PATH), subscription)
  const changed = await me.send<Subscription>('PUT', PATH, { data: { alerts: { reblog: '1' }, policy: 'follower' } })
  assert.deepEqual([changed.id, changed.policy], [subscription.id, 'follower'])
  assert.deepEqual([changed.alerts['mention'], changed.alerts['reblog']], [false, true])
  const { subscription: other } = await phoneOf(me)
  assert.notEqual(other.id, subscription.id)
  assert.equal((await system.blocks.push.of(me.id)).length, 1)
  await me.send('DELETE', PATH)
  assert.equal((await me.call('GET', PATH)).status, 404)
  await me.send('DELETE', PATH)
})

test('a mention reaches the phone, in the encoding it asked for, signed for its service', async () => {
  const [bob, ...readers] = [await somebody(), await somebody(), await somebody()]
  for (const [reader, standard] of [
    [readers[0], true],
    [readers[1], false],
  ] as const) {
    assert.ok(reader)
    const phone = await phoneOf(reader, {}, { standard })
    await mention(bob, reader)
    const [message] = await heard(phone, 1)
    assert.deepEqual(
      [message?.['notification_type'], message?.['title'], message?.['body']],
      ['mention', `${bob.name} mentioned you`, `Hello @${reader.name}`],
    )
    const notices = await reader.send<{ id: string }[]>('GET', '/api/v1/notifications')
    assert.equal(String(message?.['notification_id']), notices[0]?.id)
    const [pushed] = service.received.filter(({ path }) => path === phone.path)
    assert.equal(pushed?.headers['content-encoding'], standard ? 'aes128gcm' : 'aesgcm')
    assert.match(pushed?.headers.authorization ?? '', standard ? /^vapid t=/ : /^WebPush /)
    assert.deepEqual([pushed?.headers['ttl'], pushed?.headers['urgency']], ['172800', 'high'])
    assert.match(String(pushed?.headers['topic']), /^[\w-]{1,32}$/)
    assert.deepEqual(
      (await logged(reader, 1)).map(({ outcome, status }) => [outcome, status]),
      [['delivered', 201]],
    )
  }
})

test('only what was asked for is pushed, from whom the policy lets through, and no text of direct statuses', async () => {
  const [me, friend, stranger] = [await somebody(), await somebody(), await somebody()]
  await me.send('POST', `/api/v1/accounts/${friend.id}/follow`)
  const phone = await phoneOf(me, { alerts: { mention: true }, policy: 'followed' })
  const { id } = await me.send<{ id: string }>('POST', '/api/v1/statuses', { status: 'Mine' })
  await friend.send('POST', `/api/v1/statuses/${id}/favourite`)
  await mention(stranger, me)
  await mention(friend, me, { visibility: 'direct' })
  const messages = await heard(phone, 1)
  assert.deepEqual(
    messages.map(({ title, body }) => [title, body]),
    [[`${friend.name} mentioned you`, '']],
  )
  // The stranger's was looked at before: nothing waits.
  await eventually(
    WAIT_MS_MAX,
    () => system.engines.database.rows`select id from push_deliveries where recipient = ${me.id}`,
    (rows) => rows.length === 0,
  )
  assert.equal(phone.told().length, 1)
})

test('404 and 410 end a subscription; whatever else a service does, it goes on and is tried again', async () => {
  const bob = await somebody()
  for (const status of [404, 410]) {
    const me = await somebody()
    const phone = await phoneOf(me)
    service.behave(answering(status))
    await mention(bob, me)
    await eventually(
      WAIT_MS_MAX,
      () => me.call('GET', PATH),
      (answer) => answer.status === 404,
    )
    assert.equal(phone.told().length, 1)
  }
  const me = await somebody()
  const phone = await phoneOf(me)
  for (const [tries, behaviour, status] of [
    [1, answering(503), 503],
    [2, answering(429, { 'retry-after': '2' }), 429],
    [3, answering(500), 500],
    [4, (_request: unknown, response: { destroy(): void }) => response.destroy(), null],
  ] as const) {
    service.behave(behaviour)
    await (tries === 1 ? mention(bob, me) : hurry())
    const [last] = await logged(me, tries)
    assert.deepEqual([last?.outcome, last?.status], ['failed', status])
  }
  service.behave(answering(201))
  await hurry()
  const [last] = await logged(me, 5)
  assert.deepEqual([last?.outcome, phone.told().length], ['delivered', 5])
  assert.equal(new Set(service.received.filter((p) => p.path === phone.path).map((p) => p.headers['topic'])).size, 1)
})

test('a redirect or a refusal is final for the message, and no more than that', async () => {
  const [me, bob] = [await somebody(), await somebody()]
  const phone = await phoneOf(me)
  for (const [index, behaviour] of [
    answering(302, { location: `${service.url}${phone.path}/elsewhere` }),
    answering(413),
    answering(403),
  ].entries()) {
    service.behave(behaviour)
    await mention(bob, me)
    assert.equal((await logged(me, index + 1))[0]?.outcome, 'given_up')
  }
  service.behave(answering(201))
  await mention(bob, me)
  assert.equal((await logged(me, 4))[0]?.outcome, 'delivered')
  assert.equal(service.received.filter(({ path }) => path.endsWith('/elsewhere')).length, 0)
})

test('what may not be told any more by the time it is sent is not sent', async () => {
  const [me, bob] = [await somebody(), await somebody()]
  const phone = await phoneOf(me)
  service.behave(answering(503))
  const { id } = await mention(bob, me)
  await logged(me, 1)
  service.behave(answering(201))
  await bob.send('DELETE', `/api/v1/statuses/${id}`)
  await hurry()
  await eventually(
    WAIT_MS_MAX,
    () => system.engines.database.rows`select id from push_deliveries where recipient = ${me.id}`,
    (rows) => rows.length === 0,
  )
  assert.equal(phone.told().length, 1, 'the first try alone')
})

test('it ends with its token', async () => {
  const me = await somebody()
  await phoneOf(me)
  const identity = await system.blocks.people.oauth.identify(me.token)
  assert.ok(typeof identity === 'object')
  await system.blocks.people.oauth.revokeTokenById(identity.tokenId)
  await eventually(
    WAIT_MS_MAX,
    () => system.blocks.push.of(me.id),
    (left) => left.length === 0,
  )
})

test('a test message is sent at once, and its outcome told', async () => {
  const me = await somebody()
  assert.equal((await me.call('POST', `${PATH}/test`)).status, 404)
  const phone = await phoneOf(me)
  service.behave(answering(201))
  const call = async () => (await me.call('POST', `${PATH}/test`)).body as Outcome
  const told = await call()
  assert.deepEqual([told.outcome, told.status, told.notification_id], ['delivered', 201, null])
  assert.equal(phone.told()[0]?.['notification_type'], 'test')
  service.behave(answering(500))
  assert.equal((await call()).outcome, 'failed')
  service.behave(answering(201))
})

test('addresses and keys that cannot be used are refused in words', async () => {
  const me = await somebody()
  const device = newReceiver()
  const good = asked(device, '/bad')
  const { keys } = good
  for (const [subscription, status, words] of [
    [{ ...good, endpoint: 'https://10.0.0.1/' }, 422, /private network/],
    [{ ...good, endpoint: 'https://[::ffff:192.168.0.1]/' }, 422, /private network/],
    [{ ...good, endpoint: 'http://1.1.1.1/' }, 422, /https on port 443/],
    [{ ...good, endpoint: 'file:///etc/passwd' }, 422, /must begin with https/],
    [{ ...good, endpoint: 'https://user:word@push.example/' }, 422, /user name/],
    [{ ...good, endpoint: 'not a URL' }, 422, /not a valid URL/],
    [{ ...good, endpoint: `https://push.example/${'x'.repeat(1_000)}` }, 422, /too long/],
    [{ ...good, endpoint: '' }, 400, /endpoint/],
    [{ ...good, keys: { ...keys, p256dh: 'AAAA' } }, 422, /Key p256dh is invalid/],
    [{ ...good, keys: { ...keys, p256dh: Buffer.alloc(65, 4).toString('base64') } }, 422, /Key p256dh is invalid/],
    [{ ...good, keys: { ...keys, auth: 'AAAA' } }, 422, /Key auth is invalid/],
    [{ ...good, keys: { ...keys, auth: '***' } }, 422, /Key auth is invalid/],
    [{ ...good, keys: {} }, 400, /p256dh/],
    [{}, 400, /endpoint/],
  ] as const) {
    const answer = await me.call('POST', PATH, { subscription })
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    assert.match(JSON.stringify(answer.body), words)
  }
  const policy = await me.call('POST', PATH, { subscription: good, data: { policy: 'some' } })
  assert.equal(policy.status, 422)
})
