/**
 * The index that survives: what is sealed on disk, what is live by the journal of its ids. `settled` is what an event waits
 * for; everything else on disk happens beside the writing, and is tried again when the disk refuses it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Log } from '../kit/log.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { Counts, EarlybirdWriter, IndexDocument } from './contract.ts'
import { IndexWriter } from './index-writer.ts'
import { stateOf } from './index-writer.ts'
import type { Journal } from './journal.ts'
import { LiveSegment } from './live-segment.ts'
import type { SealedSegment } from './sealed-segment.ts'
import type { IdRange, ManifestSegment, SegmentFiles } from './segment-files.ts'

/** Sealing and merging give way to other work after this. */
const SLICE_MS = 4
/** Sealed statuses whose counts changed, before a new journal is begun. */
const COUNTED_MAX = 100_000
const RETRY_MS = 5_000

export interface DurableIndexOptions {
  files: SegmentFiles
  journal: Journal
  sealed: readonly SealedSegment[]
  firstName: number
  rebuild: readonly IdRange[]
  segmentDocuments?: number
  log: Log
  /** Readers must be told. */
  changed: () => void
}

export class DurableIndex implements EarlybirdWriter, AsyncDisposable {
  readonly core: IndexWriter
  readonly #options: DurableIndexOptions
  /** Segments on disk, and those whose changes are not. */
  readonly #saved: Set<SealedSegment>
  readonly #dirty = new Set<SealedSegment>()
  #rebuild: readonly IdRange[]
  /** The journal of the segment that is being sealed, and up to which they are not needed any more. */
  #frozenJournal = 0
  #droppable = 0
  #mayDrop = false
  #counted = new Set<StatusId>()
  #nextName: number
  #tending: Promise<void> | undefined
  #persisting: Promise<void> | undefined
  #persistAgain = false
  #retry: NodeJS.Timeout | undefined
  #closed = false
  /** What was written while a batch was being read from the source: that is newer than what was read. */
  #touched: Set<StatusId> | undefined

  constructor(options: DurableIndexOptions) {
    this.#options = options
    this.#saved = new Set(options.sealed)
    this.#rebuild = options.rebuild
    this.#nextName = options.firstName
    const { segmentDocuments } = options
    this.core = new IndexWriter({
      ...(segmentDocuments !== undefined && { segmentDocuments }),
      sealed: options.sealed,
      firstName: options.firstName,
      changed: options.changed,
      frozen: () => this.#beginJournal(),
      touched: (segment) => this.#dirty.add(segment),
      replaced: (_sealed, replaced) => {
        if (replaced.some((segment) => segment instanceof LiveSegment)) this.#droppable = this.#frozenJournal
        this.#persist()
      },
    })
  }

  add(documents: readonly IndexDocument[]): void {
    this.core.add(documents)
    for (const { id } of documents) this.#note(id)
    this.#tend()
  }

  remove(id: StatusId): boolean {
    const removed = this.core.remove(id)
    this.#touched?.add(id)
    if (removed) this.#options.journal.append(id)
    return removed
  }

  setCounts(id: StatusId, counts: Counts): boolean {
    const found = this.core.setCounts(id, counts)
    if (found && !this.#counted.has(id)) {
      this.#counted.add(id)
      this.#options.journal.append(id)
      if (this.#counted.size >= COUNTED_MAX) this.core.freeze()
      this.#tend()
    }
    return found
  }

  consent(author: AccountId, allowed: boolean): void {
    this.core.consent(author, allowed)
  }

  removeAuthor(author: AccountId): number {
    return this.core.idsOfAuthor(author).filter((id) => this.remove(id)).length
  }

  settled(): Promise<void> {
    return this.#options.journal.flush()
  }

  /** Reads statuses again: those that are not there any more go. What is written meanwhile wins. */
  async readAgain(ids: readonly StatusId[], read: () => Promise<readonly IndexDocument[]>): Promise<void> {
    const touched = new Set<StatusId>()
    this.#touched = touched
    try {
      const documents = await read()
      const found = new Set(documents.map(({ id }) => id))
      const fresh = documents.filter(({ id }) => !touched.has(id))
      for (const id of ids) if (!found.has(id) && !touched.has(id)) this.remove(id)
      this.add(fresh)
    } finally {
      this.#touched = undefined
    }
  }

  /** Everything that was lost has been read again: journals of former runs may go. */
  async recovered(): Promise<void> {
    await this.settled()
    this.#rebuild = []
    this.#mayDrop = true
    this.#droppable = Math.max(this.#droppable, this.#options.journal.rotate())
    // What was read again is in the live segment, and only the journal of now knows it.
    this.#noteLive()
    await this.settled()
    this.#persist()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    await this.#tending
    await this.settled().catch(() => undefined) // into the journal that goes with the segment
    this.core.freeze()
    while (this.core.work(performance.now() + SLICE_MS)) await nextTurn()
    this.#persist()
    while (this.#persisting !== undefined) await this.#persisting
    await this.#options.journal[Symbol.asyncDispose]()
  }

  #note(id: StatusId): void {
    this.#touched?.add(id)
    this.#options.journal.append(id)
  }

  #noteLive(): void {
    for (const id of this.core.unsealedIds()) this.#options.journal.append(id)
    for (const id of this.#counted) this.#options.journal.append(id)
  }

  #beginJournal(): void {
    this.#frozenJournal = this.#options.journal.rotate()
    this.#counted = new Set()
  }

  /** Seals and merges in the background, a slice at a time. */
  #tend(): void {
    this.#tending ??= (async () => {
      while (!this.#closed && this.core.work(performance.now() + SLICE_MS)) await nextTurn()
      this.#tending = undefined
    })()
  }

  #persist(): void {
    this.#persistAgain = true
    this.#persisting ??= (async () => {
      while (this.#persistAgain) {
        this.#persistAgain = false
        try {
          await this.#persistNow()
        } catch (error) {
          this.#options.log.error({ event: 'earlybird.persist_failed', err: error })
          if (!this.#closed) this.#retry = setTimeout(() => this.#persist(), RETRY_MS).unref()
        }
      }
      this.#persisting = undefined
    })()
  }

  /** New segments, then changes of old ones, then the manifest that names them; only then goes what they replace. */
  async #persistNow(): Promise<void> {
    const { files, journal } = this.#options
    const segments = this.core.sealedSegments
    const droppable = this.#droppable
    for (const segment of segments) {
      const isNew = !this.#saved.has(segment)
      const isDirty = this.#dirty.delete(segment)
      try {
        if (isNew) await files.save(segment)
        else if (isDirty) await files.saveChanges(segment)
        this.#saved.add(segment)
      } catch (error) {
        if (isDirty) this.#dirty.add(segment)
        throw error
      }
      this.#nextName = Math.max(this.#nextName, numberOf(segment.name) + 1)
    }
    const entries = segments.map(manifestEntry)
    await files.writeManifest({ nextName: this.#nextName, segments: entries, rebuild: [...this.#rebuild] })
    const current = new Set(segments)
    for (const segment of this.#saved) {
      if (current.has(segment)) continue
      await files.remove(segment.name)
      this.#saved.delete(segment)
    }
    if (this.#mayDrop && droppable > 0) await journal.dropUpTo(droppable)
  }
}

function manifestEntry(segment: SealedSegment): ManifestSegment {
  const { name, documents, oldest, newest } = stateOf(segment)
  return { name, documents, oldest: String(oldest), newest: String(newest) }
}

function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1))
}
