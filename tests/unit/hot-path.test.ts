/** Answers from memory, ahead of the router: what they count, when they give way, and what they keep. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { KeptPages } from '../../src/edge/kept-pages.ts'
import { LentBuffers } from '../../src/edge/lent-buffers.ts'
import { PAGE_LIMITS, TIMELINE_LINKS } from '../../src/edge/paging.ts'
import { WarmViews, type WarmParts } from '../../src/hydration/warm-views.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { NO_RELATION } from '../../src/social-graph/contract.ts'
import { bearer, edgeWorld, identity } from '../world/http.ts'
import { accountView, statusView } from '../world/views.ts'

const VIEWER = 1n as AccountId
const PATH = '/api/v1/timelines/home'

async function hotWorld(limits: { api_token: number; api_user: number }) {
  const seen = { memory: 0, router: 0 }
  const changed = {
    api_token: { limit: limits.api_token, periodSeconds: 300 },
    api_user: { limit: limits.api_user, periodSeconds: 300 },
  }
  const world = await edgeWorld(
    { here: identity() },
    { limits: { enforced: true, changed }, identifyNow: (token) => (token === 'here' ? identity() : undefined) },
  )
  world.edge.route({
    method: 'GET',
    path: PATH,
    auth: 'user',
    scopes: ['read:statuses'],
    handler: () => {
      seen.router += 1
      return []
    },
    hot: {
      limits: PAGE_LIMITS.statuses,
      links: TIMELINE_LINKS,
      read: (_viewer, _page, lend) => {
        seen.memory += 1
        const body = lend(2)
        body.write('[]')
        return { body: body.subarray(0, 2), cursors: [] }
      },
    },
  })
  return { world, seen }
}

test('answers from memory are counted, and the one beyond a limit is refused by the router, once', async () => {
  const { world, seen } = await hotWorld({ api_token: 100, api_user: 3 })
  await using _world = world
  const answers = []
  for (let call = 0; call < 5; call++) answers.push(await world.call('GET', PATH, bearer('here')))
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, headers.get('x-ratelimit-remaining')]),
    [
      [200, '2'],
      [200, '1'],
      [200, '0'],
      [429, '0'],
      [429, '0'],
    ],
  )
  assert.equal(seen.router, 0, 'it is refused before any handler')
  assert.equal(world.edge.answeredFromMemory, 3)
})

test('a token that is not in memory goes through the router, and another path is nobody’s', async () => {
  const { world, seen } = await hotWorld({ api_token: 100, api_user: 100 })
  await using _world = world
  assert.equal((await world.call('GET', PATH, bearer('unknown'))).status, 401)
  assert.equal((await world.call('GET', `${PATH}x`, bearer('here'))).status, 404)
  assert.equal((await world.call('HEAD', PATH, bearer('here'))).text, '')
  assert.equal(seen.memory, 0)
})

test('a page is kept when it is read again unchanged, for as long as it is the same', () => {
  const kept = new KeptPages<string>()
  const body = Buffer.from('page')
  let same = true
  const look = () => kept.note(VIEWER, 'query', { body, cursors: [], isStill: () => same })
  look()
  assert.equal(kept.find(VIEWER, 'query'), undefined, 'once is no reason to keep it')
  look()
  body.write('lent') // the memory goes to somebody else
  assert.equal(kept.find(VIEWER, 'query')?.body.toString(), 'page')
  assert.equal(kept.find(VIEWER, 'another query'), undefined)
  assert.equal(kept.find(2n as AccountId, 'query'), undefined)
  same = false
  assert.equal(kept.find(VIEWER, 'query'), undefined)
  same = true
  assert.equal(kept.find(VIEWER, 'query'), undefined, 'what was different once is forgotten')
})

test('kept pages have a bound in bytes: those not read longest go first', () => {
  const kept = new KeptPages<string>(1_000)
  const body = Buffer.alloc(300)
  const readTwice = (viewer: bigint) => {
    for (let time = 0; time < 2; time++) {
      kept.note(viewer as AccountId, 'query', { body, cursors: [], isStill: () => true })
    }
  }
  for (const viewer of [1n, 2n, 3n]) readTwice(viewer)
  assert.notEqual(kept.find(1n as AccountId, 'query'), undefined)
  readTwice(4n)
  const found = [1n, 2n, 3n, 4n].filter((viewer) => kept.find(viewer as AccountId, 'query') !== undefined)
  assert.deepEqual(found, [1n, 3n, 4n])
})

test('lent memory is at least as long as asked for, and lent again when given back', () => {
  const buffers = new LentBuffers()
  for (const bytes of [0, 1, 4096, 4097, 45_000, 262_144, 300_000]) assert.ok(buffers.lend(bytes).length >= bytes)
  const first = buffers.lend(45_000)
  assert.notEqual(buffers.lend(45_000), first)
  buffers.giveBack(first)
  assert.equal(buffers.lend(40_000), first)
})

test('warm views are the same objects until a part is forgotten, a number of followers differs, or memory runs out', () => {
  const { author, counts, status } = statusView(5n, accountView(3n, 'alice'))
  const graph = { changes: 0, followerCount: () => followers, followingCount: () => 0 }
  let followers = 1
  const parts: WarmParts = {
    core: (id) => ({ status: { ...status, id }, media: [], mentions: [], app: undefined }),
    counts: () => counts,
    account: () => author.account,
    stats: () => ({ statuses: 1, lastStatusAtMs: null }),
    poll: () => undefined,
    graph,
  }
  const views = new WarmViews(parts, 4)
  const read = (id = status.id) => {
    const shown = { views: [], marks: [], watches: [] as (() => boolean)[] }
    const regardOf = () => NO_RELATION
    const known = { get: () => undefined } as unknown as ReadonlyMap<StatusId, never>
    const reading = { viewer: author.account.id, regardOf, isShown: () => false, limit: 1, known }
    assert.equal(views.add([id], reading, shown), true)
    return () => shown.watches.every((watch) => watch())
  }
  const first = read()
  assert.equal(first(), true)
  graph.changes += 1
  assert.equal(first(), true, 'somebody else is followed')
  followers += 1
  graph.changes += 1
  assert.equal(first(), false, 'the author is')
  const second = read()
  views.forgetStatus(status.id)
  assert.equal(second(), false)
  const third = read()
  views.forgetAccount(author.account.id)
  assert.equal(third(), false)
  const fourth = read()
  assert.equal(fourth(), true)
  for (const id of [6n, 7n, 8n, 9n]) read(id as StatusId)
  assert.equal(fourth(), false, 'what is held no more hears of no change')
})
