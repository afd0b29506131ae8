/** OAuth's own error bodies (RFC 6749 §5.2), with the texts that clients of Mastodon know. */
import { AppError } from '../../kit/errors.ts'
import { Refusal } from '../errors.ts'

const DESCRIPTIONS = {
  invalid_request:
    'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
  invalid_client:
    'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
  invalid_grant:
    'The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
  invalid_scope: 'The requested scope is invalid, unknown, or malformed.',
  unauthorized_client: 'You are not authorized to revoke this token',
  unsupported_grant_type: 'The authorization grant type is not supported by the authorization server.',
  unsupported_response_type: 'The authorization server does not support this response type.',
  access_denied: 'The resource owner or authorization server denied the request.',
} as const

export type OAuthErrorCode = keyof typeof DESCRIPTIONS

const STATUS: Partial<Record<OAuthErrorCode, number>> = { invalid_client: 401, unauthorized_client: 403 }

export function describe(code: OAuthErrorCode): string {
  return DESCRIPTIONS[code]
}

/** For the token endpoint and its kin. `challenge`: the client tried the Authorization header, so it is told the scheme. */
export function oauthRefusal(code: OAuthErrorCode, description?: string, challenge = false): Refusal {
  const headers = challenge ? { 'www-authenticate': 'Basic realm="Dunlin", charset="UTF-8"' } : {}
  const body = { error: code, error_description: description ?? DESCRIPTIONS[code] }
  return new Refusal(STATUS[code] ?? 400, body, { ...headers, pragma: 'no-cache' })
}

/** An error of the stores, or of reading the parameters, in OAuth's words. */
export function asOAuthRefusal(error: unknown): unknown {
  if (!(error instanceof AppError)) return error
  if (error.code !== 'bad_request' && error.code !== 'unauthenticated' && error.code !== 'invalid') return error
  if (isOAuthErrorCode(error.message)) return oauthRefusal(error.message)
  return oauthRefusal('invalid_request', error.message)
}

function isOAuthErrorCode(text: string): text is OAuthErrorCode {
  return Object.hasOwn(DESCRIPTIONS, text)
}
