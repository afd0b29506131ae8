/** Reads timelines on its own thread as fast as it can, and reports what a reader must never see. */
import { parentPort, workerData } from 'node:worker_threads'

import type { AccountId } from '../../src/snowflake/contract.ts'
import type { TimelineEntry } from '../../src/timeline-cache/contract.ts'
import type { TimelineMemory } from '../../src/timeline-cache/memory.ts'
import { TimelineReader } from '../../src/timeline-cache/reader.ts'

interface WorkerData {
  memory: TimelineMemory
  owners: AccountId[]
  stop: Int32Array
  /** Reads so far. */
  progress: Int32Array
}

const { memory, owners, stop, progress } = workerData as WorkerData
const reader = new TimelineReader(memory)
const faults: string[] = []

/** The rule of `signed` in the test, the other way round. */
function isWhole({ id, author, boostOf, flags }: TimelineEntry): boolean {
  const base = 2n ** 62n + 1n
  const n = Number((id - base) / 4_194_304n)
  return (
    author === ((id * 3n) & (2n ** 62n - 1n)) &&
    boostOf === base + BigInt(n ^ 0x5555) * 4_194_304n &&
    flags === (Number(id >> 22n) & 3)
  )
}

while (Atomics.load(stop, 0) === 0) {
  for (const [index, owner] of owners.entries()) {
    for (const limit of [1, 20, 800]) {
      const page = reader.read(owner, { limit }, 1_000_000_000_000)
      if (page === undefined) continue
      Atomics.add(progress, 0, 1)
      const { entries } = page
      if (entries.length > limit) faults.push(`${entries.length} entries of ${limit}`)
      const torn = entries.findIndex((entry) => !isWhole(entry))
      if (torn >= 0) faults.push(`entry ${torn} of ${entries.length} is torn`)
      const alien = entries.findIndex(({ id }) => Number(((id - (2n ** 62n + 1n)) / 4_194_304n) & 1n) !== index % 2)
      if (alien >= 0) faults.push(`entry ${alien} of ${entries.length} belongs to others`)
      const disorder = entries.findIndex((entry, at) => entry.id >= (entries[at - 1]?.id ?? 2n ** 63n))
      if (disorder >= 0) faults.push(`entry ${disorder} of ${entries.length} is not below the one before`)
      if (faults.length > 20) Atomics.store(stop, 0, 1)
    }
  }
}
parentPort?.postMessage({ faults }, [])
