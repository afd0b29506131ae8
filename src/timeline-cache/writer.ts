/**
 * The one writer of the shared timelines.
 *
 * An insert into many timelines runs in three passes over at most BATCH_OWNERS of them: find the slots, write the
 * entries, publish. The passes touch memory without waiting for it: processors overlap the cache misses of a plain loop,
 * but not across the fence of each publication. What is not a plain append (out of order, out of blocks) comes last, singly.
 */
import assert from 'node:assert/strict'
import { endianness } from 'node:os'

import type { AccountId } from '../snowflake/contract.ts'
import { Appends } from './appends.ts'
import { BlockPool } from './block-pool.ts'
import { BUILD_LEASE_MS, TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { BuildTicket, TimelineCacheStats, TimelineEntry } from './contract.ts'
import { Directory, NO_SLOT } from './directory.ts'
import {
  BATCH_OWNERS,
  BLOCK_BYTES,
  BLOCK_ENTRIES,
  BLOCKS,
  BUILDING,
  ENTRY_WORDS,
  EPOCH,
  FREE,
  HEADER_BYTES,
  HEADER_SHIFT,
  PRESENT,
  READ_SECONDS,
  RING_PLACES,
  STATE,
  WRITTEN_MAX,
  highWord,
  lowWord,
  packEntry,
} from './layout.ts'
import { COUNT_BYTES, SharedWords, planMemory, reserveMemory } from './memory.ts'
import type { TimelineMemory } from './memory.ts'
import { EntryList, Rings } from './rings.ts'
import { Slots } from './slots.ts'
import { NO_PLACE, TAIL_HEAD_HIGH, TAIL_HEAD_LOW, TAIL_NEXT, TAIL_SHIFT, TAIL_WRITTEN, Tails } from './tails.ts'

/** When memory is full, this share of the timelines goes at once, the longest unread first. */
const EVICTED_SHARE = 1 / 32

// Owners' ids are split into words by looking at the same bytes twice.
assert(endianness() === 'LE', 'the timeline cache needs a little-endian machine')

export class TimelineWriter {
  readonly memory: TimelineMemory
  readonly #bytesLimit: number
  readonly #headers: SharedWords
  readonly #counts: SharedWords
  readonly #blocks: SharedWords
  readonly #directory: Directory
  readonly #pool: BlockPool
  readonly #rings: Rings
  readonly #slots: Slots
  readonly #tails: Tails
  readonly #appends: Appends
  readonly #placeOf: ((owner: AccountId) => number) | undefined
  #epoch = 0

  // Scratch, so that nothing is allocated per insert.
  readonly #ids = new BigUint64Array(BATCH_OWNERS)
  readonly #idWords = new Uint32Array(this.#ids.buffer)
  readonly #found = new Int32Array(BATCH_OWNERS)
  readonly #entry = new Uint32Array(ENTRY_WORDS)
  readonly #present = new EntryList(TIMELINE_ENTRIES_MAX)
  readonly #added = new EntryList(TIMELINE_ENTRIES_MAX)
  readonly #merged = new EntryList(2 * TIMELINE_ENTRIES_MAX)

  /** `placeOf`: an account's place in the social graph, for `insertPlaces`. */
  constructor(bytesLimit: number, placeOf?: (owner: AccountId) => number) {
    const plan = planMemory(bytesLimit)
    this.memory = reserveMemory(plan)
    this.#bytesLimit = bytesLimit
    this.#headers = new SharedWords(this.memory.headers)
    this.#counts = new SharedWords(this.memory.counts)
    this.#blocks = new SharedWords(this.memory.blocks)
    this.#directory = new Directory(this.memory.directory, this.#headers)
    this.#pool = new BlockPool(this.#blocks, plan.blocks)
    const shared = { headers: this.#headers, counts: this.#counts, blocks: this.#blocks }
    this.#rings = new Rings(shared, this.#pool)
    this.#slots = new Slots(shared, this.#directory, plan.slots)
    this.#tails = new Tails(this.#headers, this.#rings)
    this.#appends = new Appends(shared, this.#tails)
    this.#placeOf = placeOf
  }

  /** How many timelines took the entry; see the contract. */
  insert(entry: TimelineEntry, owners: readonly AccountId[]): number {
    packEntry(this.#entry, 0, entry)
    let taken = 0
    for (let from = 0; from < owners.length; from += BATCH_OWNERS) {
      const count = Math.min(BATCH_OWNERS, owners.length - from)
      for (let index = 0; index < count; index++) this.#ids[index] = owners[from + index]!
      taken += this.#insertFound(this.#directory.findMany(this.#idWords, count, this.#found))
    }
    return taken
  }

  /** The same for owners named by their ascending places in the social graph: no id is looked up. */
  insertPlaces(entry: TimelineEntry, places: Uint32Array): number {
    packEntry(this.#entry, 0, entry)
    let taken = 0
    for (let from = 0; from < places.length; from += BATCH_OWNERS) {
      taken += this.#insertFound(this.#findPlaces(places, from, Math.min(from + BATCH_OWNERS, places.length)))
    }
    return taken
  }

  #findPlaces(places: Uint32Array, from: number, to: number): number {
    const { slotOfPlace } = this.#tails
    const found = this.#found
    let length = 0
    for (let index = from; index < to; index++) {
      const place = places[index]!
      const slot = place < slotOfPlace.length ? slotOfPlace[place]! : 0
      if (slot !== 0) found[length++] = slot - 1
    }
    return length
  }

  /** Inserts the entry of `#entry` into the first `count` slots of `#found`. */
  #insertFound(count: number): number {
    const { appended, left } = this.#appends.run(this.#entry, this.#found, count)
    let taken = appended
    for (let index = 0; index < left; index++) {
      const slot = this.#appends.left[index]!
      // An eviction for another one of the batch may have freed it.
      if (this.#headers.words[(slot << HEADER_SHIFT) + STATE] === FREE) continue
      if (this.#appendIntoNewBlock(slot) || this.#insertSingly(slot)) taken++
      // What it freed itself has no tail.
      if (this.#headers.words[(slot << HEADER_SHIFT) + STATE] !== FREE) this.#tails.refresh(slot)
    }
    return taken
  }

  /** One entry in forty opens a block. False when the entry is not the ring's newest, or no block can be had just now. */
  #appendIntoNewBlock(slot: number): boolean {
    const tail = slot << TAIL_SHIFT
    const tails = this.#tails.words
    const low = this.#entry[0]!
    const high = this.#entry[1]!
    const headHigh = tails[tail + TAIL_HEAD_HIGH]!
    const isNewest = high > headHigh || (high === headHigh && low > tails[tail + TAIL_HEAD_LOW]!)
    const at = isNewest ? this.#takeBlock(slot) : NO_PLACE
    if (at === NO_PLACE) return false
    this.#blocks.words.set(this.#entry, at)
    Atomics.store(this.#counts.words, slot, tails[tail + TAIL_WRITTEN]! + 1)
    return true
  }

  /** Where the ring's next entry goes once it has a block for it; NO_PLACE when there is none left. */
  #takeBlock(slot: number): number {
    const header = slot << HEADER_SHIFT
    const written = this.#tails.words[(slot << TAIL_SHIFT) + TAIL_WRITTEN]!
    if (written >= WRITTEN_MAX) return NO_PLACE
    const blockWord = header + BLOCKS + (((written % RING_PLACES) / BLOCK_ENTRIES) | 0)
    if (this.#headers.words[blockWord] === 0) {
      const block = this.#pool.take()
      if (block === 0) return NO_PLACE
      Atomics.store(this.#headers.words, blockWord, block)
    }
    return this.#tails.nextPlace(header, written)
  }

  /** Puts the entry of `#entry` where it belongs. False when it is there already, or too old. */
  #insertSingly(slot: number): boolean {
    const header = slot << HEADER_SHIFT
    const [low = 0, high = 0] = this.#entry
    const n = this.#rings.firstNotBelow(header, low, high)
    if (this.#rings.isAt(header, n, low, high)) return false
    const id = (BigInt(high) << 32n) | BigInt(low)
    if (id <= this.#rings.floor(header)) return false
    const written = this.#rings.written(header)
    if (written >= TIMELINE_ENTRIES_MAX && n === this.#rings.oldest(header)) {
      this.#rings.raiseFloor(header, id)
      return false
    }
    if (written >= WRITTEN_MAX) this.#rewriteWithout(header, () => false)
    this.#tails.refresh(slot)
    if (this.#tails.words[(slot << TAIL_SHIFT) + TAIL_NEXT] === NO_PLACE) {
      if (!this.#makeRoom(1, slot)) return false
      this.#takeBlock(slot)
    }
    this.#rings.insertAt(header, this.#rings.firstNotBelow(header, low, high), this.#entry)
    return true
  }

  remove(id: bigint, owners: readonly AccountId[]): number {
    const low = lowWord(id)
    const high = highWord(id)
    let removed = 0
    for (const owner of owners) {
      const header = this.#headerOf(owner)
      if (header === undefined) continue
      const n = this.#rings.firstNotBelow(header, low, high)
      if (!this.#rings.isAt(header, n, low, high)) continue
      this.#rewriteWithout(header, (words, at) => words[at] === low && words[at + 1] === high)
      removed++
    }
    return removed
  }

  #rewriteWithout(header: number, drops: (words: Uint32Array, at: number) => boolean): void {
    this.#present.length = 0
    this.#rings.copyOut(header, this.#present, (words, at) => !drops(words, at))
    this.#rings.rewrite(header, this.#present, this.#rings.floor(header))
    this.#tails.refresh(header >>> HEADER_SHIFT)
  }

  beginBuild(owner: AccountId, nowMs: number): BuildTicket | undefined {
    const nowSeconds = Math.floor(nowMs / 1000)
    const header = this.#headerOf(owner)
    const headers = this.#headers.words
    if (header !== undefined) {
      const lapsed = nowSeconds - headers[header + READ_SECONDS]! > BUILD_LEASE_MS / 1000
      if (headers[header + STATE] !== BUILDING || !lapsed) return undefined
    }
    const epoch = ++this.#epoch
    if (header === undefined) {
      if (this.#slots.isFull()) this.#evict(NO_SLOT)
      const slot = this.#slots.open(owner, epoch, nowSeconds)
      if (this.#placeOf !== undefined) this.#tails.assign(slot, this.#placeOf(owner))
      this.#tails.refresh(slot)
    } else {
      headers[header + EPOCH] = epoch
      headers[header + READ_SECONDS] = nowSeconds
    }
    return { owner, epoch }
  }

  finishBuild(ticket: BuildTicket, entries: readonly TimelineEntry[], floor: bigint): boolean {
    const header = this.#buildOf(ticket)
    if (header === undefined) return false
    return this.#merge(header, entries, floor, () => {
      Atomics.store(this.#headers.words, header + STATE, PRESENT)
    })
  }

  abandonBuild(ticket: BuildTicket): void {
    const header = this.#buildOf(ticket)
    if (header !== undefined) this.#free(header >>> HEADER_SHIFT)
  }

  merge(owner: AccountId, entries: readonly TimelineEntry[], floor: bigint): void {
    const header = this.#headerOf(owner)
    if (header !== undefined) this.#merge(header, entries, floor, () => {})
  }

  /** False when there is not even room for this timeline alone; it is missing then. */
  #merge(header: number, entries: readonly TimelineEntry[], floor: bigint, meanwhile: () => void): boolean {
    const present = this.#present
    const added = this.#added
    const merged = this.#merged
    const left = added.pack(entries)
    present.length = 0
    this.#rings.copyOut(header, present, () => true)
    merged.length = 0
    for (let p = 0, a = 0; p < present.length || a < added.length;) {
      const presentId = p < present.length ? present.idAt(p) : undefined
      const addedId = a < added.length ? added.idAt(a) : undefined
      const takesPresent = addedId === undefined || (presentId !== undefined && presentId <= addedId)
      if (takesPresent) merged.push(present.words, p * ENTRY_WORDS)
      else merged.push(added.words, a * ENTRY_WORDS)
      if (takesPresent) p++
      if (!takesPresent || presentId === addedId) a++
    }
    const blocksNeeded = Math.ceil(Math.min(merged.length, TIMELINE_ENTRIES_MAX) / BLOCK_ENTRIES)
    const room = this.#makeRoom(blocksNeeded - this.#rings.blocksOf(header), header >>> HEADER_SHIFT)
    if (!room) return false
    const floors = [floor, left, this.#rings.floor(header)]
    this.#rings.rewrite(
      header,
      merged,
      floors.reduce((a, b) => (a > b ? a : b)),
      meanwhile,
    )
    this.#tails.refresh(header >>> HEADER_SHIFT)
    return true
  }

  removeAuthor(owner: AccountId, author: AccountId): void {
    const header = this.#headerOf(owner)
    if (header === undefined) return
    if (this.#headers.words[header + STATE] === BUILDING) this.#free(header >>> HEADER_SHIFT)
    else {
      const low = lowWord(author)
      const high = highWord(author)
      this.#rewriteWithout(header, (words, at) => words[at + 4] === low && (words[at + 5]! & 0x7fff_ffff) === high)
    }
  }

  drop(owner: AccountId): void {
    const header = this.#headerOf(owner)
    if (header !== undefined) this.#free(header >>> HEADER_SHIFT)
  }

  dropUnread(beforeMs: number): number {
    const stale = this.#slots.unreadSince(Math.ceil(beforeMs / 1000))
    for (const slot of stale) this.#free(slot)
    return stale.length
  }

  stats(): TimelineCacheStats {
    const { present, entries } = this.#slots.count()
    const bytes =
      this.#slots.inUse * (HEADER_BYTES + COUNT_BYTES) +
      this.#pool.inUse * BLOCK_BYTES +
      this.memory.directory.byteLength
    return { present, entries, bytes, bytesLimit: this.#bytesLimit }
  }

  #headerOf(owner: AccountId): number | undefined {
    const slot = this.#directory.find(lowWord(owner), highWord(owner))
    return slot === NO_SLOT ? undefined : slot << HEADER_SHIFT
  }

  #buildOf(ticket: BuildTicket): number | undefined {
    const header = this.#headerOf(ticket.owner)
    if (header === undefined) return undefined
    const headers = this.#headers.words
    return headers[header + STATE] === BUILDING && headers[header + EPOCH] === ticket.epoch ? header : undefined
  }

  #free(slot: number): void {
    const header = slot << HEADER_SHIFT
    this.#directory.remove(slot)
    this.#tails.release(slot)
    this.#rings.lock(header)
    this.#rings.clear(header)
    Atomics.store(this.#headers.words, header + STATE, FREE)
    this.#rings.unlock(header)
    this.#slots.give(slot)
  }

  /** Sees to it that `count` more blocks can be had; drops `slot` itself as the last resort. */
  #makeRoom(count: number, slot: number): boolean {
    while (!this.#pool.has(count)) {
      if (this.#evict(slot) > 0) continue
      this.#free(slot)
      return false
    }
    return true
  }

  #evict(except: number): number {
    const longestUnread = this.#slots.longestUnread(EVICTED_SHARE, except)
    for (const slot of longestUnread) this.#free(slot)
    return longestUnread.length
  }
}
