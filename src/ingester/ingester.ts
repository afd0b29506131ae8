/**
 * The Ingester: follows what happens to statuses and people, and makes the index follow. Every step may happen again and in
 * any order: a status is always read as it is committed now, and a document replaces the one before. Statuses that come close
 * together are read and added together.
 */
import type { Accounts } from '../accounts/contract.ts'
import type { DocumentSource, EarlybirdWriter } from '../earlybird/contract.ts'
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent, type EventBodies } from '../events/contract.ts'
import { Batches } from '../kit/batches.ts'
import { failpoint } from '../kit/failpoint.ts'
import type { Log } from '../kit/log.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'

const BATCH_MAX = 500

const INGESTER_EVENTS = [
  'status.created',
  'status.edited',
  'status.deleted',
  'statuses.imported',
  'favourite.added',
  'favourite.removed',
  'account.changed',
] as const

export interface IngesterDeps {
  bus: Pick<Bus, 'join'>
  source: DocumentSource
  writer: EarlybirdWriter
  accounts: Pick<Accounts, 'byIds'>
  statuses: Pick<StatusStore, 'counts'>
  log: Log
  /** Told of each status that can be found from now on. */
  noteSearchable?: (id: StatusId) => void
}

/** Joins the group `ingester` until disposed. */
export function startIngester(deps: IngesterDeps): AsyncDisposable {
  const ingester = new Ingester(deps)
  const joined = deps.bus.join('ingester', INGESTER_EVENTS, (message) => ingester.handle(message))
  return {
    async [Symbol.asyncDispose]() {
      await joined[Symbol.asyncDispose]()
      await ingester[Symbol.asyncDispose]()
    },
  }
}

class Ingester implements AsyncDisposable {
  readonly #deps: IngesterDeps
  readonly #documents: Batches<StatusId>
  readonly #counts: Batches<StatusId>
  /** Authors whose statuses are read again, all of them, because some of another time came. */
  readonly #imported = new Set<AccountId>()
  #importing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(deps: IngesterDeps) {
    this.#deps = deps
    this.#documents = new Batches((ids) => this.#ingest(ids), BATCH_MAX)
    this.#counts = new Batches((ids) => this.#count(ids), BATCH_MAX)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#importing
  }

  async handle(message: BusMessage): Promise<void> {
    switch (message.type) {
      case 'status.created':
        await this.#created(decodeEvent('status.created', message))
        break
      case 'status.edited':
        await this.#documents.add(decodeEvent('status.edited', message).id)
        break
      case 'status.deleted':
        await this.#deleted(decodeEvent('status.deleted', message))
        break
      case 'statuses.imported':
        this.#import(decodeEvent('statuses.imported', message).authors)
        break
      case 'favourite.added':
      case 'favourite.removed':
        await this.#counts.add(decodeEvent(message.type, message).status)
        break
      case 'account.changed':
        await this.#accountChanged(decodeEvent('account.changed', message))
    }
    failpoint('W14')
    await this.#deps.writer.settled()
  }

  async #created({ id, visibility, boostOf, inReplyTo }: EventBodies['status.created']): Promise<void> {
    const isOpen = visibility === 'public' || visibility === 'unlisted'
    const counted = boostOf ?? inReplyTo
    await Promise.all([isOpen && this.#documents.add(id), isOpen && counted !== null && this.#counts.add(counted)])
    if (isOpen) this.#deps.noteSearchable?.(id)
  }

  async #deleted({ id, boostOf }: EventBodies['status.deleted']): Promise<void> {
    this.#deps.writer.remove(id)
    await this.#deps.writer.settled()
    if (boostOf !== null) await this.#counts.add(boostOf)
  }

  /** Ids that are gone, or narrower than they were, are gone from the index too. */
  async #ingest(ids: StatusId[]): Promise<void> {
    const { source, writer } = this.#deps
    const documents = await source.documents(ids)
    const found = new Set(documents.map(({ id }) => id))
    for (const id of ids) if (!found.has(id)) writer.remove(id)
    writer.add(documents)
    await writer.settled()
  }

  async #count(ids: StatusId[]): Promise<void> {
    const counts = await this.#deps.statuses.counts(ids)
    for (const [id, count] of counts) this.#deps.writer.setCounts(id, count)
    await this.#deps.writer.settled()
  }

  async #accountChanged({ id, change }: EventBodies['account.changed']): Promise<void> {
    const { accounts, writer } = this.#deps
    const [account] = await accounts.byIds([id])
    if (account === undefined || account.suspended) {
      writer.removeAuthor(id)
      await writer.settled()
      return
    }
    writer.consent(id, account.indexable)
    if (change === 'unsuspended') this.#import([id])
  }

  /** Not waited for: it may take longer than a message may. */
  #import(authors: readonly AccountId[]): void {
    for (const author of authors) this.#imported.add(author)
    this.#importing = this.#importing.then(() => this.#importAll())
  }

  async #importAll(): Promise<void> {
    for (const author of this.#imported) {
      if (this.#closed) return
      this.#imported.delete(author)
      try {
        await this.#importAuthor(author)
      } catch (error) {
        this.#deps.log.warn({ event: 'ingester.import_failed', err: error })
      }
    }
  }

  async #importAuthor(author: AccountId): Promise<void> {
    const { source, writer } = this.#deps
    let after = 0n as StatusId // before all
    for (;;) {
      const ids = await source.idsOf(author, after, BATCH_MAX)
      const last = ids.at(-1)
      if (last === undefined || this.#closed) return
      writer.add(await source.documents(ids))
      after = last
    }
  }
}
