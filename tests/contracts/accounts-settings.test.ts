import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { GOOD_PASSWORD, member, openAccess } from '../world/access.ts'
import { get, registerClient, signedIn } from '../world/client.ts'
import { Visitor } from '../world/visitor.ts'

const EMAIL = 'ada@localhost'
const NEW_PASSWORD = 'another good password'

async function openWithAda(username = 'ada') {
  const access = await openAccess()
  const account = await access.world.accounts.signUp(member(username))
  const client = await registerClient(access.base, { client_name: '<b>App</b>' })
  const app = await access.world.oauth.appByClientId(client.id)
  assert.ok(app)
  const { token } = await access.world.oauth.issueToken(app, account.id, ['read', 'write'])
  return {
    access,
    account,
    app,
    token,
    base: access.base,
    world: access.world,
    removedPictures: access.removedPictures,
    async [Symbol.asyncDispose]() {
      await access[Symbol.asyncDispose]()
    },
  }
}

async function patch(base: string, token: string, body: unknown) {
  const isForm = body instanceof FormData || body instanceof URLSearchParams
  const response = await fetch(`${base}/api/v1/accounts/update_credentials`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, ...(isForm ? {} : { 'content-type': 'application/json' }) },
    body: isForm ? body : JSON.stringify(body),
  })
  const answer: unknown = await response.json()
  assert.ok(typeof answer === 'object' && answer !== null)
  return { status: response.status, body: new Map(Object.entries(answer)) }
}

describe('settings of access', () => {
  test('a stranger is sent to sign in, and comes back', async () => {
    await using ada = await openWithAda()
    const visitor = new Visitor(ada.base)
    assert.equal((await visitor.get('/auth/edit')).location, '/auth/sign_in')
    const page = await visitor.get('/auth/sign_in')
    const fields = { 'user[email]': EMAIL, 'user[password]': GOOD_PASSWORD }
    assert.equal((await visitor.submit(page.html, '/auth/sign_in', fields)).location, '/auth/edit')
    assert.equal((await new Visitor(ada.base).get('/.well-known/change-password')).location, '/auth/edit')
  })

  test('a new password needs the present one, and signs out everything but this browser', async () => {
    await using ada = await openWithAda()
    const here = await signedIn(ada.base, EMAIL)
    const elsewhere = await signedIn(ada.base, EMAIL)
    const page = await here.get('/auth/edit')
    const fields = {
      'user[current_password]': 'not this',
      'user[password]': NEW_PASSWORD,
      'user[password_confirmation]': NEW_PASSWORD,
    }
    const wrong = await here.submit(page.html, '/auth', fields)
    assert.equal(wrong.status, 422)
    assert.match(wrong.html, /Is wrong/)
    const done = await here.submit(wrong.html, '/auth', { ...fields, 'user[current_password]': GOOD_PASSWORD })
    assert.deepEqual([done.status, done.location], [303, '/auth/edit'])
    assert.equal((await here.get('/auth/edit')).status, 200)
    assert.equal((await elsewhere.get('/auth/edit')).location, '/auth/sign_in')
    assert.equal((await get(`${ada.base}/api/v1/accounts/verify_credentials`, ada.token)).status, 401)
    await signedIn(ada.base, EMAIL, NEW_PASSWORD)
  })

  test("apps and browsers are listed as text and ended one by one; other people's are out of reach", async () => {
    await using ada = await openWithAda()
    const { world, app, account } = ada
    await world.accounts.signUp(member('eve'))
    const here = await signedIn(ada.base, EMAIL)
    const elsewhere = await signedIn(ada.base, EMAIL)
    const eve = await signedIn(ada.base, 'eve@localhost')
    const evesPage = await eve.get('/auth/edit')
    const [session] = await world.sessions.list(account.id)
    for (const action of [`/oauth/authorized_applications/${app.id}`, `/settings/sessions/${session?.id}`]) {
      const forged = evesPage.html.replace('action="/auth/sign_out"', `action="${action}"`)
      assert.equal((await eve.submit(forged, action, {})).status, 303)
    }
    assert.equal((await get(`${ada.base}/api/v1/accounts/verify_credentials`, ada.token)).status, 200)
    assert.equal((await world.sessions.list(account.id)).length, 2)

    const page = await here.get('/auth/edit')
    assert.match(page.html, /<bdi>&lt;b&gt;App&lt;\/b&gt;<\/bdi>/)
    await here.submit(page.html, `/oauth/authorized_applications/${app.id}`, {})
    assert.equal((await get(`${ada.base}/api/v1/accounts/verify_credentials`, ada.token)).status, 401)
    const ending = /action="(\/settings\/sessions\/\d+)"/.exec(page.html)?.[1] ?? ''
    await here.submit(page.html, ending, {})
    assert.equal((await elsewhere.get('/auth/edit')).location, '/auth/sign_in')
    assert.equal((await here.get('/auth/edit')).status, 200)
  })

  test('the link of an operator changes a forgotten password, once', async () => {
    await using ada = await openWithAda()
    const visitor = new Visitor(ada.base)
    assert.match((await visitor.get('/auth/password/new')).html, /owner@localhost/)
    assert.equal((await visitor.get('/auth/password/edit?reset_password_token=x')).status, 404)
    const secret = await ada.world.accounts.createPasswordReset(ada.account.id)
    const page = await visitor.get(`/auth/password/edit?reset_password_token=${secret}`)
    const fields = { 'user[password]': NEW_PASSWORD, 'user[password_confirmation]': NEW_PASSWORD }
    const short = await visitor.submit(page.html, '/auth/password', {
      'user[password]': 'x',
      'user[password_confirmation]': 'x',
    })
    assert.equal(short.status, 422)
    assert.equal((await visitor.submit(short.html, '/auth/password', fields)).status, 200)
    assert.equal((await visitor.submit(short.html, '/auth/password', fields)).status, 404)
    await signedIn(ada.base, EMAIL, NEW_PASSWORD)
  })
})

describe('pages', () => {
  test('have a strict policy, no script, and their stylesheet is kept for ever', async () => {
    await using ada = await openWithAda()
    const visitor = new Visitor(ada.base)
    for (const path of [
      '/',
      '/auth/sign_in',
      '/auth/sign_up',
      '/auth/password/new',
      '/setup?token=x',
      '/oauth/authorize',
    ]) {
      const { html, headers } = await visitor.get(path)
      assert.doesNotMatch(html, /<script|\son\w+=|style="|javascript:/i, path)
      assert.match(html, /<html lang="en">/)
      assert.match(headers.get('content-type') ?? '', /^text\/html; charset=utf-8$/, path)
      assert.match(
        headers.get('content-security-policy') ?? '',
        /default-src 'none'; style-src 'self'; img-src 'self'[^;]*;.*frame-ancestors 'none'/,
        path,
      )
      assert.equal(headers.get('x-content-type-options'), 'nosniff')
      assert.equal(headers.get('cache-control'), 'private, no-store')
      assert.equal(headers.get('access-control-allow-origin'), null)
    }
    const { html } = await visitor.get('/')
    assert.match(html, /<title>Welcome · The &lt;Flock&gt;<\/title>/)
    const href = /<link rel="stylesheet" href="([^"]+)"/.exec(html)?.[1] ?? ''
    const css = await fetch(`${ada.base}${href}`)
    assert.equal(css.headers.get('content-type'), 'text/css; charset=utf-8')
    assert.match(css.headers.get('cache-control') ?? '', /immutable/)
  })

  test('an error on a page is a page for a browser', async () => {
    await using ada = await openWithAda()
    const answer = await fetch(`${ada.base}/nowhere`, { headers: { accept: 'text/html' } })
    assert.equal(answer.status, 404)
    assert.match(await answer.text(), /There is nothing here/)
  })
})

describe("a person's own account over the API", () => {
  test('verify_credentials shows the source and the role', async () => {
    await using ada = await openWithAda()
    const { status, body } = await get(`${ada.base}/api/v1/accounts/verify_credentials`, ada.token)
    assert.equal(status, 200)
    assert.deepEqual([body['username'], body['acct']], ['ada', 'ada'])
    assert.ok(typeof body['source'] === 'object' && body['source'] !== null && 'privacy' in body['source'])
    assert.ok(typeof body['role'] === 'object')
  })

  test('update_credentials takes JSON, forms with indices, and pictures', async () => {
    await using ada = await openWithAda()
    const json = await patch(ada.base, ada.token, {
      display_name: 'Ada',
      fields_attributes: [{ name: 'Home', value: 'here' }],
      source: { privacy: 'unlisted', sensitive: true, language: 'fr' },
      locked: true,
    })
    assert.equal(json.status, 200)
    assert.deepEqual([json.body.get('display_name'), json.body.get('locked')], ['Ada', true])
    assert.deepEqual(json.body.get('source').fields, [{ name: 'Home', value: 'here', verified_at: null }])
    assert.deepEqual(
      ['privacy', 'sensitive', 'language'].map((key) => json.body.get('source')[key]),
      ['unlisted', true, 'fr'],
    )
    const form = new FormData()
    form.append('note', 'About <me>')
    form.append('fields_attributes[1][name]', 'B')
    form.append('fields_attributes[1][value]', '2')
    form.append('fields_attributes[0][name]', 'A')
    form.append('fields_attributes[0][value]', '1')
    form.append('locked', 'false')
    form.append('avatar', new Blob(['picture']), 'me.png')
    form.append('avatar_description', 'Me')
    const multipart = await patch(ada.base, ada.token, form)
    assert.equal(multipart.status, 200)
    assert.deepEqual(
      multipart.body.get('source').fields.map((field: { name: string }) => field.name),
      ['A', 'B'],
    )
    assert.match(multipart.body.get('avatar'), /\/media\/pictures\/7$/)
    assert.deepEqual(
      [multipart.body.get('avatar_description'), multipart.body.get('locked'), multipart.body.get('display_name')],
      ['Me', false, 'Ada'],
    )
    const removed = await fetch(`${ada.base}/api/v1/profile/avatar`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ada.token}` },
    })
    assert.equal(removed.status, 200)
    assert.equal((await ada.world.accounts.byUsername('ada'))?.avatar, null)
  })

  test('a picture that was replaced, removed or stored for nothing is deleted, and no other', async () => {
    await using ada = await openWithAda()
    const send = async (fields: Record<string, string | Blob>) => {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.append(name, value)
      return (await patch(ada.base, ada.token, form)).status
    }
    assert.equal(await send({ avatar: new Blob(['1']), header: new Blob(['22']) }), 200)
    assert.equal(await send({ avatar_description: 'Me', display_name: 'Ada' }), 200)
    assert.equal((await ada.world.accounts.byUsername('ada'))?.avatar?.description, 'Me')
    assert.deepEqual(ada.removedPictures, [])
    assert.equal(await send({ avatar: new Blob(['333']) }), 200)
    assert.deepEqual(ada.removedPictures.splice(0), ['pictures/1'])
    assert.equal(await send({ avatar: new Blob(['4444']), note: 'x'.repeat(501) }), 422)
    assert.deepEqual(ada.removedPictures.splice(0), ['pictures/4'])
    const options = { method: 'DELETE', headers: { authorization: `Bearer ${ada.token}` } }
    assert.equal((await fetch(`${ada.base}/api/v1/profile/avatar`, options)).status, 200)
    assert.deepEqual(ada.removedPictures, ['pictures/3'])
    assert.equal((await ada.world.accounts.byUsername('ada'))?.header?.key, 'pictures/2')
  })

  test('faults come by field, and nothing is changed', async () => {
    await using ada = await openWithAda()
    const long = await patch(ada.base, ada.token, { display_name: 'x'.repeat(41), note: 'kept?' })
    assert.equal(long.status, 422)
    assert.deepEqual(Object.keys(long.body.get('details')), ['display_name'])
    assert.equal((await patch(ada.base, ada.token, { source: { privacy: 'direct' } })).status, 422)
    const big = new FormData()
    big.append('header', new Blob([new Uint8Array(8 * 1024 * 1024 + 1)]), 'h.png')
    assert.equal((await patch(ada.base, ada.token, big)).status, 422)
    assert.equal((await ada.world.accounts.byUsername('ada'))?.note, '')
  })

  test('a token without write may not change, and nobody without a token', async () => {
    await using ada = await openWithAda()
    const { token } = await ada.world.oauth.issueToken(ada.app, ada.account.id, ['read', 'profile'])
    assert.equal((await patch(ada.base, token, { display_name: 'x' })).status, 403)
    assert.equal((await patch(ada.base, 'nonsense', { display_name: 'x' })).status, 401)
    const { token: profile } = await ada.world.oauth.issueToken(ada.app, ada.account.id, ['profile'])
    assert.equal((await get(`${ada.base}/api/v1/accounts/verify_credentials`, profile)).status, 200)
    assert.equal((await get(`${ada.base}/api/v1/preferences`, profile)).status, 403)
  })

  test('preferences have the keys that clients know', async () => {
    await using ada = await openWithAda()
    const { body } = await get(`${ada.base}/api/v1/preferences`, ada.token)
    assert.equal(body['posting:default:visibility'], 'public')
  })
})
