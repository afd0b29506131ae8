/** Filters on real tables: owners, bounds, keywords one by one, and compiled filters that follow every change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BusMessage } from '../../src/engines/bus/contract.ts'
import type { OutboxMessage } from '../../src/engines/outbox/contract.ts'
import type { Filters } from '../../src/filters/contract.ts'
import { FILTER_KEYWORDS_MAX, FILTERS_MAX } from '../../src/filters/contract.ts'
import { filters } from '../../src/filters/filters.ts'
import { filterLapsing } from '../../src/filters/lapsing.ts'
import { migrations } from '../../src/filters/migrations.ts'
import { AppError } from '../../src/kit/errors.ts'
import type { DueWork } from '../../src/scheduler/contract.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { openTestDatabase } from '../world/database.ts'

const alice = 1n as AccountId
const bob = 2n as AccountId
const status = (id: bigint) => id as StatusId

interface World extends AsyncDisposable {
  lapsing: DueWork
  store: Filters
  /** Another process on the same database. */
  other: Filters
  sent: OutboxMessage[]
  nowMs: number
}

async function world(): Promise<World> {
  const database = await openTestDatabase(migrations)
  const sent: OutboxMessage[] = []
  const hearers: ((message: BusMessage) => void)[] = []
  const made: World = {
    sent,
    nowMs: 1_000,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    lapsing: undefined as never,
    store: undefined as never,
    other: undefined as never,
  }
  const deps = {
    database,
    outbox: {
      append: async (_tx: unknown, messages: readonly OutboxMessage[]) => void sent.push(...messages),
      wake: () => {
        for (const message of sent.splice(0)) {
          for (const hear of hearers) hear({ id: 1n, createdAtMs: 0, ...message })
        }
      },
    },
    clock: { nowMs: () => made.nowMs, sleep: async () => {} },
  }
  const deaf = { listen: () => ({ [Symbol.dispose]() {} }) }
  const hearing = {
    listen: (_types: readonly string[], hear: (message: BusMessage) => void) => {
      hearers.push(hear)
      return { [Symbol.dispose]() {} }
    },
  }
  made.lapsing = filterLapsing({ db: database, outbox: { ...deps.outbox, wake: () => {} } })
  made.store = filters({ ...deps, bus: deaf })
  made.other = filters({ ...deps, bus: hearing })
  return made
}

const draft = { title: 'Sport', contexts: ['home'], action: 'warn', expiresAtMs: null, keywords: [] } as const

const isCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code

test('a filter is stored with its keywords and comes back to its owner alone', async () => {
  await using w = await world()
  const made = await w.store.create(alice, {
    ...draft,
    contexts: ['home', 'public', 'home'],
    action: 'blur',
    expiresAtMs: 5_000,
    keywords: [{ keyword: ' goal ' }, { keyword: 'ball', wholeWord: false }],
  })
  assert.deepEqual(made.contexts, ['home', 'public'])
  assert.deepEqual(
    made.keywords.map(({ keyword, wholeWord }) => [keyword, wholeWord]),
    [
      ['goal', true],
      ['ball', false],
    ],
  )
  assert.deepEqual(await w.store.find(alice, made.id), made)
  assert.deepEqual(await w.store.list(alice), [made])
  assert.deepEqual(await w.store.list(bob), [])
  const { keywords } = made
  const keyword = keywords[0]?.id ?? 0n
  const listed = await w.store.addStatus(alice, made.id, status(9n))
  for (const attempt of [
    () => w.store.find(bob, made.id),
    () => w.store.change(bob, made.id, { title: 'x' }),
    () => w.store.remove(bob, made.id),
    () => w.store.findByKeyword(bob, keyword),
    () => w.store.changeKeyword(bob, keyword, { keyword: 'x' }),
    () => w.store.removeKeyword(bob, keyword),
    () => w.store.addKeyword(bob, made.id, { keyword: 'x', wholeWord: true }),
    () => w.store.addStatus(bob, made.id, status(1n)),
    () => w.store.findByStatus(bob, listed.id),
    () => w.store.removeStatus(bob, listed.id),
  ]) {
    await assert.rejects(attempt, isCode('not_found'))
  }
})

test('a change leaves what it does not name, and changes, adds and removes keywords by id', async () => {
  await using w = await world()
  const made = await w.store.create(alice, { ...draft, keywords: [{ keyword: 'one' }, { keyword: 'two' }] })
  const [one, two] = made.keywords
  assert.ok(one && two)
  const changed = await w.store.change(alice, made.id, {
    title: 'Other',
    keywords: [
      { id: one.id, keyword: 'uno' },
      { id: two.id, remove: true },
      { keyword: 'three', wholeWord: false },
    ],
  })
  assert.equal(changed.title, 'Other')
  assert.deepEqual(changed.contexts, ['home'])
  assert.deepEqual(
    changed.keywords.map(({ keyword, wholeWord }) => [keyword, wholeWord]),
    [
      ['uno', true],
      ['three', false],
    ],
  )
  const foreign = await w.store.create(alice, { ...draft, keywords: [{ keyword: 'far' }] })
  const far = foreign.keywords[0]
  assert.ok(far)
  const attempt = w.store.change(alice, made.id, { title: 'Lost', keywords: [{ id: far.id, keyword: 'near' }] })
  await assert.rejects(attempt, isCode('not_found'))
  assert.equal((await w.store.find(alice, made.id)).title, 'Other', 'all or nothing')
})

test('blank and overlong texts, no context and too many of something are refused', async () => {
  await using w = await world()
  for (const bad of [
    { title: '  ' },
    { title: 'x'.repeat(257) },
    { contexts: [] },
    { keywords: [{ keyword: '' }] },
    { keywords: [{ keyword: 'x'.repeat(513) }] },
    { keywords: Array.from({ length: FILTER_KEYWORDS_MAX + 1 }, (_, i) => ({ keyword: `k${i}` })) },
  ]) {
    await assert.rejects(w.store.create(alice, { ...draft, ...bad }), isCode('invalid'))
  }
  assert.deepEqual(await w.store.list(alice), [])
  for (let i = 0; i < FILTERS_MAX; i++) await w.store.create(bob, draft)
  await assert.rejects(w.store.create(bob, draft), isCode('invalid'))
})

test('listing a status twice gives the same row; removing it gives it back a last time', async () => {
  await using w = await world()
  const { id } = await w.store.create(alice, draft)
  const first = await w.store.addStatus(alice, id, status(9n))
  assert.deepEqual(await w.store.addStatus(alice, id, status(9n)), first)
  assert.deepEqual(await w.store.removeStatus(alice, first.id), first)
  await assert.rejects(w.store.findByStatus(alice, first.id), isCode('not_found'))
})

test('compiled filters follow every change, in this process and in others', async () => {
  await using w = await world()
  const hits = async (store: Filters, text: string): Promise<string[]> =>
    (await store.matcher(alice))({ id: status(1n), texts: [text] }).flatMap((match) => match.keywords)
  for (const store of [w.store, w.other]) assert.deepEqual(await hits(store, 'a goal'), [])

  const made = await w.store.create(alice, { ...draft, keywords: [{ keyword: 'goal' }] })
  for (const store of [w.store, w.other]) assert.deepEqual(await hits(store, 'a goal'), ['goal'])

  const keyword = made.keywords[0]?.id ?? 0n
  await w.store.changeKeyword(alice, keyword, { keyword: 'ball' })
  for (const store of [w.store, w.other]) assert.deepEqual(await hits(store, 'a goal, a ball'), ['ball'])

  await w.store.change(alice, made.id, { expiresAtMs: 2_000 })
  w.nowMs = 2_001
  for (const store of [w.store, w.other]) assert.deepEqual(await hits(store, 'a ball'), [])

  await w.store.remove(alice, made.id)
  for (const store of [w.store, w.other]) assert.deepEqual(await hits(store, 'a ball'), [])
})

test('when filters lapse their owners are told once, and again when one that got another time lapses again', async () => {
  await using w = await world()
  const { id } = await w.store.create(alice, { ...draft, expiresAtMs: 5_000 })
  await w.store.create(alice, { ...draft, expiresAtMs: 6_000 })
  await w.store.create(bob, { ...draft, expiresAtMs: 9_000 })
  await w.store.create(bob, draft)
  const told = () => w.sent.splice(0).map(({ type, body }) => [type, JSON.parse(body).account])
  assert.equal(await w.lapsing.run(4_999, 100), 0)
  await Promise.all([w.lapsing.run(7_000, 100), w.lapsing.run(7_000, 100)])
  assert.deepEqual(told(), [['filters.changed', '1']])
  await w.lapsing.run(3_000, 100)
  await w.lapsing.run(8_000, 100)
  assert.deepEqual(told(), [])
  await w.store.change(alice, id, { expiresAtMs: 8_500 })
  await w.lapsing.run(10_000, 100)
  assert.deepEqual(new Set(told().map(([, account]) => account)), new Set(['1', '2']))
})
