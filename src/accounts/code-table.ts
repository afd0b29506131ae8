/** The `oauth_codes` table: authorization codes on their way from the browser to the client. */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { AuthorizationRequest } from './contract.ts'

export interface StoredCode {
  appId: bigint
  accountId: AccountId
  redirectUri: string
  scopes: string[]
  codeChallenge: string | null
  expiresAt: Date
  /** The token it was redeemed for. */
  tokenId: bigint | null
}

export async function insertCode(
  db: Db,
  codeHash: Buffer,
  request: AuthorizationRequest,
  expiresAt: Date,
): Promise<void> {
  await db.run`
    insert into oauth_codes (code_hash, app_id, account_id, redirect_uri, scopes, code_challenge, expires_at)
    values (${codeHash}, ${request.appId}, ${request.accountId}, ${request.redirectUri}, ${request.scopes}::text[],
      ${request.codeChallenge}, ${expiresAt})`
}

/** Of two redemptions at the same time the second waits here, and then sees the first one's token. */
export function lockCode(tx: Db, codeHash: Buffer): Promise<StoredCode | undefined> {
  return tx.one`
    select app_id as "appId", account_id as "accountId", redirect_uri as "redirectUri", scopes,
      code_challenge as "codeChallenge", expires_at as "expiresAt", token_id as "tokenId"
    from oauth_codes where code_hash = ${codeHash} for update`
}

export async function markRedeemed(tx: Db, codeHash: Buffer, tokenId: bigint): Promise<void> {
  await tx.run`update oauth_codes set token_id = ${tokenId} where code_hash = ${codeHash}`
}

export async function deleteCodesOfAccount(tx: Db, accountId: AccountId): Promise<void> {
  await tx.run`delete from oauth_codes where account_id = ${accountId}`
}

export async function deleteCodesOfApp(tx: Db, accountId: AccountId, appId: bigint): Promise<void> {
  await tx.run`delete from oauth_codes where account_id = ${accountId} and app_id = ${appId}`
}

export async function deleteExpiredCodes(db: Db, before: Date): Promise<void> {
  await db.run`delete from oauth_codes where expires_at < ${before}`
}
