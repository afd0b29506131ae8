import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import { systemClock } from '../../src/kit/clock.ts'
import type { Page } from '../../src/kit/page.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { TimelineCache } from '../../src/timeline-cache/contract.ts'
import { BYTES_LIMIT_MIN } from '../../src/timeline-cache/memory.ts'
import { TimelineReader } from '../../src/timeline-cache/reader.ts'
import { openSharedMemoryTimelines } from '../../src/timeline-cache/shared-memory.ts'
import { entry, idOf, timelineCacheContract, type TimelineClock } from './timeline-cache.ts'

timelineCacheContract('shared memory', async (clock) => openSharedMemoryTimelines({ clock, bytesLimit: 4 * 2 ** 20 }))

const owner = (n: number): AccountId => (2n ** 61n + BigInt(n) * 7n) as AccountId
const range = (length: number) => Array.from({ length }, (_, index) => index)

function clockAt(ms: number): TimelineClock {
  return {
    ms,
    nowMs() {
      return this.ms
    },
    sleep: async () => {},
  }
}

test('shared memory: stays within its limit; the longest unread timelines go first, and are missing, never short', async () => {
  const clock = clockAt(1_000_000_000_000)
  await using timelines = openSharedMemoryTimelines({ clock, bytesLimit: BYTES_LIMIT_MIN })
  const people = range(300)
  for (const n of people) {
    clock.ms += 1000
    const ticket = await timelines.beginBuild(owner(n))
    assert.ok(ticket)
    assert.ok(
      await timelines.finishBuild(
        ticket,
        range(n % 50).map((id) => entry(id + 1)),
        0n,
      ),
    )
    const { bytes, bytesLimit } = timelines.stats()
    assert.ok(bytes <= bytesLimit, `${bytes} of ${bytesLimit} bytes`)
  }
  const present: number[] = []
  for (const n of people) {
    const read = await timelines.read(owner(n), { limit: 800 })
    if (read === undefined) continue
    present.push(n)
    assert.equal(read.entries.length, n % 50)
  }
  assert.ok(present.length > 10 && present.length < 200, `${present.length} timelines are left`)
  assert.deepEqual(present, people.slice(-present.length), 'those read last')
})

test('shared memory: where no two timelines share a status, statuses run out first, and the longest unread go', async () => {
  const clock = clockAt(1_000_000_000_000)
  await using timelines = openSharedMemoryTimelines({ clock, bytesLimit: BYTES_LIMIT_MIN })
  const own = (n: number) => range(40).map((id) => entry(n * 100 + id + 1))
  const people = range(200)
  for (const n of people) {
    clock.ms += 1000
    const ticket = await timelines.beginBuild(owner(n))
    assert.ok(ticket)
    assert.ok(await timelines.finishBuild(ticket, own(n), 0n))
    const { bytes, bytesLimit } = timelines.stats()
    assert.ok(bytes <= bytesLimit, `${bytes} of ${bytesLimit} bytes`)
  }
  // Each of these needs a row of its own as well.
  for (let n = 0; n < 300; n++) assert.equal(await timelines.insert(entry(100_000 + n), [owner(199)]), 1)
  const present: number[] = []
  for (const n of people) {
    const read = await timelines.read(owner(n), { limit: 800 })
    if (read === undefined) continue
    present.push(n)
    assert.equal(read.entries.length, n === 199 ? 340 : 40)
  }
  assert.ok(present.length > 10 && present.length < 100, `${present.length} timelines are left`)
  assert.deepEqual(present, people.slice(-present.length), 'those read last')
})

test('shared memory: a growing timeline pushes others out, and never itself while anything else is there', async () => {
  const clock = clockAt(1_000_000_000_000)
  await using timelines = openSharedMemoryTimelines({ clock, bytesLimit: BYTES_LIMIT_MIN })
  for (const n of range(40)) {
    const ticket = await timelines.beginBuild(owner(n))
    assert.ok(ticket)
    assert.ok(await timelines.finishBuild(ticket, [entry(1)], 0n))
    clock.ms += 1000
  }
  for (const n of range(1000)) {
    assert.equal(await timelines.insert(entry(n + 2), [owner(0)]), 1)
    assert.equal(await timelines.insert(entry(n + 2), [owner(0)]), 0, 'also after an eviction')
  }
  assert.equal((await timelines.read(owner(0), { limit: 800 }))?.entries.length, 800)
})

test('shared memory: forgotten timelines give their memory to new ones, for ever', async () => {
  const clock = clockAt(1_000_000_000_000)
  await using timelines = openSharedMemoryTimelines({ clock, bytesLimit: BYTES_LIMIT_MIN })
  for (const round of range(2000)) {
    const ticket = await timelines.beginBuild(owner(round))
    assert.ok(ticket)
    assert.ok(
      await timelines.finishBuild(
        ticket,
        range(100).map((id) => entry(id + 1)),
        0n,
      ),
    )
    await timelines.drop(owner(round))
  }
  assert.equal(timelines.stats().present, 0)
  assert.ok(timelines.stats().bytes < BYTES_LIMIT_MIN / 10)
})

test('shared memory: a status takes memory as long as some timeline names it, whatever was done to them', async () => {
  await using timelines = openSharedMemoryTimelines({ clock: clockAt(1_000_000_000_000), bytesLimit: 2 ** 20 })
  const empty = timelines.stats().bytes
  const owners = range(8).map(owner)
  for (let round = 0, n = 2_000; round < 8; round++) n = await disturb(timelines, owners, n, round)
  assert.ok(timelines.stats().bytes > empty + 8 * 800 * 4)
  for (const one of owners) await timelines.drop(one)
  assert.equal(timelines.stats().bytes, empty)
})

test('shared memory: a deletion takes a status out of all timelines at once, and pages are full without it', async () => {
  await using timelines = openSharedMemoryTimelines({ clock: clockAt(1_000_000_000_000), bytesLimit: 2 ** 20 })
  const owners = range(5).map(owner)
  for (const one of owners) {
    const ticket = await timelines.beginBuild(one)
    assert.ok(ticket)
    await timelines.finishBuild(
      ticket,
      [1, 2, 3, 4, 5, 6].map((n) => entry(n)),
      0n,
    )
  }
  const numbersOf = async (page: Page) =>
    (await timelines.read(owner(2), page))?.entries.map(({ id }) => Number((id - idOf(0)) / 4_194_304n))
  assert.equal(timelines.removeEverywhere?.(idOf(9)), false)
  for (const n of [1, 2, 5]) assert.equal(timelines.removeEverywhere?.(idOf(n)), true)
  assert.deepEqual(await numbersOf({ limit: 2 }), [6, 4])
  assert.deepEqual(await numbersOf({ limit: 2, minId: idOf(1) }), [4, 3])
  assert.deepEqual(await numbersOf({ limit: 2, maxId: idOf(6) }), [4, 3])
  assert.equal((await timelines.read(owner(0), { limit: 3 }))?.endReached, true, 'what lies below is deleted')
  assert.equal((await timelines.read(owner(0), { limit: 2 }))?.endReached, false)
  // It comes late, to one who has it and one who has not, and stays away.
  assert.equal(await timelines.remove(idOf(5), [owner(3)]), 1)
  assert.equal(await timelines.insert(entry(5), [owner(2), owner(3)]), 1)
  assert.equal(await timelines.insert(entry(7), owners), 5)
  for (const one of owners) await timelines.merge(one, [entry(5), entry(2)], 0n)
  assert.deepEqual(await numbersOf({ limit: 9 }), [7, 6, 4, 3])
  const [{ bytes }] = [timelines.stats()]
  for (const one of owners) await timelines.drop(one)
  assert.ok(timelines.stats().bytes < bytes)
  const ticket = await timelines.beginBuild(owner(2))
  assert.ok(ticket)
  await timelines.finishBuild(ticket, [entry(11)], 0n)
  assert.deepEqual(await numbersOf({ limit: 9 }), [11], 'a row that is used again is not deleted')
})

/** What `timeline-reading-thread.ts` found. */
interface Findings {
  faults: string[]
}

/** Enough for every change to meet a reader in the middle of a page; broken publication showed within a tenth of it. */
const READS_MIN = 4_000
const ROUNDS_MIN = 60

test('shared memory: a thread that reads while another writes sees whole entries of that timeline, in order', async () => {
  const clock = clockAt(1_000_000_000_000)
  // So small that rows and blocks are used again all the time.
  await using timelines = openSharedMemoryTimelines({ clock, bytesLimit: 2 ** 18 })
  const [stop, progress] = [new Int32Array(new SharedArrayBuffer(4)), new Int32Array(new SharedArrayBuffer(4))]
  const owners = range(8).map(owner)
  const worker = new Worker(new URL('./timeline-reading-thread.ts', import.meta.url), {
    workerData: { memory: timelines.memory, owners, stop, progress },
  })
  const finished = new Promise<Findings>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  let n = 1000
  for (let round = 0; round < ROUNDS_MIN || Atomics.load(progress, 0) < READS_MIN; round++) {
    if (Atomics.load(stop, 0) === 1) break // faults enough
    n = await disturb(timelines, owners, n, round)
    if (round % 10 === 0) await sleep(1)
  }
  Atomics.store(stop, 0, 1)
  const { faults } = await finished
  await worker.terminate()
  assert.deepEqual(faults, [])
})

/** Even statuses are for even owners, odd ones for odd: whoever meets another one read what was used again. */
async function disturb(timelines: TimelineCache, owners: AccountId[], from: number, round: number): Promise<number> {
  let n = from
  const sides = [0, 1].map((side) => owners.filter((_, index) => index % 2 === side))
  const give = (id: number) => timelines.insert(signed(id), sides[id % 2] ?? [])
  for (const [index, one] of owners.entries()) {
    const ticket = await timelines.beginBuild(one)
    const entries = range(300).map((back) => signed(n - (n % 2) + (index % 2) - 2 * back))
    if (ticket !== undefined) await timelines.finishBuild(ticket, entries, 0n)
  }
  for (let burst = 0; burst < 300; burst++) await give(++n)
  await give(n - 3)
  n += 5
  await give(n)
  for (const late of [1, 2, 3]) await give(n - late)
  await timelines.remove(signed(n - 100).id, owners)
  timelines.removeEverywhere?.(signed(n - 50).id)
  const turn = round % owners.length
  const own = owners[turn]
  assert.ok(own !== undefined)
  const older = range(50).map((back) => signed(n - (n % 2) + (turn % 2) - 14 * back))
  await timelines.merge(own, older, 0n)
  await timelines.removeAuthor(own, signed(n).author)
  if (round % 3 === 0) await timelines.drop(own)
  return n + 1
}

/** An entry whose author and boost follow from its id, so that a torn one shows. */
function signed(n: number) {
  const id = idOf(n)
  return entry(n, ((id * 3n) & (2n ** 62n - 1n)) as AccountId, {
    boostOf: idOf(n ^ 0x5555),
    flags: Number(id >> 22n) & 3,
  })
}

test('shared memory: a reader on its own sees growth it was not told of', async () => {
  const clock = clockAt(1_000_000_000_000)
  await using timelines = openSharedMemoryTimelines({ clock, bytesLimit: 64 * 2 ** 20 })
  const reader = new TimelineReader(timelines.memory)
  for (const n of range(20_000)) {
    const ticket = await timelines.beginBuild(owner(n))
    assert.ok(ticket)
    await timelines.finishBuild(ticket, [entry(n + 1)], 0n)
  }
  for (const n of range(20_000)) {
    assert.equal(reader.read(owner(n), { limit: 1 }, clock.ms)?.entries[0]?.id, idOf(n + 1))
  }
  assert.equal(reader.read(owner(20_001), { limit: 1 }, clock.ms), undefined)
})

test('owners named by their places in the graph take what those named by id take', async () => {
  const places = new Map<bigint, number>()
  const placeOf = (id: AccountId) => {
    const place = places.get(id) ?? places.size * 3
    places.set(id, place)
    return place
  }
  await using timelines = openSharedMemoryTimelines({ clock: systemClock, bytesLimit: 64 * 2 ** 20, placeOf })
  const owners = Array.from({ length: 300 }, (_, n) => BigInt(n + 1) as AccountId)
  for (const each of owners) {
    const ticket = await timelines.beginBuild(each)
    if (ticket !== undefined) await timelines.finishBuild(ticket, [], 0n)
  }
  const entryOf = (id: number) => ({
    id: BigInt(id) as StatusId,
    author: 9n as AccountId,
    boostOf: 0n as const,
    flags: 0,
  })
  const some = owners.filter((_, n) => n % 7 !== 0)
  const absent = Uint32Array.of(1, 100_000)
  for (let id = 1; id <= 1_000; id++) {
    const asked = id % 50 === 0 ? owners : some
    const taken = timelines.insertPlaces?.(entryOf(id), Uint32Array.from(asked, placeOf))
    assert.equal(taken, asked.length)
    // Again, out of order, and for nobody: nothing changes.
    assert.equal(timelines.insertPlaces?.(entryOf(id), Uint32Array.from(asked.slice(0, 5), placeOf)), 0)
    assert.equal(timelines.insertPlaces?.(entryOf(id), absent), 0)
  }
  const [busy, quiet] = [owners[1], owners[0]]
  assert.ok(busy !== undefined && quiet !== undefined)
  const page = await timelines.read(busy, { limit: 2_000 })
  assert.deepEqual(
    page?.entries.map(({ id }) => Number(id)),
    Array.from({ length: 800 }, (_, n) => 1_000 - n),
  )
  const few = await timelines.read(quiet, { limit: 2_000 })
  assert.deepEqual(
    few?.entries.map(({ id }) => Number(id)),
    Array.from({ length: 20 }, (_, n) => 1_000 - 50 * n),
  )
  await timelines.drop(busy)
  assert.equal(timelines.insertPlaces?.(entryOf(1_001), Uint32Array.of(placeOf(busy))), 0)
})
