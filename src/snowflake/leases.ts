import type { Database } from '../engines/database/contract.ts'
/**
 * Which process may use which worker number, as rows of PostgreSQL.
 *
 * A lease grants (worker number, milliseconds up to `last_ms`). The holder moves `last_ms` ahead of its clock before it
 * mints there, and never mints beyond; the next holder mints only after it. So no two holders ever share a millisecond of
 * a worker number, whatever their clocks and pauses do: a process that slept through its lease finds its grant used up,
 * asks for more, and learns by the fencing token that the number is another's.
 */
import type { Clock, SteadyClock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { CLOCK_AHEAD_MS_MAX, watchClockSteps } from './clock-steps.ts'
import type { ClockSteps } from './clock-steps.ts'
import { LIVE_WORKERS } from './generator.ts'

/** How far ahead of the clock a grant reaches: so long may the database be away before minting stops. */
export const GRANT_MS = 30_000
export const RENEW_INTERVAL_MS = 10_000
/** A holder not heard of for so long, by the database's clock, has lost its worker number. */
export const LEASE_TTL_MS = 60_000
/** A worker number rests so long after its last grant. */
const LEASE_SKEW_MS = 10
/** New ids may sort this far below those of other processes. */
const ORDER_SKEW_MS_MAX = 1000
/** How long a start waits for a clock that is behind the ids already minted. */
export const START_WAIT_MS_MAX = 15 * 60_000
const WAIT_STEP_MS = 1000
const WAIT_REPORT_MS = 10_000

export interface LeaseOptions {
  db: Database
  clock: Clock
  log: Log
  /** Shown in the row, for people: a role and a process id. */
  owner: string
  steady?: SteadyClock
  /** After this the start fails with a text that says why. */
  waitMsMax?: number
  /** Ends the waiting. */
  signal?: AbortSignal
}

export interface WorkerLease {
  readonly worker: number
  readonly token: bigint
  /** Mint only in later milliseconds … */
  readonly lastMs: number
  /** … and in none after this; moves on with `renew`. */
  ceilingMs(): number
  /** Extends the grant. False when the number was lost to another holder: mint no more. */
  renew(): Promise<boolean>
  /** Gives the number back; `lastMs` is the last millisecond used. */
  release(lastMs: number): Promise<void>
}

/** Waits for a worker number and a clock in step with the ids of others. Throws `unavailable` after `waitMsMax`. */
export async function leaseWorker(options: LeaseOptions): Promise<WorkerLease> {
  const { db, clock, log, owner, signal } = options
  const waitMsMax = options.waitMsMax ?? START_WAIT_MS_MAX
  for (let waitedMs = 0; ; waitedMs += WAIT_STEP_MS) {
    const nowMs = clock.nowMs()
    const clockFault = await faultOfClock(db, nowMs)
    const claimed = clockFault === undefined ? await claim(db, nowMs, owner) : undefined
    if (claimed !== undefined) {
      const lease = new Lease(claimed, options)
      log.info({ event: 'snowflake.leased', worker: lease.worker, fence: lease.token.toString() })
      return lease
    }
    const reason = clockFault ?? `all ${LIVE_WORKERS} worker numbers are in use`
    if (waitedMs >= waitMsMax || signal?.aborted === true) {
      throw new AppError('unavailable', `No ids can be minted: ${reason}`)
    }
    if (waitedMs % WAIT_REPORT_MS === 0) log.warn({ event: 'snowflake.waiting', reason })
    await clock.sleep(WAIT_STEP_MS, signal)
  }
}

/** Why this clock may not mint: its ids would sort below those of others, or lie in the future. */
async function faultOfClock(db: Database, nowMs: number): Promise<string | undefined> {
  // The newest id's time, from below: exact where the number was given back, else when the last grant was made.
  const row = await db.one<{ newest: bigint; database_now: bigint }>`
    select coalesce(max(last_ms - case when heartbeat is null then 0 else ${GRANT_MS}::int end), 0)::bigint as newest,
      (extract(epoch from clock_timestamp()) * 1000)::bigint as database_now
    from worker_leases`
  if (row === undefined) return undefined
  const behindMs = Number(row.newest) - nowMs
  if (behindMs > ORDER_SKEW_MS_MAX) {
    return `the clock is ${Math.ceil(behindMs / 1000)} s behind the ids already minted; set it right`
  }
  const aheadMs = nowMs - Number(row.database_now)
  if (aheadMs > CLOCK_AHEAD_MS_MAX) {
    return `the clock is ${Math.ceil(aheadMs / 1000)} s ahead of the database's; set it right`
  }
  return undefined
}

interface ClaimedRow {
  worker: number
  token: bigint
  before_ms: bigint
  granted_ms: bigint
}

/** Takes the free number that was taken least often, so that tenures spread over them. */
function claim(db: Database, nowMs: number, owner: string): Promise<ClaimedRow | undefined> {
  return db.one<ClaimedRow>`
    with free as (
      select worker, last_ms from worker_leases
      where (heartbeat is null or heartbeat < clock_timestamp() - ${LEASE_TTL_MS}::int * interval '1 ms')
        and last_ms < ${nowMs - LEASE_SKEW_MS}::bigint
      order by token, worker
      limit 1
      for update skip locked
    )
    update worker_leases as lease
    set owner = ${owner}, token = lease.token + 1, heartbeat = clock_timestamp(), last_ms = ${nowMs + GRANT_MS}::bigint
    from free
    where lease.worker = free.worker
    returning lease.worker, lease.token, free.last_ms as before_ms, lease.last_ms as granted_ms`
}

class Lease implements WorkerLease {
  readonly worker: number
  readonly token: bigint
  readonly lastMs: number
  readonly #options: LeaseOptions
  readonly #steps: ClockSteps | undefined
  #ceilingMs: number
  #lost = false

  constructor(row: ClaimedRow, options: LeaseOptions) {
    this.worker = row.worker
    this.token = row.token
    this.lastMs = Number(row.before_ms)
    this.#ceilingMs = Number(row.granted_ms)
    this.#options = options
    this.#steps = options.steady && watchClockSteps(options.steady, options.clock.nowMs())
  }

  ceilingMs(): number {
    return this.#lost ? 0 : this.#ceilingMs
  }

  async renew(): Promise<boolean> {
    const { db, clock, log } = this.#options
    const nowMs = clock.nowMs()
    // A clock that was set forward is kept from being granted its future.
    const ahead = this.#steps?.isAhead(nowMs) === true
    if (ahead) log.warn({ event: 'snowflake.clock_ahead', worker: this.worker })
    const wantedMs = ahead ? 0 : nowMs + GRANT_MS
    const row = await db.one<{ last_ms: bigint }>`
      update worker_leases
      set heartbeat = clock_timestamp(), last_ms = greatest(last_ms, ${wantedMs}::bigint)
      where worker = ${this.worker} and token = ${this.token}
      returning last_ms`
    if (row === undefined) {
      this.#lost = true
      log.error({ event: 'snowflake.lease_lost', worker: this.worker, fence: this.token.toString() })
      return false
    }
    this.#ceilingMs = Number(row.last_ms)
    return true
  }

  async release(lastMs: number): Promise<void> {
    this.#lost = true
    await this.#options.db.run`
      update worker_leases
      set heartbeat = null, last_ms = ${Math.max(lastMs, this.lastMs)}::bigint
      where worker = ${this.worker} and token = ${this.token}`
  }
}
