/**
 * Claim → publish → done, with many rows under way at once.
 *
 *   outbox ──claim──▶ in flight, one chain a key ──publish──▶ bus
 *      ▲                      │ failed                 │ taken
 *      └──── retry, release ──┘        finished ids ◀──┘
 *      └──── done, many at once ───────────┘
 *
 * An idle relay waits for a wake and publishes a single row at once; under load it claims at most once in
 * `claimGapMs`, so that batches grow with the load and not the number of statements. Each key goes its own way: a row
 * that the bus will not take holds up only its key, until it is parked after DELIVERIES_MAX attempts.
 *
 * Rows stay "in flight" until their deletion is committed. So when a handler takes longer than the lease, and this relay
 * claims the same rows again, it sees that they are its own and does nothing: the claim was a renewal.
 */
import assert from 'node:assert/strict'

import { DELIVERIES_MAX, PUBLISH_MESSAGES_MAX, type Bus, type Parking } from '../engines/bus/contract.ts'
import type { OutboxQueue, OutboxRow } from '../engines/outbox/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import { failpoint } from '../kit/failpoint.ts'
import { LogGate } from '../kit/log-gate.ts'
import type { Log } from '../kit/log.ts'
import type { Relay, RelayState } from './contract.ts'
import { backOffMs, Outage } from './outage.ts'

interface RelayLimits {
  /** Rows of one claim. */
  batchMax: number
  /** Rows claimed and not yet finished. */
  inFlightMax: number
  leaseMs: number
  /** An idle relay looks this often even if nobody wakes it. */
  pollMs: number
  /** Between two claims that found something, and between two deletions. */
  claimGapMs: number
  /** How long stopping waits for the bus. */
  drainMs: number
  /** How long stopping waits for the database afterwards. */
  farewellMs: number
}

const DEFAULT_LIMITS: RelayLimits = {
  batchMax: 500,
  inFlightMax: 2_000,
  leaseMs: 30_000,
  pollMs: 200,
  claimGapMs: 4,
  drainMs: 8_000,
  farewellMs: 2_000,
}

/** Stopping takes no longer than this. */
const STOP_MS_MAX = 10_000
const LAG_EVERY_MS = 5_000
/** Older messages in the outbox raise an alarm. */
const LAG_ALARM_MS = 10_000
/** The group under which rows are parked that the bus itself refuses. */
export const REFUSED_BY_BUS = 'relay'

assert(DEFAULT_LIMITS.batchMax <= DEFAULT_LIMITS.inFlightMax)
// All rows of a claim may be of one key, and are then published at once.
assert(DEFAULT_LIMITS.batchMax <= PUBLISH_MESSAGES_MAX)
assert(DEFAULT_LIMITS.drainMs + DEFAULT_LIMITS.farewellMs <= STOP_MS_MAX)

export interface RelayDeps {
  readonly queue: OutboxQueue
  readonly bus: Pick<Bus, 'publish'>
  readonly parking: Parking
  readonly clock: Clock
  readonly log: Log
  /** True when no other relay runs on this database: what an earlier one held is free at once. */
  readonly sole: boolean
  /** Told of each row right before the bus gets it: for the life of a status. What it throws is logged and forgotten. */
  readonly noteRelayed?: (row: OutboxRow, atMs: number) => void
  readonly limits?: Partial<RelayLimits>
}

/** Runs until disposed; takes no longer than STOP_MS_MAX to stop. The bus must be closed after the relay. */
export function startRelay(deps: RelayDeps): Relay {
  return new OutboxRelay(deps)
}

class OutboxRelay implements Relay {
  readonly #deps: RelayDeps
  readonly #limits: RelayLimits
  readonly #stopping = new AbortController()
  readonly #loop: Promise<unknown>
  readonly #queueOutage: Outage
  readonly #busOutage: Outage
  readonly #deliveries = new Set<Promise<void>>()
  readonly #inFlight = new Set<bigint>()
  /** Published, not yet deleted. */
  readonly #finished: bigint[] = []
  #flushing: Promise<void> | undefined
  /** Resolves when rows have left the flight, or the relay stops. */
  #roomMade = Promise.withResolvers<void>()
  /** What the bus said when it was down, since the loop last looked. */
  #busError: unknown
  #released = false
  #lastFindMs = 0
  readonly #state: RelayState = { inFlight: 0, published: 0, lastSuccessMs: 0, lagRows: 0, lagMs: 0 }
  #stopped: Promise<void> | undefined

  constructor(deps: RelayDeps) {
    this.#deps = deps
    this.#limits = { ...DEFAULT_LIMITS, ...deps.limits }
    this.#queueOutage = new Outage('database', deps)
    this.#busOutage = new Outage('bus', deps)
    this.#stopping.signal.addEventListener('abort', () => this.#roomMade.resolve())
    this.#loop = Promise.all([this.#relay(), this.#measureLag()])
  }

  state(): RelayState {
    return { ...this.#state, inFlight: this.#inFlight.size }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #relay(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        if (!this.#released) await (this.#deps.sole ? this.#deps.queue.releaseAll() : this.#deps.queue.releaseOwn())
        this.#released = true
        const found = await this.#claim()
        this.#queueOutage.succeeded()
        if (!found) await this.#deps.queue.wait(this.#limits.pollMs, signal)
      } catch (error) {
        this.#queueOutage.failed(error)
        await this.#queueOutage.pause(signal)
      }
      await this.#pauseWhileBusIsDown()
    }
  }

  /** Claims as many rows as there is room for, and sets them off. False when there were none. */
  async #claim(): Promise<boolean> {
    const { clock, queue } = this.#deps
    const room = this.#limits.inFlightMax - this.#inFlight.size
    if (room <= 0) {
      await this.#roomMade.promise
      return true
    }
    const sinceFindMs = clock.nowMs() - this.#lastFindMs
    if (sinceFindMs >= 0 && sinceFindMs < this.#limits.claimGapMs) {
      await clock.sleep(this.#limits.claimGapMs - sinceFindMs, this.#stopping.signal)
    }
    const claimed = await queue.claim(Math.min(room, this.#limits.batchMax), this.#limits.leaseMs)
    this.#state.lastSuccessMs = clock.nowMs()
    const rows = claimed.filter(({ id }) => !this.#inFlight.has(id))
    if (rows.length === 0) return false
    failpoint('W5')
    this.#lastFindMs = this.#state.lastSuccessMs
    for (const chain of Map.groupBy(rows, ({ key }) => key).values()) this.#setOff(chain)
    return true
  }

  #setOff(chain: readonly OutboxRow[]): void {
    for (const { id } of chain) this.#inFlight.add(id)
    const delivery = this.#deliver(chain).catch((error: unknown) => {
      // The rows could be neither finished nor given back: they are free again when the lease has run out.
      this.#queueOutage.failed(error)
      this.#leaveFlight(chain.map(({ id }) => id))
    })
    this.#deliveries.add(delivery)
    void delivery.then(() => this.#deliveries.delete(delivery))
  }

  /** Publishes rows of one key: together, or one by one when one of them has failed before. */
  async #deliver(chain: readonly OutboxRow[]): Promise<void> {
    const parts = chain.some(({ attempts }) => attempts > 0) ? chain.map((row) => [row]) : [chain]
    for (const [index, part] of parts.entries()) {
      const error = this.#stopping.signal.aborted ? stopped() : await this.#publish(part)
      if (error === undefined) {
        this.#finish(part.map(({ id }) => id))
      } else if (isDefinite(error) && lastAttempt(part)) {
        await this.#park(part, error)
      } else {
        await this.#giveBack(part, error, parts.slice(index + 1).flat())
        return
      }
    }
  }

  /** Undefined when the bus has taken responsibility, else why not. */
  async #publish(rows: readonly OutboxRow[]): Promise<Error | undefined> {
    for (const row of rows) this.#noteRelayed(row)
    try {
      const publishing = this.#deps.bus.publish(rows)
      failpoint('W6')
      await publishing
      failpoint('W7')
      this.#busOutage.succeeded()
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  #noteRelayed(row: OutboxRow): void {
    try {
      this.#deps.noteRelayed?.(row, this.#deps.clock.nowMs())
    } catch (error) {
      this.#deps.log.warn({ event: 'relay.note_failed', message: String(row.id), type: row.type, err: error })
    }
  }

  async #giveBack(failed: readonly OutboxRow[], error: Error, following: readonly OutboxRow[]): Promise<void> {
    const failedIds = failed.map(({ id }) => id)
    const followingIds = following.map(({ id }) => id)
    // First of all: a claim that finds the rows free must not take them for rows still in flight.
    this.#leaveFlight([...failedIds, ...followingIds])
    if (isDefinite(error)) {
      const attempts = Math.max(...failed.map((row) => row.attempts)) + 1
      this.#deps.log.warn({ event: 'relay.refused', rows: failed.length, attempts, err: error })
      await this.#deps.queue.retry(failedIds, backOffMs(attempts))
      await this.#deps.queue.release(followingIds)
    } else {
      if (!this.#stopping.signal.aborted) this.#busError ??= error
      await this.#deps.queue.release([...failedIds, ...followingIds])
    }
  }

  async #park(rows: readonly OutboxRow[], error: Error): Promise<void> {
    for (const row of rows) {
      const about = { message: String(row.id), key: String(row.key), type: row.type }
      this.#deps.log.error(
        { event: 'relay.parked', ...about, err: error },
        'the bus refused a message for the last time',
      )
      await this.#deps.parking.park({ group: REFUSED_BY_BUS, message: row, error: error.message })
    }
    this.#finish(rows.map(({ id }) => id))
  }

  #finish(ids: readonly bigint[]): void {
    this.#state.published += ids.length
    this.#finished.push(...ids)
    this.#flushing ??= this.#deleteFinished()
  }

  /** Deletes what is finished, again until nothing is left; what comes meanwhile goes with the next statement. */
  async #deleteFinished(): Promise<void> {
    const { signal } = this.#stopping
    while (this.#finished.length > 0) {
      const ids = this.#finished.splice(0)
      try {
        await this.#deps.queue.done(ids)
        this.#queueOutage.succeeded()
        this.#leaveFlight(ids)
        await this.#deps.clock.sleep(this.#limits.claimGapMs, signal)
      } catch (error) {
        this.#finished.unshift(...ids)
        this.#queueOutage.failed(error)
        if (signal.aborted) break // they are published again by the next relay
        await this.#queueOutage.pause(signal)
      }
    }
    this.#flushing = undefined
  }

  #leaveFlight(ids: readonly bigint[]): void {
    for (const id of ids) this.#inFlight.delete(id)
    const { resolve } = this.#roomMade
    this.#roomMade = Promise.withResolvers<void>()
    if (this.#stopping.signal.aborted) this.#roomMade.resolve()
    resolve()
  }

  async #pauseWhileBusIsDown(): Promise<void> {
    if (this.#busError === undefined) return
    this.#busOutage.failed(this.#busError)
    this.#busError = undefined
    await this.#busOutage.pause(this.#stopping.signal)
  }

  async #measureLag(): Promise<void> {
    const { clock, log, queue } = this.#deps
    const { signal } = this.#stopping
    const alarm = new LogGate(clock)
    while (!signal.aborted) {
      try {
        const { rows, oldestMs } = await queue.lag()
        this.#state.lagRows = rows
        this.#state.lagMs = oldestMs
        if (oldestMs > LAG_ALARM_MS) alarm.pass(() => log.warn({ event: 'relay.lagging', rows, oldestMs }))
      } catch (error) {
        this.#queueOutage.failed(error)
      }
      await clock.sleep(LAG_EVERY_MS, signal)
    }
  }

  /** No more claims; what the bus has is waited for, the rest is given back. */
  async #stop(): Promise<void> {
    this.#stopping.abort()
    await this.#within(this.#limits.drainMs, Promise.all([this.#loop, ...this.#deliveries]))
    await this.#within(this.#limits.farewellMs, this.#farewell())
  }

  async #farewell(): Promise<void> {
    await this.#flushing
    try {
      await this.#deps.queue.release([...this.#inFlight])
    } catch (error) {
      this.#deps.log.info({ event: 'relay.stopped_without_database', rows: this.#inFlight.size, err: error })
    }
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const done = new AbortController()
    await Promise.race([work, this.#deps.clock.sleep(ms, done.signal)])
    done.abort()
  }
}

/** The message's own fault, as far as one can tell; an outage is not. */
function isDefinite(error: Error): boolean {
  return !(error instanceof AppError && error.code === 'unavailable')
}

function lastAttempt(rows: readonly OutboxRow[]): boolean {
  return rows.length === 1 && rows.every(({ attempts }) => attempts + 1 >= DELIVERIES_MAX)
}

function stopped(): AppError {
  return new AppError('unavailable', 'The relay is stopping')
}
