/** Alice, Bob and the others: signed up through the pages, signed in through OAuth with PKCE, as an app does it. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'

import { createRestAPIClient, type mastodon } from 'masto'

import { Visitor } from './visitor.ts'

export interface Person {
  username: string
  email: string
  password: string
  token: string
  id: string
  masto: mastodon.rest.Client
  /** A raw call with the person's token; the body is parsed when it is JSON. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown; headers: Headers }>
}

const REDIRECT = 'https://app.example/callback'
const ALL_SCOPES = 'read write follow push'

async function registerApp(base: string, scopes = ALL_SCOPES): Promise<{ id: string; secret: string }> {
  const response = await fetch(`${base}/api/v1/apps`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Journey', redirect_uris: REDIRECT, scopes, website: 'https://app.example' }),
  })
  const app: unknown = await response.json()
  assert.equal(response.status, 200, JSON.stringify(app))
  assert.ok(typeof app === 'object' && app !== null && 'client_id' in app && 'client_secret' in app)
  return { id: String(app.client_id), secret: String(app.client_secret) }
}

/** Signs up through the form. */
export async function signUp(
  base: string,
  username: string,
): Promise<{ visitor: Visitor; email: string; password: string }> {
  const visitor = new Visitor(base)
  const email = `${username}@localhost`
  const password = `correct horse ${username} staple`
  const page = await visitor.get('/auth/sign_up')
  assert.equal(page.status, 200, page.html)
  const answer = await visitor.submit(page.html, '/auth', {
    'user[account_attributes][username]': username,
    'user[email]': email,
    'user[password]': password,
    'user[password_confirmation]': password,
    'user[agreement]': '1',
  })
  assert.ok(answer.status === 302 || answer.status === 303, `sign-up of ${username}: ${answer.status} ${answer.html}`)
  return { visitor, email, password }
}

/** The authorization code flow with PKCE (unless an app does without), ending in an access token. */
export async function authorize(base: string, visitor: Visitor, scopes = ALL_SCOPES, pkce = true): Promise<string> {
  const app = await registerApp(base, scopes)
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: app.id,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: scopes,
    state: 'kept as it is',
    ...(pkce && {
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }),
  })
  const consent = await visitor.get(`/oauth/authorize?${query.toString()}`)
  assert.equal(consent.status, 200, consent.location ?? consent.html)
  const granted = await visitor.submit(consent.html, '/oauth/authorize', {})
  const location = new URL(granted.location ?? '', base)
  assert.equal(location.origin + location.pathname, REDIRECT)
  assert.equal(location.searchParams.get('state'), 'kept as it is')
  const response = await fetch(`${base}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: location.searchParams.get('code') ?? '',
      client_id: app.id,
      client_secret: app.secret,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
    }),
  })
  const token: unknown = await response.json()
  assert.ok(typeof token === 'object' && token !== null && 'access_token' in token, JSON.stringify(token))
  return String(token.access_token)
}

export async function join(base: string, username: string, scopes = ALL_SCOPES): Promise<Person> {
  const { visitor, email, password } = await signUp(base, username)
  const token = await authorize(base, visitor, scopes)
  return personWith(base, { username, email, password, token })
}

async function personWith(
  base: string,
  known: { username: string; email: string; password: string; token: string },
): Promise<Person> {
  const masto = createRestAPIClient({ url: base, accessToken: known.token })
  const account = await masto.v1.accounts.verifyCredentials()
  return { ...known, id: account.id, masto, call: caller(base, known.token) }
}

/** Raw calls; `token` undefined is an anonymous visitor. */
export function caller(base: string, token: string | undefined): Person['call'] {
  return async (method, path, body) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const response = await fetch(base + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, body: isJson ? (JSON.parse(text) as unknown) : text, headers: response.headers }
  }
}

/** A machine that has much else to do is given so long: only what never comes fails. */
const PATIENCE_MS = 60_000

/** Asks until `check` holds, which is promised within `ms` on a quiet machine; fails in the end with the last answer. */
export async function eventually<T>(ms: number, ask: () => PromiseLike<T>, check: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + Math.max(ms, PATIENCE_MS)
  for (;;) {
    const value = await ask()
    if (check(value)) return value
    if (performance.now() > deadline)
      assert.fail(`not so in time, which is ${ms} ms: ${JSON.stringify(value)?.slice(0, 600)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
