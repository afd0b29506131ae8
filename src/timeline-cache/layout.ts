/**
 * Where every word of the shared timelines lies. Four buffers of 32-bit words, shared by one writer thread and any number
 * of readers; each grows lazily, none shrinks.
 *
 *   directory  [ version | mask | bucket 0 | bucket 1 | … ]  account id → slot, open addressing with linear probing
 *                bucket = tag (10 bits) : slot + 1 (22 bits), 0 = empty; the whole id is compared in the header
 *
 *   headers    [ slot 0 | slot 1 | … ]                       128 bytes a timeline, two cache lines
 *                0 version   even = at rest, odd = being rewritten (a seqlock)
 *                1, 5-6      not used
 *                2 state     FREE, BUILDING, PRESENT
 *                3-4 owner   account id, low word first
 *                7-8 floor   complete above this id; once more than 800 were written, the 801st entry is the floor
 *                9 read      seconds since 1970 of the last read (the one word that readers write); of the build's begin
 *               10 epoch     of the build
 *               11-31 blocks number + 1 of each of the ring's 21 blocks, 0 = not yet needed
 *
 *   counts     [ slot 0 | slot 1 | … ]                       one word a timeline: entries appended since the last rewrite;
 *                entry n lies at ring place n % RING_PLACES. Apart from the headers, so that publishing walks a dense array
 *
 *   blocks     [ block 0 | block 1 | … ]                     40 entries of 24 bytes = 960 bytes, 15 cache lines
 *                entry = status id (63 bits), boosted id (63 bits), author id (63 bits), low words first;
 *                the three spare top bits are the entry's flags. A free block's first word links to the next free one.
 *
 * A ring has places for 840 entries, of which the newest 800 are readable: a reader that is 36 appends behind still reads
 * unharmed what it began to read.
 *
 * Publication. An append writes its entry into a place that no reader looks at, then publishes it by storing the count;
 * the store and the readers' loads are atomic, so a reader that sees the number sees the entry. Everything else happens
 * between an odd and an even version, and readers that saw the version odd or changed begin again. An atomic load after
 * an atomic store keeps later plain stores behind it also where the processor reorders (ARMv8's stlr; ldar).
 */
import assert from 'node:assert/strict'

import { ENTRY_BOOST, ENTRY_REPLY, TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { TimelineEntry } from './contract.ts'

export const ENTRY_WORDS = 6
export const BLOCK_ENTRIES = 40
export const BLOCK_WORDS = BLOCK_ENTRIES * ENTRY_WORDS
export const BLOCK_BYTES = BLOCK_WORDS * 4
export const RING_BLOCKS = 21
export const RING_PLACES = RING_BLOCKS * BLOCK_ENTRIES
/** How many appends a reader may fall behind while it reads; the rest up to the slack is margin. */
export const READER_LAG_MAX = 36

export const DIRECTORY_VERSION = 0
/** Number of buckets in use (a power of two) − 1. */
export const DIRECTORY_MASK = 1
export const BUCKETS_BEGIN = 16

/** How many owners an insert works on at a time: their headers stay in the processor's cache between its passes. */
export const BATCH_OWNERS = 1024

export const HEADER_SHIFT = 5
export const HEADER_WORDS = 1 << HEADER_SHIFT
export const HEADER_BYTES = HEADER_WORDS * 4
export const VERSION = 0
export const STATE = 2
export const OWNER_LOW = 3
export const OWNER_HIGH = 4
export const FLOOR_LOW = 7
export const FLOOR_HIGH = 8
export const READ_SECONDS = 9
export const EPOCH = 10
export const BLOCKS = 11

export const FREE = 0
export const BUILDING = 1
export const PRESENT = 2

export const SLOT_BITS = 22
export const SLOTS_MAX = 2 ** SLOT_BITS - 1
export const SLOT_MASK = 2 ** SLOT_BITS - 1

/** Word indices must stay below 2^31, where typed-array access is fast. */
export const BYTES_LIMIT_MAX = 8 * 2 ** 30
/** A ring rewrites itself before its count could wrap around 32 bits. */
export const WRITTEN_MAX = 2 ** 31

assert(BLOCKS + RING_BLOCKS === HEADER_WORDS)
assert(RING_PLACES - TIMELINE_ENTRIES_MAX > READER_LAG_MAX)
assert(ENTRY_WORDS * 4 <= 24)

/** Top bit of a high word: ids are positive signed 64-bit numbers, so it is ours. */
const FLAG_BIT = 0x8000_0000
const ID_BITS = 0x7fff_ffff

export function lowWord(id: bigint): number {
  return Number(id & 0xffff_ffffn)
}

export function highWord(id: bigint): number {
  return Number(id >> 32n)
}

export function idOf(low: number, high: number): bigint {
  return (BigInt(high & ID_BITS) << 32n) | BigInt(low)
}

/** Writes an entry's six words at `at`. */
export function packEntry(words: Uint32Array, at: number, entry: TimelineEntry): void {
  const flags = entry.flags
  assert((flags & ~(ENTRY_BOOST | ENTRY_REPLY)) === 0, 'an entry has room for three flags, of which two are known')
  words[at] = lowWord(entry.id)
  words[at + 1] = highWord(entry.id)
  words[at + 2] = lowWord(entry.boostOf)
  words[at + 3] = highWord(entry.boostOf) | (flags & ENTRY_BOOST ? FLAG_BIT : 0)
  words[at + 4] = lowWord(entry.author)
  words[at + 5] = highWord(entry.author) | (flags & ENTRY_REPLY ? FLAG_BIT : 0)
}

/** The entry whose six words lie at `at`. */
export function unpackEntry(words: Uint32Array, at: number): TimelineEntry {
  const boostHigh = words[at + 3]!
  const authorHigh = words[at + 5]!
  return {
    id: idOf(words[at]!, words[at + 1]!) as TimelineEntry['id'],
    boostOf: idOf(words[at + 2]!, boostHigh) as TimelineEntry['id'],
    author: idOf(words[at + 4]!, authorHigh) as TimelineEntry['author'],
    flags: (boostHigh & FLAG_BIT ? ENTRY_BOOST : 0) | (authorHigh & FLAG_BIT ? ENTRY_REPLY : 0),
  }
}

/** Whether id (low, high) is above the id of the entry at `at`. */
export function isAbove(low: number, high: number, words: Uint32Array, at: number): boolean {
  const otherHigh = words[at + 1]! & ID_BITS
  return high > otherHigh || (high === otherHigh && low > words[at]!)
}

/** Where entry `n` of a ring lies, given the ring's header. */
export function placeOf(headers: Uint32Array, header: number, n: number): number {
  const place = n % RING_PLACES
  const block = headers[header + BLOCKS + ((place / BLOCK_ENTRIES) | 0)]!
  return (block - 1) * BLOCK_WORDS + (place % BLOCK_ENTRIES) * ENTRY_WORDS
}
