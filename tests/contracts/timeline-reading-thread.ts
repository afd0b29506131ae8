/** Reads timelines on its own thread as fast as it can, and reports what a reader must never see. */
import { parentPort, workerData } from 'node:worker_threads'

import type { AccountId } from '../../src/snowflake/contract.ts'
import type { TimelineEntry } from '../../src/timeline-cache/contract.ts'
import type { TimelineMemory } from '../../src/timeline-cache/memory.ts'
import { TimelineReader } from '../../src/timeline-cache/reader.ts'

const { memory, owners, stop } = workerData as { memory: TimelineMemory; owners: AccountId[]; stop: Int32Array }
const reader = new TimelineReader(memory)
const faults: string[] = []
let reads = 0

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
  for (const owner of owners) {
    for (const limit of [1, 20, 800]) {
      const page = reader.read(owner, { limit }, 1_000_000_000_000)
      if (page === undefined) continue
      reads++
      const { entries } = page
      if (entries.length > limit) faults.push(`${entries.length} entries of ${limit}`)
      const torn = entries.findIndex((entry) => !isWhole(entry))
      if (torn >= 0) faults.push(`entry ${torn} of ${entries.length} is torn`)
      const disorder = entries.findIndex((entry, index) => entry.id >= (entries[index - 1]?.id ?? 2n ** 63n))
      if (disorder >= 0) faults.push(`entry ${disorder} of ${entries.length} is not below the one before`)
      if (faults.length > 20) Atomics.store(stop, 0, 1)
    }
  }
}
parentPort?.postMessage({ reads, faults }, [])
