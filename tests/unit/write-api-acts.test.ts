/** What the write API does to statuses that are there: removing, boosting, marking. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { AppError } from '../../src/kit/errors.ts'
import { DEPENDENTS_PER_ROUND } from '../../src/write-api/removing.ts'
import { boostOf, countsAndRecounts, mediaId } from '../world/statuses.ts'
import { ALICE, BOB, CAROL, DAN, openWritingWorld, refused } from '../world/writing.ts'

test('a status is removed by its author with its boosts, each told of under the name of who boosted', async () => {
  await using world = await openWritingWorld()
  const media = [await world.picture(ALICE)]
  const root = await world.post(BOB)
  const { id } = await world.post(ALICE, { inReplyTo: root.id, media })
  const boosts = [await world.api.boost(BOB, id, undefined), await world.api.boost(CAROL, id, undefined)]
  await refused(world, () => world.api.remove(BOB, id, false), 'not_found')
  const before = (await world.events()).length
  world.forgotten.clear()
  await world.api.remove(ALICE, id, false)
  const told = (await world.events()).slice(before)
  assert.deepEqual(
    told.map(({ key, body }) => [key, body['id'], body['boostOf']]),
    [
      [ALICE, `${id}`, null],
      [BOB, `${boosts[0]?.id}`, `${id}`],
      [CAROL, `${boosts[1]?.id}`, `${id}`],
    ],
  )
  for (const gone of [id, root.id, ALICE, BOB, ...boosts.map((boost) => boost.id)]) assert.ok(world.forgotten.has(gone))
  assert.equal(await world.pictureStatus(media[0] ?? mediaId(0)), null, 'kept for a redraft')
  await refused(world, () => world.api.remove(ALICE, id, false), 'not_found')
  const redrafted = await world.post(ALICE, { media })
  await world.api.remove(ALICE, redrafted.id, true)
  assert.equal(await world.pictureStatus(media[0] ?? mediaId(0)), undefined)
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

test('a famous status is removed in rounds, and every boost is told of once', async () => {
  await using world = await openWritingWorld()
  const original = await world.post(ALICE)
  const fans = DEPENDENTS_PER_ROUND * 2 + 5
  await world.db.transaction(async (tx) => {
    for (let n = 1; n <= fans; n += 1) await world.store.insert(tx, boostOf(original, n, 1000 + n))
  })
  await world.api.remove(ALICE, original.id, false)
  const told = (await world.events()).filter(({ type }) => type === 'status.deleted')
  assert.equal(new Set(told.map(({ body }) => body['id'])).size, fans + 1)
  assert.equal(told.length, fans + 1)
  assert.equal(await world.db.one`select from statuses`, undefined)
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

test('a boost is of the original, as visible as asked for, and there once', async () => {
  await using world = await openWritingWorld()
  const original = await world.post(ALICE)
  const first = await world.api.boost(BOB, original.id, 'unlisted')
  assert.deepEqual([first.boostOf, first.visibility, first.text], [original.id, 'unlisted', ''])
  assert.deepEqual(await world.api.boost(BOB, original.id, undefined), first)
  const second = await world.api.boost(CAROL, first.id, undefined)
  assert.deepEqual([second.boostOf, second.visibility], [original.id, 'public'])
  const told = (await world.events()).slice(1).map(({ key, body }) => [key, body['boostOf'], body['boostedAuthor']])
  assert.deepEqual(told, [
    [BOB, `${original.id}`, '1'],
    [CAROL, `${original.id}`, '1'],
  ])
  await refused(
    world,
    () => world.api.boost(DAN, original.id, 'direct'),
    'invalid',
    'Validation failed: Visibility is reserved',
  )
})

test('what is not for everyone is boosted by its author alone, to the same people', async () => {
  await using world = await openWritingWorld()
  const followersOnly = await world.post(ALICE, { visibility: 'private' })
  const direct = await world.post(ALICE, { text: '@bob', visibility: 'direct' })
  await refused(world, () => world.api.boost(BOB, followersOnly.id, undefined), 'not_found')
  world.relate(BOB, ALICE, { following: true })
  await refused(
    world,
    () => world.api.boost(BOB, followersOnly.id, undefined),
    'forbidden',
    'This action is not allowed',
  )
  assert.equal((await world.api.boost(ALICE, followersOnly.id, 'public')).visibility, 'private')
  for (const who of [ALICE, BOB]) await refused(world, () => world.api.boost(who, direct.id, undefined), 'forbidden')
  const open = await world.post(ALICE)
  world.relate(BOB, ALICE, { blocking: true })
  await refused(world, () => world.api.boost(BOB, open.id, undefined), 'forbidden')
  await refused(world, () => world.api.favourite(BOB, open.id), 'forbidden')
})

test('boosts and unboosts at the same time leave one boost or none, and a true count (R7)', async () => {
  await using world = await openWritingWorld()
  const { id } = await world.post(ALICE)
  const acts = Array.from({ length: 24 }, (_, n) =>
    n % 3 === 2 ? world.api.unboost(BOB, id) : world.api.boost(BOB, id, undefined),
  )
  const outcomes = await Promise.allSettled(acts)
  const failures = outcomes.filter((one) => one.status === 'rejected').map(({ reason }) => reason)
  assert.ok(
    failures.every((error) => error instanceof AppError && error.code === 'conflict'),
    String(failures),
  )
  const boosts = await world.db.rows`select id from statuses where boost_of = ${id}`
  assert.ok(boosts.length <= 1)
  const told = await world.events()
  const count = (type: string) => told.filter((event) => event.type === type && event.body['boostOf'] !== null).length
  assert.equal(count('status.created') - count('status.deleted'), boosts.length)
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

test('of a status deleted while it is boosted, favourited and answered, nothing is left over (R7, R16)', async () => {
  await using world = await openWritingWorld()
  for (let round = 0; round < 20; round += 1) {
    const { id } = await world.post(ALICE)
    const outcomes = await Promise.allSettled([
      world.api.boost(BOB, id, undefined),
      world.api.favourite(CAROL, id),
      world.api.remove(ALICE, id, false),
      world.post(DAN, { inReplyTo: id }),
      world.api.bookmark(DAN, id),
    ])
    for (const outcome of outcomes) {
      const fine =
        outcome.status === 'fulfilled' || (outcome.reason instanceof AppError && outcome.reason.code === 'not_found')
      assert.ok(fine, String(outcome.status === 'rejected' && outcome.reason))
    }
    assert.equal(await world.status(id), undefined)
    assert.deepEqual(await world.db.rows`select id from statuses where boost_of = ${id}`, [])
  }
  assert.deepEqual(await world.db.rows`select id from favourites union all select id from bookmarks`, [])
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

test('marks are made once, told of once, and taken back also from what is hidden by now', async () => {
  await using world = await openWritingWorld()
  const { id } = await world.post(ALICE, { visibility: 'private' })
  world.relate(BOB, ALICE, { following: true })
  const { api } = world
  const acts = ['favourite', 'bookmark', 'muteConversation'] as const
  for (const act of acts) {
    await api[act](BOB, id)
    await api[act](BOB, id)
  }
  const status = await world.status(id)
  assert.ok(status)
  const marked = { favourited: true, boosted: false, bookmarked: true, pinned: false, muted: true }
  assert.deepEqual((await world.store.marks(BOB, [status])).get(id), marked)
  assert.ok(world.forgotten.has(id))
  world.relate(BOB, ALICE, {})
  for (const act of acts) await refused(world, () => api[act](BOB, id), 'not_found')
  const undoing = ['unfavourite', 'unbookmark', 'unmuteConversation'] as const
  for (const undo of undoing) {
    await api[undo](BOB, id)
    await refused(world, () => api[undo](BOB, id), 'not_found')
  }
  assert.deepEqual(
    (await world.events()).slice(1).map(({ key, type }) => [key, type]),
    [
      [BOB, 'favourite.added'],
      [BOB, 'bookmark.added'],
      [BOB, 'conversation.muted'],
      [BOB, 'favourite.removed'],
      [BOB, 'bookmark.removed'],
      [BOB, 'conversation.unmuted'],
    ],
  )
})

test('marking a boost marks what it boosts', async () => {
  await using world = await openWritingWorld()
  const original = await world.post(ALICE)
  const boost = await world.api.boost(BOB, original.id, undefined)
  await world.api.favourite(CAROL, boost.id)
  await world.api.bookmark(CAROL, boost.id)
  await world.api.muteConversation(CAROL, boost.id)
  const marks = await world.store.marks(CAROL, [original])
  assert.deepEqual(marks.get(original.id), {
    favourited: true,
    boosted: false,
    bookmarked: true,
    pinned: false,
    muted: true,
  })
  await world.api.unfavourite(CAROL, boost.id)
  assert.equal((await world.store.marks(CAROL, [original])).get(original.id)?.favourited, false)
  await world.api.unboost(BOB, boost.id)
  assert.equal(await world.status(boost.id), undefined)
  await world.api.unboost(BOB, original.id)
})

test('one pins statuses of one’s own that others can see', async () => {
  await using world = await openWritingWorld()
  const own = await world.post(ALICE, { visibility: 'private' })
  const direct = await world.post(ALICE, { text: '@bob', visibility: 'direct' })
  const boost = await world.api.boost(ALICE, (await world.post(BOB)).id, undefined)
  await world.api.pin(ALICE, own.id)
  await world.api.pin(ALICE, own.id)
  await refused(world, () => world.api.pin(ALICE, boost.id), 'invalid', 'Validation failed: A boost cannot be pinned')
  await refused(world, () => world.api.pin(ALICE, direct.id), 'invalid')
  await refused(world, () => world.api.pin(BOB, own.id), 'not_found')
  world.relate(BOB, ALICE, { following: true })
  await refused(
    world,
    () => world.api.pin(BOB, own.id),
    'invalid',
    "Validation failed: Someone else's post cannot be pinned",
  )
  await world.api.unpin(ALICE, own.id)
  await world.api.unpin(ALICE, own.id)
  const told = (await world.events()).map(({ type }) => type).filter((type) => type.includes('pinned'))
  assert.deepEqual(told, ['status.pinned', 'status.unpinned'])
})
