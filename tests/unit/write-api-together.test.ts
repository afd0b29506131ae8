/** Posts that come together: one transaction for all of them, and no failure but one's own. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { AppError } from '../../src/kit/errors.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import type { Draft } from '../../src/write-api/contract.ts'
import { accountId } from '../world/statuses.ts'
import { ALICE, BOB, CAROL, DAN, openWritingWorld, type WritingWorld } from '../world/writing.ts'

const CHILD = fileURLToPath(new URL('./write-api-together-child.ts', import.meta.url))

/** People enough for posts that have nothing to do with each other. */
const CROWD = Array.from({ length: 40 }, (_, index) => accountId(100 + index))

/** The transactions that wrote the statuses: `xmin` names the one that inserted a row. */
async function transactionsOf({ db }: WritingWorld, ids: readonly StatusId[]): Promise<Map<string, StatusId[]>> {
  const rows = await db.rows<{ id: StatusId; xmin: string }>`
    select id, xmin::text as xmin from statuses where id = any(${ids}) order by id`
  return new Map(
    [...Map.groupBy(rows, ({ xmin }) => xmin)].map(([xmin, members]) => [xmin, members.map(({ id }) => id)]),
  )
}

/** Deletes behind the back of the write API, which still has the status in memory. */
async function deleteUnseen({ db, store }: WritingWorld, id: StatusId): Promise<void> {
  await db.transaction((tx) => store.remove(tx, id))
}

function unlisted(world: WritingWorld, author: AccountId, draft: Partial<Draft> = {}): Promise<StatusRecord> {
  return world.post(author, { visibility: 'unlisted', sensitive: false, language: 'en', ...draft })
}

test('posts at the same time share transactions, each with its event; one alone has its own', async () => {
  await using world = await openWritingWorld()
  const posted = await Promise.all(CROWD.map((author) => unlisted(world, author, { text: `by ${author}` })))
  const shared = await transactionsOf(
    world,
    posted.map(({ id }) => id),
  )
  assert.ok(shared.size <= 3, `${posted.length} posts in ${shared.size} transactions`)
  for (const [index, status] of posted.entries()) {
    assert.equal(status.text, `by ${CROWD[index]}`, 'everyone has their own answer')
    assert.deepEqual(await world.status(status.id), status)
  }
  const events = await world.events()
  assert.deepEqual(
    events.map(({ body }) => body['id']),
    posted.map(({ id }) => `${id}`),
  )
  const rows = await world.db.rows<{ xmin: string }>`select distinct xmin::text as xmin from outbox order by xmin`
  assert.deepEqual(rows.map(({ xmin }) => xmin).toSorted(), [...shared.keys()].toSorted())

  const { id } = await unlisted(world, ALICE)
  assert.equal((await transactionsOf(world, [id])).size, 1)
})

test('what one person posts at the same time keeps its order, in ids and in events', async () => {
  await using world = await openWritingWorld()
  const posts = Array.from({ length: 30 }, (_, index) =>
    unlisted(world, index % 3 === 0 ? BOB : ALICE, { text: `${index}` }),
  )
  const posted = await Promise.all(posts)
  for (const author of [ALICE, BOB]) {
    const own = posted.filter((each) => each.accountId === author).map(({ id }) => id)
    assert.deepEqual(
      own,
      own.toSorted((a, b) => (a < b ? -1 : 1)),
      'ids rise',
    )
    const told = (await world.events()).filter(({ key }) => key === author)
    assert.deepEqual(
      told.map(({ body }) => body['id']),
      own.map(String),
    )
  }
  const [view] = await world.hydration.accounts([ALICE])
  assert.equal(view?.statuses, 20)
})

test('a parent that is gone, a key that is taken and a rule that is broken fail nobody but their own post', async () => {
  await using world = await openWritingWorld()
  const [gone, there] = [await unlisted(world, BOB), await unlisted(world, BOB)]
  const keyed = await unlisted(world, CAROL, { idempotencyKey: 'taken' })
  await deleteUnseen(world, gone.id)
  await world.db.run`alter table statuses add constraint no_poison check (text <> 'poison')`
  // Another process has made a status of this key.
  const hash = createHash('sha256').update('elsewhere').digest()
  await world.db.run`
    insert into idempotency_keys (account_id, key_hash, status_id, created_at)
    values (${DAN}, ${hash}, ${there.id}, ${new Date(world.clock.ms)})`

  const settled = await Promise.allSettled([
    unlisted(world, ALICE, { text: 'before' }),
    unlisted(world, BOB, { inReplyTo: gone.id }),
    unlisted(world, CAROL, { text: 'again', idempotencyKey: 'taken' }),
    unlisted(world, DAN, { text: 'again', idempotencyKey: 'elsewhere' }),
    unlisted(world, ALICE, { text: 'reply', inReplyTo: there.id }),
    unlisted(world, BOB, { text: 'keyed', idempotencyKey: 'new' }),
  ])
  const [before, orphan, repeated, elsewhere, reply, fresh] = settled.map(outcomeOf)
  assert.deepEqual([before?.text, reply?.text, fresh?.text], ['before', 'reply', 'keyed'])
  assert.equal(orphan?.refused, 'The post you are trying to reply to does not appear to exist.')
  assert.deepEqual([repeated?.id, elsewhere?.id], [keyed.id, there.id])
  assert.equal((await world.hydration.status(there.id, ALICE)).counts.replies, 1)

  const poisoned = await Promise.allSettled(
    ['fine', 'poison', 'too'].map((text, index) =>
      unlisted(world, CROWD[index] ?? ALICE, { text, idempotencyKey: 'k' }),
    ),
  )
  const [fine, poison, too] = poisoned.map(outcomeOf)
  assert.deepEqual([fine?.text, too?.text], ['fine', 'too'])
  assert.match(poison?.refused ?? '', /no_poison/)
  assert.equal((await unlisted(world, CROWD[1] ?? ALICE, { text: 'better', idempotencyKey: 'k' })).text, 'better')
  const told = (await world.events()).map(({ body }) => String(body['id']))
  const stored = await world.db.rows<{ id: StatusId }>`select id from statuses`
  assert.deepEqual(
    told.filter((id) => id !== `${gone.id}`).toSorted(),
    stored.map(({ id }) => `${id}`).toSorted(),
    'every status is told of, and nothing else',
  )
})

test('a reply to what is just being deleted holds up nobody else', async () => {
  await using world = await openWritingWorld()
  const parent = await unlisted(world, BOB)
  // In memory, so that the reply is not later than its neighbours and gets into one batch with them.
  await world.hydration.status(parent.id, ALICE)
  const [removed, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const deletion = world.db.transaction(async (tx) => {
    await world.store.remove(tx, parent.id)
    removed.resolve()
    await end.promise
  })
  await removed.promise
  let isReplyDone = false
  const reply = unlisted(world, ALICE, { inReplyTo: parent.id }).finally(() => (isReplyDone = true))
  const [neighbour] = await Promise.all([unlisted(world, CAROL), unlisted(world, DAN)])
  assert.ok(await world.status(neighbour.id))
  assert.equal(isReplyDone, false, 'the reply still waits for what becomes of its parent')
  end.resolve()
  await deletion
  await assert.rejects(reply, (error) => error instanceof AppError && error.code === 'not_found')
})

test('requests with one key at the same time make one status, and the next has its turn when the first fails', async () => {
  await using world = await openWritingWorld()
  const parent = await unlisted(world, BOB)
  const orphan = (text: string) => unlisted(world, ALICE, { text, inReplyTo: parent.id, idempotencyKey: 'key' })
  await deleteUnseen(world, parent.id)
  const settled = await Promise.allSettled([
    orphan('first'),
    unlisted(world, ALICE, { text: 'second', idempotencyKey: 'key' }),
    unlisted(world, ALICE, { text: 'third', idempotencyKey: 'key' }),
    unlisted(world, BOB, { text: 'another person', idempotencyKey: 'key' }),
  ])
  const [first, second, third, other] = settled.map(outcomeOf)
  assert.notEqual(first?.refused, undefined)
  assert.deepEqual([second?.text, third?.text, other?.text], ['second', 'second', 'another person'])
  assert.equal(second?.id, third?.id)
})

test('what was just posted is shown without asking the database', async () => {
  await using world = await openWritingWorld()
  await unlisted(world, ALICE)
  await world.hydration.accounts([ALICE])
  const { id } = await unlisted(world, ALICE, { text: 'shown' })
  const questions = countQuestions(world)
  const view = await world.hydration.status(id, ALICE)
  assert.equal(questions.asked, 0)
  assert.deepEqual([view.status.text, view.author.statuses, view.counts.replies], ['shown', 2, 0])
  assert.deepEqual(view.marks, { favourited: false, boosted: false, bookmarked: false, pinned: false, muted: false })
})

test('a reply in a muted conversation is shown as muted', async () => {
  await using world = await openWritingWorld()
  const root = await unlisted(world, BOB)
  await world.api.muteConversation(ALICE, root.id)
  const reply = await unlisted(world, ALICE, { inReplyTo: root.id })
  assert.equal((await world.hydration.status(reply.id, ALICE)).marks?.muted, true)
})

/** W2: written but not committed, W3: committed but not answered; in the third transaction of many. */
for (const failAt of ['W2:3', 'W3:3']) {
  test(`killed at ${failAt} while many post, nothing that was answered is lost, and nothing is told that is not there`, async () => {
    await using world = await openWritingWorld()
    const env = { ...process.env, TEST_CONNECTION: JSON.stringify(world.db.connection), FAIL_AT: failAt }
    const child = spawn(process.execPath, [CHILD], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
    const [, signal]: unknown[] = await once(child, 'close')
    assert.equal(signal, 'SIGKILL')
    await untilAlone(world)
    const answered = printed.split('\n').filter((line) => line !== '')
    const stored = (await world.db.rows<{ id: StatusId }>`select id from statuses`).map(({ id }) => `${id}`)
    assert.ok(answered.length > 0, 'some were answered before')
    assert.deepEqual(
      answered.filter((id) => !stored.includes(id)),
      [],
    )
    const told = (await world.events()).map(({ body }) => String(body['id']))
    assert.deepEqual(told.toSorted(), stored.toSorted())
  })
}

/** Until PostgreSQL has noticed that the killed process is gone, and rolled back what it had open. */
async function untilAlone({ db }: WritingWorld): Promise<void> {
  for (;;) {
    const others = await db.rows`
      select pid from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`
    if (others.length === 0) return
    await sleep(10)
  }
}

interface Outcome {
  id?: StatusId
  text?: string
  /** What was said instead. */
  refused?: string
}

function outcomeOf(settled: PromiseSettledResult<StatusRecord>): Outcome {
  if (settled.status === 'fulfilled') return settled.value
  return { refused: settled.reason instanceof Error ? settled.reason.message : String(settled.reason) }
}

/** Counts the questions that the database is asked from now on. */
function countQuestions({ db }: WritingWorld): { asked: number } {
  const counted = { asked: 0 }
  const [rows, one, run] = [db.rows.bind(db), db.one.bind(db), db.run.bind(db)]
  db.rows = <Row>(strings: TemplateStringsArray, ...values: unknown[]) => {
    counted.asked += 1
    return rows<Row>(strings, ...values)
  }
  db.one = <Row>(strings: TemplateStringsArray, ...values: unknown[]) => {
    counted.asked += 1
    return one<Row>(strings, ...values)
  }
  db.run = (strings, ...values) => {
    counted.asked += 1
    return run(strings, ...values)
  }
  return counted
}
