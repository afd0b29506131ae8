/** The pages that `src/status-store/contract.ts` promises, compared with a model that sorts everything in memory. */
import assert from 'node:assert/strict'
import test from 'node:test'

import type { Cursored, Page } from '../../src/kit/page.ts'
import { seededRandom } from '../../src/seed/random.ts'
import type { StatusId } from '../../src/snowflake/contract.ts'
import type { AccountStatusesFilter, NewStatus, TimelineRow } from '../../src/status-store/contract.ts'
import { accountId, boostOf, mediaId, openStatusWorld, plainStatus, replyTo, statusId } from '../world/statuses.ts'

const VISIBILITIES = ['public', 'public', 'unlisted', 'private', 'direct'] as const
const STATUSES = 400
const AUTHORS = 12

/** The same world each time: statuses, replies and boosts of a few authors, the first of them loudest. */
function someStatuses(): NewStatus[] {
  const random = seededRandom(20_260_102)
  const statuses: NewStatus[] = []
  for (let n = 1; n <= STATUSES; n += 1) {
    const author = 1 + Math.floor(AUTHORS * random.unit() ** 2)
    const other = statuses[random.below(Math.max(1, statuses.length))]
    const kind = random.unit()
    const fields = {
      accountId: accountId(author),
      visibility: random.pick(VISIBILITIES),
      media: random.chance(0.2) ? [mediaId(n)] : [],
      tags: random.chance(0.2) ? ['fox', 'hen'] : [],
      mentions: random.chance(0.3) ? [accountId(1 + random.below(AUTHORS))] : [],
    }
    const boosted =
      other?.boostOf === null && !statuses.some((s) => s.boostOf === other.id && s.accountId === fields.accountId)
    if (kind < 0.2 && boosted) statuses.push(boostOf(other, 10 * n, author))
    else if (kind < 0.5 && other?.boostOf === null) statuses.push(replyTo(other, 10 * n, fields))
    else statuses.push(plainStatus(10 * n, fields))
  }
  return statuses
}

test('public pages hold public statuses that are no boosts and no replies to others', async () => {
  await using world = await openStatusWorld()
  const statuses = someStatuses()
  for (const status of statuses) await world.insert(status)
  for (const onlyMedia of [false, true]) {
    const shown = statuses.filter(
      (s) => s.visibility === 'public' && isNoReply(s) && s.boostOf === null && (!onlyMedia || s.media.length > 0),
    )
    for (const page of pages(statuses)) {
      assert.deepEqual(await world.store.publicIds(page, { onlyMedia }), cut(shown, page).map(idOf), describe(page))
    }
  }
})

test("an account's pages hold what the filter asks for", async () => {
  await using world = await openStatusWorld()
  const statuses = someStatuses()
  for (const status of statuses) await world.insert(status)
  const plain: AccountStatusesFilter = {
    onlyMedia: false,
    excludeReplies: false,
    excludeBoosts: false,
    pinned: false,
    tagged: null,
  }
  const filters: [Partial<AccountStatusesFilter>, (status: NewStatus) => boolean][] = [
    [{}, () => true],
    [{ onlyMedia: true }, (s) => s.media.length > 0],
    [{ excludeReplies: true }, isNoReply],
    [{ excludeBoosts: true }, (s) => s.boostOf === null],
    [{ excludeReplies: true, excludeBoosts: true }, (s) => isNoReply(s) && s.boostOf === null],
    [{ tagged: 'hen' }, (s) => s.tags.includes('hen')],
    [{ tagged: 'he' }, () => false],
  ]
  for (const [filter, fits] of filters) {
    const shown = statuses.filter((s) => s.accountId === accountId(1) && fits(s))
    for (const page of pages(statuses)) {
      const ids = await world.store.accountIds(accountId(1), page, { ...plain, ...filter })
      assert.deepEqual(ids, cut(shown, page).map(idOf), describe({ ...page, ...filter }))
    }
  }
})

test('a home page is the newest of all its authors, however many there are', async () => {
  await using world = await openStatusWorld()
  const statuses = someStatuses()
  for (const status of statuses) await world.insert(status)
  const authorSets = [[1], [1, 1, 2], [7, 12], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [99]]
  for (const authors of authorSets.map((set) => set.map(accountId))) {
    for (const viewer of [undefined, accountId(2)]) {
      const shown = statuses.filter(
        (s) =>
          authors.includes(s.accountId) &&
          (viewer === undefined || s.visibility !== 'direct' || s.accountId === viewer || s.mentions.includes(viewer)),
      )
      for (const page of pages(statuses)) {
        const rows = await world.store.homeIds(authors, page, viewer)
        assert.deepEqual(
          rows,
          cut(shown, page).map((status) => timelineRow(status, statuses)),
          describe(page),
        )
      }
    }
  }
  assert.deepEqual(await world.store.homeIds([], { limit: 40 }), [])
})

test('walking through a page chain gives each favourite and bookmark once, though others come meanwhile (I4)', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const reader = accountId(1)
  for (const [add, ids] of [
    ['addFavourite', 'favouriteIds'],
    ['addBookmark', 'bookmarkIds'],
  ] as const) {
    const mark = (n: number) => db.transaction((tx) => store[add](tx, reader, statusId(n)))
    const list = (page: Page) => store[ids](reader, page)
    for (let n = 1; n <= 25; n += 1) await mark(n)
    const seen: Cursored<StatusId>[] = []
    for (let page: Page | undefined = { limit: 7 }; page !== undefined;) {
      const rows: Cursored<StatusId>[] = await list(page)
      seen.push(...rows)
      await mark(100 + seen.length)
      page = rows.length === 0 ? undefined : { limit: 7, maxId: rows.at(-1)?.cursor }
    }
    const expected = Array.from({ length: 25 }, (_, n) => statusId(25 - n))
    assert.deepEqual(items(seen), expected)
    const upwards = await list({ limit: 2, minId: seen[0]?.cursor })
    assert.deepEqual(items(upwards), [statusId(114), statusId(107)], 'closest above, newest first')
  }
})

function items(rows: readonly Cursored<StatusId>[]): StatusId[] {
  return rows.map(({ item }) => item)
}

test('a thread is the way up to its root and all that came later in the conversation', async () => {
  await using world = await openStatusWorld()
  const { db, store } = world
  const root = plainStatus(1)
  const other = replyTo(root, 2)
  const middle = replyTo(root, 3)
  const leaf = replyTo(middle, 4)
  const late = replyTo(root, 5)
  const elsewhere = plainStatus(6)
  for (const status of [root, other, middle, leaf, late, elsewhere, boostOf(root, 7, 2)]) await world.insert(status)
  const around = async (id: number, limit = 100) =>
    (await store.conversation(statusId(id), limit)).map((row) => [row.id, row.inReplyTo])
  const pair = ({ id, inReplyTo }: NewStatus) => [id, inReplyTo]
  assert.deepEqual(await around(1), [root, other, middle, leaf, late].map(pair))
  assert.deepEqual(await around(3), [root, middle, leaf, late].map(pair))
  assert.deepEqual(await around(3, 1), [root, middle, leaf].map(pair))
  assert.deepEqual(await around(4, 1), [middle, leaf, late].map(pair))
  assert.deepEqual(await around(6), [pair(elsewhere)])
  assert.deepEqual(await around(99), [])
  await db.transaction((tx) => store.remove(tx, middle.id))
  assert.deepEqual(await around(4), [leaf, late].map(pair), 'the way up ends where a status was removed')
})

test('cursors beyond the ends of ids are no error', async () => {
  await using world = await openStatusWorld()
  await world.insert(plainStatus(5))
  const all = [statusId(5)]
  assert.deepEqual(await world.store.publicIds({ limit: 5, maxId: 2n ** 63n }, { onlyMedia: false }), all)
  assert.deepEqual(await world.store.publicIds({ limit: 5, maxId: 2n ** 70n }, { onlyMedia: false }), all)
  assert.deepEqual(await world.store.publicIds({ limit: 5, sinceId: 0n, maxId: 0n }, { onlyMedia: false }), [])
  assert.deepEqual(await world.store.publicIds({ limit: 5, minId: 2n ** 70n }, { onlyMedia: false }), [])
  assert.deepEqual(await world.store.publicIds({ limit: 0 }, { onlyMedia: false }), [])
})

/** Every kind of page, with cursors at, between and beyond the ids. */
function pages(statuses: readonly NewStatus[]): Page[] {
  const middle = statuses[Math.floor(statuses.length / 2)]?.id ?? 0n
  const low = statuses[20]?.id ?? 0n
  return [
    { limit: 7 },
    { limit: 2 * STATUSES },
    { limit: 7, maxId: middle },
    { limit: 40, maxId: middle + 5n },
    { limit: 7, sinceId: low },
    { limit: 7, minId: low },
    { limit: 40, minId: low + 3n, sinceId: middle },
    { limit: 40, minId: low, maxId: middle },
    { limit: 40, sinceId: low, maxId: low + 100n },
    { limit: 1, minId: 0n },
    { limit: 7, maxId: 1n },
  ]
}

function cut(statuses: readonly NewStatus[], { maxId, sinceId, minId, limit }: Page): NewStatus[] {
  const above = minId ?? sinceId ?? 0n
  const within = statuses.filter(({ id }) => id > above && (maxId === undefined || id < maxId))
  const ascending = within.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return (
    minId === undefined ? ascending.slice(Math.max(0, ascending.length - limit)) : ascending.slice(0, limit)
  ).toReversed()
}

function timelineRow(status: NewStatus, statuses: readonly NewStatus[]): TimelineRow {
  return {
    id: status.id,
    author: status.accountId,
    boostOf: status.boostOf,
    boostedAuthor: statuses.find(({ id }) => id === status.boostOf)?.accountId ?? null,
    inReplyTo: status.inReplyTo,
    inReplyToAccount: status.inReplyToAccount,
  }
}

function isNoReply(status: NewStatus): boolean {
  return status.inReplyToAccount === null || status.inReplyToAccount === status.accountId
}

function idOf(status: NewStatus): StatusId {
  return status.id
}

function describe(page: object): string {
  return JSON.stringify(page, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}
