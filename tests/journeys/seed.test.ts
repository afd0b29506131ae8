/** `dunlin seed` beside running servers: what was planned is what everybody sees, however the seed got there. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { createRestAPIClient, type mastodon } from 'masto'

import { planWorld } from '../../src/seed/world.ts'
import { dunlin } from '../world/command-line.ts'
import { watchConformance } from '../world/conformance.ts'
import { eventually } from '../world/people.ts'
import { factsOf, plannedHome, seedUntil, seen, walkHome } from '../world/seeding.ts'
import { startServer, type RunningServer } from '../world/server.ts'

const FLAGS = ['--people', '60', '--posts', '2500', '--seed', '3', '--end', '2026-01-31', '--json']
const plan = planWorld({ people: 60, posts: 2_500, seed: 3, endMs: Date.UTC(2026, 0, 31) })
const facts = factsOf(plan)
/** The celebrity, others with many followers, and the last. */
const VIEWERS = [0, 1, 2, 59]
/** Few enough that the celebrity is merged by readers and the others are fanned out. */
const SERVER = { env: { FANOUT_CELEBRITY_FOLLOWERS: String(Math.max(...facts.followers) - 1) } }
/** For everything that the relay has to bring to a server. */
const RELAYED_MS_MAX = 10_000

/** Seeded at once. */
let plain: RunningServer
/** Cut off twice, read from in between, then completed by two commands at the same time. */
let cutOff: RunningServer

before(async () => {
  watchConformance()
  ;[plain, cutOff] = await Promise.all([startServer(SERVER), startServer(SERVER)])
})

after(async () => {
  await Promise.all([plain[Symbol.asyncDispose](), cutOff[Symbol.asyncDispose]()])
})

const nameOf = (person: number) => plan.people[person]?.username ?? ''

async function command(server: RunningServer, argv: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await dunlin(argv, { env: server.env, cwd: server.dataDir })
  assert.equal(code, 0, err)
  const answer: unknown = JSON.parse(out)
  assert.ok(typeof answer === 'object' && answer !== null)
  return { ...answer }
}

async function clientOf(server: RunningServer, person: number): Promise<mastodon.rest.Client> {
  const { token } = await command(server, ['token', 'create', nameOf(person), '--json'])
  return createRestAPIClient({ url: server.url, accessToken: String(token) })
}

async function assertHomes(server: RunningServer): Promise<void> {
  for (const viewer of VIEWERS) {
    const planned = plannedHome(facts, viewer)
    assert.ok(planned.length > 0)
    const client = await clientOf(server, viewer)
    const isThere = (home: readonly string[]) => home.length === planned.length && home[0] === planned[0]
    const home = await eventually(RELAYED_MS_MAX, () => walkHome(client), isThere)
    assert.deepEqual(home, planned)
  }
}

test('a running server shows the seeded world, and nobody was notified', async () => {
  const summary = await command(plain, ['seed', ...FLAGS])
  const added = { people: plan.people.length, follows: plan.follows.length, statuses: plan.posts.length }
  assert.deepEqual(summary['added'], added)
  await assertHomes(plain)
  const star = await clientOf(plain, 0)
  const { followersCount, note, displayName } = await star.v1.accounts.verifyCredentials()
  assert.equal(followersCount, facts.followers[0])
  assert.deepEqual([displayName, note], [plan.people[0]?.displayName, `<p>${plan.people[0]?.note}</p>`])
  assert.deepEqual(await star.v1.notifications.list(), [])
  for (const [index, { username }] of plan.people.entries()) {
    const account = await star.v1.accounts.lookup({ acct: username })
    assert.deepEqual(
      [account.followersCount, account.followingCount, account.statusesCount],
      [facts.followers[index], facts.following[index]?.size, facts.posts[index]],
      username,
    )
  }
})

test('a seed that was cut off is completed, also in homes that were read in between', async () => {
  const url = cutOff.env['DATABASE_URL'] ?? ''
  await seedUntil(url, plan, { stage: 'follows', done: 1 })
  const clients = await Promise.all(VIEWERS.map((viewer) => clientOf(cutOff, viewer)))
  await seedUntil(url, plan, { stage: 'statuses', done: 1_000 })
  // Now these timelines are present, with a part of the world.
  await eventually(
    RELAYED_MS_MAX,
    () => Promise.all(clients.map(walkHome)),
    (homes) => homes.every((home) => home.length > 0),
  )
  const runs = await Promise.all([1, 2].map(() => dunlin(['seed', ...FLAGS], { env: cutOff.env, cwd: cutOff.dataDir })))
  const refusals = runs.filter(({ code }) => code !== 0)
  for (const { err } of refusals) assert.match(err, /is being seeded already/)
  assert.ok(refusals.length < 2, 'one of two at a time')
  const again = await command(cutOff, ['seed', ...FLAGS])
  assert.deepEqual(again['added'], { people: 0, follows: 0, statuses: 0 })
  await assertHomes(cutOff)
})

test('the same seed gives two servers the same world', async () => {
  const [one, other] = await Promise.all([publicWorld(plain), publicWorld(cutOff)])
  assert.ok(one.timeline.length > 500)
  assert.deepEqual(one, other)
})

/** What strangers see, without ids, which are each server's own. */
async function publicWorld(server: RunningServer) {
  const client = createRestAPIClient({ url: server.url })
  const timeline: string[] = []
  let maxId: string | undefined
  for (;;) {
    const page = await client.v1.timelines.public.list({ limit: 40, ...(maxId !== undefined && { maxId }) })
    if (page.length === 0) break
    timeline.push(...page.map(seen))
    maxId = page.at(-1)?.id
  }
  const accounts = await Promise.all(plan.people.map(({ username }) => client.v1.accounts.lookup({ acct: username })))
  const people = accounts.map(({ acct, displayName, note, createdAt, lastStatusAt, followersCount, statusesCount }) => {
    return { acct, displayName, note, createdAt, lastStatusAt, followersCount, statusesCount }
  })
  return { timeline, people }
}
