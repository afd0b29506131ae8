/** Which client is asking at the token endpoint, by Basic authentication or by the body (RFC 6749 §2.3.1). */
import type { OAuth, OAuthApp } from '../../accounts/contract.ts'
import type { Call } from '../call.ts'
import { oauthRefusal } from './oauth-errors.ts'

export interface AskingClient {
  app: OAuthApp
  /** Whether it has proved its secret. */
  authenticated: boolean
}

/** Secrets in an address end up in logs and histories (RFC 6749 §2.3.1, RFC 9700 §4.3.2). */
const NEVER_IN_QUERY = ['client_secret', 'code', 'code_verifier', 'token', 'access_token', 'password', 'refresh_token']

/** Throws `invalid_client` for an unknown client or a wrong secret, `invalid_request` for what is ambiguous. */
export async function readClient(call: Call, oauth: OAuth): Promise<AskingClient> {
  if (NEVER_IN_QUERY.some((name) => call.query[name] !== undefined)) {
    throw oauthRefusal('invalid_request', 'Send the parameters in the body, not in the address.')
  }
  const basic = readBasic(call.header('authorization'))
  const bodyId = call.params.text('client_id')
  if (basic !== undefined && bodyId !== undefined && bodyId !== basic.id) throw oauthRefusal('invalid_request')
  const id = basic?.id ?? bodyId
  const secret = basic?.secret ?? call.params.text('client_secret') ?? ''
  if (id === undefined || id === '') throw oauthRefusal('invalid_client', undefined, basic !== undefined)
  const authenticated = secret !== ''
  const app = authenticated ? await oauth.authenticateApp(id, secret) : await oauth.appByClientId(id)
  if (app === undefined) throw oauthRefusal('invalid_client', undefined, basic !== undefined)
  return { app, authenticated }
}

/** Undefined without Basic authentication; both parts are form-encoded inside the base64. */
function readBasic(header: string | undefined): { id: string; secret: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return undefined
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 0) throw oauthRefusal('invalid_client', undefined, true)
  return { id: formDecoded(pair.slice(0, colon)), secret: formDecoded(pair.slice(colon + 1)) }
}

function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text // a client that does not encode; then it fits as it is, or not at all
  }
}
