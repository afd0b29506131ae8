/**
 * Reads all edges into memory, in batches. Rows that a slow transaction commits behind the walk are not seen: their
 * `graph.changed` comes after them, and a graph that listens to the bus from before the load reads them then.
 */
import type { Database } from '../engines/database/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { GraphMemory } from './memory.ts'
import { followsAfter, readPairs, SPECIAL_EDGES, specialEdgesAfter } from './rows.ts'

const FOLLOWS_BATCH = 50_000
const SPECIAL_BATCH = 2_000

export async function loadGraph(deps: { db: Database; clock: Clock; log: Log }, memory: GraphMemory): Promise<void> {
  const { db, clock, log } = deps
  const beganMs = clock.nowMs()
  await loadFollows(db, memory)
  const special = await loadSpecialEdges(db, memory)
  const tookMs = clock.nowMs() - beganMs
  log.info({ event: 'social_graph.loaded', follows: memory.follows, special, bytes: memory.bytes, tookMs })
}

async function loadFollows(db: Database, memory: GraphMemory): Promise<void> {
  let afterId = 0n
  for (;;) {
    const { sources, targets, lastId } = await followsAfter(db, afterId, FOLLOWS_BATCH)
    for (const [index, source] of sources.entries()) {
      const target = targets[index]
      if (target !== undefined) memory.loadFollow(source, target)
    }
    if (lastId === null) break
    afterId = lastId
  }
  memory.settle()
}

async function loadSpecialEdges(db: Database, memory: GraphMemory): Promise<number> {
  let loaded = 0
  for (const where of SPECIAL_EDGES) {
    let afterId = 0n
    for (;;) {
      const edges = await specialEdgesAfter(db, where, afterId, SPECIAL_BATCH)
      const pairs = await readPairs(db, edges)
      for (const [index, { source, target }] of edges.entries()) {
        const pair = pairs[index]
        if (pair === undefined) continue
        memory.setEdge(source, target, pair.out)
        memory.setEdge(target, source, pair.back)
      }
      loaded += edges.length
      const last = edges.at(-1)
      if (last === undefined) break
      afterId = last.id
    }
  }
  return loaded
}
