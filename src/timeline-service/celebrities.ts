/**
 * The recent statuses of authors who are merged at read instead of fanned out. One bounded list per author, loaded from the
 * store when first read, kept up by events, and complete above its floor; what is older is asked of the store.
 */
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent } from '../events/contract.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import { inBounds, type Slice } from './page-filling.ts'

/** Statuses kept of one author. */
const RECENT_MAX = 400
/** Authors kept; the ones not read longest go first. */
const AUTHORS_MAX = 2_000

export interface HomeRow {
  cursor: StatusId
}

interface Recent {
  /** Newest first. */
  ids: StatusId[]
  /** Complete above this id; 0n: goes back to the beginning. */
  floor: bigint
}

export class Celebrities {
  readonly #statuses: Pick<StatusStore, 'homeIds'>
  readonly #recent = new Map<AccountId, Promise<Recent>>()
  /** Ids that came by event while their author's list is being loaded. */
  readonly #arrived = new Map<AccountId, StatusId[]>()

  constructor(statuses: Pick<StatusStore, 'homeIds'>) {
    this.#statuses = statuses
  }

  /** Rows of these authors in the page's bounds, direct ones included: the rules decide. */
  async read(authors: readonly AccountId[], page: Page): Promise<Slice<HomeRow>[]> {
    return Promise.all(authors.map((author) => this.#readAuthor(author, page)))
  }

  listenTo(bus: Pick<Bus, 'listen'>): Disposable {
    return bus.listen(['status.created', 'statuses.imported'], (message) => this.#hear(message))
  }

  /** What could not be heard of may be missing: everything is loaded again. */
  forgetAll(): void {
    this.#recent.clear()
    this.#arrived.clear()
  }

  async #readAuthor(author: AccountId, page: Page): Promise<Slice<HomeRow>> {
    const { ids, floor } = await this.#recentOf(author)
    const within = ids.filter((id) => inBounds(id, page))
    const lower = page.minId ?? page.sinceId ?? 0n
    const covered = floor <= lower
    if (!covered && (page.minId !== undefined || within.length < page.limit)) return this.#readStore(author, page)
    const rows = page.minId === undefined ? within.slice(0, page.limit) : within.slice(-page.limit)
    return { rows: rows.map((cursor) => ({ cursor })), endReached: covered && rows.length === within.length }
  }

  async #readStore(author: AccountId, page: Page): Promise<Slice<HomeRow>> {
    const rows = await this.#statuses.homeIds([author], page)
    return { rows: rows.map(({ id }) => ({ cursor: id })), endReached: rows.length < page.limit }
  }

  #recentOf(author: AccountId): Promise<Recent> {
    const known = this.#recent.get(author)
    this.#recent.delete(author)
    const recent = known ?? this.#load(author)
    this.#recent.set(author, recent)
    if (this.#recent.size > AUTHORS_MAX) this.#dropOldest()
    return recent
  }

  async #load(author: AccountId): Promise<Recent> {
    const arrived: StatusId[] = []
    this.#arrived.set(author, arrived)
    try {
      const rows = await this.#statuses.homeIds([author], { limit: RECENT_MAX })
      const ids = rows.map((row) => row.id)
      const recent = { ids, floor: ids.length < RECENT_MAX ? 0n : (ids.at(-1) ?? 0n) - 1n }
      for (const id of arrived) insert(recent, id)
      return recent
    } catch (error) {
      this.#recent.delete(author)
      throw error
    } finally {
      // Not that of a later load, which began when everything was forgotten.
      if (this.#arrived.get(author) === arrived) this.#arrived.delete(author)
    }
  }

  #dropOldest(): void {
    const oldest = this.#recent.keys().next()
    if (oldest.done !== true) this.#recent.delete(oldest.value)
  }

  #hear(message: BusMessage): void {
    if (message.type === 'statuses.imported') {
      this.forgetAll()
      return
    }
    const { id, author } = decodeEvent('status.created', message)
    const known = this.#recent.get(author)
    if (known === undefined) return
    const arrived = this.#arrived.get(author)
    if (arrived !== undefined) arrived.push(id)
    // A failed load has been taken out already, and told to whoever waits for it.
    else void known.then((recent) => insert(recent, id)).catch(() => undefined)
  }
}

/** Idempotent; keeps the order and the bound. */
function insert(recent: Recent, id: StatusId): void {
  const { ids } = recent
  if (id <= recent.floor) return
  const at = ids.findIndex((other) => other <= id)
  if (at !== -1 && ids[at] === id) return
  ids.splice(at === -1 ? ids.length : at, 0, id)
  while (ids.length > RECENT_MAX) {
    const dropped = ids.pop()
    if (dropped !== undefined) recent.floor = dropped
  }
}
