/**
 * `OAuth` on PostgreSQL: apps, codes, tokens. Codes and tokens are found by their SHA-256, so the comparison itself tells
 * nothing about the secret; client secrets are compared in constant time.
 */
import { timingSafeEqual } from 'node:crypto'

import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { encodeEvent } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import type { AccountId, Snowflakes } from '../snowflake/contract.ts'
import { checkApp } from './app-rules.ts'
import * as appTable from './app-table.ts'
import * as codeTable from './code-table.ts'
import { CODE_LIFE_MS } from './contract.ts'
import type {
  AppRegistration,
  AuthorizationRequest,
  AuthorizedApp,
  CodeGrant,
  IssuedToken,
  OAuth,
  OAuthApp,
  TokenIdentity,
} from './contract.ts'
import type { IdentityCache } from './identity-cache.ts'
import { provesPossession } from './pkce.ts'
import { isSecret, newSecret, secretHash, secretHashHex } from './secrets.ts'
import type { SeenTimes } from './seen-times.ts'
import * as tokenTable from './token-table.ts'

const DAY_MS = 24 * 3_600_000
/** Redeemed codes are kept this long after they expired, so that a replay still ends the token. */
const CODE_KEPT_MS = DAY_MS
/** A client keeps its registration for later; only one that never came back goes. */
const UNUSED_APP_KEPT_MS = 30 * DAY_MS
const TOKEN_IDLE_MS = 365 * DAY_MS
const REVOKED_TOKEN_KEPT_MS = 90 * DAY_MS
const REVOKED_PER_SWEEP_MAX = 10_000
/** Tokens of one person that are looked at for the list of apps. */
const LISTED_TOKENS_MAX = 1_000

export interface StoredOAuthDeps {
  db: Database
  outbox: Outbox
  snowflakes: Snowflakes
  clock: Clock
  identities: IdentityCache
  seenAccounts: SeenTimes
  seenTokens: SeenTimes
}

type Redemption =
  | { kind: 'issued'; issued: IssuedToken; accountId: AccountId }
  | { kind: 'refused' | 'no_client_proof' }

export class StoredOAuth implements OAuth {
  readonly #deps: StoredOAuthDeps

  constructor(deps: StoredOAuthDeps) {
    this.#deps = deps
  }

  async registerApp(request: AppRegistration): Promise<{ app: OAuthApp; clientSecret: string }> {
    checkApp(request)
    const { db, snowflakes } = this.#deps
    const { name, website, redirectUris, scopes } = request
    const clientSecret = newSecret()
    const identifiers = { id: snowflakes.next<bigint>(), clientId: newSecret(), confidential: true }
    const app: OAuthApp = { ...identifiers, name, website, redirectUris, scopes }
    await appTable.insertApp(db, { app, secretHash: secretHash(clientSecret) }, this.#now())
    return { app, clientSecret }
  }

  async appByClientId(clientId: string): Promise<OAuthApp | undefined> {
    return isSecret(clientId) ? (await appTable.appByClientId(this.#deps.db, clientId))?.app : undefined
  }

  async appById(id: bigint): Promise<OAuthApp | undefined> {
    return (await appTable.appById(this.#deps.db, id))?.app
  }

  async authenticateApp(clientId: string, clientSecret: string): Promise<OAuthApp | undefined> {
    if (!isSecret(clientId)) return undefined
    const stored = await appTable.appByClientId(this.#deps.db, clientId)
    if (stored === undefined || stored.secretHash === null) return undefined
    return timingSafeEqual(stored.secretHash, secretHash(clientSecret)) ? stored.app : undefined
  }

  async issueCode(request: AuthorizationRequest): Promise<string> {
    const code = newSecret()
    const expiresAt = new Date(this.#deps.clock.nowMs() + CODE_LIFE_MS)
    await codeTable.insertCode(this.#deps.db, secretHash(code), request, expiresAt)
    return code
  }

  async redeemCode(app: OAuthApp, grant: CodeGrant): Promise<IssuedToken & { accountId: AccountId }> {
    const redemption = isSecret(grant.code) ? await this.#redeem(app, grant) : ({ kind: 'refused' } as const)
    if (redemption.kind === 'issued') return { ...redemption.issued, accountId: redemption.accountId }
    if (redemption.kind === 'no_client_proof') throw new AppError('unauthenticated', 'invalid_client')
    throw new AppError('bad_request', 'invalid_grant')
  }

  async issueToken(app: OAuthApp, accountId: AccountId | null, scopes: readonly string[]): Promise<IssuedToken> {
    return await this.#insertToken(this.#deps.db, { appId: app.id, accountId, scopes })
  }

  async revokeToken(app: OAuthApp, token: string): Promise<'revoked' | 'unknown' | 'foreign'> {
    if (!isSecret(token)) return 'unknown'
    const tokenHash = secretHash(token)
    const revoked = await this.#revoke(async (tx) => {
      const row = await tokenTable.revokeTokenByHash(tx, app.id, tokenHash, this.#now())
      return row === undefined ? [] : [row]
    })
    if (revoked > 0) return 'revoked'
    const owner = await tokenTable.tokenOwner(this.#deps.db, tokenHash)
    return owner === undefined || owner.appId === app.id ? 'unknown' : 'foreign'
  }

  async revokeTokenById(id: bigint): Promise<boolean> {
    const revoked = await this.#revoke(async (tx) => {
      const row = await tokenTable.revokeTokenById(tx, id, this.#now())
      return row === undefined ? [] : [row]
    })
    return revoked > 0
  }

  async identify(token: string): Promise<TokenIdentity | 'revoked' | undefined> {
    const known = this.identifyNow(token)
    if (known !== undefined || !isSecret(token)) return known
    const identity = await this.#readIdentity(secretHashHex(token))
    if (identity !== undefined && identity !== 'revoked') this.#noteSeen(identity)
    return identity
  }

  identifyNow(token: string): TokenIdentity | undefined {
    if (!isSecret(token)) return undefined
    const { clock, identities } = this.#deps
    const identity = identities.get(secretHashHex(token), clock.nowMs())
    if (identity !== undefined) this.#noteSeen(identity)
    return identity
  }

  #noteSeen({ accountId, standing, tokenId }: TokenIdentity): void {
    const { seenAccounts, seenTokens } = this.#deps
    seenTokens.note(tokenId)
    if (accountId !== null && standing === 'ok') seenAccounts.note(accountId)
  }

  async authorizedApps(accountId: AccountId): Promise<AuthorizedApp[]> {
    const apps = new Map<bigint, AuthorizedApp>()
    for (const row of await tokenTable.tokensWithApps(this.#deps.db, accountId, LISTED_TOKENS_MAX)) {
      const { appId, name, website } = row
      const known = apps.get(appId)
      const createdAtMs = Math.min(row.createdAt.getTime(), known?.createdAtMs ?? Infinity)
      const lastUsedAtMs = Math.max(row.lastUsedAt?.getTime() ?? 0, known?.lastUsedAtMs ?? 0)
      const scopes = [...new Set([...(known?.scopes ?? []), ...row.scopes])]
      const used = lastUsedAtMs === 0 ? null : lastUsedAtMs
      apps.set(appId, { appId, name, website, scopes, createdAtMs, lastUsedAtMs: used })
    }
    return [...apps.values()]
  }

  async revokeAppTokens(accountId: AccountId, appId: bigint): Promise<boolean> {
    const revoked = await this.#revoke(async (tx) => {
      await codeTable.deleteCodesOfApp(tx, accountId, appId)
      return await tokenTable.revokeTokensOfApp(tx, accountId, appId, this.#now())
    })
    return revoked > 0
  }

  async deleteExpired(): Promise<void> {
    const { db } = this.#deps
    await codeTable.deleteExpiredCodes(db, this.#ago(CODE_KEPT_MS))
    await this.#revoke((tx) =>
      tokenTable.revokeIdleTokens(tx, this.#ago(TOKEN_IDLE_MS), this.#now(), REVOKED_PER_SWEEP_MAX),
    )
    await tokenTable.deleteRevokedTokens(db, this.#ago(REVOKED_TOKEN_KEPT_MS))
    await appTable.deleteUnusedApps(db, this.#ago(UNUSED_APP_KEPT_MS))
  }

  /** Decides within the transaction and throws outside: the revocation after a replay must be committed. */
  async #redeem(app: OAuthApp, grant: CodeGrant): Promise<Redemption> {
    const codeHash = secretHash(grant.code)
    let replayed: tokenTable.RevokedToken | undefined
    const redemption = await this.#deps.db.transaction(async (tx): Promise<Redemption> => {
      const code = await codeTable.lockCode(tx, codeHash)
      if (code === undefined || code.appId !== app.id) return { kind: 'refused' }
      if (code.tokenId !== null) {
        replayed = await tokenTable.revokeTokenById(tx, code.tokenId, this.#now())
        if (replayed !== undefined) await this.#tell(tx, [replayed])
        return { kind: 'refused' }
      }
      if (!grant.authenticated && code.codeChallenge === null) return { kind: 'no_client_proof' }
      if (!this.#fits(code, grant)) return { kind: 'refused' }
      const { accountId, scopes } = code
      const issued = await this.#insertToken(tx, { appId: app.id, accountId, scopes })
      await codeTable.markRedeemed(tx, codeHash, issued.id)
      return { kind: 'issued', issued, accountId }
    })
    if (replayed !== undefined) this.#forget([replayed])
    return redemption
  }

  #fits(code: codeTable.StoredCode, grant: CodeGrant): boolean {
    return (
      code.expiresAt.getTime() > this.#deps.clock.nowMs() &&
      code.redirectUri === grant.redirectUri &&
      provesPossession(code.codeChallenge, grant.codeVerifier)
    )
  }

  async #insertToken(
    tx: Db,
    grant: { appId: bigint; accountId: AccountId | null; scopes: readonly string[] },
  ): Promise<IssuedToken> {
    const token = newSecret()
    const id = this.#deps.snowflakes.next<bigint>()
    const createdAt = this.#now()
    await tokenTable.insertToken(tx, { ...grant, id, tokenHash: secretHash(token), createdAt })
    return { token, id, scopes: grant.scopes, createdAtMs: createdAt.getTime() }
  }

  async #readIdentity(tokenHash: string): Promise<TokenIdentity | 'revoked' | undefined> {
    const { db, clock, identities } = this.#deps
    const ticket = identities.ticket()
    const readAtMs = clock.nowMs()
    const row = await tokenTable.identityRow(db, Buffer.from(tokenHash, 'hex'))
    if (row === undefined) return undefined
    if (row.revokedAt !== null) return 'revoked'
    const { tokenId, accountId, appId, appName, appWebsite, scopes } = row
    const app = { appId, appName, appWebsite }
    const person = { accountId, standing: standingOf(row), role: row.role ?? 'user' }
    const identity: TokenIdentity = {
      ...app,
      ...person,
      tokenId,
      tokenHash,
      scopes,
      createdAtMs: row.createdAt.getTime(),
    }
    identities.put(identity, readAtMs, ticket)
    return identity
  }

  /** Revokes and tells in one transaction; this thread's cache is right when it returns. How many were revoked. */
  async #revoke(revoke: (tx: Db) => Promise<tokenTable.RevokedToken[]>): Promise<number> {
    const revoked = await this.#deps.db.transaction(async (tx) => {
      const rows = await revoke(tx)
      await this.#tell(tx, rows)
      return rows
    })
    this.#forget(revoked)
    return revoked.length
  }

  async #tell(tx: Db, revoked: readonly tokenTable.RevokedToken[]): Promise<void> {
    if (revoked.length === 0) return
    const events = revoked.map(({ accountId, tokenHash }) =>
      encodeEvent('token.revoked', accountId ?? 0n, { account: accountId, tokenHash: tokenHash.toString('hex') }),
    )
    await this.#deps.outbox.append(tx, events)
  }

  #forget(revoked: readonly tokenTable.RevokedToken[]): void {
    if (revoked.length === 0) return
    for (const { tokenHash } of revoked) this.#deps.identities.dropToken(tokenHash.toString('hex'))
    this.#deps.outbox.wake()
  }

  #now(): Date {
    return new Date(this.#deps.clock.nowMs())
  }

  #ago(ms: number): Date {
    return new Date(this.#deps.clock.nowMs() - ms)
  }
}

/** Mastodon's order: whoever may not come in at all is not told about the e-mail first. */
function standingOf(row: tokenTable.IdentityRow): TokenIdentity['standing'] {
  if (row.accountId === null) return 'ok'
  if (row.suspendedAt !== null) return 'suspended'
  if (row.disabled !== false) return 'disabled'
  if (row.confirmedAt === null) return 'unconfirmed'
  return row.approved === true ? 'ok' : 'unapproved'
}
