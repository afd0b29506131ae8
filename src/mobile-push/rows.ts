/** The statements on the tables of mobile push. */
import { sql, type Db } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import {
  PUSH_LOG_MAX,
  type PushAlert,
  type PushOutcome,
  type PushOwner,
  type PushSettings,
  type PushSubscriptionRecord,
  type PushTarget,
} from './contract.ts'

/** Rows deleted by one statement. */
const ROWS_PER_BATCH = 5_000

const columns = sql`id, account_id as account, endpoint, public_key as "publicKey", auth, standard, alerts, policy`

type Row = PushSubscriptionRecord

export async function replaceSubscription(
  tx: Db,
  { account, tokenId, tokenHash }: PushOwner,
  target: PushTarget,
  settings: PushSettings,
): Promise<PushSubscriptionRecord> {
  // Another row, not a changed one: what waits for the old address, and its log, go with it.
  await tx.run`delete from push_subscriptions where token_id = ${tokenId}`
  const row = await tx.one<Row>`
    insert into push_subscriptions (token_id, token_hash, account_id, endpoint, public_key, auth, standard, alerts, policy)
    values (${tokenId}, ${tokenHash}, ${account}, ${target.endpoint}, ${target.publicKey}, ${target.auth},
      ${target.standard}, ${settings.alerts}::text[], ${settings.policy})
    on conflict (token_id) do update set endpoint = excluded.endpoint, public_key = excluded.public_key,
      auth = excluded.auth, standard = excluded.standard, alerts = excluded.alerts, policy = excluded.policy
    returning ${columns}`
  if (row === undefined) throw new Error('an insert returned no row')
  return row
}

export function findSubscription(db: Db, tokenId: bigint): Promise<PushSubscriptionRecord | undefined> {
  return db.one<Row>`select ${columns} from push_subscriptions where token_id = ${tokenId}`
}

export function changeSubscription(
  db: Db,
  tokenId: bigint,
  { alerts, policy }: Partial<PushSettings>,
): Promise<PushSubscriptionRecord | undefined> {
  return db.one<Row>`
    update push_subscriptions set alerts = coalesce(${alerts ?? null}::text[], alerts),
      policy = coalesce(${policy ?? null}, policy)
    where token_id = ${tokenId} returning ${columns}`
}

export async function deleteOfToken(db: Db, tokenId: bigint): Promise<void> {
  await db.run`delete from push_subscriptions where token_id = ${tokenId}`
}

export async function deleteOfTokenHash(db: Db, tokenHash: string): Promise<void> {
  await db.run`delete from push_subscriptions where token_hash = ${tokenHash}`
}

export async function deleteOfAccount(db: Db, account: AccountId): Promise<void> {
  await db.run`delete from push_subscriptions where account_id = ${account}`
}

export async function deleteSubscriptions(db: Db, ids: readonly number[]): Promise<void> {
  await db.run`delete from push_subscriptions where id = any(${ids}::int[])`
}

export function subscriptionsOf(db: Db, account: AccountId): Promise<PushSubscriptionRecord[]> {
  return db.rows<Row>`select ${columns} from push_subscriptions where account_id = ${account} order by id`
}

/** Those of the recipient who want to hear of this; the policy is asked when it is sent. */
export async function enqueue(
  db: Db,
  wanted: { recipient: AccountId; notification: bigint; alert: PushAlert; nowMs: number },
): Promise<number> {
  const now = new Date(wanted.nowMs)
  return db.run`
    insert into push_deliveries (subscription, notification, recipient, due_at, created_at)
    select id, ${wanted.notification}, ${wanted.recipient}, ${now}, ${now} from push_subscriptions
    where account_id = ${wanted.recipient} and ${wanted.alert} = any(alerts) and policy <> 'none'
    on conflict do nothing`
}

export interface Delivery {
  id: bigint
  notification: bigint
  recipient: AccountId
  createdAtMs: number
  /** This one counted. */
  attempts: number
  subscription: PushSubscriptionRecord
}

/** The longest due first; they are due again after `leaseMs`, should nobody say how it ended. */
export async function claim(db: Db, nowMs: number, leaseMs: number, limit: number): Promise<Delivery[]> {
  const rows = await db.rows<
    Row & { delivery: bigint; notification: bigint; recipient: AccountId; created_at: Date; attempts: number }
  >`
    with claimed as (
      update push_deliveries set attempts = attempts + 1, due_at = ${new Date(nowMs + leaseMs)}
      where id = any(array(
        select id from push_deliveries where due_at <= ${new Date(nowMs)}
        order by due_at limit ${limit} for update skip locked
      ))
      returning id as delivery, subscription, notification, recipient, created_at, attempts
    )
    select delivery, notification, recipient, created_at, attempts, ${columns}
    from claimed join push_subscriptions on push_subscriptions.id = claimed.subscription`
  return rows.map(({ delivery, notification, recipient, created_at: createdAt, attempts, ...subscription }) => ({
    id: delivery,
    notification,
    recipient,
    createdAtMs: createdAt.getTime(),
    attempts,
    subscription,
  }))
}

export interface Settled {
  id: bigint
  subscription: number
  /** When to try again; null when there is nothing more to do. */
  retryAtMs: number | null
  /** Undefined when nothing was sent. */
  outcome: PushOutcome | undefined
}

/** How a batch ended: deliveries go or wait, the log has them. */
export async function settle(tx: Db, settled: readonly Settled[]): Promise<void> {
  const done = settled.filter(({ retryAtMs }) => retryAtMs === null)
  const again = settled.filter(({ retryAtMs }) => retryAtMs !== null)
  if (done.length > 0) await tx.run`delete from push_deliveries where id = any(${done.map(({ id }) => id)})`
  if (again.length > 0) {
    await tx.run`
      update push_deliveries set due_at = given.due_at
      from unnest(${again.map(({ id }) => id)}::bigint[],
        ${again.map(({ retryAtMs }) => new Date(retryAtMs ?? 0))}::timestamptz[]) as given (id, due_at)
      where push_deliveries.id = given.id`
  }
  const told = settled.flatMap(({ subscription, outcome }) =>
    outcome === undefined ? [] : [{ subscription, outcome }],
  )
  await addToLog(tx, told)
}

export async function addToLog(tx: Db, told: readonly { subscription: number; outcome: PushOutcome }[]): Promise<void> {
  if (told.length === 0) return
  // A subscription may have ended meanwhile.
  await tx.run`
    insert into push_log (subscription, at, notification, outcome, status, took_ms)
    select subscription, at, notification, outcome, status, took_ms
    from unnest(
      ${told.map(({ subscription }) => subscription)}::int[],
      ${told.map(({ outcome }) => new Date(outcome.atMs))}::timestamptz[],
      ${told.map(({ outcome }) => outcome.notification)}::bigint[],
      ${told.map(({ outcome }) => outcome.outcome)}::text[],
      ${told.map(({ outcome }) => outcome.status)}::int[],
      ${told.map(({ outcome }) => Math.round(outcome.tookMs))}::int[]
    ) as given (subscription, at, notification, outcome, status, took_ms)
    where exists (select from push_subscriptions where id = given.subscription for key share)`
}

export async function logOf(db: Db, subscription: number): Promise<PushOutcome[]> {
  const rows = await db.rows<Omit<PushOutcome, 'atMs'> & { at: Date }>`
    select at, notification, outcome, status, took_ms as "tookMs" from push_log
    where subscription = ${subscription} order by id desc limit ${PUSH_LOG_MAX}`
  return rows.map(({ at, ...rest }) => ({ ...rest, atMs: at.getTime() }))
}

export async function pruneLog(db: Db, beforeMs: number): Promise<number> {
  let pruned = 0
  for (let batch = ROWS_PER_BATCH; batch === ROWS_PER_BATCH; pruned += batch) {
    batch = await db.run`
      delete from push_log where id = any(array(
        select id from push_log where at < ${new Date(beforeMs)} order by at limit ${ROWS_PER_BATCH}))`
  }
  return pruned
}
