/**
 * What each recent viewer did with the statuses they looked at, so that a warm read asks the database for nothing.
 *
 * One small table per viewer; a status is in it once its marks were asked for, "none" included. Whatever a viewer does
 * takes the status out of their table again. A load that was under way at that moment is given to who asked, never kept.
 */
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { Marks, StatusRecord } from '../status-store/contract.ts'

/** Viewers remembered; the ones not heard of longest go first. */
const VIEWERS_MAX = 20_000
/** Statuses remembered for one viewer: two whole timelines. A viewer who goes through more starts again. */
export const STATUSES_PER_VIEWER_MAX = 1_600

/** Reads that are begun again because the viewer changed something meanwhile. */
const TRIES_MAX = 3

const NO_MARKS: Marks = { favourited: false, boosted: false, bookmarked: false, pinned: false, muted: false }

interface Table {
  marks: Map<StatusId, Marks>
  /** Rises with every change, so that a load knows whether it is still true. */
  changes: number
}

export class MarksCache {
  readonly #load: (viewer: AccountId, statuses: readonly StatusRecord[]) => Promise<Map<StatusId, Marks>>
  readonly #tables = new Map<AccountId, Table>()

  constructor(load: (viewer: AccountId, statuses: readonly StatusRecord[]) => Promise<Map<StatusId, Marks>>) {
    this.#load = load
  }

  /** The marks of each status, as of one moment. */
  async get(viewer: AccountId, statuses: readonly StatusRecord[]): Promise<Map<StatusId, Marks>> {
    const table = this.#tableOf(viewer)
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const unknown = statuses.filter(({ id }) => !table.marks.has(id))
      if (unknown.length === 0) return new Map(statuses.flatMap(({ id }) => entry(table.marks, id)))
      const { changes } = table
      const loaded = await this.#load(viewer, unknown)
      if (table.changes !== changes) continue
      if (table.marks.size + loaded.size > STATUSES_PER_VIEWER_MAX) {
        table.marks = new Map(statuses.flatMap(({ id }) => entry(table.marks, id)))
      }
      for (const [id, marks] of loaded) table.marks.set(id, marks)
    }
    // Somebody who marks faster than we read: straight from the store.
    return this.#load(viewer, statuses)
  }

  /** All that is in memory of a viewer, who counts as heard of; good for as long as `isStill` says so. */
  tableOf(viewer: AccountId): { marks: ReadonlyMap<StatusId, Marks>; isStill: () => boolean } {
    const table = this.#tableOf(viewer)
    const { changes, marks } = table
    // A table that was dropped hears of no changes.
    return { marks, isStill: () => table.changes === changes && this.#tables.get(viewer) === table }
  }

  /** The marks, if they are in memory. */
  peek(viewer: AccountId, id: StatusId): Marks | undefined {
    return this.#tables.get(viewer)?.marks.get(id)
  }

  /**
   * For statuses that the viewer is about to write, which nobody can have marked. To be called before; unless the viewer
   * changed any mark meanwhile, the statuses given afterwards are known to have none.
   */
  expect(viewer: AccountId): (unmarked: Iterable<StatusId>) => void {
    const table = this.#tableOf(viewer)
    const { changes } = table
    return (unmarked) => {
      if (table.changes !== changes) return
      for (const id of unmarked) {
        if (table.marks.size >= STATUSES_PER_VIEWER_MAX) table.marks = new Map()
        table.marks.set(id, NO_MARKS)
      }
    }
  }

  /** The viewer did something with the status. */
  forget(viewer: AccountId, status: StatusId): void {
    const table = this.#tables.get(viewer)
    if (table === undefined) return
    table.changes += 1
    table.marks.delete(status)
  }

  /** The viewer did something that concerns more than one status. */
  forgetViewer(viewer: AccountId): void {
    const table = this.#tables.get(viewer)
    if (table === undefined) return
    table.changes += 1
    table.marks = new Map()
  }

  forgetAll(): void {
    for (const viewer of this.#tables.keys()) this.forgetViewer(viewer)
  }

  #tableOf(viewer: AccountId): Table {
    const known = this.#tables.get(viewer)
    const table = known ?? { marks: new Map(), changes: 0 }
    this.#tables.delete(viewer)
    this.#tables.set(viewer, table)
    if (known !== undefined) return known
    if (this.#tables.size > VIEWERS_MAX) {
      const oldest = this.#tables.keys().next()
      if (oldest.done !== true) this.#tables.delete(oldest.value)
    }
    return table
  }
}

function entry(marks: ReadonlyMap<StatusId, Marks>, id: StatusId): [StatusId, Marks][] {
  const value = marks.get(id)
  return value === undefined ? [] : [[id, value]]
}
