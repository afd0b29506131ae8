/** The home timeline while the timeline cache fails: the store answers, a bounded number of readers at a time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CacheError } from '../../src/engines/cache/contract.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { NO_RELATION } from '../../src/social-graph/contract.ts'
import { MergedAuthors, type BuildTicket, type TimelineCache } from '../../src/timeline-cache/contract.ts'
import { Celebrities } from '../../src/timeline-service/celebrities.ts'
import { HomeSkeleton, type HomeDeps } from '../../src/timeline-service/home.ts'

const ALICE = 1n as AccountId
const fails = () => Promise.reject(new CacheError('down'))

/** A store of ten statuses; `most` is how many questions it was asked at one moment. */
function store() {
  const asked = { most: 0, now: 0 }
  const homeIds: HomeDeps['statuses']['homeIds'] = async (_authors, { limit }) => {
    asked.most = Math.max(asked.most, ++asked.now)
    await new Promise((resolve) => setImmediate(resolve))
    asked.now -= 1
    return Array.from({ length: Math.min(limit, 10) }, (_, n) => ({
      id: BigInt(10 - n) as StatusId,
      author: ALICE,
      boostOf: null,
      boostedAuthor: null,
      inReplyTo: null,
      inReplyToAccount: null,
    }))
  }
  return { asked, homeIds }
}

function home(cache: Partial<TimelineCache>, homeIds: HomeDeps['statuses']['homeIds']): HomeSkeleton {
  const missing: TimelineCache = {
    insert: fails,
    remove: fails,
    read: async () => undefined,
    beginBuild: async (owner) => ({ owner, epoch: 1 }),
    finishBuild: async () => true,
    abandonBuild: async () => {},
    merge: fails,
    removeAuthor: fails,
    drop: fails,
    dropUnread: fails,
    shardOf: () => 's0',
    stats: () => ({ present: 0, bytes: 0, bytesLimit: 0, entries: 0 }),
    [Symbol.asyncDispose]: async () => {},
  }
  const statuses = { homeIds }
  return new HomeSkeleton({
    cache: { ...missing, ...cache },
    graph: { following: () => [], followerCount: () => 0, regards: () => () => NO_RELATION },
    statuses,
    celebrities: new Celebrities(statuses),
    merged: new MergedAuthors(1_000),
    log: silentLog,
  })
}

const ids = async (skeleton: HomeSkeleton) =>
  (await skeleton.read(ALICE, { limit: 3 })).rows.map(({ cursor }) => Number(cursor))

test('a cache that cannot be read counts as missing', async () => {
  assert.deepEqual(await ids(home({ read: fails }, store().homeIds)), [10, 9, 8])
})

test('a cache that fails in the middle of a rebuild does not fail the reader', async () => {
  for (const act of ['beginBuild', 'finishBuild', 'abandonBuild'] as const) {
    const failing = act === 'abandonBuild' ? { finishBuild: fails, abandonBuild: fails } : { [act]: fails }
    assert.deepEqual(await ids(home(failing, store().homeIds)), [10, 9, 8], act)
  }
})

test('a rebuild that the store failed leaves no lease behind, and says that the store is down', async () => {
  const abandoned: BuildTicket[] = []
  const abandonBuild = async (ticket: BuildTicket) => void abandoned.push(ticket)
  const skeleton = home({ abandonBuild }, () => Promise.reject(new AppError('unavailable', 'no database')))
  await assert.rejects(ids(skeleton), /no database/)
  assert.deepEqual(abandoned, [{ owner: ALICE, epoch: 1 }])
})

test('our own mistakes are not taken for a cache that is away', async () => {
  await assert.rejects(ids(home({ read: () => Promise.reject(new TypeError('a bug')) }, store().homeIds)), /a bug/)
})

test('however many read at once, the store is asked a few things at a time', async () => {
  const { asked, homeIds } = store()
  const skeleton = home({ read: fails }, homeIds)
  const read = await Promise.all(Array.from({ length: 200 }, () => ids(skeleton)))
  assert.ok(read.every((page) => page.join() === '10,9,8'))
  assert.ok(asked.most <= 4, `${asked.most} at a time`)
})
