/** What `src/status-store/contract.ts` promises of rows and counts, asked of a real PostgreSQL. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { AppError } from '../../src/kit/errors.ts'
import { EDITS_MAX, IDEMPOTENCY_MS, PINS_MAX, type StatusEdit } from '../../src/status-store/contract.ts'
import {
  accountId,
  asRecord,
  boostOf,
  countsAndRecounts,
  mediaId,
  NOON_MS,
  openStatusWorld,
  plainStatus,
  replyTo,
  statusId,
} from '../world/statuses.ts'

const anyPage = { limit: 40 }
const unchanged: StatusEdit = {
  text: 'status 1',
  spoilerText: '',
  sensitive: false,
  language: 'en',
  mentions: [],
  tags: [],
  media: [],
  previousMediaDescriptions: [],
}

test('a status comes back as it was written, with every field', async () => {
  await using world = await openStatusWorld()
  const whole = plainStatus(7, {
    accountId: accountId(2n ** 62n),
    visibility: 'direct',
    inReplyTo: statusId(3),
    inReplyToAccount: accountId(4),
    conversation: statusId(2),
    text: 'Grüße, "quoted"\n{}\\ 👋',
    spoilerText: 'spoiler',
    sensitive: true,
    language: null,
    mentions: [accountId(9), accountId(8)],
    tags: ['zwei', 'eins'],
    media: [mediaId(12), mediaId(11)],
    appId: 5n,
  })
  assert.equal(await world.insert(whole), true)
  assert.deepEqual(await world.store.byIds([statusId(7), statusId(8)]), [asRecord(whole)])
  assert.deepEqual(await world.store.byIds([]), [])
})

test('an account boosts a status once, also when it tries twice at the same time', async () => {
  await using world = await openStatusWorld()
  const original = plainStatus(1)
  await world.insert(original)
  const attempts = await Promise.all([10, 11, 12, 13].map((id) => world.insert(boostOf(original, id, 2))))
  assert.equal(attempts.filter(Boolean).length, 1)
  assert.equal(await world.insert(boostOf(original, 20, 3)), true)
  assert.deepEqual(await world.store.counts([original.id]), new Map([[original.id, counted(0, 2, 0)]]))
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

test('replies are counted when everyone may see them, statuses of an author unless they are direct', async () => {
  await using world = await openStatusWorld()
  const root = plainStatus(1)
  await world.insert(root)
  for (const [index, visibility] of (['public', 'unlisted', 'private', 'direct'] as const).entries()) {
    await world.insert(replyTo(root, 2 + index, { accountId: accountId(2), visibility }))
  }
  assert.deepEqual((await world.store.counts([root.id])).get(root.id), counted(2, 0, 0))
  const stats = await world.store.authorStats([accountId(2), accountId(3)])
  assert.deepEqual(stats.get(accountId(2)), { statuses: 3, lastStatusAtMs: NOON_MS + 4 })
  assert.deepEqual(stats.get(accountId(3)), { statuses: 0, lastStatusAtMs: null })
  assert.equal(await world.store.totalStatuses(), 4)
})

test('a removed status takes its boosts, marks, edits and tags along, and counts follow', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const root = plainStatus(1)
  const reply = replyTo(root, 2, { accountId: accountId(2), tags: ['gone'] })
  for (const status of [root, reply, boostOf(reply, 3, 3), boostOf(reply, 4, 4), boostOf(root, 5, 2)]) {
    await world.insert(status)
  }
  await db.transaction(async (tx) => {
    await store.addFavourite(tx, accountId(1), reply.id)
    await store.addBookmark(tx, accountId(1), reply.id)
    await store.addPin(tx, accountId(2), reply.id)
    await store.edit(tx, reply.id, { ...unchanged, text: 'edited', tags: ['gone'] }, NOON_MS)
  })
  const removed = await db.transaction((tx) => store.remove(tx, reply.id))
  assert.equal(removed[0]?.id, reply.id)
  assert.deepEqual(new Set(removed.map(({ id }) => id)), new Set([statusId(2), statusId(3), statusId(4)]))
  assert.deepEqual(await store.byIds([statusId(2), statusId(3), statusId(4)]), [])
  assert.deepEqual((await store.counts([root.id])).get(root.id), counted(0, 1, 0))
  assert.deepEqual(await store.favouriteIds(accountId(1), anyPage), [])
  assert.deepEqual(await store.bookmarkIds(accountId(1), anyPage), [])
  assert.deepEqual(await store.edits(reply.id), [])
  assert.deepEqual(await store.tagsByPrefix('g', 5), [])
  const left = await db.rows`
    select 'pin' as kind from pins union all select 'edit' from status_edits union all select 'tag' from status_tags
    union all select 'favourite' from favourites union all select 'bookmark' from bookmarks`
  assert.deepEqual(left, [])
  const { kept, recounted } = await countsAndRecounts(db)
  assert.deepEqual(kept, recounted)
  assert.deepEqual(await db.transaction((tx) => store.remove(tx, reply.id)), [], 'a second time there is nothing')
})

test('what hangs on a famous status is removed in rounds', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const original = plainStatus(1)
  await world.insert(original)
  for (let n = 2; n <= 8; n += 1) {
    await world.insert(boostOf(original, n, n))
    await db.transaction((tx) => store.addFavourite(tx, accountId(n), original.id))
  }
  const rounds: number[] = []
  for (let more = true; more;) {
    const round = await db.transaction((tx) => store.removeDependents(tx, original.id, 3))
    rounds.push(round.boosts.length)
    more = round.more
    const { kept, recounted } = await countsAndRecounts(db)
    assert.deepEqual(kept, recounted)
  }
  assert.deepEqual(rounds, [3, 3, 1])
  assert.deepEqual((await store.counts([original.id])).get(original.id), counted(0, 0, 0))
})

test('an edit keeps the text before it, with its media as they were described', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const first = plainStatus(1, { media: [mediaId(5), mediaId(6)], mentions: [accountId(9)], tags: ['old', 'both'] })
  await world.insert(first)
  const second = { ...unchanged, text: 'second', tags: ['both', 'new'], media: [mediaId(6)] }
  const edited = await db.transaction((tx) =>
    store.edit(tx, first.id, { ...second, previousMediaDescriptions: ['a, "cat"', null] }, NOON_MS + 1000),
  )
  assert.deepEqual([edited.text, edited.revision, edited.editedAtMs], ['second', 1, NOON_MS + 1000])
  const last = { ...second, text: 'third', previousMediaDescriptions: ['a dog'] }
  await db.transaction((tx) => store.edit(tx, first.id, last, NOON_MS + 2000))
  assert.deepEqual(await store.edits(first.id), [
    {
      createdAtMs: first.createdAtMs,
      text: 'status 1',
      spoilerText: '',
      sensitive: false,
      mentions: [accountId(9)],
      media: [
        { id: mediaId(5), description: 'a, "cat"' },
        { id: mediaId(6), description: null },
      ],
      pollOptions: null,
    },
    {
      createdAtMs: NOON_MS + 1000,
      text: 'second',
      spoilerText: '',
      sensitive: false,
      mentions: [],
      media: [{ id: mediaId(6), description: 'a dog' }],
      pollOptions: null,
    },
  ])
  assert.deepEqual(await store.tagsByPrefix('', 5), ['both', 'new'])
})

test('of a text edited without end the newest versions are kept', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  await world.insert(plainStatus(1))
  for (let n = 1; n <= EDITS_MAX + 2; n += 1) {
    await db.transaction((tx) => store.edit(tx, statusId(1), { ...unchanged, text: `version ${n}` }, NOON_MS + n))
  }
  const edits = await store.edits(statusId(1))
  assert.equal(edits.length, EDITS_MAX)
  assert.deepEqual([edits[0]?.text, edits.at(-1)?.text], ['version 2', `version ${EDITS_MAX + 1}`])
})

test('a lock keeps others from editing and deleting, a hold only from deleting', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  await world.insert(plainStatus(1))
  const order: string[] = []
  const held = Promise.withResolvers<void>()
  const reply = db.transaction(async (tx) => {
    await store.hold(tx, statusId(1))
    held.resolve()
    await db.transaction((other) => store.hold(other, statusId(1)))
    order.push('held twice')
    await db.transaction((other) => store.edit(other, statusId(1), { ...unchanged, text: 'x' }, NOON_MS))
    order.push('edited')
    await new Promise((resolve) => setTimeout(resolve, 50))
    order.push('released')
  })
  await held.promise
  const removal = db.transaction((tx) => store.remove(tx, statusId(1))).then(() => order.push('removed'))
  await Promise.all([reply, removal])
  assert.deepEqual(order, ['held twice', 'edited', 'released', 'removed'])
  assert.equal(await db.transaction((tx) => store.hold(tx, statusId(1))), undefined)
  assert.equal(await db.transaction((tx) => store.lock(tx, statusId(1))), undefined)
})

test('an idempotency key is reserved once, for an hour', async () => {
  await using world = await openStatusWorld()
  const { db, store, clock } = world
  const reserve = (account: number, key: string, status: number) =>
    db.transaction((tx) => store.reserveIdempotencyKey(tx, accountId(account), key, statusId(status)))
  assert.equal(await store.findByIdempotencyKey(accountId(1), 'k'), undefined)
  assert.equal(await reserve(1, 'k', 10), true)
  assert.equal(await reserve(1, 'k', 11), false)
  assert.equal(await reserve(2, 'k', 12), true, 'another account')
  assert.equal(await reserve(1, 'K'.repeat(100_000), 13), true, 'a key of any length')
  assert.equal(await store.findByIdempotencyKey(accountId(1), 'k'), statusId(10))
  assert.equal(await store.prune(), 0, 'none has lapsed')
  clock.ms += IDEMPOTENCY_MS
  assert.equal(await store.findByIdempotencyKey(accountId(1), 'k'), undefined)
  assert.equal(await reserve(1, 'k', 14), true, 'lapsed, though not cleaned up')
  assert.equal(await store.findByIdempotencyKey(accountId(1), 'k'), statusId(14))
  assert.deepEqual([await store.prune(), await store.prune()], [2, 0])
  assert.equal(await store.findByIdempotencyKey(accountId(1), 'k'), statusId(14))
})

test('of two who reserve one key at once, the second waits: it loses, or wins when the first fails', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  for (const fails of [false, true]) {
    const reserved = Promise.withResolvers<void>()
    const first = db.transaction(async (tx) => {
      await store.reserveIdempotencyKey(tx, accountId(1), `fails ${fails}`, statusId(1))
      reserved.resolve()
      await new Promise((resolve) => setTimeout(resolve, 50))
      if (fails) throw new Error('rolled back')
    })
    await reserved.promise
    const second = db.transaction((tx) => store.reserveIdempotencyKey(tx, accountId(1), `fails ${fails}`, statusId(2)))
    await first.catch(() => undefined)
    assert.equal(await second, fails)
    assert.equal(await store.findByIdempotencyKey(accountId(1), `fails ${fails}`), statusId(fails ? 2 : 1))
  }
})

test('favourites, bookmarks and pins tell whether they changed anything, and who has made them', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const status = plainStatus(1)
  await world.insert(status)
  await world.insert(boostOf(status, 2, 7))
  const viewer = accountId(7)
  const twice = async (act: 'addFavourite' | 'removeFavourite' | 'addBookmark' | 'removeBookmark') => [
    await db.transaction((tx) => store[act](tx, viewer, status.id)),
    await db.transaction((tx) => store[act](tx, viewer, status.id)),
  ]
  assert.deepEqual(await twice('addFavourite'), [true, false])
  assert.deepEqual(await twice('addBookmark'), [true, false])
  assert.equal(await db.transaction((tx) => store.muteConversation(tx, viewer, status.conversation)), true)
  assert.equal(await db.transaction((tx) => store.muteConversation(tx, viewer, status.conversation)), false)
  assert.equal(await store.isConversationMuted(viewer, status.conversation), true)
  const [record] = await store.byIds([status.id])
  assert.ok(record)
  assert.deepEqual(
    await store.marks(viewer, [record]),
    new Map([[status.id, { favourited: true, boosted: true, bookmarked: true, pinned: false, muted: true }]]),
  )
  const nothing = { favourited: false, boosted: false, bookmarked: false, pinned: false, muted: false }
  assert.deepEqual(await store.marks(accountId(8), [record]), new Map([[status.id, nothing]]))
  assert.deepEqual(
    (await store.favouritedBy(status.id, anyPage)).map(({ item }) => item),
    [viewer],
  )
  assert.deepEqual(await store.boostedBy(status.id, anyPage), [{ cursor: 2n, item: viewer }])
  assert.equal(await store.boostBy(viewer, status.id), statusId(2))
  await world.insert({ ...boostOf(status, 3, 8), visibility: 'private' })
  const boosters = [accountId(8), viewer]
  assert.deepEqual(
    (await store.boostedBy(status.id, anyPage)).map(({ item }) => item),
    boosters,
  )
  assert.deepEqual(await store.boostedBy(status.id, anyPage, { openly: true }), [{ cursor: 2n, item: viewer }])
  assert.deepEqual(await twice('removeFavourite'), [true, false])
  assert.deepEqual(await twice('removeBookmark'), [true, false])
  assert.equal(await db.transaction((tx) => store.unmuteConversation(tx, viewer, status.conversation)), true)
  assert.equal(await store.isConversationMuted(viewer, status.conversation), false)
  assert.deepEqual((await store.counts([status.id])).get(status.id), counted(0, 2, 0))
})

test(`${PINS_MAX} statuses are pinned at most, also when all are pinned at once`, async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const pins = Array.from({ length: PINS_MAX + 3 }, (_, n) => n + 1)
  for (const n of pins) await world.insert(plainStatus(n))
  const outcomes = await Promise.allSettled(
    pins.map((n) => db.transaction((tx) => store.addPin(tx, accountId(1), statusId(n)))),
  )
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(refused.length, 3)
  assert.ok(refused.every(({ reason }) => reason instanceof AppError && reason.code === 'invalid'))
  const filter = { onlyMedia: false, excludeReplies: false, excludeBoosts: false, pinned: true, tagged: null }
  const pinned = await store.accountIds(accountId(1), anyPage, filter)
  assert.equal(pinned.length, PINS_MAX)
  assert.deepEqual(await store.accountIds(accountId(1), anyPage, { ...filter, onlyMedia: true }), [], 'no pictures')
  assert.deepEqual(await store.accountIds(accountId(1), anyPage, { ...filter, tagged: 'cats' }), [], 'no such tag')
  const [first = statusId(0)] = pinned
  assert.equal(await db.transaction((tx) => store.addPin(tx, accountId(1), first)), false, 'pinned already')
  assert.equal(await db.transaction((tx) => store.removePin(tx, accountId(1), first)), true)
  assert.equal(await db.transaction((tx) => store.removePin(tx, accountId(1), first)), false)
})

test('a favourite and its taking back, many at once, leave a true count (R11)', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  await world.insert(plainStatus(1))
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => {
      const account = accountId(2 + (n % 4))
      const act = n % 3 === 2 ? 'removeFavourite' : 'addFavourite'
      return db.transaction((tx) => store[act](tx, account, statusId(1)))
    }),
  )
  const { kept, recounted } = await countsAndRecounts(db)
  assert.deepEqual(kept, recounted)
})

test('tags of public statuses are found by their beginning, the most used first', async () => {
  await using world = await openStatusWorld()
  const uses: [string, number][] = [
    ['katze', 1],
    ['kater', 3],
    ['käse', 2],
    ['kat', 1],
    ['hund', 5],
  ]
  let id = 1
  for (const [tag, times] of uses)
    for (let n = 0; n < times; n += 1) await world.insert(plainStatus(id++, { tags: [tag] }))
  await world.insert(plainStatus(id++, { tags: ['katheimlich'], visibility: 'private' }))
  assert.deepEqual(await world.store.tagsByPrefix('kat', 10), ['kater', 'kat', 'katze'])
  assert.deepEqual(await world.store.tagsByPrefix('k', 2), ['kater', 'käse'])
  assert.deepEqual(await world.store.tagsByPrefix('x', 10), [])
  assert.deepEqual(await world.store.tagsByPrefix("'%_\\", 10), [])
})

function counted(replies: number, boosts: number, favourites: number) {
  return { replies, boosts, favourites }
}
