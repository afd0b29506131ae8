import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { BusMessage, ParkingLot } from '../../src/engines/bus/contract.ts'
import { migrations } from '../../src/engines/bus/migrations.ts'
import { openParking } from '../../src/engines/bus/parking.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'
import { message } from './bus.ts'

let db: TestDatabase
let parking: ParkingLot

before(async () => {
  db = await openTestDatabase(migrations)
  parking = openParking(db)
})
after(() => db[Symbol.asyncDispose]())

async function parkThree(): Promise<bigint[]> {
  await db.run`truncate parked_messages`
  for (const id of [1, 2, 3]) await parking.park({ group: 'fanout', message: message(id), error: `failed ${id}` })
  return (await parking.list(10)).map(({ id }) => id).toReversed()
}

test('a parked message is listed as it was, newest first', async () => {
  await parkThree()
  const entries = await parking.list(2)
  assert.deepEqual(
    entries.map((entry) => [entry.group, entry.message, entry.error]),
    [
      ['fanout', message(3), 'failed 3'],
      ['fanout', message(2), 'failed 2'],
    ],
  )
  assert.ok(entries.every(({ parkedAtMs }) => Math.abs(parkedAtMs - Date.now()) < 60_000))
  const older = await parking.list(2, entries.at(-1)?.id)
  assert.deepEqual(
    older.map((entry) => entry.message.id),
    [1n],
  )
  assert.equal(await parking.count(), 3)
})

test('parking a message again for the same group replaces its entry, for another group it adds one', async () => {
  await parkThree()
  await parking.park({ group: 'fanout', message: message(1), error: 'failed once more' })
  await parking.park({ group: 'notifications', message: message(1), error: 'failed here too' })
  const entries = await parking.list(10)
  assert.deepEqual(
    entries.filter((entry) => entry.message.id === 1n).map(({ group, error }) => `${group}: ${error}`),
    ['notifications: failed here too', 'fanout: failed once more'],
  )
})

test('an error of any length and content can be kept', async () => {
  await parkThree()
  await parking.park({ group: 'fanout', message: message(9), error: `\0${'long '.repeat(10_000)}` })
  const [entry] = await parking.list(1)
  assert.ok(entry !== undefined && entry.error.startsWith('long long') && entry.error.length <= 1_000)
})

test('replay hands messages over oldest first and takes them out', async () => {
  const [first, , third] = await parkThree()
  assert.ok(first !== undefined && third !== undefined)
  const replayed: BusMessage[] = []
  const count = await parking.replay([third, first, 999n], async (_tx, entry) => void replayed.push(entry))
  assert.equal(count, 2)
  assert.deepEqual(replayed, [message(1), message(3)])
  assert.deepEqual(
    (await parking.list(10)).map((entry) => entry.message.id),
    [2n],
  )
})

test('a replay that fails leaves everything parked', async () => {
  const ids = await parkThree()
  const failing = parking.replay(ids, async (tx) => {
    await tx.run`select 1`
    throw new Error('the outbox is away')
  })
  await assert.rejects(failing, /the outbox is away/)
  assert.equal(await parking.count(), 3)
})

test('removed messages are gone', async () => {
  const [first] = await parkThree()
  assert.ok(first !== undefined)
  assert.equal(await parking.remove([first]), 1)
  assert.equal(await parking.remove([first]), 0)
  assert.equal(await parking.count(), 2)
})
