/** The timeline cache of one machine, in shared memory: `writer.ts` writes, `reader.ts` reads, `layout.ts` has the picture. */
import type { Clock } from '../kit/clock.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { TimelineCache } from './contract.ts'
import type { TimelineMemory } from './memory.ts'
import { TimelineReader } from './reader.ts'
import { TimelineWriter } from './writer.ts'

/** 256 MiB: 38,000 timelines of 800 entries, or 300,000 of up to 64. Memory is taken only as timelines come. */
export const TIMELINES_BYTES_MAX = 256 * 1024 * 1024

export interface SharedMemoryTimelines extends TimelineCache {
  /** For readers on other threads. */
  readonly memory: TimelineMemory
}

export interface SharedMemoryOptions {
  clock: Clock
  bytesLimit?: number
  /** An account's place in the social graph; without it `insertPlaces` finds nobody. */
  placeOf?: (owner: AccountId) => number
}

export function openSharedMemoryTimelines(options: SharedMemoryOptions): SharedMemoryTimelines {
  const { clock } = options
  const writer = new TimelineWriter(options.bytesLimit ?? TIMELINES_BYTES_MAX, options.placeOf)
  const reader = new TimelineReader(writer.memory)
  return {
    memory: writer.memory,
    insert: async (entry, owners) => writer.insert(entry, owners),
    insertPlaces: (entry, places) => writer.insertPlaces(entry, places),
    remove: async (id, owners) => writer.remove(id, owners),
    removeEverywhere: (id) => writer.removeEverywhere(id),
    read: async (owner, page) => reader.read(owner, page, clock.nowMs()),
    readNow: (owner, page) => reader.read(owner, page, clock.nowMs()),
    isAt: (mark) => reader.isAt(mark, clock.nowMs()),
    beginBuild: async (owner) => writer.beginBuild(owner, clock.nowMs()),
    finishBuild: async (ticket, entries, floor) => writer.finishBuild(ticket, entries, floor),
    abandonBuild: async (ticket) => writer.abandonBuild(ticket),
    merge: async (owner, entries, floor) => writer.merge(owner, entries, floor),
    removeAuthor: async (owner, author) => writer.removeAuthor(owner, author),
    drop: async (owner) => writer.drop(owner),
    dropUnread: async (beforeMs) => writer.dropUnread(beforeMs),
    shardOf: () => 'shared-memory',
    stats: () => writer.stats(),
    [Symbol.asyncDispose]: async () => {},
  }
}
