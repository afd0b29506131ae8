/** The buffers of `layout.ts`, as the writer makes them and as any thread sees them. */
import assert from 'node:assert/strict'

import { BLOCK_BYTES, BUCKETS_BEGIN, BYTES_LIMIT_MAX, HEADER_BYTES, SLOTS_MAX } from './layout.ts'

/** What is posted to a reader's thread. */
export interface TimelineMemory {
  directory: SharedArrayBuffer
  headers: SharedArrayBuffer
  counts: SharedArrayBuffer
  blocks: SharedArrayBuffer
}

/** Enough for a few whole timelines; less makes no sense. */
export const BYTES_LIMIT_MIN = 64 * 1024

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

/** Of one timeline in `counts`. */
export const COUNT_BYTES = 4

export interface MemoryPlan {
  /** Room for at least twice as many buckets as slots. */
  directoryBytes: number
  slots: number
  blocks: number
}

/** Divides `bytesLimit` so that every timeline can have one block, and the rest goes to longer ones. */
export function planMemory(bytesLimit: number): MemoryPlan {
  assert(bytesLimit >= BYTES_LIMIT_MIN && bytesLimit <= BYTES_LIMIT_MAX, `timeline memory of ${bytesLimit} bytes`)
  const bucketBytes = 2 * 2 * 4 // two to four buckets a slot
  const slots = Math.min(SLOTS_MAX, Math.floor(bytesLimit / (BLOCK_BYTES + HEADER_BYTES + COUNT_BYTES + bucketBytes)))
  const buckets = Math.max(512, 2 ** Math.ceil(Math.log2(slots * 2)))
  const directoryBytes = (BUCKETS_BEGIN + buckets) * 4
  const blocks = Math.floor((bytesLimit - slots * (HEADER_BYTES + COUNT_BYTES) - directoryBytes) / BLOCK_BYTES)
  return { directoryBytes, slots, blocks }
}

/** Reserves addresses for the whole plan; memory itself is taken as timelines come. */
export function reserveMemory(plan: MemoryPlan): TimelineMemory {
  return {
    directory: new SharedArrayBuffer(plan.directoryBytes),
    headers: new SharedArrayBuffer(0, { maxByteLength: plan.slots * HEADER_BYTES }),
    counts: new SharedArrayBuffer(0, { maxByteLength: plan.slots * COUNT_BYTES }),
    blocks: new SharedArrayBuffer(0, { maxByteLength: plan.blocks * BLOCK_BYTES }),
  }
}
