/** Reader threads beside a writer that writes, deletes, seals and merges: no torn posting, nothing lost, nothing invented. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import { IndexWriter } from '../../src/earlybird/index-writer.ts'
import { memoryOf } from '../../src/earlybird/reader.ts'
import type { StatusId } from '../../src/snowflake/contract.ts'
import { FIRST_ID, isDeletedLater, threadDocument } from './earlybird-threads-world.ts'

const SEARCHES_MIN = 200
/** More than the 4,096 authors the table begins with, several generations of merges. */
const DOCUMENTS_MIN = 12_000
/** Should the machine be so busy that readers hardly run, the writer waits for them from here on. */
const DOCUMENTS_MAX = 60_000
const READERS = 2

interface Report {
  faults: string[]
}

/** Some of those written a while ago. */
function deletable(written: number): StatusId[] {
  const first = Math.max(0, written - 900 + (written % 800))
  const numbers = Array.from({ length: 9 }, (_, k) => first + k).filter((n) => n < written && isDeletedLater(n))
  return numbers.map((n) => (FIRST_ID + BigInt(n)) as StatusId)
}

test('readers on other threads never see torn postings while the writer writes, deletes, seals and merges', async () => {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const progress = Array.from({ length: READERS }, () => new Int32Array(new SharedArrayBuffer(4)))
  const workers = progress.map(
    (own) =>
      new Worker(new URL('earlybird-reading-thread.ts', import.meta.url), { workerData: { stop, progress: own } }),
  )
  const reports = workers.map((worker) => once(worker, 'message') as Promise<[Report]>) // the only message they send
  let ended = 0 // early, for faults
  for (const worker of workers) for (const event of ['message', 'error']) worker.once(event, () => ended++)
  const missing = new Int32Array(new SharedArrayBuffer(4))
  const share = (): void => {
    const memory = memoryOf({ segments: writer.segments, authors: writer.authors, missing })
    for (const worker of workers) worker.postMessage(memory, [])
  }
  const writer: IndexWriter = new IndexWriter({ segmentDocuments: 700, changed: share })
  share()
  const enough = (): boolean => progress.every((own) => Atomics.load(own, 0) >= SEARCHES_MIN)
  try {
    for (let n = 0; n < DOCUMENTS_MIN || !enough();) {
      if (n < DOCUMENTS_MAX) {
        const batch = Array.from({ length: 1 + (n % 23) }, (_, k) => threadDocument(n + k))
        writer.add(batch)
        n += batch.length
        for (const id of deletable(n)) writer.remove(id)
        writer.work(0)
      }
      await nextTurn()
    }
  } finally {
    Atomics.store(stop, 0, 1)
  }
  for (const [{ faults }] of await Promise.all(reports)) assert.deepEqual(faults, [])
  assert.ok(writer.segments.length > 2)
  await Promise.all(workers.map((worker) => worker.terminate()))
})
