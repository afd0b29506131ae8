/**
 * Mints ids on one worker number: 41 bits of milliseconds | 10 bits worker | 12 bits sequence. After Twitter's Snowflake
 * (2010, `IdWorker.scala`), which reset its sequence before it looked whether the clock had gone back, and so issued
 * duplicates (its issue 6): here every check comes before the first change of state.
 *
 * The decimal text of an id is not made from its bigint, which costs more than the whole budget of 244 ns: the ids of one
 * millisecond lie in a row, so their digits above the last four change at most once, and the last four come from a table.
 */
import assert from 'node:assert/strict'

import type { Clock, SteadyClock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import { backfillIds } from './backfill.ts'
import { noClockSteps, watchClockSteps } from './clock-steps.ts'
import type { ClockSteps } from './clock-steps.ts'
import { EPOCH_MS, SEQUENCE_BITS, WORKER_BITS } from './contract.ts'
import type { Snowflakes } from './contract.ts'

/** The lower half of the 10-bit worker numbers mints ids of now, the upper half ids of other times. */
export const LIVE_WORKERS = 2 ** (Number(WORKER_BITS) - 1)
export const IDS_PER_MS = 2 ** Number(SEQUENCE_BITS)

/** A clock that went back this far is waited for; further, and minting is refused. */
export const CLOCK_BACK_MS_MAX = 10
/** Looks at a clock before it counts as standing still: at 20 ns or more each, well above the longest wait. */
const CLOCK_LOOKS_MAX = 2 ** 22
const REFUSAL_RETRY_SECONDS = 5
/** 2 ** 41 milliseconds after the epoch the ids would become negative: in 2075. */
const LAST_MS = EPOCH_MS + 2 ** 41 - 1

const LOW_DIGITS = 4
const LOW_RANGE = 10 ** LOW_DIGITS
const LOW_TEXTS: readonly string[] = Array.from({ length: LOW_RANGE }, (_, low) =>
  String(low).padStart(LOW_DIGITS, '0'),
)
// One millisecond's ids cross at most one multiple of the low range, so two prefixes are enough.
assert(IDS_PER_MS < LOW_RANGE)

export interface SnowflakeOptions {
  /** 0 to `LIVE_WORKERS` - 1; nobody else may hold it at the same time. */
  worker: number
  clock: Clock
  /** Ids are minted only in later milliseconds: the last one this worker number was used in. */
  lastMs: number
  /** The last millisecond that may be used, as granted with the lease; asked once a millisecond. */
  ceilingMs?: () => number
  /** Notices a wall clock set forward; without it any time is believed. */
  steady?: SteadyClock
  /** Tells apart the holders of the same worker number in the course of time, for ids of other times. */
  tenure?: bigint
}

export interface Generator extends Snowflakes {
  /** The last millisecond used. */
  lastMs(): number
}

/** A generator on a worker number of its own. */
export function snowflakes(options: SnowflakeOptions): Generator {
  return new SnowflakeGenerator(options)
}

class SnowflakeGenerator implements Generator {
  readonly #clock: Clock
  readonly #workerBits: bigint
  readonly #ceilingMs: () => number
  readonly #steps: ClockSteps
  readonly #backfill: (ms: number) => bigint

  #lastMs: number
  /** The sequence of the last id; the millisecond before the first one counts as exhausted. */
  #sequence = IDS_PER_MS - 1
  /** The first id of `#lastMs`. */
  #firstId = 0n

  #textMs = 0
  #low = 0
  #prefix = ''
  #nextPrefix = ''

  constructor({ worker, clock, lastMs, ceilingMs, steady, tenure }: SnowflakeOptions) {
    assert(Number.isInteger(worker) && worker >= 0 && worker < LIVE_WORKERS, 'worker number')
    this.#clock = clock
    this.#workerBits = BigInt(worker) << SEQUENCE_BITS
    this.#ceilingMs = ceilingMs ?? (() => Infinity)
    this.#steps = steady === undefined ? noClockSteps : watchClockSteps(steady, clock.nowMs())
    this.#backfill = backfillIds(LIVE_WORKERS + worker, tenure ?? 0n)
    this.#lastMs = Math.max(lastMs, EPOCH_MS)
  }

  next<Id extends bigint>(): Id {
    const sequence = this.#take()
    return (this.#firstId + BigInt(sequence)) as Id
  }

  nextText(): string {
    const sequence = this.#take()
    if (this.#textMs !== this.#lastMs) this.#splitDigits()
    const low = this.#low + sequence
    return low < LOW_RANGE ? `${this.#prefix}${LOW_TEXTS[low]}` : `${this.#nextPrefix}${LOW_TEXTS[low - LOW_RANGE]}`
  }

  at<Id extends bigint>(ms: number): Id {
    if (ms > this.#clock.nowMs()) throw new AppError('invalid', 'The time lies in the future')
    return this.#backfill(ms) as Id
  }

  ready(): boolean {
    return this.#refusal(this.#clock.nowMs()) === undefined
  }

  lastMs(): number {
    return this.#lastMs
  }

  /** Claims the next sequence number of `#lastMs`, entering a new millisecond when it is time. */
  #take(): number {
    const nowMs = this.#clock.nowMs()
    if (nowMs === this.#lastMs && this.#sequence < IDS_PER_MS - 1) return ++this.#sequence
    const usableMs = this.#waitUntilUsable(nowMs)
    const refusal = this.#refusal(usableMs)
    if (refusal !== undefined) throw refusal
    // Only from here on may state change.
    if (usableMs === this.#lastMs) return ++this.#sequence
    this.#lastMs = usableMs
    this.#firstId = (BigInt(usableMs - EPOCH_MS) << (WORKER_BITS + SEQUENCE_BITS)) | this.#workerBits
    this.#sequence = 0
    return 0
  }

  /** Waits out an exhausted millisecond (< 1 ms) and a clock that went back a little, never borrowing from the future. */
  #waitUntilUsable(firstMs: number): number {
    const earliestMs = this.#sequence < IDS_PER_MS - 1 ? this.#lastMs : this.#lastMs + 1
    let nowMs = firstMs
    for (let looks = 0; nowMs < earliestMs; looks++) {
      if (this.#lastMs - nowMs > CLOCK_BACK_MS_MAX) return nowMs
      if (looks === CLOCK_LOOKS_MAX) throw refused('The clock of the server stands still')
      nowMs = this.#clock.nowMs()
    }
    return nowMs
  }

  #refusal(nowMs: number): AppError | undefined {
    if (this.#lastMs - nowMs > CLOCK_BACK_MS_MAX) return refused('The clock of the server went back')
    if (this.#steps.isAhead(nowMs)) {
      return refused('The clock of the server was set forward: set it right, or restart if it is right')
    }
    if (nowMs > this.#ceilingMs()) return refused('The lease of the worker number has run out')
    if (nowMs > LAST_MS) return refused('The clock of the server is beyond the last id')
    return undefined
  }

  #splitDigits(): void {
    const range = BigInt(LOW_RANGE)
    const high = this.#firstId / range
    this.#low = Number(this.#firstId % range)
    this.#prefix = String(high)
    this.#nextPrefix = String(high + 1n)
    this.#textMs = this.#lastMs
  }
}

function refused(text: string): AppError {
  return new AppError('unavailable', text, { retryAfterSeconds: REFUSAL_RETRY_SECONDS })
}
