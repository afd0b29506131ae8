import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'

import { member, openAccess } from '../world/access.ts'
import { authorizePath, consent, get, post, REDIRECT, redeem, registerClient, signedIn } from '../world/client.ts'

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

describe('the token endpoint', () => {
  test('takes JSON, forms, multipart and Basic authentication, and ignores a scope sent along', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    const fieldsOf = async (): Promise<Record<string, string>> => ({
      grant_type: 'authorization_code',
      client_id: client.id,
      client_secret: client.secret,
      redirect_uri: REDIRECT,
      code: (await consent(visitor, authorizePath(client))).get('code') ?? '',
      scope: 'read write follow push',
    })
    const multipart = new FormData()
    for (const [name, value] of Object.entries(await fieldsOf())) multipart.append(name, value)
    const { client_id: id, client_secret: secret, ...rest } = await fieldsOf()
    const basic = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
    for (const answer of [
      await post(`${access.base}/oauth/token`, await fieldsOf()),
      await post(`${access.base}/oauth/token`, new URLSearchParams(await fieldsOf())),
      await post(`${access.base}/oauth/token`, multipart),
      await post(`${access.base}/oauth/token`, new URLSearchParams(rest), basic),
    ]) {
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      assert.equal(answer.body['scope'], 'read write')
      assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    }
  })

  test("answers faults in OAuth's words", async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const url = `${access.base}/oauth/token`
    const known = { client_id: client.id, client_secret: client.secret, redirect_uri: REDIRECT }
    const cases: [unknown, number, string][] = [
      [{}, 400, 'invalid_request'],
      [{ ...known, grant_type: 'password', username: 'ada', password: 'x' }, 400, 'unsupported_grant_type'],
      [{ ...known, grant_type: 'refresh_token' }, 400, 'unsupported_grant_type'],
      [{ ...known, grant_type: 'authorization_code' }, 400, 'invalid_request'],
      [{ ...known, grant_type: 'authorization_code', code: 'x' }, 400, 'invalid_grant'],
      [{ ...known, grant_type: 'authorization_code', code: ['a', 'b'] }, 400, 'invalid_request'],
      [{ ...known, client_secret: 'wrong', grant_type: 'authorization_code', code: 'x' }, 401, 'invalid_client'],
      [{ ...known, client_id: 'wrong', grant_type: 'client_credentials' }, 401, 'invalid_client'],
      [{ grant_type: 'client_credentials' }, 401, 'invalid_client'],
      [{ client_id: client.id, grant_type: 'client_credentials' }, 401, 'invalid_client'],
      [{ ...known, grant_type: 'client_credentials', scope: 'admin:read' }, 400, 'invalid_scope'],
      [{ ...known, grant_type: 'client_credentials', scope: 'root' }, 400, 'invalid_scope'],
    ]
    for (const [body, status, error] of cases) {
      const answer = await post(url, body)
      assert.deepEqual([answer.status, answer.body['error']], [status, error], JSON.stringify(body))
      assert.equal(typeof answer.body['error_description'], 'string')
      assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    }
    const wrongBasic = { authorization: `Basic ${Buffer.from(`${client.id}:x`).toString('base64')}` }
    const refused = await post(url, { grant_type: 'client_credentials' }, wrongBasic)
    assert.equal(refused.status, 401)
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic /)
  })

  test('takes no secret, code or token from the address', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const query = new URLSearchParams({
      client_id: client.id,
      client_secret: client.secret,
      grant_type: 'client_credentials',
    })
    const answer = await post(`${access.base}/oauth/token?${query.toString()}`, {})
    assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_request'])
  })

  test('a code used at the same time from two sides gives one token, which is dead', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    const code = (await consent(visitor, authorizePath(client))).get('code') ?? ''
    const answers = await Promise.all([redeem(access.base, client, code), redeem(access.base, client, code)])
    assert.deepEqual(
      answers.map(({ status }) => status).sort((a, b) => a - b),
      [200, 400],
    )
    const token = String(answers.find(({ status }) => status === 200)?.body['access_token'])
    const me = await get(`${access.base}/api/v1/accounts/verify_credentials`, token)
    assert.deepEqual([me.status, me.body['error']], [401, 'The access token was revoked'])
  })

  test('without its secret a client comes in with PKCE only', async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const visitor = await signedIn(access.base, EMAIL)
    const bare = { client_secret: '' }
    const plain = (await consent(visitor, authorizePath(client))).get('code') ?? ''
    assert.equal((await redeem(access.base, client, plain, bare)).body['error'], 'invalid_client')
    const { challenge, verifier } = pair()
    const request = { code_challenge: challenge, code_challenge_method: 'S256' }
    const code = (await consent(visitor, authorizePath(client, request))).get('code') ?? ''
    assert.equal((await redeem(access.base, client, code, bare)).body['error'], 'invalid_grant')
    assert.equal((await redeem(access.base, client, code, { ...bare, code_verifier: verifier })).status, 200)
  })

  test("an app's own token may register people and nothing of a person's", async () => {
    await using access = await openWithAda()
    const client = await registerClient(access.base)
    const request = { client_id: client.id, client_secret: client.secret, grant_type: 'client_credentials' }
    const { body } = await post(`${access.base}/oauth/token`, { ...request, scope: 'read+write' })
    const token = String(body['access_token'])
    assert.equal(body['scope'], 'read write')
    assert.equal((await get(`${access.base}/api/v1/accounts/verify_credentials`, token)).status, 422)
    const app = await get(`${access.base}/api/v1/apps/verify_credentials`, token)
    assert.deepEqual([app.status, app.body['name'], 'client_secret' in app.body], [200, 'App', false])
  })
})

describe('revocation, userinfo and metadata', () => {
  test('a client ends its own tokens; an unknown one is no error, a foreign one is refused', async () => {
    await using access = await openWithAda()
    const { world, base } = access
    const client = await registerClient(base)
    const thief = await registerClient(base)
    const app = await world.oauth.appByClientId(client.id)
    const ada = await world.accounts.byUsername('ada')
    assert.ok(app && ada)
    const { token } = await world.oauth.issueToken(app, ada.id, ['read'])
    const revoke = (by: typeof client, what: string) =>
      post(`${base}/oauth/revoke`, { client_id: by.id, client_secret: by.secret, token: what })
    const me = () => get(`${base}/api/v1/accounts/verify_credentials`, token)
    assert.deepEqual((await revoke(thief, token)).body['error'], 'unauthorized_client')
    assert.equal((await revoke({ ...client, secret: 'wrong' }, token)).status, 403)
    assert.equal((await revoke({ ...client, secret: '' }, token)).status, 403)
    assert.equal((await me()).status, 200)
    const unknown = await revoke(client, 'nothing')
    assert.deepEqual([unknown.status, unknown.body], [200, {}])
    const done = await revoke(client, token)
    assert.deepEqual([done.status, done.body], [200, {}])
    assert.equal((await me()).status, 401)
  })

  test('userinfo says who it is, for the scope profile only', async () => {
    await using access = await openWithAda()
    const { world, base } = access
    const client = await registerClient(base, { scopes: 'profile read' })
    const app = await world.oauth.appByClientId(client.id)
    const ada = await world.accounts.byUsername('ada')
    assert.ok(app && ada)
    const { token } = await world.oauth.issueToken(app, ada.id, ['profile'])
    const { token: other } = await world.oauth.issueToken(app, ada.id, ['read'])
    const { status, body } = await get(`${base}/oauth/userinfo`, token)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body).sort(), ['iss', 'name', 'picture', 'preferred_username', 'profile', 'sub'])
    assert.deepEqual([body['iss'], body['preferred_username']], [`${base}/`, 'ada'])
    assert.equal((await get(`${base}/oauth/userinfo`, other)).status, 403)
    assert.equal((await post(`${base}/oauth/userinfo`, {}, { authorization: `Bearer ${token}` })).status, 200)
  })

  test('the metadata agree with what the server does', async () => {
    await using access = await openWithAda()
    const { status, body, headers } = await get(`${access.base}/.well-known/oauth-authorization-server`)
    assert.equal(status, 200)
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(body['issuer'], `${access.base}/`)
    assert.deepEqual(body['code_challenge_methods_supported'], ['S256'])
    assert.deepEqual(body['grant_types_supported'], ['authorization_code', 'client_credentials'])
    assert.deepEqual(body['response_types_supported'], ['code'])
    for (const [name, value] of Object.entries(body)) {
      if (!name.endsWith('_endpoint')) continue
      const answer = await fetch(String(value), { method: name === 'authorization_endpoint' ? 'GET' : 'POST' })
      assert.notEqual(answer.status, 404, name)
    }
    for (const scope of body['scopes_supported'] as string[]) {
      await registerClient(access.base, { scopes: scope })
    }
  })
})

describe('registering an app', () => {
  test('answers with everything clients read, the secret included, once', async () => {
    await using access = await openAccess()
    const request = { client_name: ' Tusky ', redirect_uris: `${REDIRECT}\nurn:ietf:wg:oauth:2.0:oob`, website: '' }
    const { status, body } = await post(`${access.base}/api/v1/apps`, new URLSearchParams(request))
    assert.equal(status, 200)
    const { id, client_id: clientId, client_secret: secret, ...rest } = body
    assert.match(String(id), /^\d+$/)
    assert.match(String(clientId), /^[\w-]{43}$/)
    assert.match(String(secret), /^[\w-]{43}$/)
    assert.deepEqual(rest, {
      name: 'Tusky',
      website: null,
      scopes: ['read'],
      redirect_uris: [REDIRECT, 'urn:ietf:wg:oauth:2.0:oob'],
      redirect_uri: `${REDIRECT}\nurn:ietf:wg:oauth:2.0:oob`,
      client_secret_expires_at: 0,
      vapid_key: 'vapid',
    })
  })

  test('refuses what is wrong with 422, and more than five in ten minutes with 429', async () => {
    await using access = await openAccess({ limited: true })
    const register = (body: object) => post(`${access.base}/api/v1/apps`, body)
    assert.equal((await register({})).status, 422)
    assert.equal((await register({ client_name: 'x', redirect_uris: 'javascript:alert(1)' })).status, 422)
    assert.equal((await register({ client_name: 'x', redirect_uris: REDIRECT, scopes: 'root' })).status, 422)
    assert.equal(
      (await register({ client_name: 'x', redirect_uris: [REDIRECT], scopes: ['read', 'write'] })).status,
      200,
    )
    assert.equal((await register({ client_name: 'x', redirect_uris: REDIRECT })).status, 200)
    assert.equal((await register({ client_name: 'x', redirect_uris: REDIRECT })).status, 429)
  })
})
