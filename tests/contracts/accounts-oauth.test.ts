import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'

import { member, openAccountsWorld, racing, type AccountsWorld } from '../world/access.ts'

const REDIRECT = 'https://app.example/callback'

async function openClient(world: AccountsWorld) {
  const account = await world.accounts.signUp(member(`p${randomBytes(4).toString('hex')}`, { password: null }))
  const registration = { name: 'App', website: null, redirectUris: [REDIRECT], scopes: ['read', 'write'] }
  const { app, clientSecret } = await world.oauth.registerApp(registration)
  const issue = (codeChallenge: string | null = null): Promise<string> =>
    world.oauth.issueCode({
      appId: app.id,
      accountId: account.id,
      redirectUri: REDIRECT,
      scopes: ['read'],
      codeChallenge,
    })
  return { app, clientSecret, accountId: account.id, issue }
}

function grantOf(code: string, change: { redirectUri?: string; codeVerifier?: string; authenticated?: boolean } = {}) {
  return { code, redirectUri: REDIRECT, codeVerifier: null, authenticated: true, ...change }
}

function challengePair(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

const REFUSED = { code: 'bad_request', message: 'invalid_grant' }

describe('OAuth codes', () => {
  test('a code becomes a token of its person, app and scopes', async () => {
    await using world = await openAccountsWorld()
    const { app, accountId, issue } = await openClient(world)
    const issued = await world.oauth.redeemCode(app, grantOf(await issue()))
    assert.match(issued.token, /^[A-Za-z0-9_-]{43}$/)
    assert.equal(issued.accountId, accountId)
    const identity = await world.oauth.identify(issued.token)
    assert.ok(typeof identity === 'object')
    assert.deepEqual(
      [identity.accountId, identity.appId, identity.scopes, identity.appName],
      [accountId, app.id, ['read'], 'App'],
    )
  })

  test('a second use is refused and ends the token of the first, everywhere', async () => {
    await using world = await openAccountsWorld()
    const other = world.another()
    const { app, issue } = await openClient(world)
    const code = await issue()
    const { token } = await world.oauth.redeemCode(app, grantOf(code))
    assert.equal(typeof (await other.oauth.identify(token)), 'object')
    await assert.rejects(world.oauth.redeemCode(app, grantOf(code)), REFUSED)
    assert.equal(await world.oauth.identify(token), 'revoked')
    await world.relay()
    assert.equal(await other.oauth.identify(token), 'revoked')
  })

  test('of redemptions at the same time one gets a token, and the others end it', async () => {
    await using world = await openAccountsWorld()
    const { app, issue } = await openClient(world)
    const code = await issue()
    const redeemAll = () =>
      Promise.allSettled(Array.from({ length: 5 }, () => world.oauth.redeemCode(app, grantOf(code))))
    const outcomes = await racing(world, (tx) => tx.rows`select 1 from oauth_codes for update`, 5, redeemAll)
    const tokens = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.token] : []))
    assert.equal(tokens.length, 1)
    assert.equal(await world.oauth.identify(tokens[0] ?? ''), 'revoked')
    assert.equal((await world.db.rows`select 1 from oauth_tokens`).length, 1)
  })

  test('a replay long after the code expired still ends the token', async () => {
    await using world = await openAccountsWorld()
    const { app, issue } = await openClient(world)
    const code = await issue()
    const { token } = await world.oauth.redeemCode(app, grantOf(code))
    world.clock.move(20 * 3_600_000)
    await world.sweep()
    await assert.rejects(world.oauth.redeemCode(app, grantOf(code)), REFUSED)
    assert.equal(await world.oauth.identify(token), 'revoked')
  })

  test('a code of ten minutes and more is refused', async () => {
    await using world = await openAccountsWorld()
    const { app, issue } = await openClient(world)
    const code = await issue()
    world.clock.move(10 * 60_000)
    await assert.rejects(world.oauth.redeemCode(app, grantOf(code)), REFUSED)
  })

  test('a code of one client is refused at another, and still good at its own', async () => {
    await using world = await openAccountsWorld()
    const mine = await openClient(world)
    const thief = await openClient(world)
    const code = await mine.issue()
    await assert.rejects(world.oauth.redeemCode(thief.app, grantOf(code)), REFUSED)
    assert.equal((await world.oauth.redeemCode(mine.app, grantOf(code))).accountId, mine.accountId)
  })

  test('the redirect URI must be the one of the request, byte for byte', async () => {
    await using world = await openAccountsWorld()
    const { app, issue } = await openClient(world)
    for (const redirectUri of [
      `${REDIRECT}/`,
      `${REDIRECT}?x=1`,
      REDIRECT.toUpperCase(),
      'https://app.example/./callback',
      '',
    ]) {
      await assert.rejects(world.oauth.redeemCode(app, grantOf(await issue(), { redirectUri })), REFUSED)
    }
  })

  test('with a challenge the right verifier is demanded, and no other way round', async () => {
    await using world = await openAccountsWorld()
    const { app, issue } = await openClient(world)
    const { verifier, challenge } = challengePair()
    const cases: [string | null, string | undefined][] = [
      [challenge, undefined], // missing
      [challenge, challengePair().verifier], // wrong
      [challenge, challenge], // plain
      [challenge, verifier.slice(0, 42)],
      [null, verifier], // the challenge was taken out on the way
    ]
    for (const [codeChallenge, codeVerifier] of cases) {
      const grant = grantOf(await issue(codeChallenge), codeVerifier === undefined ? {} : { codeVerifier })
      await assert.rejects(world.oauth.redeemCode(app, grant), REFUSED)
    }
    assert.ok(await world.oauth.redeemCode(app, grantOf(await issue(challenge), { codeVerifier: verifier })))
  })

  test('a client that does not show its secret needs a challenge', async () => {
    await using world = await openAccountsWorld()
    const { app, issue } = await openClient(world)
    const { verifier, challenge } = challengePair()
    await assert.rejects(world.oauth.redeemCode(app, grantOf(await issue(), { authenticated: false })), {
      code: 'unauthenticated',
      message: 'invalid_client',
    })
    const grant = grantOf(await issue(challenge), { authenticated: false, codeVerifier: verifier })
    assert.ok(await world.oauth.redeemCode(app, grant))
  })

  test('what cannot be a code is refused without asking the database', async () => {
    await using world = await openAccountsWorld()
    const { app } = await openClient(world)
    for (const code of ['', 'x', '\0', 'a'.repeat(100_000), "' or 1=1 --"]) {
      await assert.rejects(world.oauth.redeemCode(app, grantOf(code)), REFUSED)
    }
  })
})

describe('OAuth apps', () => {
  test('custom schemes, one slash, loopback and oob may be registered; what runs, reads files or goes unencrypted may not', async () => {
    await using world = await openAccountsWorld()
    const register = (uri: string) =>
      world.oauth.registerApp({ name: 'App', website: null, redirectUris: [uri], scopes: ['read'] })
    for (const uri of [
      'urn:ietf:wg:oauth:2.0:oob',
      'com.tapbots.Ivory.219:/request_token',
      'oauth2redirect://com.keylesspalace.tusky/',
      'http://localhost:8080/x',
      'http://127.0.0.1/',
      'http://[::1]:9/cb',
      'https://elk.zone/api/localhost/oauth/https%3A%2F%2Felk.zone',
    ]) {
      assert.deepEqual((await register(uri)).app.redirectUris, [uri])
    }
    for (const uri of [
      '',
      'callback',
      '/callback',
      '//evil.example',
      'javascript:alert(1)',
      'JavaScript:alert(1)',
      'data:text/html,x',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:https://x/y',
      'http://app.example/callback',
      'http://localhost.evil.example/',
      'https://good.example@evil.example/',
      'https://app.example/#fragment',
      'https://app.example/ space',
      'https://app.example/\r\nSet-Cookie: a=b',
      'https:///nohost',
      'https://',
      `https://app.example/${'x'.repeat(2_000)}`,
    ]) {
      await assert.rejects(register(uri), { code: 'invalid', message: /Redirect URI/ }, uri)
    }
  })

  test('names, websites and scopes are limited', async () => {
    await using world = await openAccountsWorld()
    const register = (change: object) =>
      world.oauth.registerApp({ name: 'App', website: null, redirectUris: [REDIRECT], scopes: ['read'], ...change })
    await assert.rejects(register({ name: ' ' }), /Application name can't be blank/)
    await assert.rejects(register({ name: 'x'.repeat(61) }), /is too long \(maximum is 60 characters\)/)
    await assert.rejects(register({ website: 'javascript:alert(1)' }), /must be a valid URL/)
    await assert.rejects(register({ scopes: ['read', 'root'] }), /Scopes doesn't match configured/)
    await assert.rejects(register({ redirectUris: Array.from({ length: 21 }, (_, i) => `app:/${i}`) }), /too many/)
    assert.ok(await register({ scopes: ['follow', 'push', 'profile', 'admin:read', 'admin:write:accounts'] }))
  })

  test('only the right secret authenticates', async () => {
    await using world = await openAccountsWorld()
    const { app, clientSecret } = await openClient(world)
    const other = await openClient(world)
    assert.equal((await world.oauth.authenticateApp(app.clientId, clientSecret))?.id, app.id)
    assert.equal(await world.oauth.authenticateApp(app.clientId, other.clientSecret), undefined)
    assert.equal(await world.oauth.authenticateApp(app.clientId, ''), undefined)
    assert.equal(await world.oauth.authenticateApp('unknown', clientSecret), undefined)
    assert.equal((await world.oauth.appByClientId(app.clientId))?.name, 'App')
    assert.equal((await world.oauth.appById(app.id))?.clientId, app.clientId)
  })

  test('an app that nobody ever used goes after a month, a used one stays', async () => {
    await using world = await openAccountsWorld()
    const unused = await openClient(world)
    const used = await openClient(world)
    const { token } = await world.oauth.issueToken(used.app, used.accountId, ['read'])
    world.clock.move(31 * 86_400_000)
    await world.sweep()
    assert.equal(await world.oauth.appById(unused.app.id), undefined)
    assert.ok(await world.oauth.appById(used.app.id))
    assert.equal(typeof (await world.oauth.identify(token)), 'object')
  })
})

describe('OAuth tokens', () => {
  test('a client revokes its own tokens only', async () => {
    await using world = await openAccountsWorld()
    const mine = await openClient(world)
    const other = await openClient(world)
    const { token } = await world.oauth.issueToken(mine.app, mine.accountId, ['read'])
    assert.equal(await world.oauth.revokeToken(other.app, token), 'foreign')
    assert.equal(typeof (await world.oauth.identify(token)), 'object')
    assert.equal(await world.oauth.revokeToken(mine.app, token), 'revoked')
    assert.equal(await world.oauth.identify(token), 'revoked')
    assert.equal(await world.oauth.revokeToken(mine.app, token), 'unknown')
    assert.equal(await world.oauth.revokeToken(mine.app, 'never'), 'unknown')
  })

  test('a revoked token is dead here at once, and elsewhere when the event arrives', async () => {
    await using world = await openAccountsWorld()
    const other = world.another()
    const { app, accountId } = await openClient(world)
    const { token, id } = await world.oauth.issueToken(app, accountId, ['read'])
    await Promise.all([world.oauth.identify(token), other.oauth.identify(token)])
    await world.relay()
    assert.equal(await world.oauth.revokeTokenById(id), true)
    assert.equal(await world.oauth.revokeTokenById(id), false)
    assert.equal(await world.oauth.identify(token), 'revoked')
    const [event] = await world.relay()
    const tokenHash = createHash('sha256').update(token).digest('hex')
    assert.deepEqual(JSON.parse(event?.body ?? ''), { account: accountId.toString(), tokenHash })
    assert.equal(await other.oauth.identify(token), 'revoked')
  })

  test('a lost event is made up for within a minute', async () => {
    await using world = await openAccountsWorld()
    const other = world.another()
    const { app, accountId } = await openClient(world)
    const { token, id } = await world.oauth.issueToken(app, accountId, ['read'])
    await other.oauth.identify(token)
    await world.oauth.revokeTokenById(id)
    world.clock.move(61_000)
    assert.equal(await other.oauth.identify(token), 'revoked')
  })

  test('a token revoked while it is being looked up does not come back to life', async () => {
    await using world = await openAccountsWorld()
    const { app, accountId } = await openClient(world)
    for (let round = 0; round < 20; round++) {
      const { token, id } = await world.oauth.issueToken(app, accountId, ['read'])
      await Promise.all([world.oauth.identify(token), world.oauth.revokeTokenById(id)])
      assert.equal(await world.oauth.identify(token), 'revoked')
    }
  })

  test('a warm token asks no database', async () => {
    await using world = await openAccountsWorld()
    const { app, accountId } = await openClient(world)
    const { token } = await world.oauth.issueToken(app, accountId, ['read'])
    await world.oauth.identify(token)
    await world.db.run`drop table oauth_tokens`
    assert.equal(typeof (await world.oauth.identify(token)), 'object')
  })

  test("a person sees the apps they let in and can take one's access back", async () => {
    await using world = await openAccountsWorld()
    const { app, accountId, issue } = await openClient(world)
    const stranger = await openClient(world)
    const tokens = [
      await world.oauth.issueToken(app, accountId, ['read']),
      await world.oauth.issueToken(app, accountId, ['read', 'write']),
    ]
    const kept = await world.oauth.issueToken(app, stranger.accountId, ['read'])
    const code = await issue()
    const [shown, ...more] = await world.oauth.authorizedApps(accountId)
    assert.deepEqual([shown?.appId, shown?.scopes.toSorted(), more.length], [app.id, ['read', 'write'], 0])
    assert.equal(await world.oauth.revokeAppTokens(accountId, app.id), true)
    for (const { token } of tokens) assert.equal(await world.oauth.identify(token), 'revoked')
    assert.equal(typeof (await world.oauth.identify(kept.token)), 'object')
    await assert.rejects(world.oauth.redeemCode(app, grantOf(code)), REFUSED)
    assert.deepEqual(await world.oauth.authorizedApps(accountId), [])
    assert.equal(await world.oauth.revokeAppTokens(accountId, app.id), false)
    assert.equal((await world.relay()).filter(({ type }) => type === 'token.revoked').length, 2)
  })

  test('a token nobody used for a year ends, one in use does not', async () => {
    await using world = await openAccountsWorld()
    const { app, accountId } = await openClient(world)
    const idle = await world.oauth.issueToken(app, accountId, ['read'])
    const used = await world.oauth.issueToken(app, accountId, ['read'])
    const half = world.another()
    world.clock.move(200 * 86_400_000)
    await half.oauth.identify(used.token)
    await half[Symbol.asyncDispose]()
    world.clock.move(200 * 86_400_000)
    await world.sweep()
    assert.equal(await world.oauth.identify(idle.token), 'revoked')
    assert.equal(typeof (await world.oauth.identify(used.token)), 'object')
  })

  test("an app's own token speaks for nobody", async () => {
    await using world = await openAccountsWorld()
    const { app } = await openClient(world)
    const { token } = await world.oauth.issueToken(app, null, ['read'])
    const identity = await world.oauth.identify(token)
    assert.ok(typeof identity === 'object')
    assert.deepEqual([identity.accountId, identity.standing], [null, 'ok'])
    assert.equal(await world.oauth.identify(`${token.slice(0, 42)}=`), undefined)
    assert.equal(await world.oauth.identify(randomBytes(32).toString('base64url')), undefined)
  })
})
