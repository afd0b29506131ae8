/**
 * "Was here just now", for accounts and tokens: noted on every request, written rarely and together, because a write per
 * read would make every timeline request a database write. A crash loses at most FLUSH_AFTER_MS of it.
 */
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'

const FLUSH_AFTER_MS = 5_000
/** Keys remembered as written; when exceeded all are forgotten, which costs one write each. */
const REMEMBERED_MAX = 100_000

export interface SeenTimesDeps {
  clock: Clock
  log: Log
  /** A key is written again only when this has passed. */
  resolutionMs: number
  write(keys: readonly bigint[], seenAt: Date): Promise<void>
}

export class SeenTimes implements AsyncDisposable {
  readonly #deps: SeenTimesDeps
  readonly #stop = new AbortController()
  readonly #pending = new Set<bigint>()
  #notedAtMs = new Map<bigint, number>()
  #flush: Promise<void> | undefined

  constructor(deps: SeenTimesDeps) {
    this.#deps = deps
  }

  note(key: bigint): void {
    const nowMs = this.#deps.clock.nowMs()
    const notedAtMs = this.#notedAtMs.get(key)
    if (notedAtMs !== undefined && nowMs - notedAtMs < this.#deps.resolutionMs) return
    if (this.#notedAtMs.size >= REMEMBERED_MAX) this.#notedAtMs = new Map()
    this.#notedAtMs.set(key, nowMs)
    this.#pending.add(key)
    this.#flush ??= this.#flushLater()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#flush
  }

  async #flushLater(): Promise<void> {
    await this.#deps.clock.sleep(FLUSH_AFTER_MS, this.#stop.signal)
    // Sorted: two writers that lock rows in the same order cannot deadlock.
    const keys = [...this.#pending].sort((a, b) => (a < b ? -1 : 1))
    this.#pending.clear()
    this.#flush = undefined
    try {
      await this.#deps.write(keys, new Date(this.#deps.clock.nowMs()))
    } catch (error) {
      // Not worth a retry: whoever is still here is noted again after the resolution.
      this.#deps.log.warn({ event: 'accounts.seen_not_written', keys: keys.length, error })
      for (const key of keys) this.#notedAtMs.delete(key)
    }
  }
}
