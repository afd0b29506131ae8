/**
 * One shard as this process sees it: what it has written there, and whether that can be relied upon.
 *
 * Redis may lose what it acknowledged: a fail-over promotes a replica that lagged behind, a restart reads an old snapshot.
 * Timelines would then lack entries without being missing. So every call tells the highest number that this writer saw
 * acknowledged; a server that does not have it begins a new generation, and all timelines of the shard are built anew.
 *
 * A shard that takes no writes for GIVEN_UP_AFTER_MS is given up: its timelines count as missing, deliveries pass it by (they
 * would hold up those to other shards), and it begins anew when it is back.
 */
import assert from 'node:assert/strict'

import { CacheError, numberedKey } from '../../engines/cache/contract.ts'
import type { Cache, FunctionCall, Reply } from '../../engines/cache/contract.ts'
import type { SteadyClock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import { keysPrefix } from './layout.ts'

/** A fail-over takes less; the bus tries again for ten minutes. */
export const GIVEN_UP_AFTER_MS = 20_000

type Arg = string | number | Buffer

export interface ShardDeps {
  cache: Cache
  library: string
  /** Names this process in the records. */
  writer: string
  steady: SteadyClock
  log: Log
}

export class Shard {
  readonly name: string
  readonly record: string
  timelines = 0
  entries = 0
  /** Everything here counts as missing, until it has begun anew. */
  isGivenUp = false
  /** What is here has been compared with what was written, or there was nothing to compare. */
  isTrusted = false
  readonly #deps: ShardDeps
  #generation = 0
  #acknowledged = 0
  #lastNumber = 0
  /** Of a run of writes that all failed. */
  #failingSinceMs: number | undefined
  #mustBeginAnew = false

  constructor(index: number, shards: number, deps: ShardDeps) {
    this.name = `s${index}`
    this.record = `${keysPrefix(shards)}${this.name}}`
    this.#deps = deps
  }

  keyOf(owner: AccountId): string {
    return numberedKey(`${this.record}:`, owner)
  }

  /** Calls a function that writes; returns what it returns beyond generation and counts. Throws CacheError. */
  write(name: string, keys: readonly string[], args: readonly Arg[]): Promise<readonly Reply[]> {
    return this.#write(name, args, { keys: [this.record, ...keys] })
  }

  /** The same for many timelines, on the connection for large work. */
  writeMany(name: string, owners: readonly AccountId[], args: readonly Arg[]): Promise<readonly Reply[]> {
    const numbered = { prefix: `${this.record}:`, numbers: owners }
    return this.#write(name, args, { keys: [this.record], numbered, bulk: true })
  }

  async #write(
    name: string,
    args: readonly Arg[],
    where: Pick<FunctionCall, 'keys' | 'numbered' | 'bulk'>,
  ): Promise<readonly Reply[]> {
    const { cache, library, writer } = this.#deps
    const number = ++this.#lastNumber
    const witness = [writer, this.#generation, this.#acknowledged, number]
    try {
      const reply = await cache.call({ ...where, name: `${library}_${name}`, args: [...witness, ...args] })
      this.#failingSinceMs = undefined
      return this.#acknowledge(reply, number)
    } catch (error) {
      this.#noteFailure(error)
      throw error
    }
  }

  /** Compares without writing. `run`: of the server that has the shard now. */
  async visit(run: string): Promise<void> {
    const { cache, library, writer } = this.#deps
    const beginsAnew = this.#mustBeginAnew
    const args = [writer, this.#generation, this.#acknowledged, this.#lastNumber, run, beginsAnew ? '1' : '0']
    this.#acknowledge(await cache.call({ name: `${library}_visit`, keys: [this.record], args }), 0)
    if (beginsAnew) this.#mustBeginAnew = false
    this.isGivenUp = false
    this.isTrusted = true
    this.#failingSinceMs = undefined
  }

  /** A write is due while the shard has not been reached yet. */
  missWrite(): void {
    this.#noteFailure(new CacheError('down'))
  }

  /** It begins anew at the next visit. When it was not reached at the start, an earlier process may have given it up. */
  distrust(): void {
    this.#mustBeginAnew = true
  }

  #noteFailure(error: unknown): void {
    // A full server is healthy: it has been dealt with, or the store answers.
    if (error instanceof CacheError && error.fault === 'full') return
    const nowMs = this.#deps.steady.awakeMs()
    this.#failingSinceMs ??= nowMs
    if (this.isGivenUp || nowMs - this.#failingSinceMs < GIVEN_UP_AFTER_MS) return
    this.isGivenUp = true
    this.#mustBeginAnew = true
    this.#deps.log.warn({ event: 'timelines.shard_given_up', shard: this.name }, 'its timelines will be built anew')
  }

  #acknowledge(reply: Reply, number: number): readonly Reply[] {
    assert(Array.isArray(reply))
    const [generation, timelines, entries, ...rest] = reply
    assert(typeof generation === 'number' && typeof timelines === 'number' && typeof entries === 'number')
    if (generation === this.#generation) this.#acknowledged = Math.max(this.#acknowledged, number)
    if (generation > this.#generation) {
      if (this.#generation !== 0) this.#deps.log.warn({ event: 'timelines.shard_began_anew', shard: this.name })
      this.#generation = generation
      this.#acknowledged = number
    }
    this.timelines = timelines
    this.entries = entries
    return rest
  }
}
