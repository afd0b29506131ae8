import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Database } from '../../src/engines/database/contract.ts'
import type { Clock, SteadyClock } from '../../src/kit/clock.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { AppError } from '../../src/kit/errors.ts'
import { silentLog } from '../../src/kit/log.ts'
import { idTimeMs } from '../../src/snowflake/contract.ts'
import { LIVE_WORKERS, snowflakes } from '../../src/snowflake/generator.ts'
import type { Generator } from '../../src/snowflake/generator.ts'
import { openSnowflakes } from '../../src/snowflake/leased.ts'
import { GRANT_MS, leaseWorker, LEASE_TTL_MS } from '../../src/snowflake/leases.ts'
import type { LeaseOptions, WorkerLease } from '../../src/snowflake/leases.ts'
import { migrations } from '../../src/snowflake/migrations.ts'
import { openTestDatabase } from '../world/database.ts'

const DAY_MS = 24 * 3_600_000

/** Starts at the real time, because the database's clock is compared with it; moves only by hand, and by sleeping. */
class HandClock implements Clock, SteadyClock {
  wallMs = Date.now()
  steadyMs = 0

  nowMs(): number {
    return this.wallMs
  }
  async sleep(ms: number): Promise<void> {
    this.pass(ms)
  }
  awakeMs(): number {
    return this.steadyMs
  }
  sleptMs(): number {
    return 0
  }
  pass(ms: number): void {
    this.wallMs += ms
    this.steadyMs += ms
  }
}

const unavailable = (error: unknown): boolean => error instanceof AppError && error.code === 'unavailable'

const workerOf = (id: bigint | undefined): number => Number(((id ?? 0n) >> 12n) & 1023n)

function options(db: Database, clock: Clock & SteadyClock): LeaseOptions {
  return { db, clock, log: silentLog, owner: 'test', steady: clock, waitMsMax: 0 }
}

function generatorOn(lease: WorkerLease, clock: Clock): Generator {
  const ceilingMs = () => lease.ceilingMs()
  return snowflakes({ worker: lease.worker, clock, lastMs: lease.lastMs, ceilingMs, tenure: lease.token })
}

/** As if `LEASE_TTL_MS` had passed on the database's clock since the last heartbeat. */
async function expireLeases(db: Database): Promise<void> {
  await db.run`update worker_leases set heartbeat = heartbeat - ${LEASE_TTL_MS + 1000}::int * interval '1 ms'`
}

/** Leaves only the given worker number to be had. */
async function leaveOnly(db: Database, worker: number): Promise<void> {
  await db.run`delete from worker_leases where worker <> ${worker}`
}

test('F35: claimers at the same time get worker numbers of their own', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new HandClock()
  const leases = await Promise.all(Array.from({ length: 40 }, () => leaseWorker(options(db, clock))))
  assert.equal(new Set(leases.map((lease) => lease.worker)).size, 40)
  const ids = leases.flatMap((lease) => {
    const generator = generatorOn(lease, clock)
    return Array.from({ length: 50 }, () => generator.next())
  })
  assert.equal(new Set(ids).size, ids.length)
})

test('when all worker numbers are in use a start waits, then fails with a text that says why', async () => {
  await using db = await openTestDatabase(migrations)
  await leaveOnly(db, 3)
  const clock = new HandClock()
  const lease = await leaseWorker(options(db, clock))
  const startMs = clock.wallMs
  await assert.rejects(leaseWorker({ ...options(db, clock), waitMsMax: 5000 }), /worker numbers are in use/)
  assert.ok(clock.wallMs - startMs >= 5000)
  await lease.release(lease.lastMs)
  assert.equal((await leaseWorker(options(db, clock))).worker, 3)
})

test('F35: a holder that was paused past its lease refuses to mint, and the next holder starts after all its ids', async () => {
  await using db = await openTestDatabase(migrations)
  await leaveOnly(db, 3)
  const pausedClock = new HandClock()
  const paused = await leaseWorker(options(db, pausedClock))
  const pausedGenerator = generatorOn(paused, pausedClock)
  const before = pausedGenerator.next()

  // SIGSTOP for 61 seconds; meanwhile another process takes the number over.
  await expireLeases(db)
  const clock = new HandClock()
  clock.wallMs = pausedClock.wallMs + LEASE_TTL_MS + 1000
  await db.run`update worker_leases set last_ms = last_ms` // the row is as the paused holder left it
  const thief = await leaseWorkerIgnoringDatabaseClock(db, clock)
  const thiefGenerator = generatorOn(thief, clock)
  assert.equal(thief.worker, paused.worker)
  assert.ok(thief.token > paused.token)
  const taken = thiefGenerator.next()
  assert.ok(taken > before)

  // CONT: first the clock alone tells it …
  pausedClock.pass(LEASE_TTL_MS + 1000)
  assert.equal(pausedGenerator.ready(), false)
  assert.throws(() => pausedGenerator.next(), unavailable)
  // … even one whose clock did not notice the pause cannot reach the thief's milliseconds …
  pausedClock.pass(-LEASE_TTL_MS)
  assert.ok(idTimeMs(pausedGenerator.next()) < idTimeMs(taken))
  // … and then the token.
  assert.equal(await paused.renew(), false)
  pausedClock.pass(1)
  assert.throws(() => pausedGenerator.next(), unavailable)
  // Nor does its release touch what is another's.
  await paused.release(0)
  assert.equal(await thief.renew(), true)
})

/** A machine whose clocks all run ahead of this one's, as they do after a pause that the test does not wait for. */
async function leaseWorkerIgnoringDatabaseClock(db: Database, clock: HandClock): Promise<WorkerLease> {
  const later: Database = {
    rows: db.rows.bind(db),
    run: db.run.bind(db),
    transaction: db.transaction.bind(db),
    healthy: db.healthy.bind(db),
    [Symbol.asyncDispose]: async () => {},
    async one<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined> {
      const row = await db.one<Row>(strings, ...values)
      const isClockCheck = typeof row === 'object' && row !== null && 'database_now' in row
      return isClockCheck ? { ...row, database_now: BigInt(clock.wallMs) } : row
    },
  }
  return leaseWorker(options(later, clock))
}

test('a grant is persisted before it is used, reaches a bounded way ahead, and moves on with each renewal', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new HandClock()
  const lease = await leaseWorker(options(db, clock))
  const generator = generatorOn(lease, clock)
  for (let round = 0; round < 4; round++) {
    const row = await db.one<{ last_ms: bigint }>`select last_ms from worker_leases where worker = ${lease.worker}`
    assert.equal(Number(row?.last_ms), lease.ceilingMs())
    assert.equal(lease.ceilingMs(), clock.wallMs + GRANT_MS)
    clock.pass(GRANT_MS)
    generator.next()
    clock.pass(1)
    assert.throws(() => generator.next(), unavailable, 'the grant is used up')
    assert.equal(generator.ready(), false)
    assert.equal(await lease.renew(), true)
    assert.equal(generator.ready(), true)
  }
})

test('F34: a restart in the same millisecond mints no id again, with the same number and with another', async () => {
  await using db = await openTestDatabase(migrations)
  await leaveOnly(db, 3)
  const clock = new HandClock()
  const seen = new Set<bigint>()
  for (let restart = 0; restart < 5; restart++) {
    const lease = await leaseWorker({ ...options(db, clock), waitMsMax: 2000 })
    const generator = generatorOn(lease, clock)
    for (let count = 0; count < 100; count++) {
      const id = generator.next()
      assert.ok(!seen.has(id))
      seen.add(id)
    }
    await lease.release(generator.lastMs())
  }
})

test('F34: a process that was killed leaves its number to rest, and the next start takes another at once', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new HandClock()
  const killed = await leaseWorker(options(db, clock))
  const before = generatorOn(killed, clock).next()
  const lease = await leaseWorker(options(db, clock))
  assert.notEqual(lease.worker, killed.worker)
  assert.notEqual(generatorOn(lease, clock).next(), before)
})

test('F34: a restart after the clock went back ten minutes waits until it has caught up with the ids minted', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new HandClock()
  const lease = await leaseWorker(options(db, clock))
  const generator = generatorOn(lease, clock)
  const before = generator.next()
  await lease.release(generator.lastMs())

  clock.wallMs -= 600_000
  await assert.rejects(leaseWorker(options(db, clock)), /600 s behind the ids already minted/)
  const late = await leaseWorker({ ...options(db, clock), waitMsMax: 700_000 })
  // Another number's ids may sort lower by a second at most.
  assert.ok(idTimeMs(generatorOn(late, clock).next()) >= idTimeMs(before) - 1000)
})

test('F36: a start with a clock a day ahead of the database fails with a text that says why', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new HandClock()
  clock.wallMs += DAY_MS
  await assert.rejects(leaseWorker(options(db, clock)), /ahead of the database/)
})

test('F36: a clock set forward by a day is not granted its future, and goes on when it is set right', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new HandClock()
  const lease = await leaseWorker(options(db, clock))
  const generator = generatorOn(lease, clock)
  generator.next()
  const ceilingMs = lease.ceilingMs()
  clock.wallMs += DAY_MS
  assert.equal(await lease.renew(), true)
  assert.equal(lease.ceilingMs(), ceilingMs)
  assert.throws(() => generator.next(), unavailable)
  clock.wallMs -= DAY_MS
  clock.pass(1000)
  assert.equal(await lease.renew(), true)
  assert.equal(lease.ceilingMs(), clock.wallMs + GRANT_MS)
  generator.next()
})

test('worker numbers are taken in turn, so that tenures spread over them', async () => {
  await using db = await openTestDatabase(migrations)
  await db.run`delete from worker_leases where worker >= 4`
  const clock = new HandClock()
  const workers: number[] = []
  for (let start = 0; start < 8; start++) {
    clock.pass(100)
    const lease = await leaseWorker(options(db, clock))
    workers.push(lease.worker)
    await lease.release(clock.wallMs)
  }
  assert.deepEqual(workers, [0, 1, 2, 3, 0, 1, 2, 3])
})

/** Sleeps end only when the test says so. */
class PacedClock extends HandClock {
  #wake: (() => void)[] = []

  override sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  /** Lets `ms` pass and whoever sleeps go on, until `done`. */
  async run(ms: number, done: () => boolean): Promise<void> {
    this.pass(ms)
    for (const wake of this.#wake.splice(0)) wake()
    const deadlineMs = performance.now() + 5000
    while (!done()) {
      assert.ok(performance.now() < deadlineMs, 'nothing happened')
      await systemClock.sleep(5)
      for (const wake of this.#wake.splice(0)) wake()
    }
  }
}

test('an opened generator renews its lease, and gives the number back with the last millisecond used', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new PacedClock()
  const generator = await openSnowflakes(options(db, clock))
  const first = generator.next()
  clock.pass(GRANT_MS + 1)
  assert.equal(generator.ready(), false)
  await clock.run(0, () => generator.ready())
  const last = generator.next()
  assert.ok(last > first)
  await generator[Symbol.asyncDispose]()
  clock.pass(1)
  assert.throws(() => generator.next(), unavailable)
  const held = await db.rows`select 1 from worker_leases where heartbeat is not null`
  assert.equal(held.length, 0)
  const row = await db.one<{ newest: bigint }>`select max(last_ms) as newest from worker_leases`
  assert.equal(Number(row?.newest), idTimeMs(last))
})

test('an opened generator that lost its number goes on with another, above its ids so far', async () => {
  await using db = await openTestDatabase(migrations)
  const clock = new PacedClock()
  await using generator = await openSnowflakes(options(db, clock))
  const minted = [generator.next()]
  await db.run`update worker_leases set token = token + 1 where heartbeat is not null`
  await clock.run(0, () => {
    clock.pass(1)
    if (generator.ready()) minted.push(generator.next())
    return workerOf(minted.at(-1)) !== workerOf(minted[0])
  })
  assert.ok(minted.every((id, index) => id > (minted[index - 1] ?? 0n)))
})

test('while the database is away minting goes on for the rest of the grant, then stops, then heals', async () => {
  await using db = await openTestDatabase(migrations)
  let away = false
  const flaky: Database = {
    rows: db.rows.bind(db),
    run: db.run.bind(db),
    transaction: db.transaction.bind(db),
    healthy: db.healthy.bind(db),
    [Symbol.asyncDispose]: async () => {},
    async one<Row>(strings: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined> {
      if (away) throw new AppError('unavailable', 'the database is away')
      return db.one<Row>(strings, ...values)
    },
  }
  const clock = new PacedClock()
  await using generator = await openSnowflakes(options(flaky, clock))
  generator.next()
  away = true
  clock.pass(GRANT_MS - 1)
  generator.next()
  clock.pass(2)
  assert.throws(() => generator.next(), unavailable)
  away = false
  await clock.run(0, () => generator.ready())
  generator.next()
})

test('ids of other times never meet over restarts that take the same number', async () => {
  await using db = await openTestDatabase(migrations)
  await leaveOnly(db, 3)
  const clock = new HandClock()
  const past = clock.wallMs - DAY_MS
  const ids = new Set<bigint>()
  for (let restart = 0; restart < 10; restart++) {
    clock.pass(100)
    const lease = await leaseWorker(options(db, clock))
    const generator = generatorOn(lease, clock)
    for (let count = 0; count < 60; count++) ids.add(generator.at(past))
    await lease.release(clock.wallMs)
  }
  assert.equal(ids.size, 600)
  assert.ok([...ids].every((id) => workerOf(id) === LIVE_WORKERS + 3))
})
