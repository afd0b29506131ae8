/** Tokens: issued for a code or to an app itself, revoked, and told about (userinfo). No password grant, no implicit one. */
import { DEFAULT_SCOPE, coversScopes, parseScopes, unknownScopes } from '../../accounts/contract.ts'
import type { IssuedToken, OAuth } from '../../accounts/contract.ts'
import type { Hydration } from '../../hydration/contract.ts'
import { notFound } from '../../kit/errors.ts'
import { presentAccount } from '../../mastodon/account.ts'
import { presentToken } from '../../mastodon/oauth.ts'
import type { Site } from '../../mastodon/site.ts'
import type { Call } from '../call.ts'
import type { Edge } from '../routing.ts'
import { readClient } from './oauth-client.ts'
import { asOAuthRefusal, oauthRefusal } from './oauth-errors.ts'

export interface TokenDeps {
  oauth: OAuth
  hydration: Pick<Hydration, 'accounts'>
  site: Site
}

export function registerTokenRoutes(edge: Edge, { oauth, hydration, site }: TokenDeps): void {
  edge.route({
    method: 'POST',
    path: '/oauth/token',
    auth: 'public',
    handler: (call) => inOAuthTerms(async () => presentToken(await grant(call, oauth))),
  })
  edge.route({
    method: 'POST',
    path: '/oauth/revoke',
    auth: 'public',
    handler: (call) =>
      inOAuthTerms(async () => {
        await revoke(call, oauth)
        return {}
      }),
  })
  edge.route({
    method: ['GET', 'POST'],
    path: '/oauth/userinfo',
    auth: 'user',
    scopes: ['profile'],
    handler: async (call) => {
      const [view] = await hydration.accounts([call.viewer])
      if (view === undefined) throw notFound()
      const account = presentAccount(view, site)
      return {
        iss: issuer(site.urls),
        sub: account.uri,
        name: account.display_name,
        preferred_username: account.username,
        profile: account.url,
        picture: account.avatar,
      }
    },
  })
}

/** RFC 9207 and RFC 8414 compare it byte for byte; Mastodon's ends with a slash. */
export function issuer(urls: { base: string }): string {
  return `${urls.base}/`
}

async function grant(call: Call, oauth: OAuth): Promise<IssuedToken> {
  const { params } = call
  const grantType = params.text('grant_type') ?? ''
  if (grantType === '') throw oauthRefusal('invalid_request', 'Missing required parameter: grant_type.')
  switch (grantType) {
    case 'authorization_code':
      return await redeem(call, oauth)
    case 'client_credentials':
      return await grantToClient(call, oauth)
    default:
      throw oauthRefusal('unsupported_grant_type')
  }
}

async function redeem(call: Call, oauth: OAuth): Promise<IssuedToken> {
  const { params } = call
  const { app, authenticated } = await readClient(call, oauth)
  const code = params.text('code') ?? ''
  const redirectUri = params.text('redirect_uri') ?? ''
  if (code === '') throw oauthRefusal('invalid_request', 'Missing required parameter: code.')
  if (redirectUri === '') throw oauthRefusal('invalid_request', 'Missing required parameter: redirect_uri.')
  const codeVerifier = params.text('code_verifier') ?? ''
  return await oauth.redeemCode(app, {
    code,
    redirectUri,
    codeVerifier: codeVerifier === '' ? null : codeVerifier,
    authenticated,
  })
}

async function grantToClient(call: Call, oauth: OAuth): Promise<IssuedToken> {
  const { app, authenticated } = await readClient(call, oauth)
  if (!authenticated) throw oauthRefusal('invalid_client')
  const asked = parseScopes(call.params.raw('scope'))
  if (unknownScopes(asked).length > 0 || !coversScopes(app.scopes, asked)) throw oauthRefusal('invalid_scope')
  const byDefault = coversScopes(app.scopes, [DEFAULT_SCOPE]) ? [DEFAULT_SCOPE] : app.scopes
  return await oauth.issueToken(app, null, asked.length > 0 ? asked : byDefault)
}

/** As RFC 7009 and Mastodon: an unknown token is no error, another app's is. */
async function revoke(call: Call, oauth: OAuth): Promise<void> {
  const { app, authenticated } = await readClient(call, oauth).catch((error: unknown) => {
    throw isInvalidClient(error) ? oauthRefusal('unauthorized_client') : error
  })
  // Who holds the token may end it; a client with a secret has to show that it is the one.
  if (app.confidential && !authenticated) throw oauthRefusal('unauthorized_client')
  const outcome = await oauth.revokeToken(app, call.params.text('token') ?? '')
  if (outcome === 'foreign') throw oauthRefusal('unauthorized_client')
}

function isInvalidClient(error: unknown): boolean {
  return error instanceof Error && error.message === 'invalid_client'
}

async function inOAuthTerms<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asOAuthRefusal(error)
  }
}
