/** The index follows what happens: every event, in any order and as often as it comes. */
import assert from 'node:assert/strict'
import test from 'node:test'

import type { DocumentSource, EarlybirdWriter, IndexDocument } from '../../src/earlybird/contract.ts'
import type { BusMessage, Handler } from '../../src/engines/bus/contract.ts'
import { encodeEvent, type EventBodies, type EventType } from '../../src/events/contract.ts'
import { documentOf } from '../../src/ingester/document.ts'
import { startIngester } from '../../src/ingester/ingester.ts'
import { IndexUpkeep } from '../../src/ingester/upkeep.ts'
import { Batches } from '../../src/kit/batches.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { plainIndex } from '../world/plain-index.ts'
import { accountId, asRecord, handClock, plainStatus, statusId } from '../world/statuses.ts'
import { accountView } from '../world/views.ts'

/** A source and an index of which a test may change anything at any time. */
function openWorld() {
  const index = plainIndex()
  const rows = new Map<StatusId, IndexDocument>()
  const account = accountView(1n, 'ada').account
  let handler: Handler | undefined
  let isDown = false
  const asked: number[] = []
  const source: DocumentSource = {
    async documents(ids) {
      if (isDown) throw new Error('down')
      asked.push(ids.length)
      return ids.flatMap((id) => rows.get(id) ?? [])
    },
    idsBetween: async (after, until, limit) =>
      [...rows.keys()]
        .filter((id) => id > after && id <= until)
        .toSorted((a, b) => (a < b ? -1 : 1))
        .slice(0, limit),
    idsOf: async (_author, after) => [...rows.keys()].filter((id) => id > after),
    withoutConsent: async () => [],
  }
  const writer: EarlybirdWriter = {
    add: (documents) => documents.forEach((document) => index.documents.set(document.id, document)),
    remove: (id) => index.documents.delete(id),
    setCounts: (id, counts) => {
      const known = index.documents.get(id)
      if (known !== undefined) index.documents.set(id, { ...known, counts })
      return known !== undefined
    },
    consent: (author, allowed) =>
      void (allowed ? index.withoutConsent.delete(author) : index.withoutConsent.add(author)),
    removeAuthor: () => {
      const count = index.documents.size
      index.documents.clear()
      return count
    },
    settled: async () => {},
  }
  const running = startIngester({
    bus: {
      join: (_group, _types, handle) => {
        handler = handle
        return { [Symbol.asyncDispose]: async () => {} }
      },
    },
    source,
    writer,
    accounts: { byIds: async () => [account] },
    statuses: { counts: async (ids) => new Map(ids.map((id) => [id, { favourites: 7, boosts: 0, replies: 0 }])) },
    log: silentLog,
  })
  return {
    index,
    source,
    writer,
    account,
    asked,
    running,
    setDown: (down: boolean) => void (isDown = down),
    put(id: number, text = 'hello') {
      const document = documentOf({ status: asRecord(plainStatus(id, { text })), media: [] })
      assert.ok(document)
      rows.set(document.id, document)
    },
    drop: (id: number) => rows.delete(statusId(id)),
    async tell<T extends EventType>(type: T, body: EventBodies[T]): Promise<void> {
      const message: BusMessage = { ...encodeEvent(type, 1n, body), id: 1n, createdAtMs: 0 }
      await handler?.(message)
    },
    ids: () => [...index.documents.keys()].toSorted((a, b) => (a < b ? -1 : 1)).map(Number),
  }
}

const created = (id: number, change: Partial<EventBodies['status.created']> = {}): EventBodies['status.created'] => ({
  id: statusId(id),
  author: accountId(1),
  visibility: 'public',
  boostOf: null,
  boostedAuthor: null,
  inReplyTo: null,
  inReplyToAuthor: null,
  mentions: [],
  acceptedAtMs: 0,
  ...change,
})

test('statuses come as they are committed, go when they are gone, and closed ones are never asked for', async () => {
  const world = openWorld()
  for (const id of [1, 2, 3]) world.put(id)
  await Promise.all([1, 2, 3].map((id) => world.tell('status.created', created(id))))
  assert.deepEqual([world.ids(), world.asked], [[1, 2, 3], [3]], 'together')
  await world.tell('status.created', created(1))
  await world.tell('status.created', created(4, { visibility: 'direct' }))
  assert.deepEqual(
    [world.ids(), world.asked],
    [
      [1, 2, 3],
      [3, 1],
    ],
  )
  world.put(1, 'changed')
  await world.tell('status.edited', { id: statusId(1), author: accountId(1), revision: 1, mentions: [] })
  assert.ok(world.index.documents.get(1n)?.terms.includes('changed'))
  world.drop(2)
  await world.tell('status.deleted', { id: statusId(2), author: accountId(1), boostOf: null })
  await world.tell('status.created', created(2))
  assert.deepEqual(world.ids(), [1, 3], 'what is told late of something deleted adds nothing')
  await world.tell('favourite.added', { status: statusId(3), author: accountId(1), by: accountId(2) })
  assert.equal(world.index.documents.get(3n)?.counts.favourites, 7)
  await world.running[Symbol.asyncDispose]()
})

test('a source that is down fails the message, and it may come again', async () => {
  const world = openWorld()
  world.put(1)
  world.setDown(true)
  await assert.rejects(world.tell('status.created', created(1)), /down/)
  world.setDown(false)
  await world.tell('status.created', created(1))
  assert.deepEqual(world.ids(), [1])
})

test('consent, suspension and its end, and imports change what is in the index', async () => {
  const world = openWorld()
  const ada: AccountId = world.account.id
  for (const id of [1, 2]) world.put(id)
  await world.tell('statuses.imported', { authors: [ada] })
  await world.running[Symbol.asyncDispose]()
  assert.deepEqual(world.ids(), [1, 2])
  world.account.indexable = false
  await world.tell('account.changed', { id: ada, change: 'profile' })
  assert.deepEqual([...world.index.withoutConsent], [ada])
  world.account.indexable = true
  await world.tell('account.changed', { id: ada, change: 'profile' })
  assert.deepEqual([...world.index.withoutConsent], [])
  world.account.suspended = true
  await world.tell('account.changed', { id: ada, change: 'suspended' })
  assert.deepEqual(world.ids(), [])
})

test('upkeep counts what is missing and what should not be there, and a rebuild puts it right', async () => {
  const world = openWorld()
  for (let id = 1; id <= 500; id += 1) world.put(id)
  world.writer.add(await world.source.documents(await world.source.idsBetween(0n as StatusId, 450n as StatusId, 500)))
  world.drop(7)
  const upkeep = new IndexUpkeep({ ...world, reader: world.index.reader, clock: handClock(), log: silentLog })
  const ended = async (kind: 'verify' | 'rebuild') => {
    assert.equal(upkeep.start(kind), true)
    assert.equal(upkeep.start(kind), false, 'one at a time')
    while (upkeep.state?.isDone === false) await new Promise((resolve) => setImmediate(resolve))
    return upkeep.state
  }
  assert.deepEqual(await ended('verify'), {
    kind: 'verify',
    isDone: true,
    checked: 499,
    missing: 50,
    surplus: 1,
    error: null,
  })
  await ended('rebuild')
  const after = await ended('verify')
  assert.deepEqual([after?.missing, after?.surplus, world.ids().length], [0, 0, 499])
})

test('a batch has what was asked while the one before ran, each once, and fails alone', async () => {
  const batches: number[][] = []
  const gate = Promise.withResolvers<void>()
  const work = new Batches<number>(async (ids) => {
    batches.push(ids)
    if (batches.length === 1) await gate.promise
    if (ids.includes(9)) throw new Error('nine')
  }, 3)
  const first = work.add(1)
  await new Promise((resolve) => setImmediate(resolve))
  const later = [2, 3, 3, 4, 9].map((id) => work.add(id))
  gate.resolve()
  const settled = await Promise.allSettled([first, ...later])
  assert.deepEqual(batches, [[1], [2, 3, 4], [9]])
  assert.deepEqual(
    settled.map(({ status }) => status === 'fulfilled'),
    [true, true, true, true, true, false],
  )
})
