import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { AccountId } from '../../src/snowflake/contract.ts'
import { watchConformance } from '../world/conformance.ts'
import { caller, eventually } from '../world/people.ts'
import { openSystem, type System } from '../world/system.ts'

const WAIT_MS_MAX = 30_000
const PATH = '/api/v1/conversations'

interface Conversation {
  id: string
  unread: boolean
  accounts: { id: string }[]
  last_status: { id: string }
}

interface Person {
  id: AccountId
  name: string
  call: ReturnType<typeof caller>
}

let system: System
let people = 0

before(async () => {
  watchConformance()
  system = await openSystem()
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

async function somebody(): Promise<Person> {
  people += 1
  const name = `person${people}`
  const id = await system.person(name)
  return { id, name, call: caller(system.url, await system.token(id)) }
}

async function got<Body>({ call }: Person, method: string, path: string, body?: object): Promise<Body> {
  const answer = await call(method, path, body)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body as Body // the tables of the API were held against it
}

async function write(from: Person, to: Person[], more: object = {}): Promise<string> {
  const status = `${to.map(({ name }) => `@${name}`).join(' ')} psst`
  return (await got<{ id: string }>(from, 'POST', '/api/v1/statuses', { status, visibility: 'direct', ...more })).id
}

const conversations = (of: Person, query = '') => got<Conversation[]>(of, 'GET', `${PATH}${query}`)

/** What the conversations are when the newest statuses of all are these. */
const settled = (of: Person, newest: string[]) =>
  eventually(
    WAIT_MS_MAX,
    () => conversations(of),
    (found) => found.map((one) => one.last_status.id).join() === newest.join(),
  )

test('a direct status begins a conversation for everyone who takes part, and only them', async () => {
  const [alice, bob, carol] = [await somebody(), await somebody(), await somebody()]
  const id = await write(alice, [bob])
  const [own] = await settled(alice, [id])
  const [theirs] = await settled(bob, [id])
  assert.deepEqual([own?.unread, own?.accounts.map((one) => one.id)], [false, [String(bob.id)]])
  assert.deepEqual([theirs?.unread, theirs?.accounts.map((one) => one.id)], [true, [String(alice.id)]])
  await got(alice, 'POST', '/api/v1/statuses', { status: `@${bob.name} in the open` })
  const reply = await write(bob, [alice], { in_reply_to_id: id })
  const [answered] = await settled(alice, [reply])
  assert.deepEqual([answered?.id, answered?.unread], [own?.id, true])
  assert.deepEqual((await settled(bob, [reply]))[0]?.unread, false)
  const wider = await write(alice, [bob, carol], { in_reply_to_id: reply })
  await settled(bob, [wider, reply])
  await settled(carol, [wider])
  const first = await bob.call('GET', `${PATH}?limit=1`)
  const next = /max_id=(\d+)/.exec(first.headers.get('link') ?? '')?.[1]
  assert.deepEqual(
    (await conversations(bob, `?limit=1&max_id=${next}`)).map((one) => one.last_status.id),
    [reply],
  )
})

test('it is read, unread and removed by its owner alone, and comes back with what is written next', async () => {
  const [alice, bob] = [await somebody(), await somebody()]
  const id = await write(alice, [bob])
  const [found] = await settled(bob, [id])
  await settled(alice, [id])
  const path = `${PATH}/${found?.id}`
  assert.equal((await got<Conversation>(bob, 'POST', `${path}/read`)).unread, false)
  assert.equal((await conversations(bob))[0]?.unread, false)
  assert.equal((await got<Conversation>(bob, 'POST', `${path}/unread`)).unread, true)
  for (const [method, at] of [
    ['POST', `${path}/read`],
    ['DELETE', path],
  ] as const) {
    assert.equal((await alice.call(method, at)).status, 404, at)
  }
  await got(bob, 'DELETE', path)
  assert.deepEqual(await conversations(bob), [])
  assert.equal((await bob.call('DELETE', path)).status, 404)
  const next = await write(alice, [bob], { in_reply_to_id: id })
  assert.equal((await settled(bob, [next]))[0]?.id, found?.id)
})

test('a status that is deleted gives way to the one before it, the last one to nothing; blocks and mutes hide', async () => {
  const [alice, bob] = [await somebody(), await somebody()]
  const first = await write(alice, [bob])
  const second = await write(alice, [bob], { in_reply_to_id: first })
  await settled(bob, [second])
  await got(alice, 'DELETE', `/api/v1/statuses/${second}`)
  await settled(bob, [first])
  await got(bob, 'POST', `/api/v1/accounts/${alice.id}/mute`)
  assert.deepEqual(await conversations(bob), [], 'at once')
  await got(bob, 'POST', `/api/v1/accounts/${alice.id}/unmute`)
  assert.equal((await conversations(bob)).length, 1)
  await got(alice, 'DELETE', `/api/v1/statuses/${first}`)
  await settled(bob, [])
  await eventually(
    WAIT_MS_MAX,
    () => system.engines.database.rows`select id from conversations where account_id = ${bob.id}`,
    (rows) => rows.length === 0,
  )
})
