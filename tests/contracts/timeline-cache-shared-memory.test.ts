import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import { systemClock } from '../../src/kit/clock.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
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

/** What `timeline-reading-thread.ts` found. */
interface Findings {
  reads: number
  faults: string[]
}

test('shared memory: a thread that reads while another writes sees whole entries in strictly descending order', async () => {
  const clock = clockAt(1_000_000_000_000)
  await using timelines = openSharedMemoryTimelines({ clock, bytesLimit: 2 ** 20 })
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const owners = range(8).map(owner)
  const worker = new Worker(new URL('./timeline-reading-thread.ts', import.meta.url), {
    workerData: { memory: timelines.memory, owners, stop },
  })
  const finished = new Promise<Findings>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const endMs = performance.now() + 1500
  let n = 1000
  for (let round = 0; performance.now() < endMs; round++) {
    const turn = owner(round % owners.length)
    for (const one of owners) {
      const ticket = await timelines.beginBuild(one)
      if (ticket !== undefined)
        await timelines.finishBuild(
          ticket,
          range(700).map((back) => signed(n - back)),
          0n,
        )
    }
    for (let burst = 0; burst < 300; burst++) await timelines.insert(signed(++n), owners)
    await timelines.insert(signed(n - 2), owners)
    n += 5
    await timelines.insert(signed(n), owners)
    for (const late of [1, 2, 3]) await timelines.insert(signed(n - late), owners)
    await timelines.remove(signed(n - 100).id, owners)
    await timelines.merge(
      turn,
      range(50).map((back) => signed(n - 7 * back)),
      0n,
    )
    await timelines.removeAuthor(turn, signed(n).author)
    if (round % 5 === 0) await timelines.drop(turn)
    if (round % 50 === 0) await sleep(1)
  }
  Atomics.store(stop, 0, 1)
  const { reads, faults } = await finished
  await worker.terminate()
  assert.deepEqual(faults, [])
  assert.ok(reads > 1000, `${reads} reads`)
})

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
    const taken = await timelines.insertPlaces?.(entryOf(id), Uint32Array.from(asked, placeOf))
    assert.equal(taken, asked.length)
    // Again, out of order, and for nobody: nothing changes.
    assert.equal(await timelines.insertPlaces?.(entryOf(id), Uint32Array.from(asked.slice(0, 5), placeOf)), 0)
    assert.equal(await timelines.insertPlaces?.(entryOf(id), absent), 0)
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
  assert.equal(await timelines.insertPlaces?.(entryOf(1_001), Uint32Array.of(placeOf(busy))), 0)
})
