import assert from 'node:assert/strict'
import { test } from 'node:test'

import { MarksCache, STATUSES_PER_VIEWER_MAX } from '../../src/hydration/marks-cache.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { Marks, StatusRecord } from '../../src/status-store/contract.ts'

const VIEWER = 7n as AccountId
const NONE: Marks = { favourited: false, boosted: false, bookmarked: false, pinned: false, muted: false }

const status = (id: number): StatusRecord => ({
  id: BigInt(id) as StatusId,
  accountId: 1n as AccountId,
  visibility: 'public',
  boostOf: null,
  inReplyTo: null,
  inReplyToAccount: null,
  conversation: BigInt(id) as StatusId,
  text: '',
  spoilerText: '',
  sensitive: false,
  language: null,
  mentions: [],
  tags: [],
  media: [],
  appId: null,
  createdAtMs: 0,
  editedAtMs: null,
  revision: 0,
})

/** A store whose favourites can be changed, and whose answers can be held back. */
function store() {
  const favourites = new Set<bigint>()
  const asked: bigint[][] = []
  let gate = Promise.resolve()
  return {
    favourites,
    asked,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return resolve
    },
    load: async (_viewer: AccountId, statuses: readonly StatusRecord[]) => {
      asked.push(statuses.map(({ id }) => id))
      const marks = new Map(statuses.map(({ id }) => [id, { ...NONE, favourited: favourites.has(id) }]))
      await gate
      return marks
    },
  }
}

test('marks are asked for once, none included, and again after the viewer has done something', async () => {
  const { asked, favourites, load } = store()
  const cache = new MarksCache(load)
  const page = [status(1), status(2)]
  assert.deepEqual(
    await cache.get(VIEWER, page),
    new Map([
      [1n, NONE],
      [2n, NONE],
    ]),
  )
  await cache.get(VIEWER, page)
  assert.deepEqual(asked, [[1n, 2n]])
  favourites.add(2n)
  cache.forget(VIEWER, 2n as StatusId)
  assert.equal((await cache.get(VIEWER, page)).get(2n as StatusId)?.favourited, true)
  assert.deepEqual(asked, [[1n, 2n], [2n]])
  cache.forgetViewer(VIEWER)
  await cache.get(VIEWER, page)
  assert.deepEqual(asked.at(-1), [1n, 2n])
})

test('a favourite that comes while marks are being read shows in that very read', async () => {
  const { favourites, hold, load } = store()
  const cache = new MarksCache(load)
  await cache.get(VIEWER, [status(1)])
  const release = hold()
  const reading = cache.get(VIEWER, [status(1), status(2)])
  favourites.add(1n)
  cache.forget(VIEWER, 1n as StatusId)
  release()
  assert.equal((await reading).get(1n as StatusId)?.favourited, true)
  assert.equal((await cache.get(VIEWER, [status(1)])).get(1n as StatusId)?.favourited, true)
})

test('a viewer who goes through very much starts again instead of growing', async () => {
  const { asked, load } = store()
  const cache = new MarksCache(load)
  const many = Array.from({ length: STATUSES_PER_VIEWER_MAX }, (_, index) => status(index + 1))
  await cache.get(VIEWER, many)
  const more = [status(STATUSES_PER_VIEWER_MAX + 1), status(1)]
  assert.equal((await cache.get(VIEWER, more)).size, 2)
  const before = asked.length
  await cache.get(VIEWER, more)
  assert.equal(asked.length, before, 'what was just read is known')
  await cache.get(VIEWER, [status(2)])
  assert.equal(asked.length, before + 1, 'the rest was let go')
})
