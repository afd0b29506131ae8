/** The thread that writes the index of the search benchmark: first as many statuses as asked for, then some each second. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

import { IndexWriter } from '../src/earlybird/index-writer.ts'
import { memoryOf } from '../src/earlybird/reader.ts'
import { SearchWorld } from './search-world.ts'

export interface SearchWriterSetup {
  statuses: number
  perSecond: number
}

export type FromSearchWriter =
  | { kind: 'memory'; memory: ReturnType<typeof memoryOf> }
  | { kind: 'built'; bytes: number }
  /** After 'stop': how many came besides, in how long. */
  | { kind: 'written'; statuses: number; ms: number }

const BATCH = 500
const TICK_MS = 5

const { statuses, perSecond } = workerData as SearchWriterSetup // as search.ts gives it
const port = parentPort
if (port === null) throw new Error('this is a worker')
const say = (message: FromSearchWriter): void => port.postMessage(message, [])

const world = new SearchWorld(statuses)
const missing = new Int32Array(new SharedArrayBuffer(4))
const writer: IndexWriter = new IndexWriter({
  changed: () =>
    say({ kind: 'memory', memory: memoryOf({ segments: writer.segments, authors: writer.authors, missing }) }),
})
const write = (from: number, until: number): void => {
  writer.add(Array.from({ length: until - from }, (_, n) => world.documentAt(from + n)))
}

for (let n = 0; n < statuses; n += BATCH) write(n, Math.min(n + BATCH, statuses))
// As after a restart, but for the newest, which are always in a live segment.
while (writer.work(Number.POSITIVE_INFINITY));
say({ kind: 'memory', memory: memoryOf({ segments: writer.segments, authors: writer.authors, missing }) })
say({ kind: 'built', bytes: writer.segments.reduce((sum, { bytes }) => sum + bytes, 0) })

const stop = new AbortController()
port.once('message', () => stop.abort())
const beginMs = performance.now()
let written = 0
while (!stop.signal.aborted) {
  const due = Math.floor(((performance.now() - beginMs) / 1000) * perSecond)
  write(statuses + written, statuses + due)
  written = due
  while (writer.work(performance.now() + 1)) await nextTurn()
  await sleep(TICK_MS)
}
say({ kind: 'written', statuses: written, ms: performance.now() - beginMs })
