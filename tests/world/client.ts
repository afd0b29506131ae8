/** An OAuth client against a running server, as an app does it: registers, sends the person to the browser, redeems. */
import assert from 'node:assert/strict'

import { GOOD_PASSWORD } from './access.ts'
import { Visitor } from './visitor.ts'

export const REDIRECT = 'https://app.example/callback'

export interface Client {
  id: string
  secret: string
}

export interface Answer {
  status: number
  body: Record<string, unknown>
  headers: Headers
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const isForm = body instanceof URLSearchParams || body instanceof FormData
  const type = isForm ? {} : { 'content-type': 'application/json' }
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...type, ...headers },
    body: isForm ? body : JSON.stringify(body),
  })
  return await answerOf(response)
}

export async function get(url: string, token?: string): Promise<Answer> {
  const response = await fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  return await answerOf(response)
}

async function answerOf(response: Response): Promise<Answer> {
  const body: unknown = await response.json()
  assert.ok(typeof body === 'object' && body !== null, String(body))
  return { status: response.status, body: { ...body }, headers: response.headers }
}

export async function registerClient(base: string, change: Record<string, unknown> = {}): Promise<Client> {
  const request = { client_name: 'App', redirect_uris: REDIRECT, scopes: 'read write follow push', ...change }
  const { status, body } = await post(`${base}/api/v1/apps`, request)
  assert.equal(status, 200, JSON.stringify(body))
  return { id: String(body['client_id']), secret: String(body['client_secret']) }
}

export function authorizePath(client: Client, change: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    client_id: client.id,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'read write',
    ...change,
  })
  return `/oauth/authorize?${query.toString()}`
}

/** A browser that is signed in; the person must exist with the usual password. */
export async function signedIn(base: string, email: string, password = GOOD_PASSWORD): Promise<Visitor> {
  const visitor = new Visitor(base)
  const page = await visitor.get('/auth/sign_in')
  const answer = await visitor.submit(page.html, '/auth/sign_in', { 'user[email]': email, 'user[password]': password })
  assert.equal(answer.status, 303, answer.html)
  return visitor
}

/** The parameters of the redirect after "Authorize". */
export async function consent(visitor: Visitor, path: string): Promise<URLSearchParams> {
  const page = await visitor.get(path)
  assert.equal(page.status, 200, `${page.status} ${page.location} ${page.html}`)
  const answer = await visitor.submit(page.html, '/oauth/authorize', {})
  assert.equal(answer.status, 302, answer.html)
  return new URL(answer.location ?? '').searchParams
}

export function redeem(
  base: string,
  client: Client,
  code: string,
  change: Record<string, string> = {},
): Promise<Answer> {
  return post(`${base}/oauth/token`, {
    grant_type: 'authorization_code',
    client_id: client.id,
    client_secret: client.secret,
    redirect_uri: REDIRECT,
    code,
    ...change,
  })
}
