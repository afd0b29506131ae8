/**
 * Who may find what: random people, statuses and queries, and a model that knows the rules in words of its own. The Blender
 * must give the same set in the same order, through pages of any size.
 */
import assert from 'node:assert/strict'
import test from 'node:test'

import fc from 'fast-check'

import { openBlender, type BlenderDeps } from '../../src/blender/blender.ts'
import type { SearchRequest } from '../../src/blender/contract.ts'
import { canSee, type AccountView, type StatusView } from '../../src/hydration/contract.ts'
import { anyDocumentOf, documentOf } from '../../src/ingester/document.ts'
import { seededRandom, type Random } from '../../src/seed/random.ts'
import { firstIdAt, type AccountId, type StatusId } from '../../src/snowflake/contract.ts'
import { graphFacts, type Relation } from '../../src/social-graph/contract.ts'
import { plainIndex } from '../world/plain-index.ts'
import { accountView, statusView } from '../world/views.ts'

const WORDS = ['zib', 'zob', 'zub', 'zab']
const PEOPLE = 5
const NOW_MS = Date.UTC(2026, 10, 22)
const VISIBILITIES = ['public', 'public', 'unlisted', 'private', 'direct'] as const

interface World {
  people: AccountView[]
  statuses: StatusView[]
  relation: (viewer: AccountId, target: AccountId) => Relation
  /** `viewer status`: favourited, boosted or bookmarked. */
  marked: Set<string>
}

function randomWorld(random: Random): World {
  const people = Array.from({ length: PEOPLE }, (_, n) =>
    accountView(BigInt(n + 1), `person${n + 1}`, { indexable: random.chance(0.6), silenced: random.chance(0.15) }),
  )
  const relations = new Map<string, Relation>()
  for (const { account: one } of people) {
    for (const { account: other } of people) {
      const facts = { following: random.chance(0.4), blocking: random.chance(0.1), muting: random.chance(0.1) }
      relations.set(`${one.id} ${other.id}`, graphFacts(one.id === other.id ? {} : facts))
    }
  }
  const relation = (viewer: AccountId, target: AccountId): Relation => {
    const known = relations.get(`${viewer} ${target}`) ?? graphFacts({})
    return { ...known, blockedBy: relations.get(`${target} ${viewer}`)?.blocking === true }
  }
  const marked = new Set<string>()
  const statuses = Array.from({ length: 40 }, (_, n) => {
    const id = firstIdAt(NOW_MS - 1e6 + n * 1_000) + 1n
    const text = Array.from({ length: 1 + random.below(4) }, () => random.pick(WORDS)).join(' ')
    const mentions = random.chance(0.25) ? [random.pick(people).account.id] : []
    for (const { account } of people) if (random.chance(0.1)) marked.add(`${account.id} ${id}`)
    return statusView(id, random.pick(people), { text, mentions, visibility: random.pick(VISIBILITIES) })
  })
  return { people, statuses, relation, marked }
}

/** The rules once more, from the text of the issue. */
function findable(world: World, viewer: AccountId | undefined, { status, author }: StatusView): boolean {
  if (status.accountId === viewer) return true
  if (status.visibility === 'private' || status.visibility === 'direct') return false
  const relation = viewer === undefined ? undefined : world.relation(viewer, status.accountId)
  if (relation?.blocking === true || relation?.blockedBy === true || relation?.muting === true) return false
  if (author.account.silenced && relation?.following !== true) return false
  if (status.visibility === 'public' && author.account.indexable) return true
  return viewer !== undefined && (status.mentions.includes(viewer) || world.marked.has(`${viewer} ${status.id}`))
}

/** `isLate`: the index has not heard yet who does not want to be found; who serves it must know. */
function blenderOf({ people, statuses, relation, marked }: World, isLate = false) {
  const index = plainIndex()
  for (const view of statuses) {
    const document = documentOf({ status: view.status, media: [] })
    if (document !== undefined) index.documents.set(view.status.id, document)
  }
  for (const { account } of people) if (!account.indexable && !isLate) index.withoutConsent.add(account.id)
  const byId = new Map(statuses.map((view) => [view.status.id, view]))
  const open = statuses.filter(({ status }) => status.visibility === 'public' || status.visibility === 'unlisted')
  const deps: BlenderDeps = {
    parts: [{ name: 'only', reader: index.reader }],
    isWhole: () => true,
    accounts: {
      searchByPrefix: async () => [],
      searchBySimilarity: async () => [],
      byUsernames: async (names) => people.map(({ account }) => account).filter((one) => names.includes(one.username)),
    },
    hydration: {
      accounts: async (ids) => people.filter(({ account }) => ids.includes(account.id)),
      statuses: async (ids, viewer) =>
        ids.flatMap((id) => {
          const view = byId.get(id)
          if (view === undefined) return []
          const sight = {
            authorSuspended: false,
            relation: viewer === undefined ? undefined : relation(viewer, view.status.accountId),
          }
          return canSee(viewer, view.status, sight) ? [view] : []
        }),
    },
    tagFollows: { followedBy: () => new Set() },
    statuses: {
      tagsByPrefix: async () => [],
      tagIds: async () => [],
      closedIdsOf: async (account) =>
        statuses
          .filter((view) => view.status.accountId === account && !open.includes(view))
          .map(({ status }) => status.id),
      libraryOf: async (account) =>
        open
          .filter(({ status }) => marked.has(`${account} ${status.id}`))
          .map(({ status: { id, accountId, visibility } }) => ({ id, accountId, visibility })),
    },
    graph: { relation, familiarFollowers: () => [], followerCount: () => 0 },
    documentOf: (view) => anyDocumentOf({ status: view.status, media: view.media }),
    clock: {
      nowMs: () => NOW_MS,
      sleep: (_ms, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
    },
    localDomain: 'here.example',
  }
  return openBlender(deps)
}

type Ask = { query: string; holds: (view: StatusView, words: string[]) => boolean }

function randomAsk(random: Random, viewer: AccountId | undefined): Ask {
  const word = random.pick(WORDS)
  const other = random.pick(WORDS)
  const asks: Ask[] = [
    { query: word, holds: (_, words) => words.includes(word) },
    { query: `${word} ${other}`, holds: (_, words) => words.includes(word) && words.includes(other) },
    { query: `${word} -${other}`, holds: (_, words) => words.includes(word) && !words.includes(other) },
    { query: `"${word} ${other}"`, holds: (_, words) => ` ${words.join(' ')} `.includes(` ${word} ${other} `) },
    { query: `-(${word} OR ${other})`, holds: (_, words) => !words.includes(word) && !words.includes(other) },
    { query: 'z*', holds: () => true },
    { query: `from:person2 ${word}`, holds: ({ status }, words) => status.accountId === 2n && words.includes(word) },
    { query: '@person3', holds: ({ status }) => status.mentions.includes(3n as AccountId) },
  ]
  if (viewer !== undefined)
    asks.push({
      query: `from:me ${word}`,
      holds: ({ status }, words) => status.accountId === viewer && words.includes(word),
    })
  return random.pick(asks)
}

test('everyone finds what they may and what fits, newest first, through pages of any size', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 12 }), async (seed, limit) => {
      const random = seededRandom(seed)
      const world = randomWorld(random)
      const blender = blenderOf(world, random.chance(0.5))
      for (const viewer of [undefined, ...world.people.map(({ account }) => account.id)]) {
        const ask = randomAsk(random, viewer)
        const expected = world.statuses
          .filter((view) => ask.holds(view, view.status.text.split(' ')) && findable(world, viewer, view))
          .map(({ status }) => status.id)
          .reverse()
        const request: SearchRequest = { text: ask.query, viewer, order: 'newest', limit, offset: 0 }
        const byOffset: StatusId[] = []
        const byCursor: StatusId[] = []
        for (let offset = 0; offset <= world.statuses.length; offset += limit) {
          const page = await blender.statuses({ ...request, offset })
          byOffset.push(...page.statuses.map(({ status }) => status.id))
          const next = await blender.statuses({ ...request, maxId: byCursor.at(-1) })
          byCursor.push(...next.statuses.map(({ status }) => status.id))
        }
        assert.deepEqual(byOffset, expected, `${viewer}: ${ask.query}`)
        assert.deepEqual(byCursor, expected, `${viewer}: ${ask.query}`)
      }
    }),
    { numRuns: 40 },
  )
})

test('in:library is what one wrote, marked, or is mentioned in; in:public what everyone finds', async () => {
  const world = randomWorld(seededRandom(7))
  const blender = blenderOf(world)
  for (const { account } of world.people) {
    const viewer = account.id
    const found = async (text: string) =>
      (await blender.statuses({ text, viewer, order: 'newest', limit: 40, offset: 0 })).statuses
    const mine = ({ status }: StatusView) =>
      status.accountId === viewer || status.mentions.includes(viewer) || world.marked.has(`${viewer} ${status.id}`)
    const all = world.statuses.filter((view) => findable(world, viewer, view)).reverse()
    assert.deepEqual(await found('in:library'), all.filter(mine))
    assert.deepEqual(
      await found('in:public z*'),
      all.filter(({ status, author }) => status.visibility === 'public' && author.account.indexable),
    )
  }
})

test('a part of the index that fails or does not answer is missing, and the rest is shown', async () => {
  const world = randomWorld(seededRandom(3))
  const whole = plainIndex()
  for (const view of world.statuses) {
    const document = documentOf({ status: view.status, media: [] })
    if (document !== undefined) whole.documents.set(view.status.id, document)
  }
  const { scatter } = await import('../../src/blender/scatter.ts')
  const broken = { search: () => Promise.reject(new Error('down')) }
  const silent = { search: () => new Promise<never>(() => {}) }
  const parts = [
    { name: 'a', reader: whole.reader },
    { name: 'b', reader: broken },
    { name: 'c', reader: silent },
  ]
  const options = { order: 'newest' as const, limit: 5 }
  const clock = { sleep: async () => void (await new Promise((resolve) => setImmediate(resolve))) }
  const { hits, partial, explain } = await scatter(parts, { kind: 'all' }, options, clock)
  assert.deepEqual([hits.length, partial, explain.map(({ part }) => part)], [5, ['missing'], ['a']])
})
