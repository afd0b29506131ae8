/** The generator of a process: on a leased worker number, renewed in the background, replaced when it was lost. */
import { systemSteadyClock } from '../kit/clock.ts'
import type { Snowflakes } from './contract.ts'
import { snowflakes } from './generator.ts'
import type { Generator } from './generator.ts'
import { leaseWorker, RENEW_INTERVAL_MS } from './leases.ts'
import type { LeaseOptions, WorkerLease } from './leases.ts'

/** Between tries while the database is away. */
const RETRY_MS = 1000

type SteadyLeaseOptions = LeaseOptions & Required<Pick<LeaseOptions, 'steady'>>

export interface LeasedSnowflakes extends Snowflakes, AsyncDisposable {}

/**
 * Leases a worker number and mints on it until disposed. Throws `unavailable` when none can be had in time.
 * While the database is away minting goes on for the rest of the grant, then refuses.
 */
export async function openSnowflakes(options: LeaseOptions): Promise<LeasedSnowflakes> {
  const steadyOptions = { ...options, steady: options.steady ?? systemSteadyClock }
  return new RenewedSnowflakes(steadyOptions, await leaseWorker(steadyOptions))
}

class RenewedSnowflakes implements LeasedSnowflakes {
  readonly #options: SteadyLeaseOptions
  readonly #stop = new AbortController()
  readonly #renewing: Promise<void>
  #lease: WorkerLease
  #generator: Generator

  constructor(options: SteadyLeaseOptions, lease: WorkerLease) {
    this.#options = options
    this.#lease = lease
    this.#generator = generatorOn(lease, options, lease.lastMs)
    this.#renewing = this.#renewUntilStopped()
  }

  next<Id extends bigint>(): Id {
    return this.#generator.next<Id>()
  }

  nextText(): string {
    return this.#generator.nextText()
  }

  at<Id extends bigint>(ms: number): Id {
    return this.#generator.at<Id>(ms)
  }

  ready(): boolean {
    return this.#generator.ready()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#renewing
    // Without it the number is free again after LEASE_TTL_MS.
    await this.#lease.release(this.#generator.lastMs()).catch((error: unknown) => {
      this.#options.log.warn({ event: 'snowflake.release_failed', error })
    })
  }

  async #renewUntilStopped(): Promise<void> {
    const { clock, log } = this.#options
    const { signal } = this.#stop
    let pauseMs = RENEW_INTERVAL_MS
    while (!signal.aborted) {
      await clock.sleep(pauseMs, signal)
      if (signal.aborted) return
      try {
        if (!(await this.#lease.renew())) await this.#replaceLease()
        pauseMs = RENEW_INTERVAL_MS
      } catch (error) {
        log.warn({ event: 'snowflake.renewal_failed', error })
        pauseMs = RETRY_MS
      }
    }
  }

  /** A process that lost its number goes on with another one, above all its ids so far. */
  async #replaceLease(): Promise<void> {
    const lease = await leaseWorker({ ...this.#options, signal: this.#stop.signal })
    this.#generator = generatorOn(lease, this.#options, Math.max(lease.lastMs, this.#generator.lastMs()))
    this.#lease = lease
  }
}

function generatorOn(lease: WorkerLease, { clock, steady }: SteadyLeaseOptions, lastMs: number): Generator {
  const ceilingMs = () => lease.ceilingMs()
  return snowflakes({ worker: lease.worker, clock, lastMs, ceilingMs, steady, tenure: lease.token })
}
