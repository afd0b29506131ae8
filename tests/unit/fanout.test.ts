import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BusMessage, Handler } from '../../src/engines/bus/contract.ts'
import { encodeEvent, type EventBodies, type EventType } from '../../src/events/contract.ts'
import { FOLLOWERS_PAGE, startFanout } from '../../src/fanout/fanout.ts'
import { recentLives } from '../../src/fanout/lives.ts'
import { ORDER_KEPT_MS } from '../../src/fanout/unfinished.ts'
import { AppError } from '../../src/kit/errors.ts'
import type { Page } from '../../src/kit/page.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { graphFacts } from '../../src/social-graph/contract.ts'
import type { StatusRecord, TimelineRow } from '../../src/status-store/contract.ts'
import {
  ENTRY_BOOST,
  ENTRY_REPLY,
  MergedAuthors,
  TIMELINE_ENTRIES_MAX,
  type TimelineCache,
} from '../../src/timeline-cache/contract.ts'
import { openSharedMemoryTimelines } from '../../src/timeline-cache/shared-memory.ts'
import { accountId, asRecord, handClock, NOON_MS, plainStatus, statusId } from '../world/statuses.ts'

const AUTHOR = accountId(1)
const [ALICE, BOB, CAROL] = [accountId(2), accountId(3), accountId(4)]

interface World extends AsyncDisposable {
  tell<T extends EventType>(type: T, body: EventBodies[T]): Promise<void>
  clock: ReturnType<typeof handClock>
  build(...owners: AccountId[]): Promise<void>
  /** What the timeline holds, newest first; undefined when it is missing. */
  ids(owner: AccountId): Promise<number[] | undefined>
  life(id: number): ReturnType<ReturnType<typeof recentLives>['find']>
  cache: TimelineCache
  follows: Map<AccountId, Set<AccountId>>
  statuses: StatusRecord[]
  /** Sizes of the pages that were asked for. */
  pages: number[]
}

interface WorldOptions {
  followers?: AccountId[]
  followersMax?: number
  /** Named by ids, as Redis wants them; called before each page. */
  beforePage?: (page: number) => void
}

/** The engine as it is, or as one that is asked by ids and may fail. */
function openCache(clock: ReturnType<typeof handClock>, beforePage: WorldOptions['beforePage']): World['cache'] {
  const engine = { clock, bytesLimit: 32 * 2 ** 20, placeOf: (owner: AccountId) => Number(owner) }
  const cache = openSharedMemoryTimelines(engine)
  if (beforePage === undefined) return cache
  let page = 0
  const byIds: TimelineCache = { ...cache }
  delete byIds.insertPlaces
  delete byIds.removeEverywhere
  return {
    ...byIds,
    insert: async (entry, owners) => {
      if (owners[0] !== AUTHOR) beforePage(++page)
      return cache.insert(entry, owners)
    },
  }
}

function openWorld(options: WorldOptions = {}): World {
  const clock = handClock()
  const cache = openCache(clock, options.beforePage)
  const lives = recentLives()
  const follows = new Map([[AUTHOR, new Set(options.followers ?? [ALICE, BOB])]])
  const statuses: StatusRecord[] = []
  const pages: number[] = []
  let handler: Handler = () => Promise.reject(new Error('did not join'))
  const followersOf = (author: AccountId) => [...(follows.get(author) ?? [])].toSorted((a, b) => (a < b ? -1 : 1))
  const nextFollowers = (author: AccountId, after: number, limit: number) => {
    const followers = followersOf(author).filter((follower) => Number(follower) > after)
    pages.push(Math.min(followers.length, limit))
    return followers.slice(0, limit)
  }
  const graph = {
    apply: async () => {},
    placeOf: (author: AccountId) => Number(author),
    followerCount: (author: AccountId) => followersOf(author).length,
    relation: (viewer: AccountId, target: AccountId) =>
      graphFacts({ following: follows.get(target)?.has(viewer) === true }),
    followersPage: (author: AccountId, afterIndex: number, limit: number) => {
      const followers = nextFollowers(author, afterIndex, limit)
      return { followers, lastIndex: Number(followers.at(-1) ?? afterIndex) }
    },
    followerPlaces: (author: AccountId, afterPlace: number, limit: number) =>
      Uint32Array.from(nextFollowers(author, afterPlace, limit), Number),
  }
  startFanout({
    bus: {
      join: (_group, _types, joined) => {
        handler = joined
        return { [Symbol.asyncDispose]: async () => {} }
      },
    },
    graph,
    statuses: {
      byIds: async (ids) => statuses.filter(({ id }) => ids.includes(id)),
      homeIds: async (authors, { limit }: Page) =>
        statuses
          .filter(({ accountId: author }) => authors.includes(author))
          .toSorted((a, b) => (a.id < b.id ? 1 : -1))
          .slice(0, limit)
          .map((status): TimelineRow => ({ ...status, author: status.accountId, boostedAuthor: null })),
    },
    cache,
    merged: new MergedAuthors(options.followersMax ?? 100_000),
    lives,
    clock,
  })
  let lastMessage = 0n
  return {
    tell: async (type, body) => {
      const message: BusMessage = { ...encodeEvent(type, AUTHOR, body), id: ++lastMessage, createdAtMs: NOON_MS + 20 }
      clock.ms += 50
      await handler(message)
    },
    build: async (...owners) => {
      for (const owner of owners) {
        const ticket = await cache.beginBuild(owner)
        if (ticket !== undefined) await cache.finishBuild(ticket, [], 0n)
      }
    },
    ids: async (owner) => {
      const page = await cache.read(owner, { limit: TIMELINE_ENTRIES_MAX })
      return page?.entries.map(({ id }) => Number(id))
    },
    life: (id) => lives.find(statusId(id)),
    cache,
    clock,
    follows,
    statuses,
    pages,
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  }
}

function created(id: number, change: Partial<EventBodies['status.created']> = {}): EventBodies['status.created'] {
  return {
    id: statusId(id),
    author: AUTHOR,
    visibility: 'public',
    boostOf: null,
    boostedAuthor: null,
    inReplyTo: null,
    inReplyToAuthor: null,
    mentions: [],
    acceptedAtMs: NOON_MS + 10,
    ...change,
  }
}

const follow = (source: AccountId, change: EventBodies['graph.changed']['change'] = 'followed') =>
  ({ source, target: AUTHOR, change, version: 1n }) as const

test('a status reaches its author and the followers whose timelines are there, and no one else', async () => {
  await using world = openWorld()
  await world.build(AUTHOR, ALICE, CAROL)
  await world.tell('status.created', created(10))
  assert.deepEqual(await world.ids(AUTHOR), [10])
  assert.deepEqual(await world.ids(ALICE), [10])
  assert.equal(await world.ids(BOB), undefined, 'a missing timeline stays missing')
  assert.deepEqual(await world.ids(CAROL), [], 'no follower')
})

test('a message that comes again delivers nothing twice', async () => {
  await using world = openWorld()
  await world.build(ALICE)
  for (let times = 0; times < 3; times++) await world.tell('status.created', created(10))
  assert.deepEqual(await world.ids(ALICE), [10])
})

test('the life of a status says when, to how many and where it was delivered', async () => {
  await using world = openWorld()
  await world.build(AUTHOR, ALICE)
  await world.tell('status.created', created(10))
  const { acceptedAtMs, committedAtMs, fannedOutAtMs, followers, delivered, shards, mergedAtRead } =
    world.life(10) ?? {}
  assert.equal(acceptedAtMs, NOON_MS + 10)
  assert.equal(committedAtMs, NOON_MS + 20)
  assert.equal(fannedOutAtMs, NOON_MS + 50)
  assert.deepEqual(
    { followers, delivered, shards, mergedAtRead },
    { followers: 2, delivered: 2, shards: ['shared-memory'], mergedAtRead: false },
  )
})

test('followers are walked in bounded pages, to the last one', async () => {
  const followers = Array.from({ length: FOLLOWERS_PAGE * 2 + 1 }, (_, n) => accountId(n + 10))
  await using world = openWorld({ followers })
  await world.build(...followers)
  await world.tell('status.created', created(10))
  assert.deepEqual(world.pages, [FOLLOWERS_PAGE, FOLLOWERS_PAGE, 1])
  assert.equal(world.life(10)?.delivered, followers.length)
})

const crowd = (pages: number) => Array.from({ length: FOLLOWERS_PAGE * (pages - 1) + 1 }, (_, n) => accountId(n + 10))

test('a walk that failed goes on from its last page when the message comes again, and delivers nothing twice', async () => {
  const followers = crowd(4)
  await using world = openWorld({
    followers,
    beforePage: (page) => {
      if (page === 3) throw new AppError('unavailable', 'a shard is down')
    },
  })
  await world.build(...followers)
  await assert.rejects(world.tell('status.created', created(10)), { code: 'unavailable' })
  assert.deepEqual(world.pages.splice(0), [FOLLOWERS_PAGE, FOLLOWERS_PAGE, FOLLOWERS_PAGE])
  await world.tell('status.created', created(10))
  assert.deepEqual(world.pages.splice(0), [FOLLOWERS_PAGE, 1], 'the third page again, and the last')
  const { followers: met, delivered } = world.life(10) ?? {}
  assert.deepEqual([met, delivered], [followers.length, followers.length])
  for (const follower of followers) assert.deepEqual(await world.ids(follower), [10])
  await world.tell('status.created', created(10))
  assert.equal(world.pages.length, 4, 'what was finished is forgotten, and found to be there')
  assert.deepEqual(await world.ids(accountId(10)), [10])
})

test('a small fan-out is through while a large one has most of its pages before it', async () => {
  const followers = crowd(20)
  await using world = openWorld({ followers })
  const [small, reader] = [accountId(8), accountId(9)]
  world.follows.set(small, new Set([reader]))
  await world.build(reader, ...followers.slice(-2))
  const large = world.tell('status.created', created(10))
  await world.tell('status.created', created(11, { author: small }))
  assert.deepEqual(await world.ids(reader), [11])
  assert.ok(world.pages.length < 6, `${world.pages.length} of 21 pages`)
  assert.deepEqual(await world.ids(accountId(followers.length + 9)), [])
  await large
  assert.deepEqual(await world.ids(accountId(followers.length + 9)), [10])
})

test('a reply waits for an original that is being delivered to many', async () => {
  const followers = crowd(20)
  await using world = openWorld({ followers })
  const last = accountId(followers.length + 9)
  world.follows.set(BOB, new Set([last]))
  await world.build(last)
  const original = world.tell('status.created', created(10))
  await world.tell('status.created', created(11, { author: BOB, inReplyTo: statusId(10), inReplyToAuthor: AUTHOR }))
  assert.deepEqual(await world.ids(last), [11, 10])
  await original
})

test('a reply to an original whose delivery failed comes again, for a while', async () => {
  await using world = openWorld({
    followers: [ALICE],
    beforePage: (page) => {
      if (page === 1) throw new AppError('unavailable', 'a shard is down')
    },
  })
  world.follows.set(BOB, new Set([ALICE]))
  await world.build(ALICE)
  const reply = created(11, { author: BOB, inReplyTo: statusId(10), inReplyToAuthor: AUTHOR })
  await assert.rejects(world.tell('status.created', created(10)), { code: 'unavailable' })
  await assert.rejects(world.tell('status.created', reply), { code: 'unavailable' })
  assert.deepEqual(await world.ids(ALICE), [])
  world.clock.ms += ORDER_KEPT_MS
  await world.tell('status.created', reply)
  assert.deepEqual(await world.ids(ALICE), [11], 'it is better late than never')
  await world.tell('status.created', created(10))
  assert.deepEqual(await world.ids(ALICE), [11, 10])
})

test('twenty deletions of an author with a crowd walk nobody, and nobody has the statuses any more (F27)', async () => {
  const followers = crowd(3)
  await using world = openWorld({ followers })
  await world.build(AUTHOR, accountId(10))
  for (let id = 10; id < 30; id++) await world.tell('status.created', created(id))
  world.pages.splice(0)
  for (let id = 10; id < 30; id++) {
    await world.tell('status.deleted', { id: statusId(id), author: AUTHOR, boostOf: null })
  }
  assert.deepEqual(world.pages, [])
  assert.deepEqual([await world.ids(AUTHOR), await world.ids(accountId(10))], [[], []])
})

test('where a deletion has to walk, it walks those who were delivered to, and not those who merge', async () => {
  const followers = crowd(2)
  for (const [followersMax, pages] of [
    [followers.length, 2],
    [followers.length - 1, 0],
  ] as const) {
    await using world = openWorld({ followers, followersMax, beforePage: () => {} })
    await world.build(accountId(10))
    await world.tell('status.created', created(10))
    world.pages.splice(0)
    await world.tell('status.deleted', { id: statusId(10), author: AUTHOR, boostOf: null })
    assert.equal(world.pages.length, pages)
    assert.deepEqual(await world.ids(accountId(10)), [])
  }
})

test('who has more followers than the threshold is delivered to nobody else, and readers are told to merge', async () => {
  await using world = openWorld({ followersMax: 1 })
  await world.build(AUTHOR, ALICE)
  await world.tell('status.created', created(10))
  assert.deepEqual(await world.ids(AUTHOR), [10], 'the own home always')
  assert.deepEqual(await world.ids(ALICE), [])
  assert.equal(world.life(10)?.mergedAtRead, true)
})

test('an author once above the threshold stays merged, and is fanned out again below it', () => {
  const merged = new MergedAuthors(10)
  assert.equal(merged.isMerged(ALICE, 10), false)
  assert.equal(merged.isMerged(ALICE, 11), true)
  assert.equal(merged.isMerged(ALICE, 9), true, 'timelines built meanwhile lack what was written before')
  assert.equal(merged.passesOver(ALICE, 9), false)
  assert.equal(merged.isMerged(BOB, 9), false)
})

test('a direct status goes to the followers it mentions only', async () => {
  await using world = openWorld()
  await world.build(AUTHOR, ALICE, BOB, CAROL)
  await world.tell('status.created', created(10, { visibility: 'direct', mentions: [BOB, CAROL] }))
  assert.deepEqual(await world.ids(AUTHOR), [10])
  assert.deepEqual(await world.ids(ALICE), [])
  assert.deepEqual(await world.ids(BOB), [10])
  assert.deepEqual(await world.ids(CAROL), [], 'mentioned, no follower')
})

test('a direct status that is edited to mention another follower reaches them', async () => {
  await using world = openWorld()
  await world.build(ALICE)
  world.statuses.push(asRecord(plainStatus(10, { visibility: 'direct', mentions: [ALICE] })))
  await world.tell('status.edited', { id: statusId(10), author: AUTHOR, revision: 1, mentions: [ALICE] })
  assert.deepEqual(await world.ids(ALICE), [10])
})

test('entries know boosts and replies', async () => {
  await using world = openWorld()
  await world.build(ALICE)
  await world.tell('status.created', created(10, { inReplyTo: 5n as StatusId, inReplyToAuthor: BOB }))
  await world.tell('status.created', created(11, { boostOf: 6n as StatusId, boostedAuthor: BOB }))
  const page = await world.cache.read(ALICE, { limit: 2 })
  assert.deepEqual(page?.entries, [
    { id: 11n, author: AUTHOR, boostOf: 6n, flags: ENTRY_BOOST },
    { id: 10n, author: AUTHOR, boostOf: 0n, flags: ENTRY_REPLY },
  ])
})

test('a deleted status is taken out; one whose deletion came first is not delivered (R4)', async () => {
  await using world = openWorld()
  await world.build(AUTHOR, ALICE)
  await world.tell('status.created', created(10))
  await world.tell('status.deleted', { id: statusId(10), author: AUTHOR, boostOf: null })
  await world.tell('status.deleted', { id: statusId(11), author: AUTHOR, boostOf: null })
  await world.tell('status.created', created(11))
  assert.deepEqual([await world.ids(AUTHOR), await world.ids(ALICE)], [[], []])
})

test('who is newly followed comes with what they wrote, down to where that is known to be complete', async () => {
  await using world = openWorld({ followers: [] })
  await world.build(ALICE)
  const count = TIMELINE_ENTRIES_MAX + 5
  world.statuses.push(...Array.from({ length: count }, (_, n) => asRecord(plainStatus(100 + n))))
  world.follows.get(AUTHOR)?.add(ALICE)
  await world.tell('graph.changed', follow(ALICE))
  assert.deepEqual((await world.ids(ALICE))?.length, TIMELINE_ENTRIES_MAX)
  assert.equal((await world.cache.read(ALICE, { limit: 1 }))?.floor, 104n)
})

test('an unfollow or a block takes the author out; when it was undone meanwhile, nothing is taken', async () => {
  for (const change of ['unfollowed', 'blocked'] as const) {
    await using world = openWorld()
    await world.build(ALICE, BOB)
    world.statuses.push(asRecord(plainStatus(10)))
    await world.tell('status.created', created(10))
    world.follows.get(AUTHOR)?.delete(ALICE)
    await world.tell('graph.changed', follow(ALICE, change))
    await world.tell('graph.changed', follow(BOB, 'unfollowed'))
    assert.deepEqual(await world.ids(ALICE), [], change)
    assert.deepEqual(await world.ids(BOB), [10], 'follows again already')
  }
})

test('lives are bounded: the oldest is forgotten, also when one is noted again', () => {
  const lives = recentLives(3)
  for (const n of [1, 2, 3, 1, 4]) lives.note(statusId(n), AUTHOR, { delivered: n })
  assert.deepEqual(
    [1, 2, 3, 4].map((n) => lives.find(statusId(n))?.delivered),
    [undefined, 2, 3, 4],
  )
  lives.note(statusId(2), AUTHOR, { relayedAtMs: 7 })
  assert.equal(lives.find(statusId(2))?.delivered, 2, 'what was known stays')
})
