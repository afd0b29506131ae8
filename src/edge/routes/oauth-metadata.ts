/** What clients find out about the authorization server before they speak to it (RFC 8414). */
import { KNOWN_SCOPES } from '../../accounts/contract.ts'
import type { Urls } from '../../mastodon/urls.ts'
import type { Edge } from '../routing.ts'
import { issuer } from './oauth-token.ts'

export function registerOAuthMetadataRoute(edge: Edge, urls: Urls): void {
  const { base } = urls
  const metadata = {
    issuer: issuer(urls),
    service_documentation: 'https://docs.joinmastodon.org/',
    authorization_endpoint: `${base}/oauth/authorize`,
    token_endpoint: `${base}/oauth/token`,
    app_registration_endpoint: `${base}/api/v1/apps`,
    revocation_endpoint: `${base}/oauth/revoke`,
    userinfo_endpoint: `${base}/oauth/userinfo`,
    scopes_supported: KNOWN_SCOPES,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: ['authorization_code', 'client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
  edge.route({
    method: 'GET',
    path: '/.well-known/oauth-authorization-server',
    auth: 'public',
    cache: 'instance',
    handler: () => metadata,
  })
}
