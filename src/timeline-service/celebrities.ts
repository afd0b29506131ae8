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

interface Known {
  loading: Promise<Recent>
  /** Once it is there. */
  loaded: Recent | undefined
}

interface Recent {
  /** Newest first. */
  ids: StatusId[]
  /** Complete above this id; 0n: goes back to the beginning. */
  floor: bigint
}

export class Celebrities {
  readonly #statuses: Pick<StatusStore, 'homeIds'>
  readonly #recent = new Map<AccountId, Known>()
  /** Ids that came by event while their author's list is being loaded. */
  readonly #arrived = new Map<AccountId, StatusId[]>()

  constructor(statuses: Pick<StatusStore, 'homeIds'>) {
    this.#statuses = statuses
  }

  /** Rows of these authors in the page's bounds, direct ones included: the rules decide. */
  async read(authors: readonly AccountId[], page: Page): Promise<Slice<HomeRow>[]> {
    return Promise.all(authors.map((author) => this.#readAuthor(author, page)))
  }

  /** The same without waiting; undefined when anything has to be loaded. */
  readNow(authors: readonly AccountId[], page: Page): Slice<HomeRow>[] | undefined {
    const slices: Slice<HomeRow>[] = []
    for (const author of authors) {
      const recent = this.#touch(author)?.loaded
      const slice = recent === undefined ? undefined : within(recent, page)
      if (slice === undefined) return undefined
      slices.push(slice)
    }
    return slices
  }

  listenTo(bus: Pick<Bus, 'listen'>): Disposable {
    return bus.listen(['status.created', 'status.deleted', 'statuses.imported'], (message) => this.#hear(message))
  }

  /** What could not be heard of may be missing: everything is loaded again. */
  forgetAll(): void {
    this.#recent.clear()
    this.#arrived.clear()
  }

  async #readAuthor(author: AccountId, page: Page): Promise<Slice<HomeRow>> {
    return within(await this.#recentOf(author), page) ?? this.#readStore(author, page)
  }

  async #readStore(author: AccountId, page: Page): Promise<Slice<HomeRow>> {
    const rows = await this.#statuses.homeIds([author], page)
    return { rows: rows.map(({ id }) => ({ cursor: id })), endReached: rows.length < page.limit }
  }

  #recentOf(author: AccountId): Promise<Recent> {
    const touched = this.#touch(author)
    if (touched !== undefined) return touched.loading
    const known: Known = { loading: this.#load(author), loaded: undefined }
    this.#recent.set(author, known)
    // A failure is told to whoever waits for it.
    known.loading.then((recent) => (known.loaded = recent)).catch(() => undefined)
    if (this.#recent.size > AUTHORS_MAX) this.#dropOldest()
    return known.loading
  }

  /** What is known of the author, who was read just now. */
  #touch(author: AccountId): Known | undefined {
    const known = this.#recent.get(author)
    if (known === undefined) return undefined
    this.#recent.delete(author)
    this.#recent.set(author, known)
    return known
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
    const isDeleted = message.type === 'status.deleted'
    const { id, author } = isDeleted ? decodeEvent('status.deleted', message) : decodeEvent('status.created', message)
    const known = this.#recent.get(author)
    if (known === undefined) return
    if (isDeleted) {
      // Whoever still had it would be dropped when shown, but asked of the database by every reader.
      void known.loading.then((recent) => remove(recent, id)).catch(() => undefined)
      return
    }
    const arrived = this.#arrived.get(author)
    if (arrived !== undefined) arrived.push(id)
    // A failed load has been taken out already, and told to whoever waits for it.
    else void known.loading.then((recent) => insert(recent, id)).catch(() => undefined)
  }
}

/** Undefined when the page reaches below what is kept. */
function within({ floor, ids }: Recent, page: Page): Slice<HomeRow> | undefined {
  const inside = ids.filter((id) => inBounds(id, page))
  const covered = floor <= (page.minId ?? page.sinceId ?? 0n)
  if (!covered && (page.minId !== undefined || inside.length < page.limit)) return undefined
  const rows = page.minId === undefined ? inside.slice(0, page.limit) : inside.slice(-page.limit)
  return { rows: rows.map((cursor) => ({ cursor })), endReached: covered && rows.length === inside.length }
}

function remove({ ids }: Recent, id: StatusId): void {
  const at = ids.indexOf(id)
  if (at !== -1) ids.splice(at, 1)
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
