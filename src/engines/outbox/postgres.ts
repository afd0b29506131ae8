/** The outbox on PostgreSQL; migrations.ts has the tables and the functions, and says why they are as they are. */
import { randomBytes } from 'node:crypto'

import type { Clock } from '../../kit/clock.ts'
import type { Database, Db } from '../database/contract.ts'
import type { Outbox, OutboxMessage, OutboxQueue, OutboxRow } from './contract.ts'

/** Rows counted by `lag`: above it the exact number interests nobody, and counting would cost. */
const LAG_ROWS_MAX = 100_000

export interface OutboxDeps {
  readonly db: Database
  readonly clock: Clock
  /** The number under which rows are claimed; a new one if not given. No two may use one at the same time. */
  readonly owner?: bigint
}

/** One opening of the outbox: what it claims, it holds under a number of its own. */
export function openOutbox(deps: OutboxDeps): Outbox & OutboxQueue {
  return new PostgresOutbox(deps)
}

interface ClaimedRow {
  id: bigint
  key: bigint
  type: string
  version: number
  body: string
  created_at: Date
  attempts: number
}

class PostgresOutbox implements Outbox, OutboxQueue {
  readonly #db: Database
  readonly #clock: Clock
  /** Tells our claims from those of others. */
  readonly #owner: bigint
  /** True when rows may have become free since the last claim began. */
  #awake = false
  readonly #waiting = new Set<() => void>()

  constructor({ db, clock, owner = randomBytes(8).readBigInt64BE() }: OutboxDeps) {
    this.#owner = owner
    this.#db = db
    this.#clock = clock
  }

  async append(tx: Db, messages: readonly OutboxMessage[]): Promise<void> {
    const [only] = messages
    if (only === undefined) return
    if (messages.length === 1) {
      await tx.run`insert into outbox (key, type, version, body)
        values (${only.key}, ${only.type}, ${only.version}, ${only.body})`
      return
    }
    await tx.run`
      insert into outbox (key, type, version, body)
      select key, type, version, body
      from unnest(
        ${messages.map(({ key }) => key)}::int8[],
        ${messages.map(({ type }) => type)}::text[],
        ${messages.map(({ version }) => version)}::int2[],
        ${messages.map(({ body }) => body)}::text[]
      ) with ordinality as message (key, type, version, body, place)
      order by place`
  }

  wake(): void {
    this.#awake = true
    for (const stopWaiting of this.#waiting) stopWaiting()
  }

  async claim(limit: number, leaseMs: number): Promise<OutboxRow[]> {
    this.#awake = false
    const rows = await this.#db.rows<ClaimedRow>`
      select id, key, type, version, body, created_at, attempts
      from outbox_claim(${this.#owner}, ${limit}, ${leaseMs})`
    return rows.map(rowOf).toSorted(byId)
  }

  async done(ids: readonly bigint[]): Promise<void> {
    if (ids.length === 0) return
    await this.#db.one`select outbox_done(${ids}::int8[])`
    this.wake() // their keys are free again
  }

  async retry(ids: readonly bigint[], delayMs: number): Promise<void> {
    if (ids.length === 0) return
    await this.#db.run`
      update outbox_held
      set until = clock_timestamp() + make_interval(secs => ${delayMs / 1000}::float8), attempts = attempts + 1
      where id = any(${ids}::int8[]) and owner = ${this.#owner}`
    if (delayMs <= 0) this.wake()
  }

  async release(ids: readonly bigint[]): Promise<void> {
    if (ids.length === 0) return
    await this.#db.run`
      update outbox_held set until = '-infinity' where id = any(${ids}::int8[]) and owner = ${this.#owner}`
    this.wake()
  }

  async releaseOwn(): Promise<void> {
    await this.#db.run`delete from outbox_held where owner = ${this.#owner}`
    this.wake()
  }

  async releaseAll(): Promise<void> {
    await this.#db.run`delete from outbox_held`
    this.wake()
  }

  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#awake || signal?.aborted === true) return
    const woken = new AbortController()
    const stopWaiting = () => woken.abort()
    this.#waiting.add(stopWaiting)
    signal?.addEventListener('abort', stopWaiting)
    try {
      await this.#clock.sleep(ms, woken.signal)
    } finally {
      signal?.removeEventListener('abort', stopWaiting)
      this.#waiting.delete(stopWaiting)
    }
  }

  async lag(): Promise<{ rows: number; oldestMs: number }> {
    const lag = await this.#db.one<{ rows: number; oldest_ms: number }>`
      select
        (select count(*)::int from (select from outbox limit ${LAG_ROWS_MAX}) as waiting) as rows,
        coalesce((
          select extract(epoch from clock_timestamp() - created_at) * 1000 from outbox order by id limit 1
        ), 0)::float8 as oldest_ms`
    return { rows: lag?.rows ?? 0, oldestMs: Math.max(0, lag?.oldest_ms ?? 0) }
  }
}

function rowOf({ id, key, type, version, body, created_at, attempts }: ClaimedRow): OutboxRow {
  return { id, key, type, version, body, createdAtMs: created_at.getTime(), attempts }
}

function byId(a: OutboxRow, b: OutboxRow): number {
  return a.id < b.id ? -1 : 1
}
