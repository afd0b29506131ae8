/** People: accounts, their users (credentials, settings), sessions, OAuth apps and tokens. Secrets are stored as SHA-256 only. */
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Visibility } from '../events/contract.ts'

export interface AccountField {
  name: string
  value: string
  verifiedAtMs: number | null
}

/** A stored picture: `key` names it in the file engine. */
export interface AccountPicture {
  key: string
  staticKey: string
  description: string
}

/** What everyone may know of an account. */
export interface AccountRecord {
  id: AccountId
  /** As written at sign-up; unique without regard to case. */
  username: string
  displayName: string
  /** Source text of the biography. */
  note: string
  fields: AccountField[]
  avatar: AccountPicture | null
  header: AccountPicture | null
  locked: boolean
  bot: boolean
  /** Null: never asked. */
  discoverable: boolean | null
  indexable: boolean
  hideCollections: boolean | null
  createdAtMs: number
  suspended: boolean
  silenced: boolean
}

export type Role = 'user' | 'moderator' | 'admin' | 'owner'

/** The person behind a local account; never sent to others. */
export interface UserRecord {
  accountId: AccountId
  email: string
  role: Role
  locale: string
  confirmed: boolean
  approved: boolean
  disabled: boolean
  /** Reason given at sign-up, for approval. */
  reason: string
  defaultPrivacy: Exclude<Visibility, 'direct'>
  defaultSensitive: boolean
  defaultLanguage: string | null
  createdAtMs: number
  /** Milliseconds since 1970 of the last authenticated day; timelines of people away are dropped by it. */
  lastActiveMs: number
}

export interface ProfileChange {
  displayName?: string
  note?: string
  fields?: { name: string; value: string }[]
  avatar?: AccountPicture | null
  header?: AccountPicture | null
  locked?: boolean
  bot?: boolean
  discoverable?: boolean | null
  indexable?: boolean
  hideCollections?: boolean | null
  defaultPrivacy?: Exclude<Visibility, 'direct'>
  defaultSensitive?: boolean
  defaultLanguage?: string | null
}

export interface SignUp {
  username: string
  email: string
  password: string
  locale: string
  reason: string
  role: Role
  confirmed: boolean
  approved: boolean
  indexable: boolean
}

export interface Accounts {
  byIds(ids: readonly AccountId[]): Promise<AccountRecord[]>
  byUsername(username: string): Promise<AccountRecord | undefined>
  byUsernames(usernames: readonly string[]): Promise<AccountRecord[]>
  /** Accounts whose username or display name starts with `prefix`, best first. */
  searchByPrefix(prefix: string, limit: number, offset: number): Promise<AccountRecord[]>
  /** Every id with its creation order, for caches that load all. */
  allIds(): Promise<AccountId[]>

  /** Throws `invalid` with details by field (ERR_TAKEN, ERR_INVALID, ERR_TOO_SHORT, ERR_RESERVED …). */
  signUp(request: SignUp): Promise<AccountRecord>
  user(id: AccountId): Promise<UserRecord | undefined>
  userByEmail(email: string): Promise<UserRecord | undefined>
  /** The account whose password this is; undefined for a wrong e-mail or password alike, in the same time. */
  verifyPassword(email: string, password: string): Promise<UserRecord | undefined>
  /** Sets the password and ends every session and token of the account. */
  resetPassword(id: AccountId, password: string): Promise<void>
  confirm(id: AccountId): Promise<void>
  approve(id: AccountId): Promise<void>
  setRole(id: AccountId, role: Role): Promise<void>
  setDisabled(id: AccountId, disabled: boolean): Promise<void>
  setSuspended(id: AccountId, suspended: boolean): Promise<void>
  changeProfile(id: AccountId, change: ProfileChange): Promise<AccountRecord>
  /** Remembers that the person was here, at most once a day and account. */
  touch(id: AccountId): void
  hasOwner(): Promise<boolean>
  list(page: Page): Promise<{ account: AccountRecord; user: UserRecord }[]>
  count(): Promise<{ users: number; activeMonth: number; activeHalfYear: number }>
}

export interface OAuthApp {
  id: bigint
  name: string
  website: string | null
  redirectUris: string[]
  scopes: string[]
  clientId: string
  /** False: the client has no secret, and must use PKCE. */
  confidential: boolean
}

/** Who a bearer token speaks for; `accountId` is null for client credentials. */
export interface TokenIdentity {
  tokenId: bigint
  /** Hex SHA-256 of the token. */
  tokenHash: string
  accountId: AccountId | null
  appId: bigint
  appName: string
  appWebsite: string | null
  scopes: readonly string[]
  createdAtMs: number
  /** State of the person: 'ok', or why not. */
  standing: 'ok' | 'unconfirmed' | 'unapproved' | 'disabled' | 'suspended'
  role: Role
}

export interface IssuedToken {
  /** The secret itself: shown once, never stored. */
  token: string
  id: bigint
  scopes: readonly string[]
  createdAtMs: number
}

export interface AuthorizationRequest {
  appId: bigint
  accountId: AccountId
  redirectUri: string
  scopes: readonly string[]
  codeChallenge: string | null
}

export interface OAuth {
  registerApp(request: {
    name: string
    website: string | null
    redirectUris: string[]
    scopes: string[]
  }): Promise<{ app: OAuthApp; clientSecret: string }>
  appByClientId(clientId: string): Promise<OAuthApp | undefined>
  appById(id: bigint): Promise<OAuthApp | undefined>
  /** The app when the secret fits (constant time). */
  authenticateApp(clientId: string, clientSecret: string): Promise<OAuthApp | undefined>
  issueCode(request: AuthorizationRequest): Promise<string>
  /** Single use; a second use revokes the token of the first. Throws AppError 'bad_request' with text `invalid_grant`. */
  redeemCode(
    app: OAuthApp,
    grant: { code: string; redirectUri: string; codeVerifier: string | null },
  ): Promise<IssuedToken & { accountId: AccountId }>
  issueToken(app: OAuthApp, accountId: AccountId | null, scopes: readonly string[]): Promise<IssuedToken>
  /** Revokes the token when it belongs to the app; anything else is no error (RFC 7009). */
  revokeToken(app: OAuthApp, token: string): Promise<void>
  revokeTokenById(id: bigint): Promise<boolean>
  /**
   * The identity of a bearer token, from memory when warm: undefined when unknown, 'revoked' when it was revoked.
   */
  identify(token: string): Promise<TokenIdentity | 'revoked' | undefined>
}

export interface Session {
  accountId: AccountId
  /** For CSRF tokens of this session. */
  csrfSecret: string
}

export interface Sessions {
  /** The cookie's value: 256 random bits; the store keeps its SHA-256. */
  open(accountId: AccountId, userAgent: string): Promise<string>
  find(cookie: string): Promise<Session | undefined>
  close(cookie: string): Promise<void>
}
