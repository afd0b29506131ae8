/**
 * Where every word of the shared timelines lies. Four buffers of 32-bit words, shared by one writer thread and any number
 * of readers; each grows lazily, none shrinks.
 *
 *   directory  [ version | mask | bucket 0 | bucket 1 | … ]  account id → slot, open addressing with linear probing
 *                bucket = tag (10 bits) : slot + 1 (22 bits), 0 = empty; the whole id is compared in the header
 *
 *   headers    [ slot 0 | slot 1 | … ]                       128 bytes a timeline, two cache lines
 *                0 version   even = at rest, odd = being rewritten (a seqlock)
 *                1 base      entries written before the newest block was opened, a multiple of 64
 *                2 state     FREE, BUILDING, PRESENT
 *                3-4 owner   account id, low word first
 *                7-8 floor   complete above this id; once more than 800 were written, the 801st entry is the floor
 *                9 read      seconds since 1970 of the last read (the one word that readers write); of the build's begin
 *               10 epoch     of the build
 *               11-24 blocks number of each of the ring's 14 blocks, 0 = not yet needed
 *
 *   blocks     [ not used | block 1 | block 2 | … ]          64 entries of 4 bytes = 256 bytes, 4 cache lines
 *                entry = row + 1 of a status, 0 = not written yet. Entry n of a timeline lies in its block n / 64 % 14, so
 *                that all blocks but the newest are full. A free block's first word links to the next free one
 *
 *   statuses   [ row 0 | row 1 | … ]                         24 bytes a status, once for all timelines that name it
 *                row = status id (63 bits), boosted id (63 bits), author id (63 bits), low words first; the three spare
 *                top bits are flags: deleted, boost, reply. So a deletion is one store, however many timelines name it.
 *                Rows that no timeline names any more are used again
 *
 * So a delivery writes four bytes, and sixteen deliveries to a timeline fall into one cache line: what costs time in
 * fan-out is the lines touched, not the instructions.
 *
 * Publication. An append into the newest block is a single store: the word that was 0. A status' row is written before, and
 * a fence keeps it before, so that a reader that finds the entry finds the status. Everything else (opening a block, an
 * entry that comes late, removals, builds) happens between an odd and an even version, and readers that saw the version odd
 * or changed begin again. Rows and blocks are used again only after the change that let go of them was published: a reader
 * that comes upon another status sees another version as well. An atomic load after an atomic store keeps later plain stores
 * behind it also where the processor reorders (ARMv8's stlr; ldar).
 */
import assert from 'node:assert/strict'

import { ENTRY_BOOST, ENTRY_REPLY, TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { TimelineEntry } from './contract.ts'

export const STATUS_WORDS = 6
export const STATUS_BYTES = STATUS_WORDS * 4
export const BLOCK_ENTRIES = 64
export const BLOCK_BYTES = BLOCK_ENTRIES * 4
export const RING_BLOCKS = 14
/** Within a block, by masking. */
export const BLOCK_MASK = BLOCK_ENTRIES - 1

export const DIRECTORY_VERSION = 0
/** Number of buckets in use (a power of two) − 1. */
export const DIRECTORY_MASK = 1
export const BUCKETS_BEGIN = 16

/** How many owners an insert works on at a time. */
export const BATCH_OWNERS = 4096

export const HEADER_SHIFT = 5
export const HEADER_WORDS = 1 << HEADER_SHIFT
export const HEADER_BYTES = HEADER_WORDS * 4
export const VERSION = 0
export const BASE = 1
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
/** A ring rewrites itself before its count leaves 31 bits. */
export const WRITTEN_MAX = 2 ** 31

assert(BLOCKS + RING_BLOCKS <= HEADER_WORDS)
// While the newest block has one entry, the others hold the rest.
assert((RING_BLOCKS - 1) * BLOCK_ENTRIES >= TIMELINE_ENTRIES_MAX - 1)
assert((BLOCK_ENTRIES & BLOCK_MASK) === 0)
assert(STATUS_BYTES <= 24)

/** Top bit of a high word: ids are positive signed 64-bit numbers, so it is ours. */
const FLAG_BIT = 0x8000_0000
export const ID_BITS = 0x7fff_ffff
/** In the high word of a status' own id. */
export const DELETED_BIT = FLAG_BIT

export function lowWord(id: bigint): number {
  return Number(id & 0xffff_ffffn)
}

export function highWord(id: bigint): number {
  return Number(id >> 32n)
}

export function idOf(low: number, high: number): bigint {
  return (BigInt(high & ID_BITS) << 32n) | BigInt(low)
}

/** Writes an entry's status as six words at `at`. */
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

/** The entry whose status lies at `at`. */
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

/** Whether id (low, high) is above the id of the status at `at`. */
export function isAbove(low: number, high: number, words: Uint32Array, at: number): boolean {
  const otherHigh = words[at + 1]! & ID_BITS
  return high > otherHigh || (high === otherHigh && low > words[at]!)
}

/** The header's word that has the number of the block where entry `n` lies. */
export function blockWord(header: number, n: number): number {
  return header + BLOCKS + (Math.floor(n / BLOCK_ENTRIES) % RING_BLOCKS)
}

/** The word in `blocks` where entry `n` of a ring lies, given the ring's header. */
export function placeOf(headers: Uint32Array, header: number, n: number): number {
  return headers[blockWord(header, n)]! * BLOCK_ENTRIES + (n & BLOCK_MASK)
}
