/** The `oauth_tokens` table: access tokens by their SHA-256. A revoked row stays a while, so that its holder is told why. */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Role } from './contract.ts'

export interface NewToken {
  id: bigint
  tokenHash: Buffer
  appId: bigint
  accountId: AccountId | null
  scopes: readonly string[]
  createdAt: Date
}

export interface RevokedToken {
  tokenHash: Buffer
  accountId: AccountId | null
}

export async function insertToken(tx: Db, token: NewToken): Promise<void> {
  await tx.run`
    insert into oauth_tokens (id, token_hash, app_id, account_id, scopes, created_at)
    values (${token.id}, ${token.tokenHash}, ${token.appId}, ${token.accountId}, ${token.scopes}::text[],
      ${token.createdAt})`
}

/** A token with its app and the state of its person, in one question. */
export interface IdentityRow {
  tokenId: bigint
  accountId: AccountId | null
  appId: bigint
  appName: string
  appWebsite: string | null
  scopes: string[]
  createdAt: Date
  revokedAt: Date | null
  role: Role | null
  confirmedAt: Date | null
  approved: boolean | null
  disabled: boolean | null
  suspendedAt: Date | null
}

export function identityRow(db: Db, tokenHash: Buffer): Promise<IdentityRow | undefined> {
  return db.one`
    select token.id as "tokenId", token.account_id as "accountId", app.id as "appId", app.name as "appName",
      app.website as "appWebsite", token.scopes, token.created_at as "createdAt", token.revoked_at as "revokedAt",
      users.role, users.confirmed_at as "confirmedAt", users.approved, users.disabled,
      accounts.suspended_at as "suspendedAt"
    from oauth_tokens token
      join oauth_apps app on app.id = token.app_id
      left join users on users.account_id = token.account_id
      left join accounts on accounts.id = token.account_id
    where token.token_hash = ${tokenHash}`
}

export function tokenOwner(db: Db, tokenHash: Buffer): Promise<{ appId: bigint } | undefined> {
  return db.one`select app_id as "appId" from oauth_tokens where token_hash = ${tokenHash}`
}

export function revokeTokenByHash(
  tx: Db,
  appId: bigint,
  tokenHash: Buffer,
  at: Date,
): Promise<RevokedToken | undefined> {
  return tx.one`
    update oauth_tokens set revoked_at = ${at}
    where token_hash = ${tokenHash} and app_id = ${appId} and revoked_at is null
    returning token_hash as "tokenHash", account_id as "accountId"`
}

export function revokeTokenById(tx: Db, id: bigint, at: Date): Promise<RevokedToken | undefined> {
  return tx.one`
    update oauth_tokens set revoked_at = ${at} where id = ${id} and revoked_at is null
    returning token_hash as "tokenHash", account_id as "accountId"`
}

export function revokeTokensOfApp(tx: Db, accountId: AccountId, appId: bigint, at: Date): Promise<RevokedToken[]> {
  return tx.rows`
    update oauth_tokens set revoked_at = ${at}
    where account_id = ${accountId} and app_id = ${appId} and revoked_at is null
    returning token_hash as "tokenHash", account_id as "accountId"`
}

export async function revokeTokensOfAccount(tx: Db, accountId: AccountId, at: Date): Promise<void> {
  await tx.run`update oauth_tokens set revoked_at = ${at} where account_id = ${accountId} and revoked_at is null`
}

/** Tokens that nobody has used since `before`, at most `limit` of them. */
export function revokeIdleTokens(tx: Db, before: Date, at: Date, limit: number): Promise<RevokedToken[]> {
  return tx.rows`
    update oauth_tokens set revoked_at = ${at}
    where id in (
      select id from oauth_tokens where revoked_at is null and coalesce(last_used_at, created_at) < ${before}
      order by id limit ${limit} for update skip locked)
    returning token_hash as "tokenHash", account_id as "accountId"`
}

export async function deleteRevokedTokens(db: Db, before: Date): Promise<void> {
  await db.run`delete from oauth_tokens where revoked_at < ${before}`
}

export async function updateLastUsed(db: Db, ids: readonly bigint[], at: Date): Promise<void> {
  await db.run`
    update oauth_tokens set last_used_at = greatest(last_used_at, ${at})
    where id in (select id from oauth_tokens where id = any(${ids}::bigint[]) order by id for update)`
}

export interface AppUseRow {
  appId: bigint
  name: string
  website: string | null
  scopes: string[]
  createdAt: Date
  lastUsedAt: Date | null
}

export function tokensWithApps(db: Db, accountId: AccountId, limit: number): Promise<AppUseRow[]> {
  return db.rows`
    select app.id as "appId", app.name, app.website, token.scopes, token.created_at as "createdAt",
      token.last_used_at as "lastUsedAt"
    from oauth_tokens token join oauth_apps app on app.id = token.app_id
    where token.account_id = ${accountId} and token.revoked_at is null
    order by token.created_at desc limit ${limit}`
}
