/** The buffers of `layout.ts`, as the writer makes them and as any thread sees them. */
import assert from 'node:assert/strict'

import { BLOCK_BYTES, BUCKETS_BEGIN, BYTES_LIMIT_MAX, HEADER_BYTES, SLOTS_MAX, STATUS_BYTES } from './layout.ts'

/** What is posted to a reader's thread. */
export interface TimelineMemory {
  directory: SharedArrayBuffer
  headers: SharedArrayBuffer
  blocks: SharedArrayBuffer
  statuses: SharedArrayBuffer
}

/** Enough for a few whole timelines; less makes no sense. */
export const BYTES_LIMIT_MIN = 128 * 1024

/** A growable shared buffer as 32-bit words. `words` has a fixed length, which keeps access fast; it is renewed after growth. */
export class SharedWords {
  readonly buffer: SharedArrayBuffer
  words: Uint32Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2)
  }

  /** Sees what the writer has grown meanwhile. */
  refresh(): void {
    this.words = new Uint32Array(this.buffer, 0, this.buffer.byteLength >>> 2)
  }

  /** The writer's side: grows by `bytes`, at most to the buffer's limit. False when there is no room left. */
  grow(bytes: number): boolean {
    const target = Math.min(this.buffer.byteLength + bytes, this.buffer.maxByteLength)
    if (target === this.buffer.byteLength) return false
    this.buffer.grow(target)
    this.refresh()
    return true
  }
}

/** What a timeline takes before its first entry: its header, and the writer's notes in `ends.ts`. */
export const TIMELINE_BYTES = HEADER_BYTES + 16
/** A status with what the writer notes of it: how often it is named, and two to four buckets of its index. */
export const ROW_BYTES = STATUS_BYTES + 4 + 2 * 4
/**
 * Half of the memory is for statuses, half for timelines: balanced where a status is in nine timelines. Where people have
 * fewer followers, timelines are fewer than there is room for; where they have more, statuses are.
 */
const STATUSES_SHARE = 1 / 2

export interface MemoryPlan {
  /** Room for at least twice as many buckets as slots. */
  directoryBytes: number
  slots: number
  blocks: number
  statuses: number
}

/** Divides `bytesLimit` so that every timeline can have one block, and the rest of its half goes to longer ones. */
export function planMemory(bytesLimit: number): MemoryPlan {
  assert(bytesLimit >= BYTES_LIMIT_MIN && bytesLimit <= BYTES_LIMIT_MAX, `timeline memory of ${bytesLimit} bytes`)
  const statuses = Math.floor((bytesLimit * STATUSES_SHARE) / ROW_BYTES)
  const timelineBytes = bytesLimit - statuses * ROW_BYTES
  const bucketBytes = 2 * 2 * 4 // two to four buckets a slot
  const slots = Math.min(SLOTS_MAX, Math.floor(timelineBytes / (BLOCK_BYTES + TIMELINE_BYTES + bucketBytes)))
  const buckets = Math.max(512, 2 ** Math.ceil(Math.log2(slots * 2)))
  const directoryBytes = (BUCKETS_BEGIN + buckets) * 4
  const blocks = Math.floor((timelineBytes - slots * TIMELINE_BYTES - directoryBytes) / BLOCK_BYTES) - 1
  return { directoryBytes, slots, blocks, statuses }
}

/** Reserves addresses for the whole plan; memory itself is taken as timelines come. */
export function reserveMemory(plan: MemoryPlan): TimelineMemory {
  return {
    directory: new SharedArrayBuffer(plan.directoryBytes),
    headers: new SharedArrayBuffer(0, { maxByteLength: plan.slots * HEADER_BYTES }),
    blocks: new SharedArrayBuffer(0, { maxByteLength: (plan.blocks + 1) * BLOCK_BYTES }),
    statuses: new SharedArrayBuffer(0, { maxByteLength: plan.statuses * STATUS_BYTES }),
  }
}
