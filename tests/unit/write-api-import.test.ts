/** Statuses of another time: read as those of today, whole batches or nothing, and told of by one event. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { AppError, type ErrorCode } from '../../src/kit/errors.ts'
import { firstIdAt, type StatusId } from '../../src/snowflake/contract.ts'
import { IMPORT_STATUSES_MAX, type PastBoost, type PastPost, type PastStatus } from '../../src/write-api/contract.ts'
import { openStatusImport } from '../../src/write-api/importing.ts'
import { countsAndRecounts, NOON_MS } from '../world/statuses.ts'
import { ALICE, BOB, CAROL, openWritingWorld, type WritingWorld } from '../world/writing.ts'

const PAST_MS = Date.UTC(2012, 4, 1)
/** Ids of 2012, by number. */
const past = (n: number): StatusId => (firstIdAt(PAST_MS + n) + 5n) as StatusId

const wrote = (n: number, change: Partial<PastStatus> = {}): PastStatus => ({
  kind: 'status',
  id: past(n),
  author: ALICE,
  text: `Number ${n}`,
  spoilerText: '',
  visibility: 'public',
  sensitive: false,
  language: 'en',
  inReplyTo: null,
  ...change,
})

const boosted = (n: number, of: number, change: Partial<PastBoost> = {}): PastBoost => ({
  kind: 'boost',
  id: past(n),
  author: BOB,
  visibility: 'public',
  of: past(of),
  ...change,
})

const PEOPLE = new Map([
  ['alice', ALICE],
  ['bob', BOB],
  ['carol', CAROL],
])

/** An import into the world, and the names it has asked for, question by question. */
async function importInto(world: WritingWorld) {
  const questions: string[][] = []
  const importing = openStatusImport({
    db: world.db,
    outbox: openOutbox({ db: world.db, clock: world.clock }),
    statuses: world.store,
    rules: { localDomain: 'example.org' },
    accounts: {
      byUsernames: async (names) => {
        questions.push([...names])
        const people = names.flatMap((name) => {
          const id = PEOPLE.get(name)
          return id === undefined ? [] : [{ ...BLANK, id, username: name }]
        })
        return people
      },
    },
  })
  return { questions, run: (batch: readonly PastPost[]) => importing.importBatch(batch) }
}

const BLANK = {
  displayName: '',
  note: '',
  fields: [],
  avatar: null,
  header: null,
  locked: false,
  bot: false,
  discoverable: null,
  indexable: true,
  hideCollections: null,
  createdAtMs: PAST_MS,
  suspended: false,
  silenced: false,
}

const refusedAs = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code

test('a text of then is read as the same text posted today', async () => {
  await using world = await openWritingWorld()
  const { run, questions } = await importInto(world)
  const text = '  Hi @bob and @Carol@example.org, not @nobody:\r\n#Küche and https://example.com/a?b=c  '
  const spoilerText = 'a warning'
  assert.equal(await run([wrote(1, { text, spoilerText, language: 'de' }), wrote(2, { text: 'only @alice' })]), 2)
  const [imported] = await world.store.byIds([past(1)])
  const today = await world.post(ALICE, { text, spoilerText, language: 'de', visibility: 'public' })
  const { id: _id, conversation: _thread, createdAtMs, ...same } = today
  assert.notEqual(createdAtMs, PAST_MS + 1)
  assert.deepEqual(imported, { ...same, id: past(1), conversation: past(1), createdAtMs: PAST_MS + 1 })
  assert.deepEqual(imported.mentions, [BOB, CAROL])
  assert.deepEqual(imported.tags, ['kuche'])
  assert.equal(imported.sensitive, true)
  assert.deepEqual(
    questions.map((names) => new Set(names)),
    [new Set(['bob', 'carol', 'nobody', 'alice'])],
    'everyone is looked up by one question',
  )
})

test('a language that is not told is detected, and no limit of today is held against a long text', async () => {
  await using world = await openWritingWorld()
  const { run } = await importInto(world)
  const text = Array.from(
    { length: 9 },
    () => 'Heute scheint die Sonne über dem Hafen, und wir gehen zum Leuchtturm.',
  ).join(' ')
  assert.ok(text.length > 500)
  await run([wrote(1, { text, language: undefined })])
  const [status] = await world.store.byIds([past(1)])
  assert.deepEqual([status?.text, status?.language], [text, 'de'])
})

test('threads, replies to oneself and boosts are bound within the batch and beyond it', async () => {
  await using world = await openWritingWorld()
  const { run } = await importInto(world)
  await run([wrote(1)])
  const batch: PastPost[] = [
    wrote(2, { author: BOB, inReplyTo: past(1) }),
    wrote(3, { author: BOB, inReplyTo: past(2) }),
    wrote(4, { author: CAROL, inReplyTo: past(3), visibility: 'private' }),
    boosted(5, 1),
    boosted(6, 2, { author: CAROL }),
  ]
  assert.equal(await run(batch), batch.length)
  const statuses = await world.store.byIds([2, 3, 4].map(past))
  const facts = statuses
    .toSorted((a, b) => a.createdAtMs - b.createdAtMs)
    .map(({ conversation, inReplyTo, inReplyToAccount }) => [conversation, inReplyTo, inReplyToAccount])
  assert.deepEqual(facts, [
    [past(1), past(1), ALICE],
    [past(1), past(2), ALICE], // Bob goes on: he still talks to Alice
    [past(1), past(3), BOB],
  ])
  const counts = await world.store.counts([1, 2, 3].map(past))
  assert.deepEqual(counts.get(past(1)), { replies: 1, boosts: 1, favourites: 0 })
  assert.deepEqual(counts.get(past(2)), { replies: 1, boosts: 1, favourites: 0 })
  assert.deepEqual(counts.get(past(3)), { replies: 0, boosts: 0, favourites: 0 }, 'a private reply is not counted')
  const [entry] = await world.store.homeIds([BOB], { limit: 1 })
  assert.deepEqual(entry, {
    id: past(5),
    author: BOB,
    boostOf: past(1),
    boostedAuthor: ALICE,
    inReplyTo: null,
    inReplyToAccount: null,
  })
  const { kept, recounted } = await countsAndRecounts(world.db)
  assert.deepEqual(kept, recounted)
})

test('a batch given again changes nothing and tells nobody', async () => {
  await using world = await openWritingWorld()
  const { run } = await importInto(world)
  const batch = [wrote(1), wrote(2, { author: BOB, inReplyTo: past(1) }), boosted(3, 1)]
  assert.equal(await run(batch), 3)
  assert.deepEqual(await world.events(), [
    { key: 0n, type: 'statuses.imported', body: { authors: [String(ALICE), String(BOB)] } },
  ])
  assert.equal(await run(batch), 0)
  assert.equal(await run([...batch, wrote(4, { author: CAROL })]), 1)
  const [, second, ...others] = await world.events()
  assert.deepEqual(second?.body, { authors: [String(CAROL)] }, 'only of what is new')
  assert.deepEqual(others, [])
  assert.equal(await run([]), 0)
})

test('a batch with a single fault leaves nothing', async () => {
  await using world = await openWritingWorld()
  const { run } = await importInto(world)
  await run([wrote(1, { visibility: 'private' }), wrote(2), boosted(3, 2)])
  const before = await world.events()
  const faults: [PastPost, ErrorCode][] = [
    [wrote(11, { text: ' ' }), 'invalid'],
    [wrote(11, { inReplyTo: past(99) }), 'not_found'],
    [wrote(11, { inReplyTo: past(12) }), 'not_found'], // which comes later in the batch
    [wrote(11, { inReplyTo: past(3) }), 'invalid'],
    [boosted(11, 99), 'not_found'],
    [boosted(11, 3), 'invalid'],
    [boosted(11, 1), 'invalid'],
  ]
  for (const [fault, code] of faults) {
    await assert.rejects(run([wrote(10), fault, wrote(12)]), refusedAs(code), JSON.stringify(fault, bigintText))
  }
  const tooMany = Array.from({ length: IMPORT_STATUSES_MAX + 1 }, (_, n) => wrote(n + 10))
  await assert.rejects(run(tooMany), refusedAs('too_large'))
  assert.deepEqual(await world.store.byIds([10, 11, 12].map(past)), [])
  assert.deepEqual(await world.events(), before)
})

function bigintText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

test('whoever boosted their own private status did so in private', async () => {
  await using world = await openWritingWorld()
  const { run } = await importInto(world)
  await run([wrote(1, { visibility: 'private' }), boosted(2, 1, { author: ALICE })])
  const [boost] = await world.store.byIds([past(2)])
  assert.equal(boost?.visibility, 'private')
  assert.ok(boost.createdAtMs < NOON_MS)
})
