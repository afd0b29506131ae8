/**
 * Two threads answer: what one of them has acknowledged, the other shows to whoever asks after that, however warm its memory
 * was (I6–I8, I16). Each thing is read on the one before it is changed on the other, so that there is something to forget.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { eventually, join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'
import { connectionToEach, systemOf, type Answer, type Connection } from '../world/thread-connections.ts'

const ROUNDS = 10
const PATIENCE_MS = 60_000

const resources = new AsyncDisposableStack()
let server: RunningServer
let alice: Person
let bob: Person
/** Each round the writer and the reader change places. */
let threads: [Connection, Connection]

before(async () => {
  server = resources.use(await startServer({ apiThreads: 2 }))
  alice = await join(server.url, 'alice')
  bob = await join(server.url, 'bob')
  const connections = resources.adopt(new DisposableStack(), (stack) => stack.dispose())
  const [one, two] = (await connectionToEach(server, connections)).values()
  assert.ok(one !== undefined && two !== undefined)
  threads = [one, two]
})

after(() => resources.disposeAsync())

interface Sides {
  /** Sends what changes something. */
  write: (person: Person, method: string, path: string, body?: object) => Promise<Answer>
  /** On the other thread. */
  read: (person: Person, path: string) => Promise<Answer>
  round: number
}

async function eachWay(play: (sides: Sides) => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [writer, reader] = round % 2 === 0 ? threads : [threads[1], threads[0]]
    await play({
      write: async (person, method, path, body) => {
        const answer = await writer.call(person.token, method, path, body)
        assert.equal(answer.status, 200, `${method} ${path}: ${JSON.stringify(answer.body)}`)
        return answer
      },
      read: (person, path) => reader.call(person.token, 'GET', path),
      round,
    })
  }
}

function field(answer: Answer, name: string): unknown {
  assert.ok(typeof answer.body === 'object' && answer.body !== null && name in answer.body, JSON.stringify(answer.body))
  return (answer.body as Record<string, unknown>)[name]
}

function items(answer: Answer): Record<string, unknown>[] {
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.ok(Array.isArray(answer.body))
  return answer.body
}

async function posted({ write }: Sides, author: Person, text: string, more: object = {}): Promise<string> {
  return String(field(await write(author, 'POST', '/api/v1/statuses', { status: text, ...more }), 'id'))
}

test('a status is there for others as soon as its author knows its id, and gone when it is deleted', async () => {
  await eachWay(async (sides) => {
    const id = await posted(sides, alice, `hello ${sides.round}`)
    const seen = await sides.read(bob, `/api/v1/statuses/${id}`)
    assert.equal(seen.status, 200)
    const [reply] = [await posted(sides, bob, 'answer', { in_reply_to_id: id })]
    assert.equal(field(await sides.read(alice, `/api/v1/statuses/${id}`), 'replies_count'), 1)
    await sides.write(bob, 'DELETE', `/api/v1/statuses/${reply}`)
    assert.equal((await sides.read(alice, `/api/v1/statuses/${reply}`)).status, 404)
    assert.equal(field(await sides.read(alice, `/api/v1/statuses/${id}`), 'replies_count'), 0)
  })
})

test('an edit, a favourite, a bookmark and a boost show on the other thread', async () => {
  await eachWay(async (sides) => {
    const id = await posted(sides, alice, 'first')
    const shown = (name: string) => async () => field(await sides.read(bob, `/api/v1/statuses/${id}`), name)
    const content = shown('content')
    await content()
    await sides.write(alice, 'PUT', `/api/v1/statuses/${id}`, { status: 'second' })
    assert.match(String(await content()), /second/)
    for (const [act, mark, undo] of [
      ['favourite', 'favourited', 'unfavourite'],
      ['bookmark', 'bookmarked', 'unbookmark'],
      ['reblog', 'reblogged', 'unreblog'],
    ] as const) {
      assert.equal(await shown(mark)(), false)
      await sides.write(bob, 'POST', `/api/v1/statuses/${id}/${act}`)
      assert.equal(await shown(mark)(), true)
      await sides.write(bob, 'POST', `/api/v1/statuses/${id}/${undo}`)
      assert.equal(await shown(mark)(), false)
    }
  })
})

test('a follow, a mute and a block are known at once, and a block hides what was in memory', async () => {
  await eachWay(async (sides) => {
    const id = await posted(sides, alice, `to be hidden ${sides.round}`)
    const relation = async () => items(await sides.read(bob, `/api/v1/accounts/relationships?id[]=${alice.id}`))[0]
    assert.equal((await relation())?.['following'], false)
    await sides.write(bob, 'POST', `/api/v1/accounts/${alice.id}/follow`)
    assert.equal((await relation())?.['following'], true)
    assert.equal(field(await sides.read(alice, `/api/v1/accounts/${alice.id}`), 'followers_count'), 1)
    await sides.write(bob, 'POST', `/api/v1/accounts/${alice.id}/mute`)
    assert.equal((await relation())?.['muting'], true)
    await sides.write(bob, 'POST', `/api/v1/accounts/${alice.id}/unmute`)
    const isInHome = async () =>
      items(await sides.read(bob, '/api/v1/timelines/home?limit=40')).some((each) => each['id'] === id)
    await isInHome()
    assert.equal((await sides.read(bob, `/api/v1/statuses/${id}`)).status, 200)
    await sides.write(alice, 'POST', `/api/v1/accounts/${bob.id}/block`)
    assert.equal((await sides.read(bob, `/api/v1/statuses/${id}`)).status, 404)
    assert.equal(await isInHome(), false)
    assert.equal((await relation())?.['following'], false)
    await sides.write(alice, 'POST', `/api/v1/accounts/${bob.id}/unblock`)
    assert.equal((await sides.read(bob, `/api/v1/statuses/${id}`)).status, 200)
  })
})

test('profiles and filters change for both threads', async () => {
  await eachWay(async (sides) => {
    const name = `Alice the ${sides.round}th`
    await sides.read(bob, `/api/v1/accounts/${alice.id}`)
    await sides.write(alice, 'PATCH', '/api/v1/accounts/update_credentials', { display_name: name })
    assert.equal(field(await sides.read(bob, `/api/v1/accounts/${alice.id}`), 'display_name'), name)
    const id = await posted(sides, alice, `about spiders ${sides.round}`)
    const filtered = async () => field(await sides.read(bob, `/api/v1/statuses/${id}`), 'filtered')
    assert.deepEqual(await filtered(), [])
    const filter = { title: 'no', context: ['thread', 'home'], keywords_attributes: [{ keyword: 'spiders' }] }
    const made = await sides.write(bob, 'POST', '/api/v2/filters', filter)
    assert.notDeepEqual(await filtered(), [])
    await sides.write(bob, 'DELETE', `/api/v2/filters/${String(field(made, 'id'))}`)
    assert.deepEqual(await filtered(), [])
  })
})

test('an exclusive list takes its people out of home on the other thread, too', async () => {
  await eachWay(async (sides) => {
    await sides.write(bob, 'POST', `/api/v1/accounts/${alice.id}/follow`)
    const id = await posted(sides, alice, `listed ${sides.round}`)
    const home = async () => items(await sides.read(bob, '/api/v1/timelines/home?limit=40')).map((each) => each['id'])
    await eventually(PATIENCE_MS, home, (ids) => ids.includes(id))
    const list = String(
      field(await sides.write(bob, 'POST', '/api/v1/lists', { title: 'Apart', exclusive: true }), 'id'),
    )
    await sides.write(bob, 'POST', `/api/v1/lists/${list}/accounts`, { account_ids: [alice.id] })
    assert.ok(!(await home()).includes(id))
    await sides.write(bob, 'DELETE', `/api/v1/lists/${list}`)
    assert.ok((await home()).includes(id))
    await sides.write(bob, 'POST', `/api/v1/accounts/${alice.id}/unfollow`)
  })
})

test('a token that was revoked on one thread opens nothing on the other', async () => {
  const registration = { client_name: 'App', redirect_uris: 'https://app.example/' }
  const app = await threads[0].call(undefined, 'POST', '/api/v1/apps', registration)
  const client = { client_id: field(app, 'client_id'), client_secret: field(app, 'client_secret') }
  for (const [writer, reader] of [threads, threads.toReversed()]) {
    assert.ok(writer !== undefined && reader !== undefined)
    const grant = { ...client, grant_type: 'client_credentials' }
    const token = String(field(await writer.call(undefined, 'POST', '/oauth/token', grant), 'access_token'))
    const verify = async () => (await reader.call(token, 'GET', '/api/v1/apps/verify_credentials')).status
    assert.equal(await verify(), 200)
    assert.equal((await writer.call(undefined, 'POST', '/oauth/revoke', { ...client, token })).status, 200)
    assert.equal(await verify(), 401)
  }
})

test('each thread is shown with what it does', async () => {
  const { threads: shown } = await systemOf(server)
  assert.deepEqual(
    shown.map(({ name, state, restarts }) => ({ name, state, restarts })),
    ['fanout', 'api-1', 'api-2'].map((name) => ({ name, state: 'running', restarts: 0 })),
  )
  for (const { name, requests, heapBytes, cpuSeconds } of shown) {
    assert.equal(requests === null, name === 'fanout')
    assert.ok((heapBytes ?? 0) > 0 && (cpuSeconds ?? 0) > 0)
  }
  assert.ok(
    threads.every(({ connections }) => connections === 1),
    'each connection stayed with its thread',
  )
})
