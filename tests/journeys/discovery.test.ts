/** Hashtags followed into the home, trends, suggestions and the directory, over HTTP. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { caller, type Person } from '../world/people.ts'
import { checkResponse } from '../world/schema.ts'
import { openSystem, type System } from '../world/system.ts'

let system: System
const PATIENCE_MS = 60_000

type Call = Person['call']
interface Member {
  id: string
  call: Call
}

const members = new Map<string, Member>()

async function member(name: string): Promise<Member> {
  const known = members.get(name)
  if (known !== undefined) return known
  const id = await system.person(name)
  const made = {
    id: id.toString(),
    call: checked(caller(system.url, await system.token(id, ['read', 'write', 'follow']))),
  }
  members.set(name, made)
  return made
}

/** Every answer is held against the tables of the API. */
function checked(call: Call): Call {
  return async (method, path, body) => {
    const answer = await call(method, path, body)
    const [plain = ''] = path.split('?')
    assert.deepEqual(checkResponse(method, plain, answer.body, { status: answer.status }), [], path)
    return answer
  }
}

before(async () => {
  system = await openSystem()
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

async function list({ call }: Member, path: string): Promise<Record<string, unknown>[]> {
  const { status, body } = await call('GET', path)
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(Array.isArray(body))
  return body
}

async function until(ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await ask())) {
    assert.ok(performance.now() < deadline, 'it never came')
    await sleep(10)
  }
}

async function post({ call }: Member, text: string, more = {}): Promise<string> {
  const { status, body } = await call('POST', '/api/v1/statuses', { status: text, ...more })
  assert.equal(status, 200, JSON.stringify(body))
  return (body as { id: string }).id
}

const idsOf = (entities: Record<string, unknown>[]) => entities.map(({ id }) => String(id))

test('what is said in public under a followed hashtag comes home, until it is unfollowed', async () => {
  const [reader, writer] = [await member('reader'), await member('writer')]
  const home = async () => idsOf(await list(reader, '/api/v1/timelines/home'))
  const early = await post(writer, 'early #Plover')
  assert.deepEqual(await home(), [])
  const { body } = await reader.call('POST', '/api/v1/tags/PLOVER/follow')
  assert.equal((body as { following: boolean }).following, true)
  assert.deepEqual(await home(), [early])
  const late = await post(writer, 'late #plover #other')
  await post(writer, 'closed #plover', { visibility: 'private' })
  await post(writer, 'unlisted #plover', { visibility: 'unlisted' })
  await until(async () => (await home()).includes(late))
  assert.deepEqual(await home(), [late, early])
  assert.deepEqual(
    (await list(reader, '/api/v1/followed_tags')).map(({ name }) => name),
    ['plover'],
  )
  await reader.call('POST', `/api/v1/accounts/${writer.id}/mute`)
  assert.deepEqual(await home(), [], 'whoever is muted is not seen')
  await reader.call('POST', `/api/v1/accounts/${writer.id}/unmute`)
  assert.deepEqual(await home(), [late, early])
  await reader.call('POST', '/api/v1/tags/plover/unfollow')
  assert.deepEqual(await home(), [])
  assert.deepEqual(await list(reader, '/api/v1/followed_tags'), [])
  assert.equal((await reader.call('POST', '/api/v1/tags/123/follow')).status, 404)
})

test('followed hashtags are paged by their own cursor', async () => {
  const reader = await member('collector')
  for (const name of ['one', 'two', 'three']) await reader.call('POST', `/api/v1/tags/${name}/follow`)
  const { body, headers } = await reader.call('GET', '/api/v1/followed_tags?limit=2')
  assert.deepEqual(
    (body as { name: string }[]).map(({ name }) => name),
    ['three', 'two'],
  )
  const next = /<[^>]*?(\/api[^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? ''
  assert.deepEqual(
    (await list(reader, next)).map(({ name }) => name),
    ['one'],
  )
})

test('trends count people, not repetitions, and a moderator may take one away', async () => {
  const people = await Promise.all(['t1', 't2', 't3'].map(member))
  const [one, two, three] = people
  assert.ok(one && two && three)
  for (let n = 0; n < 9; n += 1) await post(one, `${n} #shouting https://loud.example/${n % 2}`)
  for (const person of people) await post(person, '#wading see https://birds.example/waders')
  const liked = await post(one, 'Look at this')
  for (const person of [two, three]) await person.call('POST', `/api/v1/statuses/${liked}/favourite`)
  const { discovery } = system.blocks
  const names = async () => (await list(one, '/api/v1/trends/tags')).map(({ name }) => name)
  await until(async () => {
    await discovery.refresh()
    const [tag] = await list(one, '/api/v1/trends')
    const [today] = (tag?.['history'] ?? []) as { accounts: string }[]
    const links = await list(one, '/api/v1/trends/links')
    const statuses = await list(one, '/api/v1/trends/statuses')
    return today?.accounts === '3' && links.length > 0 && statuses.length > 0
  })
  assert.deepEqual(await names(), ['wading'])
  assert.deepEqual(
    (await list(one, '/api/v1/trends/links')).map(({ url }) => url),
    ['https://birds.example/waders'],
  )
  assert.deepEqual(idsOf(await list(one, '/api/v1/trends/statuses')), [liked])
  const [tag] = await list(one, '/api/v1/trends')
  const [today] = (tag?.['history'] ?? []) as { uses: string; accounts: string }[]
  assert.deepEqual([today?.uses, today?.accounts], ['3', '3'])
  assert.deepEqual(await list(one, '/api/v1/trends/tags?offset=1'), [])
  await discovery.review('tag', 'wading', false)
  assert.deepEqual(await names(), [])
  await discovery.review('tag', 'wading', null)
  assert.deepEqual(await names(), ['wading'])
})

test('friends of friends are suggested, nobody twice, nobody dismissed, blocked or followed', async () => {
  const [me, friend, other] = [await member('me'), await member('friend'), await member('other')]
  const [both, single, hidden] = [await member('both'), await member('single'), await member('hidden')]
  const follow = (who: Member, whom: Member) => who.call('POST', `/api/v1/accounts/${whom.id}/follow`)
  for (const person of [friend, other]) {
    await follow(me, person)
    await follow(person, both)
    await follow(person, hidden)
  }
  await follow(other, single)
  await hidden.call('PATCH', '/api/v1/accounts/update_credentials', { discoverable: false })
  const suggested = async () =>
    (await list(me, '/api/v2/suggestions')).map(({ account }) => (account as { username: string }).username)
  assert.deepEqual(await suggested(), ['both', 'single'])
  assert.deepEqual(
    (await list(me, '/api/v1/suggestions')).map(({ username }) => username),
    ['both', 'single'],
  )
  await me.call('DELETE', `/api/v1/suggestions/${both.id}`)
  assert.deepEqual(await suggested(), ['single'])
  await me.call('POST', `/api/v1/accounts/${single.id}/block`)
  assert.deepEqual(await suggested(), [])
})

test('the directory has those who want to be found', async () => {
  const [seen, viewer] = [await member('seen'), await member('viewer')]
  const names = async (query = '') => (await list(viewer, `/api/v1/directory${query}`)).map(({ username }) => username)
  assert.deepEqual(await names(), [])
  await seen.call('PATCH', '/api/v1/accounts/update_credentials', { discoverable: true })
  await viewer.call('PATCH', '/api/v1/accounts/update_credentials', { discoverable: true })
  assert.deepEqual(await names('?order=new'), ['viewer', 'seen'])
  assert.deepEqual(await names('?order=new&limit=1&offset=1'), ['seen'])
  await seen.call('POST', `/api/v1/accounts/${viewer.id}/block`)
  assert.deepEqual(await names(), ['viewer'])
})
