/**
 * Recent statuses that are merged at read instead of fanned out. One bounded list per key (an author, a hashtag), loaded from
 * the store when first read, kept up by events, and complete above its floor; what is older is asked of the store.
 */
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent, type EventBodies } from '../events/contract.ts'
import type { Page } from '../kit/page.ts'
import type { StatusId } from '../snowflake/contract.ts'
import { inBounds, type Slice } from './page-filling.ts'

/** Statuses kept of one key. */
const RECENT_MAX = 400
/** Keys kept; the ones not read longest go first. */
const KEYS_MAX = 2_000

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
  /** Rises with every id that comes. */
  changes: number
}

export interface RecentSource<Key> {
  /** Newest first, from the store. */
  read(key: Key, page: Page): Promise<StatusId[]>
  /** Under which keys a status belongs that was written or deleted just now. */
  keysOf(told: EventBodies['status.created' | 'status.deleted']): readonly Key[]
}

export class RecentLists<Key> {
  readonly #source: RecentSource<Key>
  readonly #recent = new Map<Key, Known>()
  /** Ids that came by event while their key's list is being loaded. */
  readonly #arrived = new Map<Key, StatusId[]>()

  constructor(source: RecentSource<Key>) {
    this.#source = source
  }

  /** Rows of these keys in the page's bounds, whoever may see them: the rules decide. */
  async read(keys: readonly Key[], page: Page): Promise<Slice<HomeRow>[]> {
    return Promise.all(keys.map((key) => this.#readKey(key, page)))
  }

  /** The same without waiting; undefined when anything has to be loaded. */
  readNow(keys: readonly Key[], page: Page): Slice<HomeRow>[] | undefined {
    const slices: Slice<HomeRow>[] = []
    for (const key of keys) {
      const recent = this.#touch(key)?.loaded
      const slice = recent === undefined ? undefined : within(recent, page)
      if (slice === undefined) return undefined
      slices.push(slice)
    }
    return slices
  }

  /** For as long as the answer is true, `readNow` gives the same for these keys. */
  watch(keys: readonly Key[]): () => boolean {
    const watched = keys.map((key) => {
      const recent = this.#recent.get(key)?.loaded
      return { key, recent, changes: recent?.changes }
    })
    return () =>
      watched.every(
        ({ key, recent, changes }) =>
          recent !== undefined && recent.changes === changes && this.#recent.get(key)?.loaded === recent,
      )
  }

  listenTo(bus: Pick<Bus, 'listen'>): Disposable {
    return bus.listen(['status.created', 'status.deleted', 'statuses.imported'], (message) => this.#hear(message))
  }

  /** What could not be heard of may be missing: everything is loaded again. */
  forgetAll(): void {
    this.#recent.clear()
    this.#arrived.clear()
  }

  async #readKey(key: Key, page: Page): Promise<Slice<HomeRow>> {
    return within(await this.#recentOf(key), page) ?? this.#readStore(key, page)
  }

  async #readStore(key: Key, page: Page): Promise<Slice<HomeRow>> {
    const ids = await this.#source.read(key, page)
    return { rows: ids.map((cursor) => ({ cursor })), endReached: ids.length < page.limit }
  }

  #recentOf(key: Key): Promise<Recent> {
    const touched = this.#touch(key)
    if (touched !== undefined) return touched.loading
    const known: Known = { loading: this.#load(key), loaded: undefined }
    this.#recent.set(key, known)
    // A failure is told to whoever waits for it.
    known.loading.then((recent) => (known.loaded = recent)).catch(() => undefined)
    if (this.#recent.size > KEYS_MAX) this.#dropOldest()
    return known.loading
  }

  /** What is known of the key, which was read just now. */
  #touch(key: Key): Known | undefined {
    const known = this.#recent.get(key)
    if (known === undefined) return undefined
    this.#recent.delete(key)
    this.#recent.set(key, known)
    return known
  }

  async #load(key: Key): Promise<Recent> {
    const arrived: StatusId[] = []
    this.#arrived.set(key, arrived)
    try {
      const ids = await this.#source.read(key, { limit: RECENT_MAX })
      const recent = { ids, floor: ids.length < RECENT_MAX ? 0n : (ids.at(-1) ?? 0n) - 1n, changes: 0 }
      for (const id of arrived) insert(recent, id)
      return recent
    } catch (error) {
      this.#recent.delete(key)
      throw error
    } finally {
      // Not that of a later load, which began when everything was forgotten.
      if (this.#arrived.get(key) === arrived) this.#arrived.delete(key)
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
    const told = isDeleted ? decodeEvent('status.deleted', message) : decodeEvent('status.created', message)
    for (const key of this.#source.keysOf(told)) {
      if (isDeleted) this.#leave(key, told.id)
      else this.#arrive(key, told.id)
    }
  }

  #arrive(key: Key, id: StatusId): void {
    const known = this.#recent.get(key)
    const arrived = this.#arrived.get(key)
    if (arrived !== undefined) arrived.push(id)
    // A failed load has been taken out already, and told to whoever waits for it.
    else void known?.loading.then((recent) => insert(recent, id)).catch(() => undefined)
  }

  /** Whoever still had it would be dropped when shown, but asked of the database by every reader. */
  #leave(key: Key, id: StatusId): void {
    void this.#recent
      .get(key)
      ?.loading.then((recent) => remove(recent, id))
      .catch(() => undefined)
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
  recent.changes += 1
  while (ids.length > RECENT_MAX) {
    const dropped = ids.pop()
    if (dropped !== undefined) recent.floor = dropped
  }
}
