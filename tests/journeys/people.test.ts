import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { watchConformance } from '../world/conformance.ts'
import { authorize, caller, eventually, join, signUp, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

let server: RunningServer
let alice: Person
let bob: Person

before(async () => {
  watchConformance()
  server = await startServer({ env: { REQUIRE_PKCE: 'true' } })
  alice = await join(server.url, 'alice')
  bob = await join(server.url, 'bob')
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

test('with REQUIRE_PKCE nobody is signed in by an app that does without', async () => {
  const { visitor } = await signUp(server.url, 'pia')
  await assert.rejects(authorize(server.url, visitor, 'read', false), /invalid_request/)
})

const homeIds = async (person: Person) => (await person.masto.v1.timelines.home.list()).map((status) => status.id)

test('following fills the home with what was written before; unfollowing takes it away at once', async () => {
  const before_ = await alice.masto.v1.statuses.create({ status: 'Before you came' })
  await homeIds(bob)
  const relation = await bob.masto.v1.accounts.$select(alice.id).follow()
  assert.equal(relation.following, true)
  await eventually(
    1_000,
    () => homeIds(bob),
    (ids) => ids.includes(before_.id),
  )
  await bob.masto.v1.accounts.$select(alice.id).unfollow()
  assert.ok(!(await homeIds(bob)).includes(before_.id))
  const [seen] = await bob.masto.v1.accounts.relationships.fetch({ id: [alice.id] })
  assert.equal(seen?.following, false)
})

test('a locked account is asked, and answers', async () => {
  await alice.masto.v1.accounts.updateCredentials({ locked: true })
  const asked = await bob.masto.v1.accounts.$select(alice.id).follow()
  assert.deepEqual([asked.following, asked.requested], [false, true])
  const [request] = await alice.masto.v1.followRequests.list()
  assert.equal(request?.id, bob.id)
  await eventually(
    1_000,
    () => alice.masto.v1.notifications.list(),
    (list) => list.some((n) => n.type === 'follow_request'),
  )
  await alice.masto.v1.followRequests.$select(bob.id).authorize()
  const [relation] = await bob.masto.v1.accounts.relationships.fetch({ id: [alice.id] })
  assert.deepEqual([relation?.following, relation?.requested], [true, false])
  await alice.masto.v1.accounts.updateCredentials({ locked: false })
})

test('a block hides both from each other everywhere, and ends the follow', async () => {
  const carol = await join(server.url, 'carol')
  await carol.masto.v1.accounts.$select(alice.id).follow()
  const status = await alice.masto.v1.statuses.create({ status: 'Before the block' })
  await eventually(
    1_000,
    () => homeIds(carol),
    (ids) => ids.includes(status.id),
  )
  await alice.masto.v1.accounts.$select(carol.id).block()
  assert.ok(!(await homeIds(carol)).includes(status.id))
  assert.equal((await carol.call('GET', `/api/v1/statuses/${status.id}`)).status, 404)
  const [relation] = await carol.masto.v1.accounts.relationships.fetch({ id: [alice.id] })
  assert.deepEqual([relation?.following, relation?.blockedBy], [false, true])
  assert.equal((await carol.call('POST', `/api/v1/accounts/${alice.id}/follow`)).status, 403)
  assert.deepEqual(
    (await alice.masto.v1.blocks.list()).map((account) => account.id),
    [carol.id],
  )
  await alice.masto.v1.accounts.$select(carol.id).unblock()
  assert.equal((await carol.call('GET', `/api/v1/statuses/${status.id}`)).status, 200)
})

test('a mute with an end takes someone out of the home until then', async () => {
  const dan = await join(server.url, 'dan')
  await dan.masto.v1.accounts.$select(alice.id).follow()
  const status = await alice.masto.v1.statuses.create({ status: 'Loud' })
  await eventually(
    1_000,
    () => homeIds(dan),
    (ids) => ids.includes(status.id),
  )
  await dan.masto.v1.accounts.$select(alice.id).mute({ duration: 2 })
  assert.ok(!(await homeIds(dan)).includes(status.id))
  await eventually(
    5_000,
    () => homeIds(dan),
    (ids) => ids.includes(status.id),
  )
})

test('tokens end: a revoked one is refused, scopes are kept to', async () => {
  const { visitor } = await signUp(server.url, 'erin')
  const reading = await authorize(server.url, visitor, 'read')
  const call = caller(server.url, reading)
  assert.equal((await call('GET', '/api/v1/accounts/verify_credentials')).status, 200)
  const refused = await call('POST', '/api/v1/statuses', { status: 'no' })
  assert.equal(refused.status, 403)
  assert.deepEqual(refused.body, { error: 'This action is outside the authorized scopes' })
  assert.equal((await caller(server.url, undefined)('GET', '/api/v1/timelines/home')).status, 401)
})

test('a profile is changed, its picture is re-encoded and served', async () => {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC',
    'base64',
  )
  const changed = await bob.masto.v1.accounts.updateCredentials({
    displayName: 'Bob <b>the</b> wader',
    note: 'Mud & tides https://example.com',
    avatar: new Blob([png], { type: 'image/png' }),
    fieldsAttributes: [{ name: 'site', value: 'https://example.com' }],
  })
  assert.equal(changed.displayName, 'Bob <b>the</b> wader')
  assert.match(changed.note, /Mud &amp; tides <a href="https:\/\/example.com"/)
  assert.equal(changed.fields[0]?.name, 'site')
  const picture = await fetch(changed.avatar)
  assert.equal(picture.status, 200)
  assert.match(picture.headers.get('content-type') ?? '', /^image\//)
})

test('the first screen of Elk, Phanpy, toot and Tusky gets what it asks for', async () => {
  const paths = [
    '/api/v1/instance',
    '/api/v2/instance',
    '/api/v1/preferences',
    '/api/v1/push/subscription',
    '/api/v1/followed_tags',
    '/api/v1/markers?timeline[]=notifications',
    '/api/v1/notifications?limit=30',
    '/api/v2/notifications',
    '/api/v2/notifications/unread_count',
    '/api/v1/announcements',
    '/api/v2/filters',
    '/api/v1/lists',
    '/api/v1/custom_emojis',
    '/api/v1/instance/peers',
    '/api/v1/follow_requests',
    '/nodeinfo/2.0',
    `/api/v1/accounts/relationships?id[]=${alice.id}`,
    `/api/v1/accounts/${alice.id}/following`,
    '/api/v1/accounts/lookup?acct=alice',
    '/api/v2/search?q=alice',
    '/.well-known/nodeinfo',
    '/.well-known/oauth-authorization-server',
  ]
  for (const path of paths) {
    const answer = await bob.call('GET', path)
    assert.equal(
      answer.status,
      path === '/api/v1/push/subscription' ? 404 : 200,
      `${path}: ${JSON.stringify(answer.body)}`,
    )
  }
})
