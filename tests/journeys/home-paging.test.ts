import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { watchConformance } from '../world/conformance.ts'
import { eventually, join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

let server: RunningServer
let alice: Person
let bob: Person

before(async () => {
  watchConformance()
  server = await startServer()
  alice = await join(server.url, 'alice')
  bob = await join(server.url, 'bob')
  await bob.masto.v1.accounts.$select(alice.id).follow()
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

test('walking back by max_id and forward by min_id under concurrent writes meets each status exactly once', async () => {
  const written: string[] = []
  for (let index = 0; index < 60; index++) {
    written.push((await alice.masto.v1.statuses.create({ status: `Stable ${index}` })).id)
  }
  await eventually(
    1_000,
    () => bob.masto.v1.timelines.home.list({ limit: 1 }),
    ([top]) => top?.id === written.at(-1),
  )

  const stop = new AbortController()
  const later: string[] = []
  const writer = (async () => {
    while (!stop.signal.aborted)
      later.push((await alice.masto.v1.statuses.create({ status: `Later ${later.length}` })).id)
  })()

  const walked: string[] = []
  let maxId: string | undefined
  for (;;) {
    const page = await bob.masto.v1.timelines.home.list({ limit: 7, ...(maxId !== undefined && { maxId }) })
    if (page.length === 0) break
    walked.push(...page.map((status) => status.id))
    maxId = page.at(-1)?.id
  }
  stop.abort()
  await writer
  const stable = walked.filter((id) => written.includes(id))
  assert.deepEqual(stable, written.toReversed())
  assert.equal(new Set(walked).size, walked.length)

  await eventually(
    1_000,
    () => bob.masto.v1.timelines.home.list({ limit: 1 }),
    ([top]) => top?.id === later.at(-1),
  )
  const forward: string[] = []
  let minId = written[0] ?? ''
  for (;;) {
    const page = await bob.masto.v1.timelines.home.list({ limit: 7, minId })
    if (page.length === 0) break
    forward.push(...page.map((status) => status.id).toReversed())
    minId = page[0]?.id ?? ''
  }
  assert.deepEqual(forward, [...written.slice(1), ...later])
})

test('since_id gives the newest above the cursor, and the Link header has next first', async () => {
  const ids: string[] = []
  for (let index = 0; index < 5; index++) ids.push((await alice.masto.v1.statuses.create({ status: `S ${index}` })).id)
  await eventually(
    1_000,
    () => bob.masto.v1.timelines.home.list({ limit: 1 }),
    ([top]) => top?.id === ids.at(-1),
  )
  const page = await bob.masto.v1.timelines.home.list({ limit: 2, sinceId: ids[0] ?? '' })
  assert.deepEqual(
    page.map((status) => status.id),
    [ids[4], ids[3]],
  )

  const answer = await bob.call('GET', '/api/v1/timelines/home?limit=2')
  const link = answer.headers.get('link') ?? ''
  assert.match(link, /^<[^>]+limit=2[^>]*max_id=\d+[^>]*>; rel="next", <[^>]+min_id=\d+[^>]*>; rel="prev"$/)
  const beyond = await bob.call('GET', '/api/v1/timelines/home?max_id=1')
  assert.deepEqual(beyond.body, [])
  assert.equal(beyond.headers.get('link'), null)
})

test('limits are clamped, never refused', async () => {
  for (const [limit, most] of [
    ['1000', 40],
    ['40', 40],
    ['-5', 5],
  ] as const) {
    const answer = await bob.call('GET', `/api/v1/timelines/home?limit=${limit}`)
    assert.ok(Array.isArray(answer.body) && answer.body.length <= most, `${limit}: ${answer.status}`)
  }
})

test('a home deeper than the cache goes on from the store', async () => {
  const dora = await join(server.url, 'dora')
  await dora.masto.v1.accounts.$select(alice.id).follow()
  const total = (await alice.masto.v1.accounts.verifyCredentials()).statusesCount
  for (let index = total; index < 860; index += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => alice.masto.v1.statuses.create({ status: `Deep ${index + n}` })),
    )
  }
  const count = (await alice.masto.v1.accounts.verifyCredentials()).statusesCount
  let maxId: string | undefined
  const walked = new Set<string>()
  for (;;) {
    const page = await dora.masto.v1.timelines.home.list({ limit: 40, ...(maxId !== undefined && { maxId }) })
    if (page.length === 0) break
    for (const status of page) walked.add(status.id)
    maxId = page.at(-1)?.id
  }
  assert.equal(walked.size, count)
})
