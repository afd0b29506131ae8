import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'

import { member, openAccess } from '../world/access.ts'
import { authorizePath, consent, get, REDIRECT, redeem, registerClient, signedIn } from '../world/client.ts'
import { Visitor } from '../world/visitor.ts'

const EMAIL = 'ada@localhost'

async function openWithAda(options: Parameters<typeof openAccess>[0] = {}) {
  const access = await openAccess(options)
  await access.world.accounts.signUp(member('ada'))
  return access
}

function pair(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

describe('the authorization page', () => {
  test('a stranger signs in first and comes back to the very same request', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = new Visitor(access.base)
    const path = authorizePath(client, { state: 'a b&c=d%2F"é', force_login: 'true', lang: 'en' })
    const first = await visitor.get(path)
    assert.deepEqual([first.status, first.location], [302, '/auth/sign_in'])
    const form = await visitor.get('/auth/sign_in')
    const fields = { 'user[email]': EMAIL, 'user[password]': 'correct horse battery' }
    const { status, location } = await visitor.submit(form.html, '/auth/sign_in', fields)
    assert.equal(status, 303)
    const back = new URL(location ?? '', access.base)
    assert.equal(back.origin, access.base)
    assert.equal(back.searchParams.get('state'), 'a b&c=d%2F"é')
    assert.equal(back.searchParams.get('force_login'), null, 'the wish has been met')
    const answer = await consent(visitor, `${back.pathname}${back.search}`)
    assert.equal(answer.get('state'), 'a b&c=d%2F"é')
    assert.equal(answer.get('iss'), `${access.base}/`)
    const token = await redeem(access.base, client, answer.get('code') ?? '')
    assert.equal(token.status, 200, JSON.stringify(token.body))
    assert.deepEqual(Object.keys(token.body).sort(), ['access_token', 'created_at', 'scope', 'token_type'])
    assert.deepEqual([token.body['token_type'], token.body['scope']], ['Bearer', 'read write'])
    assert.equal(typeof token.body['created_at'], 'number')
    assert.equal(token.headers.get('cache-control')?.includes('no-store'), true)
    const me = await get(`${access.base}/api/v1/accounts/verify_credentials`, String(token.body['access_token']))
    assert.equal(me.body['username'], 'ada')
  })

  test('force_login asks somebody signed in for the password again', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    assert.equal((await visitor.get(authorizePath(client, { force_login: 'false' }))).status, 200)
    const forced = await visitor.get(authorizePath(client, { force_login: 'true' }))
    assert.deepEqual([forced.status, forced.location], [302, '/auth/sign_in'])
  })

  test('a slash at the end changes nothing, as toot sends it, and oob shows the code', async () => {
    await using access = await openWithAda()
    const oob = 'urn:ietf:wg:oauth:2.0:oob'
    const client = await registerClient(access.base, { redirect_uris: oob, scopes: 'read write follow' })
    const visitor = await signedIn(access.base, EMAIL)
    const path = authorizePath(client, { redirect_uri: oob, scope: 'read+write+follow' }).replace('?', '/?')
    const page = await visitor.get(path)
    const { location } = await visitor.submit(page.html, '/oauth/authorize', {})
    assert.match(location ?? '', /^\/oauth\/authorize\/native\?code=[\w-]{43}$/)
    const shown = await visitor.get(location ?? '')
    const code = new URL(location ?? '', access.base).searchParams.get('code') ?? ''
    assert.ok(shown.html.includes(`>${code}<`))
    const token = await redeem(access.base, client, code, { redirect_uri: oob })
    assert.equal(token.body['scope'], 'read write follow')
    assert.equal((await new Visitor(access.base).get(location ?? '')).location, '/auth/sign_in')
  })

  test('custom schemes come back as they were registered, and the policy lets the browser go there', async () => {
    await using access = await openWithAda()
    const redirect = 'com.tapbots.Ivory.219:/request_token?kept=a%2Fb'
    const client = await registerClient(access.base, { redirect_uris: [redirect, REDIRECT] })
    const visitor = await signedIn(access.base, EMAIL)
    const path = authorizePath(client, { redirect_uri: redirect, state: 's' })
    const page = await visitor.get(path)
    assert.match(page.headers.get('content-security-policy') ?? '', /form-action 'self' com\.tapbots\.Ivory\.219:;/)
    const { location } = await visitor.submit(page.html, '/oauth/authorize', {})
    assert.match(
      location ?? '',
      /^com\.tapbots\.Ivory\.219:\/request_token\?kept=a%2Fb&code=[\w-]{43}&state=s&iss=http/,
    )
    const web = await visitor.get(authorizePath(client))
    assert.match(web.headers.get('content-security-policy') ?? '', /form-action 'self' https:\/\/app\.example;/)
  })

  test('an unknown app or a redirect URI that differs by one byte is told to the person, never redirected', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    for (const change of [
      { client_id: 'unknown' },
      { client_id: '' },
      { redirect_uri: '' },
      { redirect_uri: `${REDIRECT}/` },
      { redirect_uri: `${REDIRECT}?next=1` },
      { redirect_uri: `${REDIRECT}#x` },
      { redirect_uri: 'https://app.example/x/../callback' },
      { redirect_uri: 'https://APP.example/callback' },
      { redirect_uri: 'https://app.example.evil.example/callback' },
    ]) {
      const { status, location } = await visitor.get(authorizePath(client, change))
      assert.deepEqual([status, location], [400, null], JSON.stringify(change))
    }
  })

  test('other faults of the request are told to the app, with state and issuer, once the person is signed in', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base, { scopes: 'read' })
    const visitor = await signedIn(access.base, EMAIL)
    const { challenge } = pair()
    const cases: [Record<string, string>, string][] = [
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ response_type: '' }, 'invalid_request'],
      [{ response_mode: 'web_message' }, 'invalid_request'],
      [{ scope: 'read write' }, 'invalid_scope'],
      [{ scope: 'root' }, 'invalid_scope'],
      [{ code_challenge: challenge }, 'invalid_request'],
      [{ code_challenge: challenge, code_challenge_method: 'plain' }, 'invalid_request'],
      [{ code_challenge: 'short', code_challenge_method: 'S256' }, 'invalid_request'],
      [{ code_challenge_method: 'S256' }, 'invalid_request'],
    ]
    for (const [change, error] of cases) {
      const path = authorizePath(client, { scope: 'read', state: 'xyz', ...change })
      const { status, location } = await visitor.get(path)
      assert.equal(status, 302, JSON.stringify(change))
      const answer = new URL(location ?? '')
      assert.equal(`${answer.origin}${answer.pathname}`, REDIRECT)
      assert.deepEqual(
        [answer.searchParams.get('error'), answer.searchParams.get('state'), answer.searchParams.get('iss')],
        [error, 'xyz', `${access.base}/`],
      )
      assert.ok(answer.searchParams.get('error_description'))
      // A stranger is not redirected: the server is nobody's open redirect.
      assert.equal((await new Visitor(access.base).get(path)).location, '/auth/sign_in')
    }
  })

  test('a narrower scope than the registered one is fine, and without one it is read', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base, { scopes: 'read write' })
    const visitor = await signedIn(access.base, EMAIL)
    const scopeOf = async (scope: string): Promise<unknown> => {
      const answer = await consent(visitor, authorizePath(client, { scope }))
      return (await redeem(access.base, client, answer.get('code') ?? '')).body['scope']
    }
    assert.equal(await scopeOf('read:statuses write:media'), 'read:statuses write:media')
    assert.equal(await scopeOf(''), 'read')
  })

  test('denying tells the app', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    const page = await visitor.get(authorizePath(client, { state: 'xyz' }))
    const { location } = await visitor.submit(page.html, '/oauth/authorize', { _method: 'delete' })
    const answer = new URL(location ?? '').searchParams
    assert.deepEqual([answer.get('error'), answer.get('state'), answer.get('code')], ['access_denied', 'xyz', null])
  })

  test('consent is shown every time and needs a form of our own', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    await consent(visitor, authorizePath(client))
    const again = await visitor.get(authorizePath(client))
    assert.equal(again.status, 200)
    const forged = again.html.replaceAll(
      /name="authenticity_token" value="[^"]*"/g,
      'name="authenticity_token" value="x"',
    )
    assert.equal((await visitor.submit(forged, '/oauth/authorize', {})).status, 422)
  })

  test("an app's name is text, whatever it is, and the real host is shown", async () => {
    await using access = await openWithAda()
    const name = '<img src=x onerror=alert(1)>"\'&\u202Egpj'
    const client = await registerClient(access.base, { client_name: name, website: 'https://good.example/"><script>' })
    const visitor = await signedIn(access.base, EMAIL)
    const state = '"><script>alert(1)</script>'
    const { html, headers } = await visitor.get(authorizePath(client, { state }))
    assert.doesNotMatch(html, /<img|<script/)
    assert.ok(html.includes('<bdi>&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;'))
    assert.ok(html.includes('app.example'))
    assert.ok(html.includes('@<bdi>ada</bdi>'))
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none'.*frame-ancestors 'none'/)
    assert.equal(headers.get('x-frame-options'), 'DENY')
    assert.equal(headers.get('cache-control'), 'private, no-store')
  })

  test('fragment and form_post answer where they say', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    const inFragment = await visitor.get(authorizePath(client, { response_mode: 'fragment' }))
    const { location } = await visitor.submit(inFragment.html, '/oauth/authorize', {})
    assert.match(location ?? '', /^https:\/\/app\.example\/callback#code=[\w-]{43}&iss=/)
    const byForm = await visitor.get(authorizePath(client, { response_mode: 'form_post', state: '"s"' }))
    const posted = await visitor.submit(byForm.html, '/oauth/authorize', {})
    assert.equal(posted.status, 200)
    assert.match(posted.html, /<form method="post" action="https:\/\/app\.example\/callback">/)
    assert.match(posted.html, /name="state" value="&quot;s&quot;"/)
  })

  test('with the switch for it, a request without PKCE is refused', async () => {
    await using access = await openWithAda({ settings: { requirePkce: true } })
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    const { location } = await visitor.get(authorizePath(client))
    assert.equal(new URL(location ?? '').searchParams.get('error'), 'invalid_request')
    const { challenge, verifier } = pair()
    const request = { code_challenge: challenge, code_challenge_method: 'S256' }
    const answer = await consent(visitor, authorizePath(client, request))
    const token = await redeem(access.base, client, answer.get('code') ?? '', { code_verifier: verifier })
    assert.equal(token.status, 200)
  })
})
