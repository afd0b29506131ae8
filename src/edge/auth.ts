/** Who asks, and whether they may: bearer tokens, scopes and the state of the person, with Mastodon's answers. */
import type { TokenIdentity } from '../accounts/contract.ts'
import { coversScope } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import { bearerChallenge, Refusal } from './errors.ts'
import type { Scope } from './scopes.ts'

/**
 * - `public`: no token is looked at, except to count requests by.
 * - `optional`: anonymous, or a person whose token covers a scope.
 * - `user`: a person. With scopes, a missing token is 401; without, 422, as Mastodon's `require_user!`.
 * - `app`: any valid token. `client`: a token of an app alone (client credentials).
 */
export type AuthKind = 'public' | 'optional' | 'user' | 'app' | 'client'

export interface AuthRule {
  auth: AuthKind
  /** One of these must be covered. */
  scopes: readonly Scope[]
  /** True: also for people who are not confirmed or approved yet. */
  anyStanding: boolean
}

/** What became of the Authorization header. */
export type Bearer = TokenIdentity | 'revoked' | 'unknown' | undefined

/** RFC 6750 b64token, with room for any token ever issued. */
const TOKEN = /^[\w.~+/=-]{1,512}$/

const NEEDS_USER = 'This method requires an authenticated user'
const DISABLED = 'Your login is currently disabled'

const STANDING_TEXT: Record<Exclude<TokenIdentity['standing'], 'ok'>, string> = {
  unconfirmed: 'Your login is missing a confirmed e-mail address',
  unapproved: 'Your login is currently pending approval',
  disabled: DISABLED,
  suspended: DISABLED,
}

/** The token of an Authorization header; undefined when there is no bearer, 'malformed' when it cannot be one. */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined || !/^bearer(\s|$)/i.test(header)) return undefined
  const token = header.slice('bearer'.length).trim()
  return TOKEN.test(token) ? token : 'malformed'
}

export async function identifyBearer(
  header: string | undefined,
  identify: (token: string) => Promise<TokenIdentity | 'revoked' | undefined>,
): Promise<Bearer> {
  const token = bearerToken(header)
  if (token === undefined) return undefined
  if (token === 'malformed') return 'unknown'
  return (await identify(token)) ?? 'unknown'
}

/** Lets the request pass, or throws. Returns the identity to act as: none for an anonymous viewer. */
export function authorise(rule: AuthRule, bearer: Bearer): TokenIdentity | undefined {
  switch (rule.auth) {
    case 'public':
      return undefined
    case 'optional':
      return authoriseOptional(rule, bearer)
    case 'user':
      return authoriseUser(rule, bearer)
    case 'app':
      return requireToken(rule, bearer)
    case 'client': {
      const identity = requireToken(rule, bearer)
      if (identity.accountId === null) return identity
      throw new AppError('forbidden', 'This method requires an client credentials authentication')
    }
  }
}

/** Mastodon's `authorize_if_got_token!`: a token nobody knows is as none; a revoked one, or too little scope, is refused. */
function authoriseOptional(rule: AuthRule, bearer: Bearer): TokenIdentity | undefined {
  if (bearer === undefined || bearer === 'unknown') return undefined
  const identity = requireToken(rule, bearer)
  if (identity.accountId === null) return undefined
  if (identity.standing === 'disabled' || identity.standing === 'suspended') throw new AppError('forbidden', DISABLED)
  // Not yet a member: sees what everyone sees.
  return identity.standing === 'ok' ? identity : undefined
}

function authoriseUser(rule: AuthRule, bearer: Bearer): TokenIdentity {
  if (rule.scopes.length === 0 && typeof bearer !== 'object') throw new AppError('invalid', NEEDS_USER)
  const identity = requireToken(rule, bearer)
  if (identity.accountId === null) throw new AppError('invalid', NEEDS_USER)
  const { standing } = identity
  if (standing === 'ok') return identity
  if (rule.anyStanding && (standing === 'unconfirmed' || standing === 'unapproved')) return identity
  throw new AppError('forbidden', STANDING_TEXT[standing])
}

/** A live token that covers one of the scopes. */
function requireToken(rule: AuthRule, bearer: Bearer): TokenIdentity {
  if (bearer === 'revoked') throw new AppError('unauthenticated', 'The access token was revoked')
  if (typeof bearer !== 'object') throw new AppError('unauthenticated', 'The access token is invalid')
  if (rule.scopes.length > 0 && !rule.scopes.some((scope) => coversScope(bearer.scopes, scope))) throw outsideScopes()
  return bearer
}

function outsideScopes(): Refusal {
  const text = 'This action is outside the authorized scopes'
  return new Refusal(403, { error: text }, { 'www-authenticate': bearerChallenge('insufficient_scope', text) })
}
