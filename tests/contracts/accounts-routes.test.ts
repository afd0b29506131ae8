/** People as others see them, over HTTP. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { listOf, namesOf, objectOf, peopleWorld, type PeopleWorld } from '../world/relationships.ts'

async function follow(world: PeopleWorld, as: string, id: bigint): Promise<void> {
  assert.equal((await world.ask(as, 'POST', `/api/v1/accounts/${id}/follow`)).status, 200)
}

test('a profile is for everybody, found by id and by name in any case', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('Alice')
  const byId = objectOf(await world.ask(undefined, 'GET', `/api/v1/accounts/${alice.id}`))
  assert.deepEqual([byId['username'], byId['url']], ['Alice', 'https://dunlin.example/@Alice'])
  for (const acct of ['alice', '@Alice', 'ALICE@dunlin.example', '@alice@Dunlin.Example']) {
    const found = await world.ask(undefined, 'GET', `/api/v1/accounts/lookup?acct=${encodeURIComponent(acct)}`)
    assert.equal(objectOf(found)['id'], `${alice.id}`, acct)
  }
  for (const acct of ['bob', 'alice@elsewhere.example', '', '@', 'alice@dunlin.example@x']) {
    const found = await world.ask(undefined, 'GET', `/api/v1/accounts/lookup?acct=${encodeURIComponent(acct)}`)
    assert.deepEqual([found.status, found.json], [404, { error: 'Record not found' }], acct)
  }
})

test('who is not confirmed or approved yet is not there', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const waiting = await world.join('waiting', { approved: false })
  const unconfirmed = await world.join('unconfirmed', { confirmed: false })
  for (const { id, username } of [waiting, unconfirmed]) {
    for (const path of [`${id}`, `${id}/statuses`, `${id}/followers`, `lookup?acct=${username}`]) {
      assert.equal((await world.ask('alice', 'GET', `/api/v1/accounts/${path}`)).status, 404, path)
    }
  }
  const all = await world.ask(
    undefined,
    'GET',
    `/api/v1/accounts?id[]=${waiting.id}&id[]=${alice.id}&id[]=${unconfirmed.id}`,
  )
  assert.deepEqual(namesOf(all), ['alice'])
})

test('several accounts come at once, in the order asked, up to forty', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  const answer = await world.ask(undefined, 'GET', `/api/v1/accounts?id[]=${bob.id}&id[]=7&id[]=${alice.id}`)
  assert.deepEqual(namesOf(answer), ['bob', 'alice'])
  const many = Array.from({ length: 41 }, (_, index) => `id[]=${index + 1}`).join('&')
  assert.equal((await world.ask(undefined, 'GET', `/api/v1/accounts?${many}`)).status, 422)
})

test('a suspended person keeps the name and nothing else', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  await world.block.accounts.changeProfile(alice.id, { displayName: 'Alice A.', note: 'hello' })
  await world.block.accounts.setSuspended(alice.id, true)
  const blank = objectOf(await world.ask(undefined, 'GET', `/api/v1/accounts/${alice.id}`))
  assert.deepEqual([blank['suspended'], blank['display_name'], blank['note']], [true, '', ''])
  assert.deepEqual((await world.ask(undefined, 'GET', `/api/v1/accounts/${alice.id}/statuses`)).json, [])
  assert.equal(world.statusesAsked.length, 0)
})

test('statuses are asked for as the client wants them', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  const path = `/api/v1/accounts/${alice.id}/statuses`
  await world.ask('bob', 'GET', `${path}?limit=100&max_id=50&only_media=true&exclude_replies=False&tagged=%23Sea`)
  await world.ask(undefined, 'GET', `${path}?pinned=1&exclude_reblogs=on&min_id=7`)
  const [first, second] = world.statusesAsked
  assert.deepEqual(first?.slice(0, 2), [bob.id, alice.id])
  assert.deepEqual([first?.[2].limit, first?.[2].maxId], [40, 50n])
  assert.deepEqual(first?.[3], {
    onlyMedia: true,
    excludeReplies: true,
    excludeBoosts: false,
    pinned: false,
    tagged: 'sea',
  })
  assert.deepEqual(second?.[0], undefined)
  assert.deepEqual([second?.[2].minId, second?.[3].pinned, second?.[3].excludeBoosts], [7n, true, true])
  assert.deepEqual((await world.ask(undefined, 'GET', `${path}?tagged=%20%21`)).json, [])
  assert.equal(world.statusesAsked.length, 2)
})

test('followers and followed are walked by Link alone, each person once', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const names = ['bob', 'carol', 'dan', 'eve', 'fay']
  for (const name of names) {
    await world.join(name)
    await follow(world, name, alice.id)
  }
  const met: unknown[] = []
  let path: string | undefined = `/api/v1/accounts/${alice.id}/followers?limit=2`
  let pages = 0
  while (path !== undefined) {
    const answer = await world.ask(undefined, 'GET', path)
    met.push(...namesOf(answer))
    pages += 1
    const next = /<https:\/\/dunlin\.example([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
    path = next
  }
  assert.deepEqual(met, names.toReversed())
  assert.equal(pages, 3)
  const [bob] = await world.block.accounts.byUsernames(['bob'])
  assert.deepEqual(namesOf(await world.ask('eve', 'GET', `/api/v1/accounts/${bob?.id}/following`)), ['alice'])
})

test('on others’ lists nobody is shown whom one blocks or mutes, or by whom one is blocked; pages stay full', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const viewer = await world.join('viewer')
  for (const name of ['bob', 'carol', 'dan', 'eve', 'fay']) {
    await world.join(name)
    await follow(world, name, alice.id)
  }
  const [carol, dan, eve] = await world.block.accounts.byUsernames(['carol', 'dan', 'eve'])
  await world.ask('viewer', 'POST', `/api/v1/accounts/${eve?.id}/block`)
  await world.ask('viewer', 'POST', `/api/v1/accounts/${dan?.id}/mute`)
  await world.ask('carol', 'POST', `/api/v1/accounts/${viewer.id}/block`)
  assert.ok(carol)
  const seen = async (as: string | undefined, query = '') =>
    namesOf(await world.ask(as, 'GET', `/api/v1/accounts/${alice.id}/followers${query}`))
  assert.deepEqual(await seen('viewer'), ['fay', 'bob'])
  assert.deepEqual(await seen('viewer', '?limit=2'), ['fay', 'bob'])
  assert.deepEqual(await seen('viewer', '?limit=1&min_id=0'), ['bob'])
  assert.deepEqual(await seen('alice'), ['fay', 'eve', 'dan', 'carol', 'bob'])
  assert.deepEqual(await seen('viewer', '?limit=0'), [])
})

test('lists are empty for those blocked by their owner, and for everybody but the owner when hidden', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  await world.join('carol')
  await follow(world, 'carol', alice.id)
  const seen = async (as: string | undefined) =>
    namesOf(await world.ask(as, 'GET', `/api/v1/accounts/${alice.id}/followers`))
  await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/block`)
  assert.deepEqual([await seen('bob'), await seen('carol')], [[], ['carol']])
  await world.block.accounts.changeProfile(alice.id, { hideCollections: true })
  assert.deepEqual([await seen('carol'), await seen(undefined), await seen('alice')], [[], [], ['carol']])
})

test('familiar followers are those of both, unless somebody hides whom they follow', async () => {
  await using world = await peopleWorld()
  await world.join('alice')
  const bob = await world.join('bob')
  const carol = await world.join('carol')
  const dan = await world.join('dan')
  for (const friend of [bob, carol]) {
    await follow(world, 'alice', friend.id)
    await follow(world, friend.username, dan.id)
  }
  const familiar = async () => {
    const [row] = listOf(await world.ask('alice', 'GET', `/api/v1/accounts/familiar_followers?id[]=${dan.id}&id[]=5`))
    assert.equal(row?.['id'], `${dan.id}`)
    const accounts = row?.['accounts']
    assert.ok(Array.isArray(accounts))
    return new Set(accounts.map(({ username }: { username: string }) => username))
  }
  assert.deepEqual(await familiar(), new Set(['bob', 'carol']))
  await world.block.accounts.changeProfile(bob.id, { hideCollections: true })
  assert.deepEqual(await familiar(), new Set(['carol']))
  await world.block.accounts.changeProfile(dan.id, { hideCollections: true })
  assert.deepEqual(await familiar(), new Set())
})

test('a search finds names that begin so, among those followed when asked, and nobody of other servers', async () => {
  await using world = await peopleWorld()
  await world.join('viewer')
  await world.join('marta')
  const martin = await world.join('martin')
  await world.join('bob')
  await follow(world, 'viewer', martin.id)
  const found = async (query: string) => namesOf(await world.ask('viewer', 'GET', `/api/v1/accounts/search?${query}`))
  assert.deepEqual(await found('q=mart'), ['martin', 'marta'], 'whom one follows first')
  assert.deepEqual(await found('q=%40marta'), ['marta'])
  assert.deepEqual(await found('q=marta%40dunlin.example'), ['marta'])
  assert.deepEqual(await found('q=marta%40elsewhere.example'), [])
  assert.deepEqual(await found('q=mart&following=true'), ['martin'])
  assert.deepEqual(await found('q=mart&limit=1&offset=1'), ['marta'])
  assert.deepEqual(await found('q='), [])
  assert.deepEqual(await found('q=%25'), [])
  assert.equal((await world.ask('viewer', 'GET', '/api/v1/accounts/search?q=m&offset=-1')).status, 400)
  assert.equal((await world.ask(undefined, 'GET', '/api/v1/accounts/search?q=m')).status, 401)
})

test('what is not offered is an empty list for those who exist', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  for (const path of [`accounts/${alice.id}/featured_tags`, 'featured_tags']) {
    assert.deepEqual((await world.ask('alice', 'GET', `/api/v1/${path}`)).json, [], path)
  }
  assert.equal((await world.ask('alice', 'GET', '/api/v1/accounts/5/featured_tags')).status, 404)
})
