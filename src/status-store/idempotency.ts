/**
 * Which status an Idempotency-Key has made. The row is written in the status's own transaction: of two requests with one
 * key, the second waits for the first at the primary key and finds its status, or takes its place when it failed.
 */
import { createHash } from 'node:crypto'

import type { Db } from '../engines/database/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import { IDEMPOTENCY_MS, type KeyedStatus } from './contract.ts'

/** Keys deleted by one statement. */
const KEYS_PER_BATCH = 5_000

export async function statusOfKey(
  db: Db,
  account: AccountId,
  key: string,
  nowMs: number,
): Promise<StatusId | undefined> {
  const row = await db.one<{ status_id: StatusId }>`
    select status_id from idempotency_keys
    where account_id = ${account} and key_hash = ${hash(key)} and created_at > ${new Date(nowMs - IDEMPOTENCY_MS)}`
  return row?.status_id
}

/** Takes over a lapsed key that was not cleaned up yet. */
export async function reserveKey(tx: Db, { account, key, status }: KeyedStatus, nowMs: number): Promise<boolean> {
  const reserved = await tx.run`
    insert into idempotency_keys as present (account_id, key_hash, status_id, created_at)
    values (${account}, ${hash(key)}, ${status}, ${new Date(nowMs)})
    on conflict (account_id, key_hash) do update set status_id = excluded.status_id, created_at = excluded.created_at
    where present.created_at <= ${new Date(nowMs - IDEMPOTENCY_MS)}`
  return reserved === 1
}

/** As `reserveKey`, in the order of the keys, so that two who reserve many never wait for each other in a circle. */
export async function reserveKeys(tx: Db, keys: readonly KeyedStatus[], nowMs: number): Promise<Set<StatusId>> {
  if (keys.length === 0) return new Set()
  const rows = await tx.rows<{ status_id: StatusId }>`
    insert into idempotency_keys as present (account_id, key_hash, status_id, created_at)
    select account_id, key_hash, status_id, ${new Date(nowMs)}
    from unnest(
      ${keys.map(({ account }) => account)}::bigint[],
      ${keys.map(({ key }) => hash(key))}::bytea[],
      ${keys.map(({ status }) => status)}::bigint[]
    ) as given (account_id, key_hash, status_id)
    order by account_id, key_hash
    on conflict (account_id, key_hash) do update set status_id = excluded.status_id, created_at = excluded.created_at
    where present.created_at <= ${new Date(nowMs - IDEMPOTENCY_MS)}
    returning status_id`
  return new Set(rows.map((row) => row.status_id))
}

/** A batch at a time, so that no statement runs for long whatever there is to delete. */
export async function forgetKeys(db: Db, nowMs: number): Promise<number> {
  let forgotten = 0
  for (let batch = KEYS_PER_BATCH; batch === KEYS_PER_BATCH; forgotten += batch) {
    batch = await db.run`
      delete from idempotency_keys where ctid = any(array(
        select ctid from idempotency_keys where created_at <= ${new Date(nowMs - IDEMPOTENCY_MS)}
        order by created_at limit ${KEYS_PER_BATCH} for update skip locked
      ))`
  }
  return forgotten
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
