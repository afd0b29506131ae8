/** Passes over authors of its own at the same moment as another thread passes over its own, round after round. */
import { parentPort, workerData } from 'node:worker_threads'

import type { AccountId } from '../../src/snowflake/contract.ts'
import { MergedAuthors } from '../../src/timeline-cache/contract.ts'

const { memories, from, count, arrived, threads } = workerData as {
  memories: readonly SharedArrayBuffer[]
  from: number
  count: number
  /** By round. */
  arrived: Int32Array
  threads: number
}
const missing: bigint[] = []
for (const [round, memory] of memories.entries()) {
  const merged = new MergedAuthors(10, memory)
  Atomics.add(arrived, round, 1)
  while (Atomics.load(arrived, round) < threads); // awake, so that both begin in the same moment
  for (let author = from; author < from + count; author += 1) {
    if (!merged.passesOver(BigInt(author) as AccountId, 11)) missing.push(BigInt(author))
  }
}
parentPort?.postMessage(missing, [])
