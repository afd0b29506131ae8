/** Application and Token. */

/** An app as its store gives it. */
export interface AppShown {
  id: bigint
  name: string
  website: string | null
  redirectUris: readonly string[]
  scopes: readonly string[]
  clientId: string
}

export interface Application {
  id: string
  name: string
  website: string | null
  scopes: string[]
  redirect_uris: string[]
  /** Deprecated, and still read. */
  redirect_uri: string
  vapid_key: string
}

export interface CredentialApplication extends Application {
  client_id: string
  client_secret: string
  /** 0: never. */
  client_secret_expires_at: 0
}

export function presentApplication(app: AppShown, vapidKey: string): Application {
  return {
    id: app.id.toString(),
    name: app.name,
    website: app.website,
    scopes: [...app.scopes],
    redirect_uris: [...app.redirectUris],
    redirect_uri: app.redirectUris.join('\n'),
    vapid_key: vapidKey,
  }
}

/** The only time that the secret is shown. */
export function presentCredentialApplication(
  app: AppShown,
  clientSecret: string,
  vapidKey: string,
): CredentialApplication {
  return {
    ...presentApplication(app, vapidKey),
    client_id: app.clientId,
    client_secret: clientSecret,
    client_secret_expires_at: 0,
  }
}

export interface Token {
  access_token: string
  token_type: 'Bearer'
  scope: string
  /** Seconds since 1970. */
  created_at: number
}

export function presentToken(issued: { token: string; scopes: readonly string[]; createdAtMs: number }): Token {
  return {
    access_token: issued.token,
    token_type: 'Bearer',
    scope: issued.scopes.join(' '),
    created_at: Math.floor(issued.createdAtMs / 1000),
  }
}
