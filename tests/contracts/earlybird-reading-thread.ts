/** Searches on its own thread as fast as it can while another writes, and reports what a reader must never see. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

import type { Query } from '../../src/earlybird/contract.ts'
import { RemoteIndex, type IndexMemory } from '../../src/earlybird/reader.ts'
import { authorOf, FIRST_ID, isDeletedLater, termsOf } from './earlybird-threads-world.ts'

interface WorkerData {
  stop: Int32Array
  /** Searches so far. */
  progress: Int32Array
}

const { stop, progress } = workerData as WorkerData // as the test gives it
const remote = new RemoteIndex({ nowMs: () => 1_790_000_000_000, sleep: async () => {} })
parentPort?.on('message', (memory: IndexMemory) => remote.take(memory))

interface Question {
  query: Query
  isHit(n: number): boolean
}

const term = (word: string): Query => ({ kind: 'term', term: word })
const has = (n: number, ...words: string[]): boolean => words.every((word) => termsOf(n).includes(word))
const QUESTIONS: readonly Question[] = [
  { query: { kind: 'all' }, isHit: () => true },
  { query: term('seven3'), isHit: (n) => has(n, 'seven3') },
  { query: { kind: 'and', all: [term('seven1'), term('three2')] }, isHit: (n) => has(n, 'seven1', 'three2') },
  {
    query: { kind: 'and', all: [term('seven1'), { kind: 'not', none: term('three2') }] },
    isHit: (n) => has(n, 'seven1') && !has(n, 'three2'),
  },
  { query: { kind: 'phrase', terms: ['seven4', 'three0'] }, isHit: (n) => has(n, 'seven4', 'three0') },
  { query: { kind: 'phrase', terms: ['three0', 'seven4'] }, isHit: () => false },
  { query: { kind: 'prefix', prefix: 'only' }, isHit: () => true },
  { query: { kind: 'or', any: [term('seven5'), term('seven6')] }, isHit: (n) => has(n, 'seven5') || has(n, 'seven6') },
]

const faults: string[] = []
const newest = QUESTIONS.map(() => -1)

function judge(at: number, found: number[]): void {
  const question = QUESTIONS[at]
  const first = found[0] ?? -1
  // A newer state never has less, but for what is deleted.
  for (let n = first + 1; n <= (newest[at] ?? -1); n++) {
    if (question?.isHit(n) === true && !isDeletedLater(n)) faults.push(`question ${at} forgot ${n}`)
  }
  newest[at] = Math.max(first, newest[at] ?? -1)
  for (const [place, n] of found.entries()) {
    if (question?.isHit(n) !== true) faults.push(`question ${at} found ${n}`)
    const before = found[place - 1]
    if (before === undefined) continue
    if (n >= before) faults.push(`question ${at}: ${n} comes after ${before}`)
    for (let between = n + 1; between < before; between++) {
      if (question?.isHit(between) === true && !isDeletedLater(between)) faults.push(`question ${at} lacks ${between}`)
    }
  }
}

while (Atomics.load(stop, 0) === 0) {
  for (const [at, { query }] of QUESTIONS.entries()) {
    const { hits, partial } = await remote.reader.search(query, { order: 'newest', limit: 60, deadlineMs: 60_000 })
    judge(
      at,
      hits.map(({ id }) => Number(id - FIRST_ID)),
    )
    for (const { id, author } of hits)
      if (author !== authorOf(Number(id - FIRST_ID))) faults.push(`${id} has another author`)
    if (partial.some((lacking) => lacking !== 'prefix' && lacking !== 'missing')) faults.push(partial.join())
    Atomics.add(progress, 0, 1)
  }
  if (faults.length > 20) break
  await nextTurn()
}
parentPort?.postMessage({ faults }, [])
