import type { Visibility } from '../events/contract.ts'
/** People: accounts, their users (credentials, settings), sessions, OAuth apps and tokens. Secrets are stored as SHA-256 only. */
import type { ErrorDetails } from '../kit/errors.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId } from '../snowflake/contract.ts'

export * from './scopes.ts'
export { isCodeChallenge } from './pkce.ts'
export { OOB_REDIRECT } from './redirect-uris.ts'
export {
  PASSWORD_MAX_CHARACTERS,
  PASSWORD_MIN_CHARACTERS,
  REASON_MAX_CHARACTERS,
  USERNAME_MAX_CHARACTERS,
  validationError,
} from './sign-up-rules.ts'

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
  /** A new picture, none, or another description of the one that is there. */
  avatar?: AccountPicture | Pick<AccountPicture, 'description'> | null
  header?: AccountPicture | Pick<AccountPicture, 'description'> | null
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
  /** Null: nobody can sign in until a password is set (seeded people, bots made by the operator). */
  password: string | null
  locale: string
  reason: string
  role: Role
  confirmed: boolean
  approved: boolean
  indexable: boolean
  /** True lets the operator take a reserved name (`admin`, `support` …). */
  mayUseReservedName?: boolean
}

/** Somebody of an import: confirmed and approved, and without a password, so that nobody can sign in. */
export interface ImportedPerson {
  /** Of the time of `createdAtMs`. */
  id: AccountId
  username: string
  email: string
  displayName: string
  note: string
  locale: string
  defaultLanguage: string | null
  createdAtMs: number
  lastActiveMs: number
}

/** How long what an operator or an e-mail hands out stays good. */
export const CONFIRMATION_LIFE_MS = 2 * 24 * 3_600_000
export const PASSWORD_RESET_LIFE_MS = 24 * 3_600_000

export interface Accounts {
  byIds(ids: readonly AccountId[]): Promise<AccountRecord[]>
  byUsername(username: string): Promise<AccountRecord | undefined>
  byUsernames(usernames: readonly string[]): Promise<AccountRecord[]>
  /** Accounts whose username or display name starts with `prefix`, best first. */
  searchByPrefix(prefix: string, limit: number, offset: number): Promise<AccountRecord[]>
  /** Accounts whose names are nearly `name`, most alike first. */
  searchBySimilarity(name: string, limit: number): Promise<AccountRecord[]>
  /** Those who do not let others find their statuses. */
  idsWithoutConsent(): Promise<AccountId[]>
  /** Those who want to be found by strangers: who were here last first, or the newest. */
  discoverableIds(order: 'active' | 'new', limit: number, offset: number): Promise<AccountId[]>
  /** Every id with its creation order, for caches that load all. */
  allIds(): Promise<AccountId[]>

  /** Throws `invalid` with details by field (ERR_TAKEN, ERR_INVALID, ERR_TOO_SHORT, ERR_RESERVED …). */
  signUp(request: SignUp): Promise<AccountRecord>
  /** What `signUp` would refuse, by field, without doing anything; empty when nothing. */
  signUpFaults(request: SignUp): Promise<ErrorDetails>
  /** As `signUp`, confirmed and approved, with a free choice of name; throws `conflict` once there is an owner. */
  createOwner(request: { username: string; email: string; password: string; locale: string }): Promise<AccountRecord>
  /**
   * Makes all of these people, or none. Throws `invalid` with details for what `signUp` or `changeProfile` would refuse,
   * `conflict` when a name or an address is taken.
   */
  importPeople(people: readonly ImportedPerson[]): Promise<void>
  user(id: AccountId): Promise<UserRecord | undefined>
  /** Those of `ids` who are there, in no order. */
  usersByIds(ids: readonly AccountId[]): Promise<UserRecord[]>
  userByEmail(email: string): Promise<UserRecord | undefined>
  /** The account whose password this is; undefined for a wrong e-mail or password alike, in the same time. */
  verifyPassword(email: string, password: string): Promise<UserRecord | undefined>
  /** Sets the password and ends every session, token and pending code of the account. Throws `invalid` for a bad one. */
  resetPassword(id: AccountId, password: string): Promise<void>
  /** A secret for `/auth/password/edit`, good once within PASSWORD_RESET_LIFE_MS; it replaces an earlier one. */
  createPasswordReset(id: AccountId): Promise<string>
  passwordResetFor(secret: string): Promise<AccountId | undefined>
  /** As `resetPassword`, once per secret; undefined when the secret is unknown, used or too old. */
  resetPasswordBy(secret: string, password: string): Promise<AccountId | undefined>
  /** A secret for `/auth/confirmation`, good within CONFIRMATION_LIFE_MS; it replaces an earlier one. */
  createConfirmation(id: AccountId): Promise<string>
  /** The account that is now confirmed; undefined when the secret is unknown or too old. */
  confirmBy(secret: string): Promise<AccountId | undefined>
  confirm(id: AccountId): Promise<void>
  approve(id: AccountId): Promise<void>
  setRole(id: AccountId, role: Role): Promise<void>
  /** Disabling ends the sessions; tokens stay, but speak for nobody until it is undone. The same for suspending. */
  setDisabled(id: AccountId, disabled: boolean): Promise<void>
  setSuspended(id: AccountId, suspended: boolean): Promise<void>
  changeProfile(id: AccountId, change: ProfileChange): Promise<AccountRecord>
  /** Remembers that the person was here, at most once a day and account. */
  touch(id: AccountId): void
  hasOwner(): Promise<boolean>
  /** Whom people turn to. */
  owner(): Promise<AccountId | undefined>
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

/** How long an authorization code may be redeemed. */
export const CODE_LIFE_MS = 10 * 60_000

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
  /** PKCE S256: base64url of the verifier's SHA-256; null when the client sent none. */
  codeChallenge: string | null
}

export interface AppRegistration {
  name: string
  website: string | null
  redirectUris: string[]
  scopes: string[]
}

export interface CodeGrant {
  code: string
  redirectUri: string
  codeVerifier: string | null
  /** Whether the client has proved its secret in this request. One that has not must have used PKCE. */
  authenticated: boolean
}

/** An app that a person let in, for the page that shows and revokes them. */
export interface AuthorizedApp {
  appId: bigint
  name: string
  website: string | null
  scopes: readonly string[]
  createdAtMs: number
  /** Null: never used. To the hour. */
  lastUsedAtMs: number | null
}

export interface OAuth {
  /** Throws `invalid` with Mastodon's texts for a bad name, website, redirect URI or scope. */
  registerApp(request: AppRegistration): Promise<{ app: OAuthApp; clientSecret: string }>
  appByClientId(clientId: string): Promise<OAuthApp | undefined>
  appById(id: bigint): Promise<OAuthApp | undefined>
  /** The app when the secret fits (constant time). */
  authenticateApp(clientId: string, clientSecret: string): Promise<OAuthApp | undefined>
  issueCode(request: AuthorizationRequest): Promise<string>
  /**
   * Single use within CODE_LIFE_MS; a second use revokes the token of the first. Throws AppError 'bad_request' with text
   * `invalid_grant`, or 'unauthenticated' with `invalid_client` for a client without secret and PKCE.
   */
  redeemCode(app: OAuthApp, grant: CodeGrant): Promise<IssuedToken & { accountId: AccountId }>
  issueToken(app: OAuthApp, accountId: AccountId | null, scopes: readonly string[]): Promise<IssuedToken>
  /** Revokes the token when it belongs to the app. `foreign`: it is another app's, and stays (RFC 7009 §2.1). */
  revokeToken(app: OAuthApp, token: string): Promise<'revoked' | 'unknown' | 'foreign'>
  revokeTokenById(id: bigint): Promise<boolean>
  /**
   * The identity of a bearer token, from memory when warm: undefined when unknown, 'revoked' when it was revoked.
   */
  identify(token: string): Promise<TokenIdentity | 'revoked' | undefined>
  /** The same from memory alone: undefined when it is not there. */
  identifyNow(token: string): TokenIdentity | undefined
  authorizedApps(accountId: AccountId): Promise<AuthorizedApp[]>
  /** Revokes every token that the app has of this person; false when there was none. */
  revokeAppTokens(accountId: AccountId, appId: bigint): Promise<boolean>
}

/** Sessions of the pages end when not used for SESSION_IDLE_MS, and SESSION_LIFE_MS after they began. */
export const SESSION_IDLE_MS = 30 * 24 * 3_600_000
export const SESSION_LIFE_MS = 180 * 24 * 3_600_000

export interface Session {
  id: bigint
  accountId: AccountId
  /** For CSRF tokens of this session. */
  csrfSecret: string
}

export interface SessionSummary {
  id: bigint
  userAgent: string
  createdAtMs: number
  lastSeenAtMs: number
}

export interface Sessions {
  /** The cookie's value: 256 random bits; the store keeps its SHA-256. */
  open(accountId: AccountId, userAgent: string): Promise<string>
  find(cookie: string): Promise<Session | undefined>
  close(cookie: string): Promise<void>
  list(accountId: AccountId): Promise<SessionSummary[]>
  /** Ends one session of this account; false when it is not there. */
  closeById(accountId: AccountId, id: bigint): Promise<boolean>
}

/** Everything the block opens together: they share one cache of identities. */
export interface AccountsBlock extends AsyncDisposable {
  accounts: Accounts
  oauth: OAuth
  sessions: Sessions
  /** Removes what has expired: codes, sessions, apps nobody uses, tokens idle for a year. Meant to be called once a day. */
  sweep(): Promise<void>
}
