import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { watchConformance } from '../world/conformance.ts'
import { eventually, join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

let server: RunningServer
let alice: Person
let bob: Person
let carol: Person

before(async () => {
  watchConformance()
  server = await startServer()
  alice = await join(server.url, 'alice')
  bob = await join(server.url, 'bob')
  carol = await join(server.url, 'carol')
  await bob.masto.v1.accounts.$select(alice.id).follow()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

const homeIds = async (person: Person) => (await person.masto.v1.timelines.home.list()).map((status) => status.id)

test('a post reaches the home of a follower and of its author, and of nobody else', async () => {
  const status = await alice.masto.v1.statuses.create({ status: 'The tide is out. #birds' })
  assert.equal(status.url, `${server.url}/@alice/${status.id}`)
  assert.match(
    status.content,
    /<a href="[^"]*\/tags\/birds" class="mention hashtag" rel="tag">#<span>birds<\/span><\/a>/,
  )
  await eventually(
    1_000,
    () => homeIds(bob),
    (ids) => ids.includes(status.id),
  )
  assert.ok((await homeIds(alice)).includes(status.id))
  assert.ok(!(await homeIds(carol)).includes(status.id))
})

test('public, account and context reads show a status as soon as its POST has returned', async () => {
  for (let round = 0; round < 20; round++) {
    const status = await alice.masto.v1.statuses.create({ status: `Round ${round}` })
    const [latest] = await carol.masto.v1.timelines.public.list({ limit: 1, local: true })
    assert.equal(latest?.id, status.id)
    const [own] = await carol.masto.v1.accounts.$select(alice.id).statuses.list({ limit: 1 })
    assert.equal(own?.id, status.id)
    const reply = await bob.masto.v1.statuses.create({ status: `@alice to ${round}`, inReplyToId: status.id })
    const thread = await carol.masto.v1.statuses.$select(status.id).context.fetch()
    assert.deepEqual(
      thread.descendants.map((each) => each.id),
      [reply.id],
    )
    assert.equal((await carol.masto.v1.statuses.$select(status.id).fetch()).repliesCount, 1)
  }
})

test('a reply mentions and notifies; its thread shows ancestors and descendants', async () => {
  const first = await alice.masto.v1.statuses.create({ status: 'Who has seen the dunlin?' })
  const second = await carol.masto.v1.statuses.create({ status: '@alice Two of them, at noon', inReplyToId: first.id })
  const third = await alice.masto.v1.statuses.create({ status: '@carol Where?', inReplyToId: second.id })
  const thread = await bob.masto.v1.statuses.$select(second.id).context.fetch()
  assert.deepEqual(
    thread.ancestors.map((each) => each.id),
    [first.id],
  )
  assert.deepEqual(
    thread.descendants.map((each) => each.id),
    [third.id],
  )
  assert.equal(second.mentions[0]?.id, alice.id)
  const [mention] = await eventually(
    1_000,
    () => alice.masto.v1.notifications.list({ types: ['mention'] }),
    (list) => list.some((each) => each.status?.id === second.id),
  )
  assert.equal(mention?.account.username, 'carol')
})

test('boost, favourite, bookmark and pin are counted, shown to who made them, and taken back', async () => {
  const status = await alice.masto.v1.statuses.create({ status: 'Boost me' })
  const of = bob.masto.v1.statuses.$select(status.id)
  const boost = await of.reblog()
  assert.equal(boost.reblog?.id, status.id)
  assert.notEqual(boost.id, status.id)
  assert.equal((await of.reblog()).id, boost.id)
  await of.favourite()
  await of.favourite()
  await of.bookmark()
  const seen = await of.fetch()
  assert.deepEqual(
    [seen.reblogsCount, seen.favouritesCount, seen.reblogged, seen.favourited, seen.bookmarked],
    [1, 1, true, true, true],
  )
  assert.ok((await bob.masto.v1.favourites.list()).some((each) => each.id === status.id))
  assert.ok((await bob.masto.v1.bookmarks.list()).some((each) => each.id === status.id))
  assert.deepEqual(
    (await of.rebloggedBy.list()).map((each) => each.id),
    [bob.id],
  )
  assert.deepEqual(
    (await of.favouritedBy.list()).map((each) => each.id),
    [bob.id],
  )
  await eventually(
    1_000,
    () => alice.masto.v1.notifications.list(),
    (list) => ['reblog', 'favourite'].every((type) => list.some((n) => n.type === type && n.status?.id === status.id)),
  )
  await of.unreblog()
  await of.unfavourite()
  await of.unbookmark()
  const after_ = await of.fetch()
  assert.deepEqual(
    [after_.reblogsCount, after_.favouritesCount, after_.reblogged, after_.favourited, after_.bookmarked],
    [0, 0, false, false, false],
  )
  assert.equal((await alice.masto.v1.statuses.$select(status.id).pin()).pinned, true)
  const pinned = await carol.masto.v1.accounts.$select(alice.id).statuses.list({ pinned: true })
  assert.deepEqual(
    pinned.map((each) => each.id),
    [status.id],
  )
})

test('an edit keeps its history and shows everywhere; a delete gives the text back and leaves nothing', async () => {
  const status = await alice.masto.v1.statuses.create({ status: 'Frist', spoilerText: 'typo' })
  await eventually(
    1_000,
    () => homeIds(bob),
    (ids) => ids.includes(status.id),
  )
  const edited = await alice.masto.v1.statuses.$select(status.id).update({ status: 'First @carol', spoilerText: '' })
  assert.ok(edited.editedAt)
  const atHome = (await bob.masto.v1.timelines.home.list()).find((each) => each.id === status.id)
  assert.match(atHome?.content ?? '', /First/)
  const history = await bob.masto.v1.statuses.$select(status.id).history.list()
  assert.deepEqual(
    history.map((each) => each.content),
    ['<p>Frist</p>', edited.content],
  )
  assert.equal((await alice.masto.v1.statuses.$select(status.id).source.fetch()).text, 'First @carol')
  const gone = await alice.masto.v1.statuses.$select(status.id).remove()
  assert.equal(gone.text, 'First @carol')
  assert.equal((await carol.call('GET', `/api/v1/statuses/${status.id}`)).status, 404)
  assert.ok(!(await homeIds(bob)).includes(status.id))
})

test('the four visibilities reach exactly those they are for', async () => {
  const make = (visibility: 'public' | 'unlisted' | 'private' | 'direct') =>
    alice.masto.v1.statuses.create({ status: `@carol ${visibility}`, visibility })
  const statuses = {
    public: await make('public'),
    unlisted: await make('unlisted'),
    private: await make('private'),
    direct: await make('direct'),
  }
  const canRead = async (person: Person) => {
    const answers = await Promise.all(
      Object.values(statuses).map((each) => person.call('GET', `/api/v1/statuses/${each.id}`)),
    )
    return answers.map((answer) => answer.status === 200)
  }
  const dan = await join(server.url, 'dan')
  assert.deepEqual(await canRead(bob), [true, true, true, false], 'a follower')
  assert.deepEqual(await canRead(carol), [true, true, true, true], 'someone mentioned')
  assert.deepEqual(await canRead(dan), [true, true, false, false], 'a stranger')
  const publicIds = (await dan.masto.v1.timelines.public.list()).map((each) => each.id)
  assert.deepEqual(
    Object.values(statuses).map((each) => publicIds.includes(each.id)),
    [true, false, false, false],
  )
})

test('the same idempotency key gives the same status, also at the same time', async () => {
  const post = async () => {
    const response = await fetch(`${server.url}/api/v1/statuses`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${alice.token}`,
        'content-type': 'application/json',
        'idempotency-key': 'once',
      },
      body: JSON.stringify({ status: 'Exactly once' }),
    })
    const body: unknown = await response.json()
    assert.equal(response.status, 200, JSON.stringify(body))
    assert.ok(typeof body === 'object' && body !== null && 'id' in body)
    return body.id
  }
  const ids = new Set(await Promise.all([post(), post(), post(), post(), post()]))
  ids.add(await post())
  assert.equal(ids.size, 1)
})

test('what cannot be posted is refused with a reason', async () => {
  const refused = [
    { status: '' },
    { status: 'x'.repeat(501) },
    { status: 'hello', in_reply_to_id: '99999999999999' },
    { status: 'hello', visibility: 'secret' },
    { status: 'hello', media_ids: ['1'] },
  ]
  for (const body of refused) {
    const answer = await alice.call('POST', '/api/v1/statuses', body)
    assert.ok([404, 422].includes(answer.status), `${JSON.stringify(body).slice(0, 80)}: ${answer.status}`)
    assert.ok(typeof answer.body === 'object' && answer.body !== null && 'error' in answer.body)
  }
  const fits = await alice.masto.v1.statuses.create({
    status: `${'x'.repeat(475)} https://example.com/${'long/'.repeat(60)}`,
  })
  assert.match(fits.content, /class="ellipsis"/)
})
