/**
 * Large walks that have begun and are not through: how far each came, and what must wait for it.
 *
 * The checkpoints are in memory, and need be nowhere else. While the process lives, a message that comes again finds its
 * walk and goes on. When it dies, the timelines die with it (shared memory), or begin anew with it (Redis, see
 * `roles/timeline-cache.ts`): the message comes again from the outbox and meets no timeline that lacks it, as whatever is
 * built meanwhile is built with it.
 */
import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import type { StatusId } from '../snowflake/contract.ts'

/** Walks remembered; the oldest is forgotten, and would begin anew. */
const UNFINISHED_MAX = 1_000
/** How long replies wait for an original whose walk has failed. After that they go first. */
export const ORDER_KEPT_MS = 10_000

/** One status on its way through the followers of its author. */
export interface Walk {
  /** Followers up to this place have been met; -1 for none. */
  afterPlace: number
  /** Followers met, timelines that took the entry, shards that were written. */
  followers: number
  delivered: number
  shards: Set<string>
  mergedAtRead: boolean
}

interface Unfinished {
  walk: Walk
  /** Resolves when nothing is being done for it just now. */
  attempt: Promise<unknown>
  begunAtMs: number
}

export function newWalk(): Walk {
  return { afterPlace: -1, followers: 0, delivered: 0, shards: new Set(), mergedAtRead: false }
}

export class UnfinishedWalks {
  readonly #clock: Clock
  readonly #walks = new Map<StatusId, Unfinished>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Begins the walk, or goes on with it. It is remembered until `act` has succeeded. */
  async run(status: StatusId, act: (walk: Walk) => Promise<Walk>): Promise<Walk> {
    const unfinished = this.#walks.get(status) ?? this.#begin(status)
    // A second try beside one that was taken for hung waits for it: two would count what they deliver twice.
    const attempt = unfinished.attempt.then(() => act(unfinished.walk))
    unfinished.attempt = attempt.catch(() => undefined)
    const walk = await attempt
    this.#walks.delete(status)
    return walk
  }

  /**
   * Whoever gets a reply has the original before, so that no page shows the one without the other. Waits for a walk that is
   * under way; throws `unavailable` while one that failed is to be tried again, so that the bus brings the reply again.
   */
  async awaitOriginal(status: StatusId): Promise<void> {
    const unfinished = this.#walks.get(status)
    if (unfinished === undefined) return
    await unfinished.attempt
    const isPatient = this.#clock.nowMs() - unfinished.begunAtMs < ORDER_KEPT_MS
    if (this.#walks.has(status) && isPatient) throw new AppError('unavailable', 'The original is being delivered')
  }

  #begin(status: StatusId): Unfinished {
    const unfinished = { walk: newWalk(), attempt: Promise.resolve(), begunAtMs: this.#clock.nowMs() }
    this.#walks.set(status, unfinished)
    const oldest = this.#walks.keys().next()
    if (this.#walks.size > UNFINISHED_MAX && oldest.done !== true) this.#walks.delete(oldest.value)
    return unfinished
  }
}
