/** What one person does about another, over HTTP: every answer is the relationship as it is afterwards. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { listOf, namesOf, objectOf, peopleWorld, type PeopleWorld } from '../world/relationships.ts'

/** What is true of the relationship, of the fields named. */
async function fields(world: PeopleWorld, as: string, id: bigint, ...names: string[]): Promise<unknown[]> {
  const [relationship] = listOf(await world.ask(as, 'GET', `/api/v1/accounts/relationships?id[]=${id}`))
  return names.map((name) => relationship?.[name])
}

test('a follow stands at once on both sides, with its options; again it changes only what is sent', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  const path = `/api/v1/accounts/${bob.id}/follow`
  const first = objectOf(await world.ask('alice', 'POST', path, { notify: true, languages: ['en', 'pt-BR'] }))
  assert.deepEqual(
    [first['following'], first['showing_reblogs'], first['notifying'], first['languages']],
    [true, true, true, ['en', 'pt-BR']],
  )
  const again = objectOf(await world.ask('alice', 'POST', path, { reblogs: false }))
  assert.deepEqual(
    [again['following'], again['showing_reblogs'], again['notifying'], again['languages']],
    [true, false, true, ['en', 'pt-BR']],
  )
  const all = objectOf(await world.ask('alice', 'POST', `${path}?languages[]=&notify=false`))
  assert.deepEqual([all['notifying'], all['languages']], [false, null])
  assert.deepEqual(await fields(world, 'bob', alice.id, 'followed_by', 'following'), [true, false])
  const profile = objectOf(await world.ask(undefined, 'GET', `/api/v1/accounts/${bob.id}`))
  assert.equal(profile['followers_count'], 1)
  assert.equal((await world.ask('alice', 'POST', path, { languages: ['English!'] })).status, 422)
  assert.equal(objectOf(await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/unfollow`))['following'], false)
  assert.equal(objectOf(await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/unfollow`))['following'], false)
})

test('a locked account is asked; it accepts or rejects, and a request can be withdrawn', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  await world.block.accounts.changeProfile(bob.id, { locked: true })
  const follow = () => world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/follow`)
  const asked = objectOf(await follow())
  assert.deepEqual([asked['following'], asked['requested']], [false, true])
  assert.deepEqual(await fields(world, 'bob', alice.id, 'requested_by'), [true])
  assert.deepEqual(namesOf(await world.ask('bob', 'GET', '/api/v1/follow_requests')), ['alice'])
  assert.deepEqual(namesOf(await world.ask('alice', 'GET', '/api/v1/follow_requests')), [])

  await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/unfollow`)
  const decide = (verb: string) => world.ask('bob', 'POST', `/api/v1/follow_requests/${alice.id}/${verb}`)
  assert.equal((await decide('authorize')).status, 404)
  await follow()
  assert.equal(objectOf(await decide('reject'))['followed_by'], false)
  assert.equal((await decide('reject')).status, 404)
  await follow()
  assert.equal(objectOf(await decide('authorize'))['followed_by'], true)
  assert.deepEqual(await fields(world, 'alice', bob.id, 'following', 'requested'), [true, false])
  // Who follows already changes options; nobody has to ask twice.
  assert.equal(
    objectOf(await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/follow`, { notify: true }))['following'],
    true,
  )
})

test('a block ends follows of both sides and forbids new ones; the blocked person sees only that they are', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/follow`)
  await world.ask('bob', 'POST', `/api/v1/accounts/${alice.id}/follow`)
  const blocked = objectOf(await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/block`))
  assert.deepEqual([blocked['blocking'], blocked['following'], blocked['followed_by']], [true, false, false])
  assert.deepEqual(await fields(world, 'bob', alice.id, 'blocked_by', 'following'), [true, false])
  for (const [as, id] of [
    ['alice', bob.id],
    ['bob', alice.id],
  ] as const) {
    const refused = await world.ask(as, 'POST', `/api/v1/accounts/${id}/follow`)
    assert.deepEqual([refused.status, refused.json], [403, { error: 'This action is not allowed' }])
  }
  assert.deepEqual(namesOf(await world.ask('alice', 'GET', '/api/v1/blocks')), ['bob'])
  assert.equal(objectOf(await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/unblock`))['blocking'], false)
  assert.deepEqual(namesOf(await world.ask('alice', 'GET', '/api/v1/blocks')), [])
})

test('a mute hides notifications too unless asked otherwise, and ends by itself when it has a duration', async () => {
  await using world = await peopleWorld()
  await world.join('alice')
  const bob = await world.join('bob')
  const mute = (sent: object) => world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/mute`, sent)
  const plain = objectOf(await mute({}))
  assert.deepEqual([plain['muting'], plain['muting_notifications'], plain['muting_expires_at']], [true, true, null])
  const beforeMs = world.clock.nowMs()
  const timed = objectOf(await mute({ notifications: 'false', duration: '300' }))
  const endsMs = Date.parse(String(timed['muting_expires_at'])) - 300_000
  assert.ok(endsMs >= beforeMs && endsMs <= world.clock.nowMs())
  assert.deepEqual([timed['muting'], timed['muting_notifications']], [true, false])
  const [muted] = listOf(await world.ask('alice', 'GET', '/api/v1/mutes'))
  assert.deepEqual([muted?.['username'], muted?.['mute_expires_at']], ['bob', timed['muting_expires_at']])
  world.clock.move(300_001)
  assert.deepEqual(await fields(world, 'alice', bob.id, 'muting', 'muting_expires_at'), [false, null])
  assert.deepEqual(namesOf(await world.ask('alice', 'GET', '/api/v1/mutes')), [])
  for (const duration of ['-1', 'long', '99999999999']) {
    assert.equal((await mute({ duration })).status, 422, duration)
  }
  await mute({})
  assert.equal(objectOf(await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/unmute`))['muting'], false)
})

test('a note is private, kept until it is emptied, and bounded', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  const note = (comment: string) => world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/note`, { comment })
  assert.equal(objectOf(await note('met at the harbour'))['note'], 'met at the harbour')
  assert.deepEqual(await fields(world, 'alice', bob.id, 'note'), ['met at the harbour'])
  assert.deepEqual(await fields(world, 'bob', alice.id, 'note'), [''])
  assert.equal((await note('x'.repeat(2001))).status, 422)
  assert.equal(objectOf(await note(''))['note'], '')
})

test('a follower is removed without a block, and whoever is followed can be endorsed', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  await world.ask('bob', 'POST', `/api/v1/accounts/${alice.id}/follow`)
  const removed = await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/remove_from_followers`)
  assert.equal(objectOf(removed)['followed_by'], false)
  const endorse = (verb: string) => world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/${verb}`)
  assert.equal((await endorse('endorse')).status, 422)
  await world.ask('alice', 'POST', `/api/v1/accounts/${bob.id}/follow`)
  assert.equal(objectOf(await endorse('endorse'))['endorsed'], true)
  assert.deepEqual(namesOf(await world.ask('alice', 'GET', '/api/v1/endorsements')), ['bob'])
  assert.deepEqual(namesOf(await world.ask(undefined, 'GET', `/api/v1/accounts/${alice.id}/endorsements`)), ['bob'])
  assert.equal(objectOf(await endorse('unpin'))['endorsed'], false)
  assert.equal(objectOf(await endorse('pin'))['endorsed'], true)
})

test('about oneself nothing is done: a follow is refused, the rest answers as if nothing had been asked', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const about = (verb: string) => world.ask('alice', 'POST', `/api/v1/accounts/${alice.id}/${verb}`)
  assert.equal((await about('follow')).status, 403)
  for (const verb of ['unfollow', 'block', 'unblock', 'mute', 'unmute', 'remove_from_followers', 'unendorse']) {
    const answer = objectOf(await about(verb))
    assert.deepEqual([answer['blocking'], answer['muting'], answer['following']], [false, false, false], verb)
  }
})

test('nobody there, a malformed id and a suspended person are one answer', async () => {
  await using world = await peopleWorld()
  await world.join('alice')
  const bob = await world.join('bob')
  await world.block.accounts.setSuspended(bob.id, true)
  for (const id of ['1', '-1', '1e30', '0x1', `${2n ** 63n}`, 'x', `${bob.id}`]) {
    const answer = await world.ask('alice', 'POST', `/api/v1/accounts/${id}/follow`)
    assert.deepEqual([answer.status, answer.json], [404, { error: 'Record not found' }], id)
  }
})

test('relationships come for those who exist, once each, up to the cap', async () => {
  await using world = await peopleWorld()
  const alice = await world.join('alice')
  const bob = await world.join('bob')
  const carol = await world.join('carol')
  await world.block.accounts.setSuspended(carol.id, true)
  const ask = (query: string) => world.ask('alice', 'GET', `/api/v1/accounts/relationships?${query}`)
  const ids = async (query: string) => listOf(await ask(query)).map(({ id }) => id)
  assert.deepEqual(await ids(`id[]=${bob.id}&id[]=5&id[]=x&id[]=${alice.id}&id[]=${bob.id}`), [
    `${bob.id}`,
    `${alice.id}`,
  ])
  assert.deepEqual(await ids(`id=${bob.id}`), [`${bob.id}`])
  assert.deepEqual(await ids(''), [])
  assert.deepEqual(await ids(`id[]=${carol.id}`), [])
  assert.deepEqual(await ids(`id[]=${carol.id}&with_suspended=true`), [`${carol.id}`])
  const many = (count: number) => Array.from({ length: count }, (_, index) => `id[]=${index + 1}`).join('&')
  assert.equal((await ask(many(80))).status, 200)
  assert.equal((await ask(many(81))).status, 422)
})

test('domains cannot be blocked where there are no others, and unblocking one changes nothing', async () => {
  await using world = await peopleWorld()
  await world.join('alice')
  const path = '/api/v1/domain_blocks'
  assert.deepEqual((await world.ask('alice', 'GET', path)).json, [])
  assert.equal((await world.ask('alice', 'POST', path, { domain: 'example.org' })).status, 422)
  assert.equal((await world.ask('alice', 'POST', path, {})).status, 400)
  assert.deepEqual((await world.ask('alice', 'DELETE', path, { domain: 'example.org' })).json, {})
})

test('without a token nobody acts', async () => {
  await using world = await peopleWorld()
  const bob = await world.join('bob')
  for (const [method, path] of [
    ['POST', `/api/v1/accounts/${bob.id}/follow`],
    ['POST', `/api/v1/accounts/${bob.id}/note`],
    ['GET', '/api/v1/accounts/relationships'],
    ['GET', '/api/v1/blocks'],
    ['GET', '/api/v1/mutes'],
    ['GET', '/api/v1/follow_requests'],
  ] as const) {
    assert.equal((await world.ask(undefined, method, path)).status, 401, path)
  }
})
