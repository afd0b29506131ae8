/**
 * Where everything lies in Redis. Home timelines are divided into logical shards, each under a hash tag of its own, so
 * that the keys of one shard are always on one server and one function call can change many of them.
 *
 *   home1.16{s12}              the record of shard 12 of 16, a hash
 *     generation               timelines of any other one count as missing; a rising number (microseconds)
 *     newest                   the highest id of any timeline here: what is above it needs no comparing
 *     timelines, entries       how many, for metrics
 *     server                   the run of the server it was last seen on
 *     w…                       of each writer: the number of its last call
 *
 *   home1.16{s12}:0001a2b3…    the timeline of one account, its id in 16 hexadecimal digits, a list
 *     [ marker | entry | entry | … | entry ]      ids rise; new ones come in at the end
 *       marker = state 'B' or 'P' | floor (8) | epoch of the build (8) | last read, ms (8) | generation (text)
 *       entry  = status id (8) | boosted id (8) | author id (8), big-endian: 24 bytes
 *                the top bit of the boosted id says "boost", that of the author "reply"
 *
 * The marker is part of the list: a timeline is there as a whole or not at all, whatever Redis evicts, and an empty one
 * differs from a missing one. RPUSHX passes over what is not there.
 *
 * A list holds up to 900 elements; the newest 800 entries are readable, and the 801st is the floor.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import type { FunctionLibrary } from '../../engines/cache/contract.ts'
import type { AccountId, StatusId } from '../../snowflake/contract.ts'
import { ENTRY_BOOST, ENTRY_REPLY, TIMELINE_ENTRIES_MAX } from '../contract.ts'
import type { TimelineEntry } from '../contract.ts'

/** Part of the keys: changed together with what lies under them. */
const LAYOUT = 'home1'
/**
 * Few, so that a post's followers of one shard make a batch: each part of a batch costs Redis about a fifth of what a
 * timeline costs. Enough to spread over three to six servers.
 */
export const SHARDS_PRESET = 16

/** Where the key of every shard and timeline begins; other numbers of shards do not meet. */
export function keysPrefix(shards: number): string {
  return `${LAYOUT}.${shards}{`
}

export const ENTRY_BYTES = 24
const ID_BYTES = 8
const FLAG = 1n << 63n
const ID_BITS = FLAG - 1n

/** The functions, under a name that changes with their text. */
export function timelineLibrary(): FunctionLibrary {
  const text = readFileSync(new URL('timelines.lua', import.meta.url), 'utf8')
  const name = `dunlin_timelines_${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
  return { name, code: text.replaceAll('LIBRARY', name) }
}

/** Which shard an account belongs to: the finaliser of MurmurHash3, as ids have few random bits. */
export class ShardHash {
  readonly #id = new BigUint64Array(1)
  readonly #words = new Uint32Array(this.#id.buffer)
  readonly #shards: number

  constructor(shards: number) {
    this.#shards = shards
  }

  of(owner: AccountId): number {
    return this.bitsOf(owner) % this.#shards
  }

  /** 32 bits, of which the remainder by the number of shards is the shard. */
  bitsOf(owner: AccountId): number {
    this.#id[0] = owner
    let hash = this.#words[0]! ^ Math.imul(this.#words[1]!, 0x9e37_79b1)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
    return (hash ^ (hash >>> 16)) >>> 0
  }
}

export function packId(id: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(ID_BYTES)
  bytes.writeBigUInt64BE(id)
  return bytes
}

export function packEntries(entries: readonly TimelineEntry[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.length * ENTRY_BYTES)
  entries.forEach(({ id, boostOf, author, flags }, index) => {
    const at = index * ENTRY_BYTES
    bytes.writeBigUInt64BE(id, at)
    bytes.writeBigUInt64BE((flags & ENTRY_BOOST) === 0 ? boostOf : boostOf | FLAG, at + ID_BYTES)
    bytes.writeBigUInt64BE((flags & ENTRY_REPLY) === 0 ? author : author | FLAG, at + 2 * ID_BYTES)
  })
  return bytes
}

/** An author's eight bytes as they stand in entries, without and with the flag. */
export function packAuthor(author: AccountId): Buffer {
  return Buffer.concat([packId(author), packId(author | FLAG)])
}

/** What `read` returns. */
export interface ReadTimeline {
  floor: bigint
  /** Milliseconds since 1970. */
  lastReadMs: number
  endReached: boolean
  /** Newest first. */
  entries: TimelineEntry[]
}

export function unpackRead(bytes: Buffer): ReadTimeline {
  const entries: TimelineEntry[] = []
  const begin = 2 * ID_BYTES + 1
  for (let at = bytes.length - ENTRY_BYTES; at >= begin; at -= ENTRY_BYTES) entries.push(unpackEntry(bytes, at))
  return {
    floor: bytes.readBigUInt64BE(0),
    lastReadMs: bytes.readDoubleBE(ID_BYTES),
    endReached: bytes[begin - 1] === 0x31, // '1'
    entries,
  }
}

function unpackEntry(bytes: Buffer, at: number): TimelineEntry {
  const boost = bytes.readBigUInt64BE(at + ID_BYTES)
  const author = bytes.readBigUInt64BE(at + 2 * ID_BYTES)
  return {
    id: bytes.readBigUInt64BE(at) as StatusId,
    boostOf: (boost & ID_BITS) as StatusId,
    author: (author & ID_BITS) as AccountId,
    flags: (boost >= FLAG ? ENTRY_BOOST : 0) | (author >= FLAG ? ENTRY_REPLY : 0),
  }
}

/** As the functions want them: rising and unique ids, and no more than can matter. */
export function packRising(entries: readonly TimelineEntry[]): Buffer {
  const rising = entries.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const unique = rising.filter(({ id }, index) => id !== rising[index + 1]?.id)
  return packEntries(unique.slice(-TIMELINE_ENTRIES_MAX - 1)) // one more tells the floor
}
