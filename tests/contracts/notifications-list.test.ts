/** How notifications are read: pages, groups, counts, markers (I4, I6, I7). */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Page } from '../../src/kit/page.ts'
import type { NotificationFilter } from '../../src/notifications/contract.ts'
import { GROUP_WINDOW_MS } from '../../src/notifications/group-key.ts'
import { writeNews } from '../../src/notifications/rows.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { alice, bob, carol, dan, notificationWorld, START_MS, type NotificationWorld } from '../world/notifications.ts'

const all: NotificationFilter = { types: undefined, excludeTypes: undefined, from: undefined }

async function mentions(world: NotificationWorld, count: number, by = bob, firstId = 1000n): Promise<void> {
  for (let index = 0n; index < count; index += 1n) {
    await world.created(world.addStatus(firstId + index, by, { mentions: [alice] }))
  }
}

/** The statuses told of, newest first. */
async function statusesOf(world: NotificationWorld, page: Page, filter = all): Promise<bigint[]> {
  const views = await world.notifications.list(alice, page, filter)
  return views.map(({ record }) => record.status ?? 0n)
}

test('max_id, since_id and min_id each give the page next to their cursor, newest first', async () => {
  await using world = await notificationWorld()
  await mentions(world, 6)
  const ids = (await world.notifications.list(alice, { limit: 10 }, all)).map(({ record }) => record.id)
  const [, second, , fourth, , oldest] = ids
  assert.deepEqual(await statusesOf(world, { limit: 2, maxId: fourth }), [1001n, 1000n])
  assert.deepEqual(await statusesOf(world, { limit: 2, sinceId: oldest }), [1005n, 1004n])
  assert.deepEqual(await statusesOf(world, { limit: 2, minId: oldest }), [1002n, 1001n])
  assert.deepEqual(await statusesOf(world, { limit: 9, minId: oldest, maxId: second }), [1003n, 1002n, 1001n])
  assert.deepEqual(await statusesOf(world, { limit: 0 }), [])
  assert.deepEqual(await statusesOf(world, { limit: 5, maxId: 0n }), [])
})

test('a page is full although most rows are hidden, whoever or whatever hides them', async () => {
  await using world = await notificationWorld()
  await mentions(world, 3, carol)
  await mentions(world, 120, bob, 2000n)
  await mentions(world, 60, dan, 3000n)
  world.relate(alice, bob, { muting: true, mutingNotifications: true })
  for (let id = 3000n; id < 3060n; id += 1n) world.statuses.delete(id as StatusId)
  assert.deepEqual(await statusesOf(world, { limit: 3 }), [1002n, 1001n, 1000n])
  assert.deepEqual(await statusesOf(world, { limit: 2, minId: 0n }), [1001n, 1000n])
})

test('types, excluded types and one sender narrow the list', async () => {
  await using world = await notificationWorld()
  await mentions(world, 1)
  const own = world.addStatus(50n, alice)
  await world.favourite(carol, own)
  const shown = async (filter: Partial<NotificationFilter>) =>
    (await world.notifications.list(alice, { limit: 9 }, { ...all, ...filter })).map(({ record }) => record.type)
  assert.deepEqual(await shown({ types: ['mention', 'follow'] }), ['mention'])
  assert.deepEqual(await shown({ types: [] }), [])
  assert.deepEqual(await shown({ excludeTypes: ['mention'] }), ['favourite'])
  assert.deepEqual(await shown({ from: carol }), ['favourite'])
})

test('one’s notifications are nobody else’s: not to find, not to dismiss', async () => {
  await using world = await notificationWorld()
  await mentions(world, 1)
  const [view] = await world.notifications.list(alice, { limit: 1 }, all)
  const id = view?.record.id ?? 0n
  assert.equal((await world.notifications.find(alice, id))?.record.status, 1000n)
  assert.equal(await world.notifications.find(carol, id), undefined)
  await world.notifications.dismiss(carol, id)
  await world.notifications.dismissGroup(carol, `ungrouped-${id}`)
  assert.deepEqual(await world.shown(alice), ['mention bob'])
  await world.notifications.dismiss(alice, id)
  assert.deepEqual(await world.shown(alice), [])
  assert.equal(await world.notifications.find(alice, id), undefined)
})

test('a suspended sender and a status out of sight are hidden from every reading', async () => {
  await using world = await notificationWorld()
  await mentions(world, 1)
  const [view] = await world.notifications.list(alice, { limit: 1 }, all)
  const id = view?.record.id ?? 0n
  world.addAccount(bob, 'bob').suspended = true
  assert.deepEqual(await world.shown(alice), [])
  assert.equal(await world.notifications.find(alice, id), undefined)
  assert.equal(await world.notifications.group(alice, `ungrouped-${id}`), undefined)
  assert.equal(await world.notifications.unreadCount(alice, 100, all), 0)
  assert.deepEqual((await world.notifications.groups(alice, { limit: 9 }, all, undefined)).groups, [])
})

test('favourites of one status are one group with a count and samples; the page ends after so many groups', async () => {
  await using world = await notificationWorld()
  const own = world.addStatus(50n, alice)
  const fans = Array.from({ length: 30 }, (_, index) =>
    world.addAccount((500n + BigInt(index)) as AccountId, `fan${index}`),
  )
  await mentions(world, 1)
  for (const { id } of fans) await world.favourite(id, own)
  await mentions(world, 1, carol, 1500n)

  const page = await world.notifications.groups(alice, { limit: 2 }, all, undefined)
  assert.deepEqual(
    page.groups.map(({ type, count }) => [type, count]),
    [
      ['mention', 1],
      ['favourite', 30],
    ],
  )
  const group = page.groups[1]
  assert.deepEqual(
    group?.sampleAccounts,
    fans
      .slice(-8)
      .map(({ id }) => id)
      .toReversed(),
  )
  assert.equal(group?.status, 50n)
  assert.equal(group?.pageMaxId, group?.mostRecentId)
  assert.deepEqual(
    new Set(page.accounts.map(({ account }) => account.id)),
    new Set([carol, ...(group?.sampleAccounts ?? [])]),
  )
  assert.deepEqual(
    page.statuses.map(({ status }) => status.id),
    [1500n, 50n],
  )
  assert.equal(page.newest, page.groups[0]?.mostRecentId)
  assert.equal(page.oldest, group?.mostRecentId)

  const next = await world.notifications.groups(alice, { limit: 2, maxId: page.oldest }, all, undefined)
  assert.deepEqual(
    next.groups.map(({ type, count }) => [type, count]),
    [
      ['favourite', 29],
      ['mention', 1],
    ],
  )
  assert.equal(next.groups[0]?.groupKey, group?.groupKey, 'the same group goes on')
})

test('a group leaves out muted people and those of a later page; alone, it has everybody', async () => {
  await using world = await notificationWorld()
  const own = world.addStatus(50n, alice)
  await world.favourite(bob, own)
  await world.favourite(carol, own)
  await world.favourite(dan, own)
  world.relate(alice, carol, { muting: true, mutingNotifications: true })
  const [group] = (await world.notifications.groups(alice, { limit: 9 }, all, undefined)).groups
  assert.deepEqual([group?.count, group?.sampleAccounts], [2, [dan, bob]])
  const key = group?.groupKey ?? ''
  const older = await world.notifications.groups(alice, { limit: 9, maxId: group?.mostRecentId }, all, undefined)
  assert.deepEqual(older.groups[0]?.sampleAccounts, [bob])
  const alone = await world.notifications.group(alice, key)
  assert.deepEqual([alone?.groups[0]?.count, alone?.groups[0]?.sampleAccounts], [2, [dan, bob]])
  const people = await world.notifications.groupAccounts(alice, key, { limit: 9 })
  assert.deepEqual(
    people.map(({ item }) => item.account.id),
    [dan, bob],
  )
  const upwards = await world.notifications.groupAccounts(alice, key, { limit: 1, minId: 0n })
  assert.deepEqual(
    upwards.map(({ item }) => item.account.id),
    [bob],
  )
  assert.equal(await world.notifications.group(carol, key), undefined)
  assert.deepEqual(await world.notifications.groupAccounts(carol, key, { limit: 9 }), [])
  await world.notifications.dismissGroup(alice, key)
  assert.deepEqual(await world.shown(alice), [])
})

test('walking up by min_id meets every notification, in groups', async () => {
  await using world = await notificationWorld()
  const own = world.addStatus(50n, alice)
  await world.favourite(bob, own)
  await mentions(world, 3)
  await world.favourite(carol, own)
  const met = new Map<string, number>()
  let minId = 0n
  for (;;) {
    const page = await world.notifications.groups(alice, { limit: 2, minId }, all, undefined)
    if (page.newest === undefined) break
    for (const { groupKey, count } of page.groups) met.set(groupKey, count)
    minId = page.newest
  }
  assert.deepEqual(
    [...met.values()],
    [1, 2, 1, 1].toSorted(() => 0),
  )
  assert.equal(met.size, 4)
})

test('only the types asked for are grouped, and the window divides favourites far apart', async () => {
  await using world = await notificationWorld()
  const own = world.addStatus(50n, alice)
  await world.favourite(bob, own)
  await world.favourite(carol, own)
  world.nowMs += GROUP_WINDOW_MS
  await world.favourite(dan, own)
  const counts = async (types: string[] | undefined) =>
    (await world.notifications.groups(alice, { limit: 9 }, all, types)).groups.map(({ count }) => count)
  assert.deepEqual(await counts(undefined), [1, 2])
  assert.deepEqual(await counts(['reblog']), [1, 1, 1])
})

test('unread are those above the marker, groups counted once, up to the limit', async () => {
  await using world = await notificationWorld()
  await mentions(world, 3)
  const own = world.addStatus(50n, alice)
  await world.favourite(bob, own)
  await world.favourite(carol, own)
  assert.equal(await world.notifications.unreadCount(alice, 100, all), 5)
  assert.equal(await world.notifications.unreadCount(alice, 4, all), 4)
  assert.equal(await world.notifications.unreadGroupCount(alice, 100, all, undefined), 4)
  const third = (await world.notifications.list(alice, { limit: 3 }, all)).at(-1)
  await world.notifications.setMarkers(alice, [{ timeline: 'notifications', lastReadId: third?.record.id ?? 0n }])
  assert.equal(await world.notifications.unreadCount(alice, 100, all), 2)
  assert.equal(await world.notifications.unreadGroupCount(alice, 100, all, undefined), 1)
  assert.equal(await world.notifications.unreadCount(alice, 100, { ...all, types: ['mention'] }), 0)
})

test('a marker’s version rises with each change, and an unchanged mark keeps it', async () => {
  await using world = await notificationWorld()
  const set = (lastReadId: bigint) => world.notifications.setMarkers(alice, [{ timeline: 'home', lastReadId }])
  assert.deepEqual(await world.notifications.markers(alice, ['home', 'notifications']), [])
  assert.deepEqual(await set(5n), [{ timeline: 'home', lastReadId: '5', version: 0, updatedAtMs: START_MS }])
  world.nowMs += 1000
  assert.deepEqual(await set(9n), [{ timeline: 'home', lastReadId: '9', version: 1, updatedAtMs: START_MS + 1000 }])
  assert.deepEqual((await set(9n))[0]?.version, 1)
  assert.deepEqual(await world.notifications.markers(alice, ['notifications']), [])
  assert.deepEqual(await world.notifications.markers(bob, ['home']), [])
})

test('of two updates of one marker at the same moment one is told of the conflict, and nothing of it is kept', async () => {
  await using world = await notificationWorld()
  await world.notifications.setMarkers(alice, [{ timeline: 'home', lastReadId: 1n }])
  const attempts = Array.from({ length: 12 }, (_, index) =>
    world.notifications.setMarkers(alice, [
      { timeline: 'notifications', lastReadId: BigInt(100 + index) },
      { timeline: 'home', lastReadId: BigInt(100 + index) },
    ]),
  )
  const outcomes = await Promise.allSettled(attempts)
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  assert.ok(refused.length > 0, 'some came between each other')
  for (const outcome of refused) assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'conflict')
  const marks = await world.notifications.markers(alice, ['home', 'notifications'])
  assert.equal(new Set(marks.map(({ lastReadId }) => lastReadId)).size, 1, 'both are of the same update')
  assert.equal(marks.find(({ timeline }) => timeline === 'home')?.version, outcomes.length - refused.length)
})

test('a policy is what was set of it, and the rest is the default', async () => {
  await using world = await notificationWorld()
  const first = await world.notifications.policy(alice)
  assert.equal(first.limitedAccounts, 'filter')
  const changed = await world.notifications.setPolicy(alice, { newAccounts: 'drop' })
  assert.deepEqual(changed, { ...first, newAccounts: 'drop' })
  await world.notifications.setPolicy(alice, { bots: 'filter' })
  assert.deepEqual(await world.notifications.policy(alice), { ...first, newAccounts: 'drop', bots: 'filter' })
  assert.deepEqual(await world.notifications.policy(bob), first)
})

test('ids of one recipient become visible in their order, so that nobody polling passes over one', async () => {
  await using world = await notificationWorld()
  const deps = {
    database: world.database,
    outbox: {
      // The transaction that inserts first commits last, unless the next one waits for it.
      append: () => new Promise<void>((resolve) => setTimeout(resolve, Math.random() * 20)),
      wake: () => {},
    },
    statuses: { hold: async () => undefined },
  }
  const write = (index: number) =>
    writeNews(
      deps,
      {
        type: 'follow',
        sender: world.addAccount((500n + BigInt(index)) as AccountId, `fan${index}`).id,
        source: null,
        status: null,
        groupKey: null,
        version: 1n,
        createdAtMs: START_MS,
      },
      [{ id: alice, filtered: false }],
    )
  const writes = Array.from({ length: 40 }, (_, index) => write(index))
  const written = Promise.all(writes).then(() => 'written')
  const poll = async () => {
    const rows = await world.database.rows<{ id: bigint }>`
      select id from notifications where recipient = ${alice} and id > ${last} order by id`
    last = rows.at(-1)?.id ?? last
    return rows.length
  }
  let last = 0n
  let met = 0
  const isWritten = () => Promise.race([written, Promise.resolve('not yet')])
  while ((await isWritten()) === 'not yet') met += await poll()
  met += await poll()
  assert.equal(met, 40)
})
