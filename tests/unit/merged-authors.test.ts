/** The list of merged authors that threads share: nobody who was added is missed, by whomever and however many at once. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

import type { AccountId } from '../../src/snowflake/contract.ts'
import { MergedAuthors, mergedAuthorsMemory } from '../../src/timeline-cache/contract.ts'

const THREADS = 2
const EACH = 500
const ROUNDS = 40

test('an author whom one thread passes over is merged in all', () => {
  const memory = mergedAuthorsMemory()
  const [one, other] = [new MergedAuthors(10, memory), new MergedAuthors(10, memory)]
  const author = 7n as AccountId
  assert.equal(one.passesOver(author, 10), false)
  assert.equal(other.isMerged(author, 10), false)
  assert.equal(one.passesOver(author, 11), true)
  assert.deepEqual([...other.authors], [author])
  assert.equal(other.isMerged(author, 3), true, 'also when it has fallen below the threshold')
  assert.equal(other.passesOver(author, 3), false)
})

test('threads that add at the same time lose nobody, and leave no gap', async () => {
  const memories = Array.from({ length: ROUNDS }, mergedAuthorsMemory)
  const arrived = new Int32Array(new SharedArrayBuffer(ROUNDS * 4))
  const workers = Array.from(
    { length: THREADS },
    (_, n) =>
      new Worker(new URL('merging-thread.ts', import.meta.url), {
        workerData: { memories, count: EACH, from: 1 + n * EACH, arrived, threads: THREADS },
      }),
  )
  const told = workers.map(async (worker): Promise<unknown> => (await once(worker, 'message'))[0])
  assert.deepEqual(
    await Promise.all(told),
    Array.from({ length: THREADS }, () => []),
  )
  for (const memory of memories) {
    assert.equal(new MergedAuthors(10, memory).authors.size, THREADS * EACH)
    assert.equal(new BigInt64Array(memory).indexOf(0n), THREADS * EACH)
  }
})

test('when the list is full, further authors are fanned out like anybody', () => {
  const memory = new SharedArrayBuffer(2 * 8)
  const merged = new MergedAuthors(10, memory)
  assert.deepEqual(
    [1n, 2n, 3n].map((author) => merged.passesOver(author as AccountId, 11)),
    [true, true, false],
  )
  assert.equal(merged.isMerged(3n as AccountId, 11), false)
})
