/**
 * The one writer of the shared timelines. An insert into many of them is one pass (`appends.ts`); what is not a plain append
 * (late, or a block must be opened) comes after it, singly.
 */
import assert from 'node:assert/strict'
import { endianness } from 'node:os'

import type { AccountId } from '../snowflake/contract.ts'
import { Appends, type Arrival } from './appends.ts'
import { BlockPool } from './block-pool.ts'
import { BUILD_LEASE_MS, TIMELINE_ENTRIES_MAX } from './contract.ts'
import type { BuildTicket, TimelineCacheStats, TimelineEntry } from './contract.ts'
import { Directory, NO_SLOT } from './directory.ts'
import { ABSENT, END_SHIFT, Ends } from './ends.ts'
import {
  BATCH_OWNERS,
  BLOCK_BYTES,
  BLOCK_ENTRIES,
  BUILDING,
  EPOCH,
  FREE,
  HEADER_SHIFT,
  PRESENT,
  READ_SECONDS,
  STATE,
  STATUS_WORDS,
  WRITTEN_MAX,
  highWord,
  lowWord,
  packEntry,
} from './layout.ts'
import { ROW_BYTES, SharedWords, TIMELINE_BYTES, planMemory, reserveMemory } from './memory.ts'
import type { TimelineMemory } from './memory.ts'
import { Rings, RowList } from './rings.ts'
import { Slots } from './slots.ts'
import { NO_ROW, StatusTable } from './status-table.ts'

/** When memory is full, this share of the timelines goes at once, the longest unread first. */
const EVICTED_SHARE = 1 / 32

// Owners' ids are split into words by looking at the same bytes twice.
assert(endianness() === 'LE', 'the timeline cache needs a little-endian machine')

export class TimelineWriter {
  readonly memory: TimelineMemory
  readonly #bytesLimit: number
  readonly #headers: SharedWords
  readonly #blocks: SharedWords
  readonly #directory: Directory
  readonly #pool: BlockPool
  readonly #statuses: StatusTable
  readonly #rings: Rings
  readonly #slots: Slots
  readonly #ends = new Ends()
  readonly #appends: Appends
  readonly #placeOf: ((owner: AccountId) => number) | undefined
  #epoch = 0
  /** No timeline has an entry or a floor above this id. */
  #newest = 0n

  // Scratch, so that nothing is allocated per insert.
  readonly #ids = new BigUint64Array(BATCH_OWNERS)
  readonly #idWords = new Uint32Array(this.#ids.buffer)
  readonly #found = new Int32Array(BATCH_OWNERS)
  readonly #foundPlaces = new Uint32Array(BATCH_OWNERS)
  readonly #status = new Uint32Array(STATUS_WORDS)
  readonly #arrival: Arrival = { low: 0, high: 0, row: NO_ROW, isNewest: false }
  readonly #present = new RowList(TIMELINE_ENTRIES_MAX)
  readonly #added = new RowList(TIMELINE_ENTRIES_MAX)
  readonly #merged = new RowList(2 * TIMELINE_ENTRIES_MAX)

  /** `placeOf`: an account's place in the social graph, for `insertPlaces`. */
  constructor(bytesLimit: number, placeOf?: (owner: AccountId) => number) {
    const plan = planMemory(bytesLimit)
    this.memory = reserveMemory(plan)
    this.#bytesLimit = bytesLimit
    this.#headers = new SharedWords(this.memory.headers)
    this.#blocks = new SharedWords(this.memory.blocks)
    this.#directory = new Directory(this.memory.directory, this.#headers)
    this.#pool = new BlockPool(this.#blocks, plan.blocks)
    const statusWords = new SharedWords(this.memory.statuses)
    this.#statuses = new StatusTable(statusWords, plan.statuses)
    this.#rings = new Rings({
      headers: this.#headers,
      blocks: this.#blocks,
      pool: this.#pool,
      ends: this.#ends,
      statuses: this.#statuses,
    })
    this.#slots = new Slots(this.#headers, this.#directory, plan.slots)
    this.#appends = new Appends({ blocks: this.#blocks, statuses: statusWords }, this.#ends)
    this.#placeOf = placeOf
  }

  /** How many timelines took the entry; see the contract. */
  insert(entry: TimelineEntry, owners: readonly AccountId[]): number {
    if (!this.#arrive(entry)) return 0
    let taken = 0
    for (let from = 0; from < owners.length; from += BATCH_OWNERS) {
      const count = Math.min(BATCH_OWNERS, owners.length - from)
      taken += this.#insertBatch(this.#foundPlaces, 0, this.#findPlaces(owners, from, count))
    }
    this.#statuses.release(this.#arrival.row)
    return taken
  }

  /** The same for owners named by their ascending places in the social graph: no id is looked up. */
  insertPlaces(entry: TimelineEntry, places: Uint32Array): number {
    // Without a graph, places are this writer's own affair.
    if (this.#placeOf === undefined || !this.#arrive(entry)) return 0
    let taken = 0
    for (let from = 0; from < places.length; from += BATCH_OWNERS) {
      taken += this.#insertBatch(places, from, Math.min(from + BATCH_OWNERS, places.length))
    }
    this.#statuses.release(this.#arrival.row)
    return taken
  }

  /** Sets `#arrival`, whose row must be released. False when no room for another status could be made. */
  #arrive(entry: TimelineEntry): boolean {
    const row = this.#takeRow(entry, NO_SLOT)
    if (row === NO_ROW) return false
    const arrival = this.#arrival
    arrival.low = this.#status[0]!
    arrival.high = this.#status[1]!
    arrival.row = row
    arrival.isNewest = entry.id >= this.#newest
    if (arrival.isNewest) this.#newest = entry.id
    this.#appends.fence()
    return true
  }

  /** NO_ROW when all timelines but `slot` were dropped, and there is still no room. */
  #takeRow(entry: TimelineEntry, slot: number): number {
    packEntry(this.#status, 0, entry)
    for (;;) {
      const row = this.#statuses.take(this.#status)
      if (row !== NO_ROW || this.#evict(slot) === 0) return row
    }
  }

  /** The places of those of `count` owners who have a timeline, into `#foundPlaces`; returns how many these are. */
  #findPlaces(owners: readonly AccountId[], from: number, count: number): number {
    for (let index = 0; index < count; index++) this.#ids[index] = owners[from + index]!
    const found = this.#directory.findMany(this.#idWords, count, this.#found)
    for (let index = 0; index < found; index++) this.#foundPlaces[index] = this.#ends.placeOf(this.#found[index]!)
    return found
  }

  #insertBatch(places: Uint32Array, from: number, to: number): number {
    const appends = this.#appends
    let taken = appends.run(this.#arrival, places, from, to)
    this.#statuses.hold(this.#arrival.row, taken)
    for (let index = 0; index < appends.leftCount; index++) {
      const place = appends.left[index]!
      // An eviction for another one of the batch may have taken its timeline.
      if (this.#ends.words[place << END_SHIFT] !== ABSENT && this.#insertSingly(this.#ends.slotAt(place))) taken++
    }
    return taken
  }

  /** Puts `#arrival` where it belongs. False when it is there already, or too old. */
  #insertSingly(slot: number): boolean {
    const header = slot << HEADER_SHIFT
    const rings = this.#rings
    if (rings.written(header) >= WRITTEN_MAX) this.#rewriteWithout(header, () => false)
    const { row, isNewest } = this.#arrival
    const written = rings.written(header)
    // Most of those that come here only have to open a block.
    const isPlain = isNewest && written > 0
    if (isPlain && this.#ends.newest(slot) === row) return false
    const n = isPlain ? written : this.#whereLate(header, written)
    if (n === undefined || !this.#makeRoom(rings.blocksForNext(header), slot)) return false
    rings.insertAt(header, n, row)
    return true
  }

  /** The number that `#arrival` gets among the entries; undefined when it is there already, or too old. */
  #whereLate(header: number, written: number): number | undefined {
    const rings = this.#rings
    const { low, high, row } = this.#arrival
    const n = rings.isAboveAll(header, low, high) ? written : rings.firstNotBelow(header, low, high)
    const id = this.#statuses.idAt(row)
    if (rings.isAt(header, n, low, high) || id <= rings.floor(header)) return undefined
    if (written < TIMELINE_ENTRIES_MAX || n > rings.oldest(header)) return n
    rings.raiseFloor(header, id)
    return undefined
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
      this.#rewriteWithout(header, (row) => this.#statuses.idAt(row) === id)
      removed++
    }
    return removed
  }

  /** Out of all timelines at once. False when none has it. */
  removeEverywhere(id: bigint): boolean {
    return this.#statuses.markDeleted(lowWord(id), highWord(id))
  }

  #rewriteWithout(header: number, drops: (row: number) => boolean): void {
    this.#present.length = 0
    this.#rings.copyOut(header, this.#present, (row) => !drops(row))
    this.#rings.rewrite(header, this.#present, this.#rings.floor(header))
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
      this.#ends.assign(slot, this.#placeOf?.(owner) ?? slot)
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
    const newest = newestAscending(entries)
    const isTaken = this.#takeRows(newest.entries, header >>> HEADER_SHIFT)
    const isMerged = isTaken && this.#mergeAdded(header, floor > newest.left ? floor : newest.left, meanwhile)
    for (let index = 0; index < this.#added.length; index++) this.#statuses.release(this.#added.rows[index]!)
    return isMerged
  }

  /** Takes a row for each entry into `#added`. Drops `slot` itself as the last resort, and is false then. */
  #takeRows(entries: readonly TimelineEntry[], slot: number): boolean {
    this.#added.length = 0
    for (const entry of entries) {
      const row = this.#takeRow(entry, slot)
      if (row === NO_ROW) {
        this.#free(slot)
        return false
      }
      this.#added.push(row)
    }
    return true
  }

  #mergeAdded(header: number, floor: bigint, meanwhile: () => void): boolean {
    const statuses = this.#statuses
    const added = this.#added
    const present = this.#present
    const merged = this.#merged
    present.length = 0
    this.#rings.copyOut(header, present, () => true)
    merged.length = 0
    for (let p = 0, a = 0; p < present.length || a < added.length;) {
      const presentId = p < present.length ? statuses.idAt(present.rows[p]!) : undefined
      const addedId = a < added.length ? statuses.idAt(added.rows[a]!) : undefined
      const takesPresent = addedId === undefined || (presentId !== undefined && presentId <= addedId)
      merged.push(takesPresent ? present.rows[p]! : added.rows[a]!)
      if (takesPresent) p++
      if (!takesPresent || presentId === addedId) a++
    }
    const blocksNeeded = Math.ceil(Math.min(merged.length, TIMELINE_ENTRIES_MAX) / BLOCK_ENTRIES)
    const room = this.#makeRoom(blocksNeeded - this.#rings.blocksOf(header), header >>> HEADER_SHIFT)
    if (!room) return false
    const own = this.#rings.floor(header)
    this.#rise(floor)
    if (merged.length > 0) this.#rise(statuses.idAt(merged.rows[merged.length - 1]!))
    this.#rings.rewrite(header, merged, floor > own ? floor : own, meanwhile)
    return true
  }

  #rise(id: bigint): void {
    if (id > this.#newest) this.#newest = id
  }

  removeAuthor(owner: AccountId, author: AccountId): void {
    const header = this.#headerOf(owner)
    if (header === undefined) return
    if (this.#headers.words[header + STATE] === BUILDING) this.#free(header >>> HEADER_SHIFT)
    else {
      const low = lowWord(author)
      const high = highWord(author)
      this.#rewriteWithout(header, (row) => this.#statuses.isBy(low, high, row))
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
    const { present, entries } = this.#slots.count((header) => this.#rings.written(header))
    const bytes =
      this.#slots.inUse * TIMELINE_BYTES +
      this.#pool.inUse * BLOCK_BYTES +
      this.#statuses.inUse * ROW_BYTES +
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
    this.#rings.clear(header, () => {
      Atomics.store(this.#headers.words, header + STATE, FREE)
    })
    this.#ends.release(slot)
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

/** The newest entries that fit into a timeline, ascending and unique; `left`: the newest id that found no room, else 0n. */
function newestAscending(entries: readonly TimelineEntry[]): { entries: TimelineEntry[]; left: bigint } {
  const ascending = entries.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const unique = ascending.filter((entry, index) => entry.id !== ascending[index - 1]?.id)
  const skipped = Math.max(0, unique.length - TIMELINE_ENTRIES_MAX)
  return { entries: unique.slice(skipped), left: skipped === 0 ? 0n : unique[skipped - 1]!.id }
}
