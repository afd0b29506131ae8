/**
 * The authorization request (RFC 6749 §4.1.1), checked in two steps: first whether the client and its redirect URI are
 * known, for only then may an answer be sent there; then the rest, whose faults the client is told by redirect.
 */
import {
  DEFAULT_SCOPE,
  OOB_REDIRECT,
  coversScopes,
  isCodeChallenge,
  parseScopes,
  unknownScopes,
} from '../../accounts/contract.ts'
import type { OAuth, OAuthApp } from '../../accounts/contract.ts'
import { AppError } from '../../kit/errors.ts'
import type { Params } from '../params.ts'
import { describe } from './oauth-errors.ts'
import type { OAuthErrorCode } from './oauth-errors.ts'

type ResponseMode = 'query' | 'fragment' | 'form_post'

/** Where the answer goes, and how. */
export interface ReplyAddress {
  app: OAuthApp
  redirectUri: string
  mode: ResponseMode
  /** Echoed byte for byte. */
  state: string | undefined
}

export interface CheckedRequest extends ReplyAddress {
  scopes: string[]
  codeChallenge: string | null
}

export interface RequestFault {
  error: OAuthErrorCode
  description: string
}

/** The parameters that the consent form carries along, as they came. */
const CARRIED = [
  'client_id',
  'redirect_uri',
  'state',
  'response_type',
  'response_mode',
  'scope',
  'code_challenge',
  'code_challenge_method',
] as const

export function carriedParameters(params: Params): Record<string, string> {
  const carried: Record<string, string> = {}
  for (const name of CARRIED) {
    const value = params.text(name)
    if (value !== undefined) carried[name] = value
  }
  return carried
}

/** Throws `bad_request`, told on a page: an unknown client or address is not to be trusted with a redirect. */
export async function readReplyAddress(params: Params, oauth: OAuth): Promise<ReplyAddress> {
  const app = await oauth.appByClientId(params.text('client_id') ?? '')
  if (app === undefined) {
    throw new AppError(
      'bad_request',
      'The app is not known here: it may have to register again. Try again from the app',
    )
  }
  const redirectUri = params.text('redirect_uri') ?? ''
  // Byte for byte: a prefix, another case or one more parameter would lead elsewhere.
  if (!app.redirectUris.includes(redirectUri)) {
    throw new AppError('bad_request', 'The app asks to be answered at an address that it has not registered')
  }
  const mode = readResponseMode(params.text('response_mode'))
  return { app, redirectUri, mode, state: params.text('state') }
}

/** Anything but a known mode is a fault found later; until then the plain one is used to tell of it. */
function readResponseMode(text: string | undefined): ResponseMode {
  return text === 'fragment' || text === 'form_post' ? text : 'query'
}

/** The whole request, or the fault that the client is to be told. */
export function checkRequest(
  params: Params,
  address: ReplyAddress,
  requirePkce: boolean,
): { request: CheckedRequest } | { fault: RequestFault } {
  const asked = parseScopes(params.raw('scope'))
  const scopes = asked.length === 0 ? [DEFAULT_SCOPE] : asked
  const codeChallenge = params.text('code_challenge') ?? ''
  const fault =
    responseFault(params, address) ??
    scopeFault(scopes, address.app) ??
    challengeFault(codeChallenge, params.text('code_challenge_method') ?? '', requirePkce || !address.app.confidential)
  if (fault !== undefined) return { fault }
  return { request: { ...address, scopes, codeChallenge: codeChallenge === '' ? null : codeChallenge } }
}

function responseFault(params: Params, { redirectUri }: ReplyAddress): RequestFault | undefined {
  const type = params.text('response_type') ?? ''
  if (type === '') return invalidRequest('Missing required parameter: response_type.')
  if (type !== 'code') {
    return { error: 'unsupported_response_type', description: describe('unsupported_response_type') }
  }
  const mode = params.text('response_mode') ?? ''
  if (!['', 'query', 'fragment', 'form_post'].includes(mode)) return invalidRequest('Unknown response_mode.')
  const isWeb = /^https?:/i.test(redirectUri)
  return mode === 'form_post' && !isWeb ? invalidRequest('response_mode form_post needs a web address.') : undefined
}

function scopeFault(scopes: readonly string[], app: OAuthApp): RequestFault | undefined {
  const isFine = unknownScopes(scopes).length === 0 && coversScopes(app.scopes, scopes)
  return isFine ? undefined : { error: 'invalid_scope', description: describe('invalid_scope') }
}

function challengeFault(challenge: string, method: string, isRequired: boolean): RequestFault | undefined {
  if (challenge === '') {
    if (method !== '') return invalidRequest('code_challenge_method without code_challenge.')
    return isRequired ? invalidRequest('Code challenge is required.') : undefined
  }
  // Without a method the standard means `plain`, which proves nothing.
  if (method !== 'S256') return invalidRequest('The code_challenge_method must be S256.')
  return isCodeChallenge(challenge) ? undefined : invalidRequest('The code_challenge is malformed.')
}

function invalidRequest(description: string): RequestFault {
  return { error: 'invalid_request', description }
}

/** The redirect with the answer's parameters; the registered part stays byte for byte. */
export function replyUrl({ redirectUri, mode }: ReplyAddress, answer: Record<string, string>): string {
  const encoded = Object.entries(answer)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
  if (mode === 'fragment') return `${redirectUri}#${encoded}`
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${encoded}`
}

export function isOutOfBand({ redirectUri }: ReplyAddress): boolean {
  return redirectUri === OOB_REDIRECT
}
