import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { GOOD_PASSWORD, member, openAccess, type AccessWorld } from '../world/access.ts'
import { get, post, registerClient, signedIn } from '../world/client.ts'
import { Visitor } from '../world/visitor.ts'

const FORM = {
  'user[account_attributes][username]': 'grace',
  'user[email]': 'grace@localhost',
  'user[password]': GOOD_PASSWORD,
  'user[password_confirmation]': GOOD_PASSWORD,
  'user[agreement]': '1',
}

async function submitSignUp(access: AccessWorld, change: Record<string, string> = {}) {
  const visitor = new Visitor(access.base)
  const page = await visitor.get('/auth/sign_up')
  return { visitor, answer: await visitor.submit(page.html, '/auth', { ...FORM, ...change }) }
}

function headerValues(headers: Headers): Record<string, string | null> {
  const names = [
    'content-security-policy',
    'x-frame-options',
    'x-content-type-options',
    'referrer-policy',
    'cache-control',
  ]
  return Object.fromEntries(names.map((name) => [name, headers.get(name)]))
}

describe('signing up', () => {
  test('makes an account, signs the person in and shows them who they are', async () => {
    await using access = await openAccess()
    const { visitor, answer } = await submitSignUp(access)
    assert.deepEqual([answer.status, answer.location], [303, '/'])
    assert.match((await visitor.get('/')).html, /signed in as <strong>@<bdi>grace<\/bdi>/)
    const account = await access.world.accounts.byUsername('grace')
    assert.equal(account?.indexable, true, "the server's preset, as the form was not asked")
    const user = account && (await access.world.accounts.user(account.id))
    assert.deepEqual([user?.confirmed, user?.approved, user?.role], [true, true, 'user'])
  })

  test('asks who may find the posts, and keeps the answer', async () => {
    await using access = await openAccess()
    await submitSignUp(access, { 'user[account_attributes][indexable]': 'false' })
    assert.equal((await access.world.accounts.byUsername('grace'))?.indexable, false)
  })

  test('a form with faults comes back with every fault and what was typed, but no password', async () => {
    await using access = await openAccess()
    await access.world.accounts.signUp(member('ada', { password: null }))
    const { visitor, answer } = await submitSignUp(access, {
      'user[account_attributes][username]': 'ADA',
      'user[email]': '"><script>alert(1)</script>@localhost',
      'user[password]': 'sesame-secret',
      'user[password_confirmation]': 'sesame-secrets',
      'user[agreement]': '0',
    })
    assert.equal(answer.status, 422)
    assert.match(answer.html, /value="ADA"/)
    assert.match(answer.html, /Has already been taken/)
    assert.match(answer.html, /value="&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;@localhost"/)
    assert.match(answer.html, /match the password/)
    assert.match(answer.html, /Must be accepted/)
    assert.doesNotMatch(answer.html, /sesame|<script/)
    assert.match(answer.html, /aria-invalid="true"/)
    const again = await visitor.submit(answer.html, '/auth', FORM)
    assert.equal(again.status, 303, 'the form that came back works')
  })

  test('with approval the request waits, says so, and lets nobody in', async () => {
    await using access = await openAccess({ settings: { registrations: 'approval' } })
    const reason = { 'user[invite_request_attributes][text]': 'I knit' }
    const { visitor, answer } = await submitSignUp(access, reason)
    assert.equal(answer.status, 200)
    assert.match(answer.html, /waiting for approval/)
    assert.match((await visitor.get('/')).html, /href="\/auth\/sign_in"/)
    const account = await access.world.accounts.byUsername('grace')
    assert.equal(account && (await access.world.accounts.user(account.id))?.reason, 'I knit')
    const page = await visitor.get('/auth/sign_in')
    const fields = { 'user[email]': 'grace@localhost', 'user[password]': GOOD_PASSWORD }
    const refused = await visitor.submit(page.html, '/auth/sign_in', fields)
    assert.equal(refused.status, 403)
    assert.match(refused.html, /waiting for approval/)
    if (account) await access.world.accounts.approve(account.id)
    assert.equal((await visitor.submit(refused.html, '/auth/sign_in', fields)).status, 303)
  })

  test('closed registrations are closed on the page, for forms and for apps', async () => {
    await using access = await openAccess({ settings: { registrations: 'closed' } })
    const visitor = new Visitor(access.base)
    const page = await visitor.get('/auth/sign_up')
    assert.equal(page.status, 403)
    assert.match(page.html, /Registrations are closed/)
    const { html } = await visitor.get('/auth/sign_in')
    assert.doesNotMatch(html, /Create an account/)
    const forged = html.replace('action="/auth/sign_in"', 'action="/auth"')
    assert.equal((await visitor.submit(forged, '/auth', FORM)).status, 403)
    assert.equal(await access.world.accounts.byUsername('grace'), undefined)
  })

  test('with mail the address is confirmed by the link first', async () => {
    const sent: string[] = []
    await using access = await openAccess({
      sendConfirmation: async ({ email }) => {
        sent.push(email)
      },
    })
    const { visitor, answer } = await submitSignUp(access)
    assert.match(answer.html, /not confirmed yet/)
    assert.deepEqual(sent, ['grace@localhost'])
    const account = await access.world.accounts.byUsername('grace')
    assert.ok(account)
    const secret = await access.world.accounts.createConfirmation(account.id)
    assert.equal((await visitor.get('/auth/confirmation?confirmation_token=wrong')).status, 404)
    const confirmed = await visitor.get(`/auth/confirmation?confirmation_token=${secret}`)
    assert.equal(confirmed.status, 200)
    await signedIn(access.base, 'grace@localhost')
  })

  test("apps sign people up with the app's token, and hear of faults by field", async () => {
    await using access = await openAccess()
    const { base, world } = access
    const client = await registerClient(base)
    const grant = {
      client_id: client.id,
      client_secret: client.secret,
      grant_type: 'client_credentials',
      scope: 'write',
    }
    const { body } = await post(`${base}/oauth/token`, grant)
    const authorization = { authorization: `Bearer ${String(body['access_token'])}` }
    const request = { username: 'grace', email: 'grace@localhost', password: GOOD_PASSWORD, locale: 'en' }
    const refused = await post(`${base}/api/v1/accounts`, { ...request, email: 'no', agreement: false }, authorization)
    assert.equal(refused.status, 422)
    assert.deepEqual(refused.body['details'], {
      email: [{ error: 'ERR_INVALID', description: 'is invalid' }],
      agreement: [{ error: 'ERR_ACCEPTED', description: 'must be accepted' }],
    })
    const made = await post(`${base}/api/v1/accounts`, { ...request, agreement: true }, authorization)
    assert.equal(made.status, 200)
    const token = String(made.body['access_token'])
    assert.equal((await get(`${base}/api/v1/accounts/verify_credentials`, token)).body['username'], 'grace')
    assert.equal(made.body['scope'], 'read write follow push')
    const byPerson = await post(`${base}/api/v1/accounts`, request, { authorization: `Bearer ${token}` })
    assert.equal(byPerson.status, 403)
    assert.equal((await post(`${base}/api/v1/accounts`, request)).status, 401)
    assert.ok(await world.accounts.byUsername('grace'))
  })
})

describe('signing in', () => {
  test('an unknown address and a wrong password get the same answer', async () => {
    await using access = await openAccess()
    await access.world.accounts.signUp(member('ada'))
    const answers = []
    for (const email of ['ada@localhost', 'eve@localhost']) {
      const visitor = new Visitor(access.base)
      const page = await visitor.get('/auth/sign_in')
      const fields = { 'user[email]': email, 'user[password]': 'a wrong password' }
      const { status, html, headers } = await visitor.submit(page.html, '/auth/sign_in', fields)
      const body = html.replaceAll(email, '').replaceAll(/name="authenticity_token" value="[^"]*"/g, '')
      answers.push({ status, body, headers: headerValues(headers) })
    }
    assert.deepEqual(answers[0], answers[1])
    assert.equal(answers[0]?.status, 422)
    assert.match(answers[0]?.body ?? '', /The e-mail address or the password is wrong/)
  })

  test('somebody disabled or suspended is told so only with the right password', async () => {
    await using access = await openAccess()
    const { id } = await access.world.accounts.signUp(member('ada'))
    await access.world.accounts.setSuspended(id, true)
    const visitor = new Visitor(access.base)
    const page = await visitor.get('/auth/sign_in')
    const tryWith = async (password: string) =>
      (await visitor.submit(page.html, '/auth/sign_in', { 'user[email]': 'ada@localhost', 'user[password]': password }))
        .html
    assert.match(await tryWith('a wrong password'), /is wrong/)
    assert.match(await tryWith(GOOD_PASSWORD), /currently disabled/)
  })

  test("a form without its token, with another visit's, or from another site does nothing", async () => {
    await using access = await openAccess()
    await access.world.accounts.signUp(member('ada'))
    const fields = { 'user[email]': 'ada@localhost', 'user[password]': GOOD_PASSWORD }
    const visitor = new Visitor(access.base)
    const { html, headers } = await visitor.get('/auth/sign_in')
    const cookie = headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const token = /name="authenticity_token" value="([^"]*)"/.exec(html)?.[1] ?? ''
    const stranger = await new Visitor(access.base).get('/auth/sign_in')
    const foreign = /name="authenticity_token" value="([^"]*)"/.exec(stranger.html)?.[1] ?? ''
    const send = async (change: { token?: string; headers?: Record<string, string> }) => {
      const body = new URLSearchParams({ ...fields, authenticity_token: change.token ?? token })
      const sent = { cookie, ...change.headers }
      const answer = await fetch(`${access.base}/auth/sign_in`, {
        method: 'POST',
        body,
        headers: sent,
        redirect: 'manual',
      })
      return answer.status
    }
    assert.equal(await send({ token: '' }), 422)
    assert.equal(await send({ token: foreign }), 422)
    assert.equal(await send({ headers: { cookie: '' } }), 422)
    assert.equal(await send({ headers: { origin: 'https://evil.example' } }), 422)
    assert.equal(await send({ headers: { origin: 'null' } }), 422)
    assert.equal(await send({ headers: { 'sec-fetch-site': 'cross-site' } }), 422)
    assert.equal(await send({ headers: { 'sec-fetch-site': 'same-site' } }), 422)
    assert.equal(await send({ headers: { origin: access.base, 'sec-fetch-site': 'same-origin' } }), 303)
    assert.equal(await send({}), 303, 'tools send no such headers')
  })

  test('the cookie is out of reach of scripts and other sites, and is new after each sign-in', async () => {
    await using access = await openAccess()
    await access.world.accounts.signUp(member('ada'))
    const cookies: string[] = []
    const visitor = new Visitor(access.base)
    for (let round = 0; round < 2; round++) {
      const page = await visitor.get('/auth/sign_in')
      const fields = { 'user[email]': 'ada@localhost', 'user[password]': GOOD_PASSWORD }
      const { headers } = await visitor.submit(page.html, '/auth/sign_in', fields)
      const line = headers.getSetCookie().find((each) => each.startsWith('dunlin_session=')) ?? ''
      assert.match(line, /; Path=\/; HttpOnly; SameSite=Lax/)
      cookies.push(/^dunlin_session=([^;]*)/.exec(line)?.[1] ?? '')
    }
    assert.notEqual(cookies[0], cookies[1])
    assert.equal(await access.world.sessions.find(cookies[0] ?? ''), undefined)
    assert.ok(await access.world.sessions.find(cookies[1] ?? ''))
  })

  test('a planted return address leads nowhere else', async () => {
    await using access = await openAccess()
    await access.world.accounts.signUp(member('ada'))
    for (const planted of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example/',
      '/%09/evil.example',
      'javascript:alert(1)',
    ]) {
      const first = await fetch(`${access.base}/auth/sign_in`)
      const guest = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
      const token = /name="authenticity_token" value="([^"]*)"/.exec(await first.text())?.[1] ?? ''
      const answer = await fetch(`${access.base}/auth/sign_in`, {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie: `${guest}; dunlin_return=${encodeURIComponent(planted)}` },
        body: new URLSearchParams({
          authenticity_token: token,
          'user[email]': 'ada@localhost',
          'user[password]': GOOD_PASSWORD,
        }),
      })
      assert.equal(answer.status, 303)
      const target = new URL(answer.headers.get('location') ?? '', access.base)
      assert.equal(target.origin, access.base, planted)
    }
  })

  test('signing out needs a form, and ends the session on the server', async () => {
    await using access = await openAccess()
    await access.world.accounts.signUp(member('ada'))
    const visitor = await signedIn(access.base, 'ada@localhost')
    const page = await visitor.get('/auth/sign_out')
    assert.match((await visitor.get('/')).html, /signed in/, 'GET has no effect')
    assert.equal((await visitor.submit(page.html, '/auth/sign_out', {})).location, '/auth/sign_in')
    assert.doesNotMatch((await visitor.get('/')).html, /signed in/)
    assert.equal((await access.world.db.rows`select 1 from sessions`).length, 0)
  })

  test('tries are limited per address and per e-mail address, whatever the spelling of the path', async () => {
    await using access = await openAccess({ limited: true })
    await access.world.accounts.signUp(member('ada', { password: null }))
    const visitor = new Visitor(access.base)
    const { html } = await visitor.get('/auth/sign_in')
    const statuses: number[] = []
    for (let attempt = 0; attempt < 26; attempt++) {
      const page = attempt % 2 === 0 ? html : html.replace('"/auth/sign_in"', '"/auth/sign_in/"')
      const action = attempt % 2 === 0 ? '/auth/sign_in' : '/auth/sign_in/'
      // Too long to be hashed, so that the test does not take 26 hashes.
      const fields = { 'user[email]': 'ada@localhost', 'user[password]': 'x'.repeat(200) }
      statuses.push((await visitor.submit(page, action, fields)).status)
    }
    assert.deepEqual(new Set(statuses.slice(0, 25)), new Set([422]))
    assert.equal(statuses[25], 429)
  })
})

describe('the set-up', () => {
  test('makes the owner once, with the link of this start only', async () => {
    await using access = await openAccess()
    const visitor = new Visitor(access.base)
    assert.equal((await visitor.get('/setup?token=wrong')).status, 403)
    assert.equal((await visitor.get('/setup')).status, 403)
    assert.match((await visitor.get('/')).html, /no owner yet/)
    const path = `/setup?token=${access.setupToken}`
    const page = await visitor.get(path)
    assert.equal(page.status, 200)
    const late = new Visitor(access.base)
    const latePage = await late.get(path)
    const { 'user[agreement]': _agreement, ...fields } = FORM
    const wrong = await visitor.submit(page.html, '/setup', { ...fields, 'user[password_confirmation]': 'other' })
    assert.equal(wrong.status, 422)
    const made = await visitor.submit(wrong.html, '/setup', {
      ...fields,
      'user[account_attributes][username]': 'admin',
    })
    assert.deepEqual([made.status, made.location], [303, '/'])
    const owner = await access.world.accounts.byUsername('admin')
    assert.equal(owner && (await access.world.accounts.user(owner.id))?.role, 'owner')
    assert.match((await visitor.get('/')).html, /@<bdi>admin<\/bdi>/)
    assert.equal((await visitor.get(path)).status, 403)
    assert.equal((await late.submit(latePage.html, '/setup', fields)).status, 403)
  })

  test('is over after fifteen minutes', async () => {
    await using access = await openAccess()
    const visitor = new Visitor(access.base)
    const path = `/setup?token=${access.setupToken}`
    const page = await visitor.get(path)
    access.world.clock.move(15 * 60_000)
    assert.equal((await visitor.get(path)).status, 403)
    assert.equal((await visitor.submit(page.html, '/setup', FORM)).status, 403)
    assert.equal(await access.world.accounts.hasOwner(), false)
  })
})
