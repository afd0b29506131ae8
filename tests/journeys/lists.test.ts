import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { ListId } from '../../src/lists/contract.ts'
import { showsReply } from '../../src/lists/contract.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { watchConformance } from '../world/conformance.ts'
import { caller, eventually } from '../world/people.ts'
import { openSystem, type System } from '../world/system.ts'

const WAIT_MS_MAX = 30_000
const LISTS = '/api/v1/lists'

interface List {
  id: string
  title: string
  replies_policy: string
  exclusive: boolean
}

interface Person {
  id: AccountId
  call: ReturnType<typeof caller>
  get<Body>(path: string): Promise<Body>
  send<Body>(method: string, path: string, body?: object): Promise<Body>
  post(status: string, more?: object): Promise<string>
  follow(other: Person): Promise<void>
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
  const id = await system.person(`person${people}`)
  const call = caller(system.url, await system.token(id))
  const send = async <Body>(method: string, path: string, body?: object): Promise<Body> => {
    const answer = await call(method, path, body)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body as Body // the tables of the API were held against it
  }
  return {
    id,
    call,
    send,
    get: (path) => send('GET', path),
    post: async (status, more) => (await send<{ id: string }>('POST', '/api/v1/statuses', { status, ...more })).id,
    follow: async (other) => void (await send('POST', `/api/v1/accounts/${other.id}/follow`)),
  }
}

const members = (...of: Person[]) => ({ account_ids: of.map(({ id }) => id.toString()) })
const idsAt = async (person: Person, path: string) => (await person.get<{ id: string }[]>(path)).map(({ id }) => id)
const listed = (person: Person, { id }: List, query = '') => idsAt(person, `/api/v1/timelines/list/${id}${query}`)
const home = (person: Person) => idsAt(person, '/api/v1/timelines/home')

/** A reader who follows some people, with a list of them. */
async function reader(count: number, draft: object = {}): Promise<{ me: Person; list: List; others: Person[] }> {
  const me = await somebody()
  const others = await Promise.all(Array.from({ length: count }, () => somebody()))
  for (const other of others) await me.follow(other)
  const list = await me.send<List>('POST', LISTS, { title: 'Birds', ...draft })
  return { me, list, others }
}

test('a list is made, changed, listed and deleted by its owner alone', async () => {
  const { me, list } = await reader(0)
  assert.deepEqual([list.title, list.replies_policy, list.exclusive], ['Birds', 'list', false])
  const changed = await me.send<List>('PUT', `${LISTS}/${list.id}`, { replies_policy: 'none', exclusive: true })
  assert.deepEqual(changed, { ...list, replies_policy: 'none', exclusive: true })
  assert.deepEqual(await me.get(LISTS), [changed])
  assert.deepEqual(await me.get(`${LISTS}/${list.id}`), changed)
  const other = await somebody()
  for (const [method, path] of [
    ['GET', `${LISTS}/${list.id}`],
    ['PUT', `${LISTS}/${list.id}`],
    ['DELETE', `${LISTS}/${list.id}`],
    ['GET', `${LISTS}/${list.id}/accounts`],
    ['GET', `/api/v1/timelines/list/${list.id}`],
  ] as const) {
    const answer = await other.call(method, path)
    assert.deepEqual([answer.status, answer.body], [404, { error: 'Record not found' }], `${method} ${path}`)
  }
  await me.send('DELETE', `${LISTS}/${list.id}`)
  assert.deepEqual(await me.get(LISTS), [])
})

test('members are people one follows, oneself included; once each; they page, and go when they are not followed', async () => {
  const { me, list, others } = await reader(3)
  const [bob, carol, dan] = others
  assert.ok(bob && carol && dan)
  const path = `${LISTS}/${list.id}/accounts`
  await me.send('POST', path, members(bob, carol, me))
  assert.equal((await me.call('POST', path, members(await somebody()))).status, 404)
  assert.equal((await me.call('POST', path, members(bob))).status, 422)
  await me.send('POST', path, members(dan))
  const ids = [dan, me, carol, bob].map(({ id }) => id.toString())
  assert.deepEqual(await idsAt(me, `${path}?limit=0`), ids)
  const first = await me.call('GET', `${path}?limit=3`)
  const next = /max_id=(\d+)/.exec(first.headers.get('link') ?? '')?.[1]
  assert.deepEqual(await idsAt(me, `${path}?limit=3&max_id=${next}`), ids.slice(3))
  assert.deepEqual(await me.get(`/api/v1/accounts/${bob.id}/lists`), [list])
  await me.send('DELETE', path, members(bob, carol))
  assert.deepEqual(await me.get(`/api/v1/accounts/${bob.id}/lists`), [])
  await me.send('POST', `/api/v1/accounts/${dan.id}/unfollow`)
  await eventually(
    WAIT_MS_MAX,
    () => idsAt(me, path),
    (left) => left.length === 1,
  )
})

test('the timeline has what the members write, by the rules of home', async () => {
  const { me, list, others } = await reader(3)
  const [bob, carol, dan] = others
  assert.ok(bob && carol && dan)
  await me.send('POST', `${LISTS}/${list.id}/accounts`, members(bob, carol))
  const one = await bob.post('one')
  await dan.post('not on the list')
  const two = await carol.post('two', { visibility: 'private' })
  await bob.post('secret', { visibility: 'direct' })
  const boost = await carol.send<{ id: string }>('POST', `/api/v1/statuses/${one}/reblog`)
  assert.deepEqual(await listed(me, list), [boost.id, two, one])
  assert.deepEqual(await listed(me, list, '?limit=1'), [boost.id])
  assert.deepEqual(await listed(me, list, `?max_id=${boost.id}`), [two, one])
  assert.deepEqual(await listed(me, list, `?min_id=${one}&limit=1`), [two])
  await me.send('POST', `/api/v1/accounts/${bob.id}/mute`)
  assert.deepEqual(await listed(me, list), [two])
  await me.send('POST', `/api/v1/accounts/${bob.id}/unmute`)
  await me.send('POST', `/api/v1/accounts/${carol.id}/unfollow`)
  assert.deepEqual(await listed(me, list), [one], 'at once')
})

test('an exclusive list takes its people out of home, now and when it ends', async () => {
  const { me, list, others } = await reader(2)
  const [bob, carol] = others
  assert.ok(bob && carol)
  const [fromBob, fromCarol] = [await bob.post('bob'), await carol.post('carol')]
  const own = await me.post('mine')
  await eventually(
    WAIT_MS_MAX,
    () => home(me),
    (ids) => ids.length === 3,
  )
  await me.send('POST', `${LISTS}/${list.id}/accounts`, members(bob))
  assert.deepEqual(await home(me), [own, fromCarol, fromBob])
  await me.send('PUT', `${LISTS}/${list.id}`, { exclusive: true })
  assert.deepEqual(await home(me), [own, fromCarol])
  assert.deepEqual(await listed(me, list), [fromBob])
  await me.send('POST', `${LISTS}/${list.id}/accounts`, members(carol))
  assert.deepEqual(await home(me), [own])
  await me.send('DELETE', `${LISTS}/${list.id}`)
  assert.deepEqual(await home(me), [own, fromCarol, fromBob])
})

test('replies are shown as the policy says', () => {
  const account = 1n as AccountId
  const [author, member, stranger] = [2n as AccountId, 3n as AccountId, 4n as AccountId]
  const shown = (repliesPolicy: 'followed' | 'list' | 'none') => {
    const record = { id: 1n as ListId, account, title: '', repliesPolicy, exclusive: false }
    const view = { record, members: new Set([author, member]) }
    return [null, author, account, member, stranger].map((inReplyToAccount) =>
      showsReply(view, { accountId: author, inReplyToAccount }),
    )
  }
  assert.deepEqual(shown('none'), [true, true, true, false, false])
  assert.deepEqual(shown('list'), [true, true, true, true, false])
  assert.deepEqual(shown('followed'), [true, true, true, true, true])
})

test('lists that are watched are known without waiting, with whatever changes, and no longer than they are watched', async () => {
  const { me, list, others } = await reader(2)
  const [bob, carol] = others
  assert.ok(bob && carol)
  const { lists } = system.blocks
  const id = BigInt(list.id) as ListId
  const knows = (author: Person) => lists.watchedWith(author.id).map(({ record }) => [record.id, record.repliesPolicy])
  await me.send('POST', `${LISTS}/${list.id}/accounts`, members(bob))
  assert.deepEqual(knows(bob), [])
  const [first, second] = [await lists.watch(me.id, id), await lists.watch(me.id, id)]
  assert.deepEqual([knows(bob), knows(carol)], [[[id, 'list']], []])
  await me.send('POST', `${LISTS}/${list.id}/accounts`, members(carol))
  await me.send('DELETE', `${LISTS}/${list.id}/accounts`, members(bob))
  await me.send('PUT', `${LISTS}/${list.id}`, { replies_policy: 'none' })
  assert.deepEqual([knows(bob), knows(carol)], [[], [[id, 'none']]])
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  assert.equal(knows(carol).length, 1)
  second[Symbol.dispose]()
  assert.deepEqual(knows(carol), [])
  await assert.rejects(lists.watch(bob.id, id), /not found/)
  const third = await lists.watch(me.id, id)
  await me.send('DELETE', `${LISTS}/${list.id}`)
  assert.deepEqual(knows(carol), [])
  third[Symbol.dispose]()
})

test('bad lists are refused in words', async () => {
  const { me, list } = await reader(0)
  const refused = async (path: string, body: object, words: string) => {
    const answer = await me.call('POST', path, body)
    assert.deepEqual([answer.status, answer.body], [422, { error: `Validation failed: ${words}` }])
  }
  await refused(LISTS, {}, "Title can't be blank")
  await refused(LISTS, { title: '   ' }, "Title can't be blank")
  await refused(LISTS, { title: 'x'.repeat(257) }, 'Title is too long (maximum is 256 characters)')
  await refused(LISTS, { title: 'x', replies_policy: 'some' }, 'Replies policy is not included in the list')
  await refused(`${LISTS}/${list.id}/accounts`, {}, "Account ids can't be blank")
  assert.equal((await me.call('POST', `${LISTS}/${list.id}/accounts`, { account_ids: ['x'] })).status, 404)
  const many = await Promise.all(Array.from({ length: 55 }, () => me.call('POST', LISTS, { title: 'x' })))
  assert.equal(many.filter(({ status }) => status === 200).length, 49)
  await refused(LISTS, { title: 'x' }, 'You have reached the maximum number of lists')
})
