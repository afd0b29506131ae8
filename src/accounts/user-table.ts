/** The `users` table: credentials and settings of the person behind an account; never shown to others. */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Role, UserRecord } from './contract.ts'

interface UserRow {
  accountId: AccountId
  email: string
  role: Role
  locale: string
  confirmedAt: Date | null
  approved: boolean
  disabled: boolean
  reason: string
  defaultPrivacy: UserRecord['defaultPrivacy']
  defaultSensitive: boolean
  defaultLanguage: string | null
  createdAt: Date
  lastActiveAt: Date
}

function toRecord({ confirmedAt, createdAt, lastActiveAt, ...row }: UserRow): UserRecord {
  return {
    ...row,
    confirmed: confirmedAt !== null,
    createdAtMs: createdAt.getTime(),
    lastActiveMs: lastActiveAt.getTime(),
  }
}

export interface NewUser {
  accountId: AccountId
  email: string
  passwordHash: string | null
  role: Role
  locale: string
  confirmedAt: Date | null
  approved: boolean
  reason: string
  createdAt: Date
}

/** False when the e-mail address is taken, in any case. */
export async function insertUser(tx: Db, user: NewUser): Promise<boolean> {
  const inserted = await tx.run`
    insert into users (account_id, email, password_hash, role, locale, confirmed_at, approved, reason, created_at,
      last_active_at)
    values (${user.accountId}, ${user.email}, ${user.passwordHash}, ${user.role}, ${user.locale}, ${user.confirmedAt},
      ${user.approved}, ${user.reason}, ${user.createdAt}, ${user.createdAt})
    on conflict do nothing`
  return inserted === 1
}

export async function usersByIds(db: Db, ids: readonly AccountId[]): Promise<UserRecord[]> {
  const rows = await db.rows<UserRow>`
    select account_id as "accountId", email, role, locale, confirmed_at as "confirmedAt", approved, disabled, reason,
      default_privacy as "defaultPrivacy", default_sensitive as "defaultSensitive",
      default_language as "defaultLanguage", created_at as "createdAt", last_active_at as "lastActiveAt"
    from users where account_id = any(${ids}::bigint[])`
  return rows.map(toRecord)
}

export function credentialsByEmail(
  db: Db,
  email: string,
): Promise<{ accountId: AccountId; passwordHash: string | null } | undefined> {
  return db.one`
    select account_id as "accountId", password_hash as "passwordHash" from users where lower(email) = lower(${email})`
}

export async function isEmailTaken(db: Db, email: string): Promise<boolean> {
  return (await credentialsByEmail(db, email)) !== undefined
}

/** A new password ends an outstanding reset. False when there is no such person. */
export async function updatePasswordHash(tx: Db, id: AccountId, passwordHash: string): Promise<boolean> {
  const changed = await tx.run`
    update users set password_hash = ${passwordHash}, reset_hash = null, reset_made_at = null where account_id = ${id}`
  return changed === 1
}

/** The same password, hashed with today's figures; nothing happens when it has changed meanwhile. */
export async function upgradePasswordHash(db: Db, id: AccountId, from: string, to: string): Promise<void> {
  await db.run`update users set password_hash = ${to} where account_id = ${id} and password_hash = ${from}`
}

export async function updateReset(db: Db, id: AccountId, resetHash: Buffer, madeAt: Date): Promise<boolean> {
  const changed = await db.run`
    update users set reset_hash = ${resetHash}, reset_made_at = ${madeAt} where account_id = ${id}`
  return changed === 1
}

export async function idByReset(db: Db, resetHash: Buffer, madeAfter: Date): Promise<AccountId | undefined> {
  const row = await db.one<{ id: AccountId }>`
    select account_id as id from users where reset_hash = ${resetHash} and reset_made_at > ${madeAfter} for update`
  return row?.id
}

export async function updateConfirmation(
  db: Db,
  id: AccountId,
  confirmationHash: Buffer,
  madeAt: Date,
): Promise<boolean> {
  const changed = await db.run`
    update users set confirmation_hash = ${confirmationHash}, confirmation_made_at = ${madeAt} where account_id = ${id}`
  return changed === 1
}

/** The hash stays, so that the link of an e-mail opened twice (by a scanner, then by the person) works twice. */
export async function idByConfirmation(
  db: Db,
  confirmationHash: Buffer,
  madeAfter: Date,
): Promise<AccountId | undefined> {
  const row = await db.one<{ id: AccountId }>`
    select account_id as id from users
    where confirmation_hash = ${confirmationHash} and confirmation_made_at > ${madeAfter}`
  return row?.id
}

/** Each of the following: false when there is no such person. */
export async function updateConfirmed(tx: Db, id: AccountId, at: Date): Promise<boolean> {
  const changed = await tx.run`
    update users set confirmed_at = coalesce(confirmed_at, ${at}) where account_id = ${id}`
  return changed === 1
}

export async function updateApproved(tx: Db, id: AccountId): Promise<boolean> {
  return (await tx.run`update users set approved = true where account_id = ${id}`) === 1
}

export async function updateRole(tx: Db, id: AccountId, role: Role): Promise<boolean> {
  return (await tx.run`update users set role = ${role} where account_id = ${id}`) === 1
}

export async function updateDisabled(tx: Db, id: AccountId, disabled: boolean): Promise<boolean> {
  return (await tx.run`update users set disabled = ${disabled} where account_id = ${id}`) === 1
}

export async function updateDefaults(
  tx: Db,
  id: AccountId,
  defaults: Pick<UserRecord, 'defaultPrivacy' | 'defaultSensitive' | 'defaultLanguage'>,
): Promise<void> {
  await tx.run`
    update users set default_privacy = ${defaults.defaultPrivacy}, default_sensitive = ${defaults.defaultSensitive},
      default_language = ${defaults.defaultLanguage}
    where account_id = ${id}`
}

export async function updateLastActive(db: Db, ids: readonly bigint[], at: Date): Promise<void> {
  await db.run`
    update users set last_active_at = greatest(last_active_at, ${at})
    where account_id in (
      select account_id from users where account_id = any(${ids}::bigint[]) order by account_id for update)`
}

export async function ownerExists(db: Db): Promise<boolean> {
  return (await db.one`select 1 as present from users where role = 'owner' limit 1`) !== undefined
}

export async function ownerOf(db: Db): Promise<AccountId | undefined> {
  const row = await db.one<{ account_id: AccountId }>`
    select account_id from users where role = 'owner' order by account_id limit 1`
  return row?.account_id
}

/** Makes the transactions that create an owner wait for each other: only the first finds none. */
export async function lockOwnership(tx: Db): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(hashtextextended('dunlin: the first owner', 0))`
}

export async function countUsers(
  db: Db,
  since: { month: Date; halfYear: Date },
): Promise<{ users: number; activeMonth: number; activeHalfYear: number }> {
  const row = await db.one<{ users: bigint; activeMonth: bigint; activeHalfYear: bigint }>`
    select count(*) as users, count(*) filter (where last_active_at >= ${since.month}) as "activeMonth",
      count(*) filter (where last_active_at >= ${since.halfYear}) as "activeHalfYear"
    from users join accounts on accounts.id = users.account_id
    where confirmed_at is not null and approved and suspended_at is null`
  return {
    users: Number(row?.users ?? 0n),
    activeMonth: Number(row?.activeMonth ?? 0n),
    activeHalfYear: Number(row?.activeHalfYear ?? 0n),
  }
}
