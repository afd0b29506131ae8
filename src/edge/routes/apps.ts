/** Apps: clients register themselves before anybody signs in with them. */
import { DEFAULT_SCOPE, parseScopes } from '../../accounts/contract.ts'
import type { OAuth } from '../../accounts/contract.ts'
import { AppError } from '../../kit/errors.ts'
import { presentApplication, presentCredentialApplication } from '../../mastodon/oauth.ts'
import type { Params } from '../params.ts'
import type { Edge } from '../routing.ts'

/** More than the block accepts, so that its text is shown and not ours. */
const REDIRECT_URIS_READ_MAX = 100

export interface AppsDeps {
  oauth: OAuth
  /** Base64url; empty while push is not set up. */
  vapidPublicKey: string
}

export function registerAppRoutes(edge: Edge, { oauth, vapidPublicKey }: AppsDeps): void {
  edge.route({
    method: 'POST',
    path: '/api/v1/apps',
    auth: 'public',
    limits: ['app_registration'],
    handler: async (call) => {
      const { params } = call
      const scopes = parseScopes(params.raw('scopes'))
      const { app, clientSecret } = await oauth.registerApp({
        name: params.text('client_name')?.trim() ?? '',
        website: blankAsNull(params.text('website')),
        redirectUris: readRedirectUris(params),
        scopes: scopes.length === 0 ? [DEFAULT_SCOPE] : scopes,
      })
      return presentCredentialApplication(app, clientSecret, vapidPublicKey)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/apps/verify_credentials',
    auth: 'app',
    scopes: [],
    handler: async (call) => {
      const app = call.identity && (await oauth.appById(call.identity.appId))
      if (app === undefined) throw new AppError('unauthenticated', 'The access token is invalid')
      return presentApplication(app, vapidPublicKey)
    },
  })
}

/** A text with one address a line, or an array; kept byte for byte, without doubles. */
function readRedirectUris(params: Params): string[] {
  const texts = params.texts('redirect_uris', REDIRECT_URIS_READ_MAX)
  return [...new Set(texts.flatMap((text) => text.split(/\s+/)).filter((uri) => uri !== ''))]
}

function blankAsNull(text: string | undefined): string | null {
  const trimmed = text?.trim() ?? ''
  return trimmed === '' ? null : trimmed
}
