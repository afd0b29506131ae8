/** What events become, whatever order and however often they come (I10; races R3, R4, R5, R7, R10, R11). */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { StatusId } from '../../src/snowflake/contract.ts'
import { alice, bob, carol, dan, notificationWorld, START_MS } from '../world/notifications.ts'

test('a status tells the people it mentions, once each, however often the event comes', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, bob, { mentions: [alice, carol, bob] })
  await world.created(status)
  await Promise.all([world.created(status), world.created(status)])
  assert.deepEqual(await world.shown(alice), ['mention bob'])
  assert.deepEqual(await world.shown(carol), ['mention bob'])
  assert.deepEqual(await world.shown(bob), [])
  const recipients = world.announced.map(({ recipient, type, status: about }) => [recipient, type, about])
  assert.deepEqual(recipients, [
    [alice, 'mention', 100n],
    [carol, 'mention', 100n],
  ])
})

test('a dismissed notification does not come back when the event is delivered again', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, bob, { mentions: [alice] })
  await world.created(status)
  await world.notifications.clear(alice)
  await world.created(status)
  assert.deepEqual(await world.shown(alice), [])
})

test('followers with the bell hear of statuses, but not of answers to others, boosts, foreign languages or direct ones', async () => {
  await using world = await notificationWorld()
  world.relate(carol, bob, { following: true, notifying: true, languages: ['en'] })
  world.relate(dan, bob, { following: true })
  await world.created(world.addStatus(100n, bob))
  await world.created(world.addStatus(101n, bob, { inReplyTo: 90n as StatusId, inReplyToAccount: dan }))
  await world.created(world.addStatus(102n, bob, { language: 'de' }))
  await world.created(world.addStatus(103n, bob, { visibility: 'direct' }))
  const original = world.addStatus(104n, dan)
  await world.created(world.addStatus(105n, bob, { boostOf: original.id }))
  assert.deepEqual(await world.shown(carol), ['status bob'])
  assert.deepEqual(await world.shown(dan), ['reblog bob'])
})

test('a thread of one’s own and followers-only statuses reach the bell; who is mentioned hears it once', async () => {
  await using world = await notificationWorld()
  world.relate(carol, bob, { following: true, notifying: true })
  await world.created(world.addStatus(100n, bob, { visibility: 'private' }))
  await world.created(world.addStatus(101n, bob, { inReplyTo: 100n as StatusId, inReplyToAccount: bob }))
  await world.created(world.addStatus(102n, bob, { mentions: [carol] }))
  assert.deepEqual(await world.shown(carol), ['mention bob', 'status bob', 'status bob'])
})

test('many followers with the bell are told in pages, each once', async () => {
  await using world = await notificationWorld()
  const followers = Array.from({ length: 450 }, (_, index) =>
    world.addAccount((1000n + BigInt(index)) as typeof bob, `f${index}`),
  )
  for (const { id } of followers) world.relate(id, bob, { following: true, notifying: true })
  const status = world.addStatus(100n, bob)
  await world.created(status)
  await world.created(status)
  assert.equal(world.announced.length, 450)
  assert.equal(new Set(world.announced.map(({ recipient }) => recipient)).size, 450)
})

test('a boost tells the author of the original, about the original; taken back, it is gone', async () => {
  await using world = await notificationWorld()
  const original = world.addStatus(100n, alice)
  const boost = world.addStatus(101n, bob, { boostOf: original.id })
  await world.created(boost)
  const [view] = await world.notifications.list(
    alice,
    { limit: 10 },
    { types: undefined, excludeTypes: undefined, from: undefined },
  )
  assert.equal(view?.record.status, original.id)
  world.statuses.delete(boost.id)
  await world.tell('status.deleted', { id: boost.id, author: bob, boostOf: original.id })
  assert.deepEqual(await world.shown(alice), [])
  const again = world.addStatus(102n, bob, { boostOf: original.id })
  await world.created(again)
  assert.deepEqual(await world.shown(alice), ['reblog bob'])
})

test('a delete that comes before the create leaves nothing behind, and one that comes after takes all away', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, bob, { mentions: [alice] })
  world.statuses.delete(status.id)
  await world.tell('status.deleted', { id: status.id, author: bob, boostOf: null })
  await world.created(status)
  assert.equal(await rows(world), 0)

  const own = world.addStatus(101n, alice)
  await world.favourite(bob, own)
  await world.created(world.addStatus(102n, carol, { boostOf: own.id }))
  assert.equal(await rows(world), 2)
  world.statuses.delete(own.id)
  world.statuses.delete(102n as StatusId)
  await world.tell('status.deleted', { id: own.id, author: alice, boostOf: null })
  assert.equal(await rows(world), 0)
})

test('a status deleted while its notification is being written leaves none', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, bob, { mentions: [alice] })
  const find = world.statuses.get.bind(world.statuses)
  let asked = 0
  world.statuses.get = (id) => {
    asked += 1
    return asked === 1 ? find(id) : undefined
  }
  await world.created(status)
  assert.equal(await rows(world), 0)
  assert.deepEqual(world.announced, [])
})

test('a favourite is one notification however often and in whatever order its events come', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, alice)
  const body = { status: status.id, author: alice, by: bob }
  world.favourites.add(`${bob}>${status.id}`)
  await Promise.all([world.tell('favourite.added', body), world.tell('favourite.added', body)])
  // The late event of an earlier undoing: the favourite stands, so its notification does.
  await world.tell('favourite.removed', body)
  assert.deepEqual(await world.shown(alice), ['favourite bob'])
  assert.equal(world.announced.length, 1)

  await world.unfavourite(bob, status)
  assert.deepEqual(await world.shown(alice), [])
  // The late event of the favourite that is no more.
  await world.tell('favourite.added', body)
  assert.deepEqual(await world.shown(alice), [])
  assert.equal(await rows(world), 0)
})

test('a favourite taken back while its notification is being written leaves none', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, alice)
  world.favourites.add(`${bob}>${status.id}`)
  const has = world.favourites.has.bind(world.favourites)
  let asked = 0
  world.favourites.has = (key) => {
    asked += 1
    if (asked > 1) world.favourites.delete(key)
    return has(key)
  }
  await world.tell('favourite.added', { status: status.id, author: alice, by: bob })
  assert.equal(await rows(world), 0)
})

test('an edit tells those who boosted, about the newest text only, and those newly mentioned', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, alice)
  await world.created(world.addStatus(101n, bob, { boostOf: status.id }))
  await world.created(world.addStatus(102n, alice, { boostOf: status.id }))
  const edited = world.addStatus(100n, alice, { revision: 2, mentions: [carol] })
  const event = (revision: number) =>
    world.tell('status.edited', { id: edited.id, author: alice, revision, mentions: [carol] })
  await event(2)
  await event(1)
  await event(2)
  assert.deepEqual(await world.shown(bob), ['update alice'])
  assert.deepEqual(await world.shown(carol), ['mention alice'])
  assert.deepEqual(await world.shown(alice), ['reblog bob'])

  await world.notifications.clear(bob)
  world.addStatus(100n, alice, { revision: 3, mentions: [carol] })
  await event(3)
  assert.deepEqual(await world.shown(bob), ['update alice'])
  assert.equal(world.announced.filter(({ type }) => type === 'update').length, 2)
})

test('a follow is told once and goes with the follow; a late event of it does not bring it back', async () => {
  await using world = await notificationWorld()
  const change = (what: 'followed' | 'unfollowed', version: bigint) =>
    world.tell('graph.changed', { source: bob, target: alice, change: what, version })
  world.relate(bob, alice, { following: true })
  await change('followed', 1n)
  await change('followed', 1n)
  assert.deepEqual(await world.shown(alice), ['follow bob'])
  world.relate(bob, alice, { following: false })
  assert.deepEqual(await world.shown(alice), [], 'gone at once, before the event')
  await change('unfollowed', 2n)
  await change('followed', 1n)
  world.relate(bob, alice, { following: true })
  assert.deepEqual(await world.shown(alice), [], 'the event of the first follow is older than its end')
  await change('followed', 3n)
  await change('unfollowed', 2n)
  assert.deepEqual(await world.shown(alice), ['follow bob'])
  assert.equal(world.announced.length, 2)
})

test('an undone follow whose events come in the wrong order is not told', async () => {
  await using world = await notificationWorld()
  await world.tell('graph.changed', { source: bob, target: alice, change: 'unfollowed', version: 2n })
  await world.tell('graph.changed', { source: bob, target: alice, change: 'followed', version: 1n })
  assert.deepEqual(world.announced, [])
})

test('a request becomes a follow when accepted, and is gone when withdrawn or rejected', async () => {
  await using world = await notificationWorld()
  const change = (what: 'requested' | 'request_accepted' | 'request_withdrawn' | 'request_rejected', version: bigint) =>
    world.tell('graph.changed', { source: bob, target: alice, change: what, version })
  world.relate(bob, alice, { requested: true })
  await change('requested', 1n)
  assert.deepEqual(await world.shown(alice), ['follow_request bob'])
  world.relate(bob, alice, { requested: false })
  await change('request_withdrawn', 2n)
  world.relate(bob, alice, { requested: true })
  assert.deepEqual(await world.shown(alice), [])
  await change('requested', 3n)
  assert.deepEqual(await world.shown(alice), ['follow_request bob'])
  world.relate(bob, alice, { requested: false, following: true })
  await change('request_accepted', 4n)
  assert.deepEqual(await world.shown(alice), ['follow bob'])
})

test('a block hides everything of the blocked person at once, and for good once its event has come', async () => {
  await using world = await notificationWorld()
  const status = world.addStatus(100n, alice)
  await world.favourite(bob, status)
  await world.favourite(carol, status)
  world.relate(alice, bob, { blocking: true })
  assert.deepEqual(await world.shown(alice), ['favourite carol'])
  await world.tell('graph.changed', { source: alice, target: bob, change: 'blocked', version: 1n })
  world.relate(alice, bob, { blocking: false })
  assert.deepEqual(await world.shown(alice), ['favourite carol'])
})

test('a follow whose event comes after the block that ended it is not told', async () => {
  await using world = await notificationWorld()
  await world.tell('graph.changed', { source: alice, target: bob, change: 'blocked', version: 2n })
  await world.tell('graph.changed', { source: bob, target: alice, change: 'followed', version: 1n })
  await world.tell('graph.changed', { source: alice, target: bob, change: 'followed', version: 1n })
  assert.deepEqual(world.announced, [])
})

test('nothing is written for blocked or muted senders, muted conversations and unseeable statuses', async () => {
  await using world = await notificationWorld()
  world.relate(alice, bob, { blocking: true })
  world.relate(carol, bob, { muting: true, mutingNotifications: true })
  world.mutedConversations.add(`${dan}>100`)
  await world.created(
    world.addStatus(101n, bob, {
      mentions: [alice, carol, dan],
      conversation: 100n as StatusId,
      inReplyTo: 100n as StatusId,
      inReplyToAccount: bob,
    }),
  )
  await world.created(world.addStatus(102n, bob, { visibility: 'private' }))
  assert.equal(await rows(world), 0)
  assert.deepEqual(world.announced, [])
})

test('whoever muted a conversation is not told when an edit of its first status mentions them', async () => {
  await using world = await notificationWorld()
  world.mutedConversations.add(`${alice}>100`)
  world.addStatus(100n, bob, { mentions: [alice], conversation: 100n as StatusId, revision: 1 })
  await world.tell('status.edited', { id: 100n as StatusId, author: bob, revision: 1, mentions: [alice] })
  world.mutedConversations.clear()
  assert.deepEqual(await world.shown(alice), [])
})

test('whoever is mentioned beside somebody they block is not told', async () => {
  await using world = await notificationWorld()
  world.relate(alice, carol, { blocking: true })
  await world.created(world.addStatus(100n, bob, { mentions: [alice, carol, dan] }))
  assert.deepEqual(await world.shown(dan), ['mention bob'])
  world.relate(alice, carol, { blocking: false })
  assert.deepEqual(await world.shown(alice), [])
})

test('a policy drops, or holds back until the request is accepted', async () => {
  await using world = await notificationWorld()
  await world.notifications.setPolicy(alice, { notFollowing: 'filter' })
  await world.notifications.setPolicy(carol, { notFollowing: 'drop' })
  await world.created(world.addStatus(100n, bob, { mentions: [alice, carol] }))
  assert.deepEqual(world.announced, [], 'neither is announced')
  assert.deepEqual(await world.shown(alice), [])
  const including = { types: undefined, excludeTypes: undefined, from: undefined, includeFiltered: true }
  assert.equal((await world.notifications.list(alice, { limit: 10 }, including))[0]?.record.filtered, true)
  assert.equal((await world.notifications.list(carol, { limit: 10 }, including)).length, 0)

  const [request] = await world.notifications.requests(alice, { limit: 10 })
  assert.deepEqual(request?.item, { from: bob, count: 1, firstAtMs: START_MS, lastAtMs: START_MS, lastStatus: 100n })
  assert.deepEqual(await world.notifications.policySummary(alice), { requests: 1, notifications: 1 })
  await world.notifications.acceptRequests(alice, [bob])
  assert.deepEqual(await world.shown(alice), ['mention bob'])
  await world.created(world.addStatus(101n, bob, { mentions: [alice] }))
  assert.deepEqual(await world.shown(alice), ['mention bob', 'mention bob'])
  assert.deepEqual(await world.notifications.policySummary(alice), { requests: 0, notifications: 0 })
})

test('accepting or dismissing the requests of people who made none changes nothing for others', async () => {
  await using world = await notificationWorld()
  await world.notifications.setPolicy(alice, { notFollowing: 'filter' })
  await world.notifications.setPolicy(carol, { notFollowing: 'filter' })
  await world.created(world.addStatus(100n, bob, { mentions: [alice, carol] }))
  await world.notifications.dismissRequests(carol, [bob])
  await world.notifications.acceptRequests(carol, [dan])
  assert.deepEqual(await world.notifications.policySummary(alice), { requests: 1, notifications: 1 })
  assert.deepEqual(await world.notifications.policySummary(carol), { requests: 0, notifications: 0 })
  await world.created(world.addStatus(101n, dan, { mentions: [carol] }))
  assert.deepEqual(await world.shown(carol), [], 'no permission was given in advance')
})

test('an account that is deleted takes its notifications along', async () => {
  await using world = await notificationWorld()
  await world.created(world.addStatus(100n, bob, { mentions: [alice] }))
  await world.created(world.addStatus(101n, alice, { mentions: [bob, carol] }))
  await world.tell('account.changed', { id: bob, change: 'deleted' })
  assert.equal(await rows(world), 1)
})

test('only dismissed notifications older than asked are pruned', async () => {
  await using world = await notificationWorld()
  await world.created(world.addStatus(100n, bob, { mentions: [alice, carol] }))
  await world.notifications.clear(alice)
  assert.equal(await world.notifications.prune(START_MS), 0)
  assert.equal(await world.notifications.prune(START_MS + 1), 1)
  assert.deepEqual(await world.shown(carol), ['mention bob'])
})

async function rows(world: Awaited<ReturnType<typeof notificationWorld>>): Promise<number> {
  const row = await world.database.one<{ count: bigint }>`select count(*) from notifications`
  return Number(row?.count)
}
