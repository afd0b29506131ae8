import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { AppError } from '../../src/kit/errors.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { GOOD_PASSWORD, member, openAccountsWorld, racing } from '../world/access.ts'

function details(error: unknown): Record<string, string[]> {
  assert.ok(error instanceof AppError, String(error))
  return Object.fromEntries(
    Object.entries(error.details ?? {}).map(([field, faults]) => [field, faults.map((fault) => fault.error)]),
  )
}

async function faultsOf(work: Promise<unknown>): Promise<Record<string, string[]>> {
  return details(
    await work.then(
      () => assert.fail('it was accepted'),
      (error: unknown) => error,
    ),
  )
}

describe('accounts', () => {
  test('a name is kept as written and found in any case', async () => {
    await using world = await openAccountsWorld()
    const account = await world.accounts.signUp(member('Ada_L'))
    assert.equal(account.username, 'Ada_L')
    assert.equal((await world.accounts.byUsername('ada_l'))?.id, account.id)
    assert.deepEqual(
      (await world.accounts.byUsernames(['ADA_L', 'nobody'])).map(({ id }) => id),
      [account.id],
    )
    assert.deepEqual(await world.accounts.allIds(), [account.id])
  })

  test('of many sign-ups with one name at the same time exactly one wins, the others hear that it is taken', async () => {
    await using world = await openAccountsWorld()
    const tries = Array.from({ length: 6 }, (_, index) =>
      world.accounts
        .signUp(member(index % 2 === 0 ? 'grace' : 'GRACE', { email: `grace${index}@localhost`, password: null }))
        .then(
          () => 'won',
          (error: unknown) => details(error),
        ),
    )
    const outcomes = await Promise.all(tries)
    assert.equal(outcomes.filter((outcome) => outcome === 'won').length, 1)
    for (const lost of outcomes.filter((outcome) => outcome !== 'won'))
      assert.deepEqual(lost, { username: ['ERR_TAKEN'] })
    assert.equal((await world.accounts.allIds()).length, 1)
  })

  test('of sign-ups with one e-mail address in different cases one wins, and the loser leaves no account behind', async () => {
    await using world = await openAccountsWorld()
    const outcomes = await Promise.allSettled([
      world.accounts.signUp(member('one', { email: 'Same@localhost', password: null })),
      world.accounts.signUp(member('two', { email: 'same@LOCALHOST', password: null })),
    ])
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal((await world.accounts.allIds()).length, 1)
  })

  test('every fault of a sign-up is told at once, by field', async () => {
    await using world = await openAccountsWorld()
    const bad = member('no spaces', { email: 'a%b@localhost', password: 'short' })
    assert.deepEqual(await faultsOf(world.accounts.signUp(bad)), {
      username: ['ERR_INVALID'],
      email: ['ERR_INVALID'],
      password: ['ERR_TOO_SHORT'],
    })
    assert.deepEqual(await faultsOf(world.accounts.signUp(member('admin'))), { username: ['ERR_RESERVED'] })
    assert.equal((await world.accounts.signUp(member('admin', { mayUseReservedName: true }))).username, 'admin')
  })

  test('a password fits or does not, and an account without one lets nobody in', async () => {
    await using world = await openAccountsWorld()
    const { id } = await world.accounts.signUp(member('ada'))
    await world.accounts.signUp(member('robot', { password: null }))
    assert.equal((await world.accounts.verifyPassword('ADA@localhost', GOOD_PASSWORD))?.accountId, id)
    assert.equal(await world.accounts.verifyPassword('ada@localhost', `${GOOD_PASSWORD} `), undefined)
    assert.equal(await world.accounts.verifyPassword('robot@localhost', ''), undefined)
    assert.equal(await world.accounts.verifyPassword('nobody@localhost', GOOD_PASSWORD), undefined)
    assert.equal(await world.accounts.verifyPassword('ada@localhost', 'x'.repeat(1_000_000)), undefined)
  })

  test('an unknown e-mail address takes as long as a wrong password', async () => {
    await using world = await openAccountsWorld()
    await world.accounts.signUp(member('ada'))
    const timed = async (email: string): Promise<number> => {
      const start = performance.now()
      await world.accounts.verifyPassword(email, 'a wrong password')
      return performance.now() - start
    }
    await timed('warm@localhost')
    const known: number[] = []
    const unknown: number[] = []
    for (let round = 0; round < 5; round++) {
      known.push(await timed('ada@localhost'))
      unknown.push(await timed('nobody@localhost'))
    }
    // The least of several: other work on the machine only ever adds. Without the same hash it would be 1 to 20.
    const [least, other] = [Math.min(...known), Math.min(...unknown)]
    assert.ok(other > least * 0.6 && other < least * 1.6, `known ${least} ms, unknown ${other} ms`)
  })

  test('only one owner is made by the set-up, however many try at once', async () => {
    await using world = await openAccountsWorld()
    assert.equal(await world.accounts.hasOwner(), false)
    const names = ['root', 'boss', 'chief']
    const createOwners = () =>
      Promise.allSettled(
        names.map((username) =>
          world.accounts.createOwner({
            username,
            email: `${username}@localhost`,
            password: GOOD_PASSWORD,
            locale: 'en',
          }),
        ),
      )
    const outcomes = await racing(world, (tx) => tx.run`lock table accounts in exclusive mode`, 3, createOwners)
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'conflict')
    }
    assert.equal(await world.accounts.hasOwner(), true)
    assert.equal((await world.accounts.allIds()).length, 1)
  })

  test('a new password ends sessions, tokens and pending codes, here at once and elsewhere by event', async () => {
    await using world = await openAccountsWorld()
    const other = world.another()
    const { id } = await world.accounts.signUp(member('ada'))
    const { id: bystander } = await world.accounts.signUp(member('bob', { password: null }))
    const { app } = await world.oauth.registerApp(APP)
    const { token } = await world.oauth.issueToken(app, id, ['read'])
    const kept = await world.oauth.issueToken(app, bystander, ['read'])
    const cookie = await world.sessions.open(id, 'Firefox')
    const code = await world.oauth.issueCode(codeFor(app.id, id))
    assert.equal((await identified(world.oauth.identify(token))).accountId, id)
    assert.equal((await identified(other.oauth.identify(token))).accountId, id)
    await world.relay()

    await world.accounts.resetPassword(id, 'another good password')
    assert.equal(await world.oauth.identify(token), 'revoked')
    assert.equal(await world.sessions.find(cookie), undefined)
    await assert.rejects(world.oauth.redeemCode(app, grantOf(code)), /invalid_grant/)
    assert.equal((await identified(world.oauth.identify(kept.token))).accountId, bystander)

    const told = await world.relay()
    assert.deepEqual(
      told.map(({ type, body }) => [type, JSON.parse(body)]),
      [['token.revoked', { account: id.toString(), tokenHash: null }]],
    )
    assert.equal(await other.oauth.identify(token), 'revoked')
    assert.equal(await world.accounts.verifyPassword('ada@localhost', GOOD_PASSWORD), undefined)
    assert.equal((await world.accounts.verifyPassword('ada@localhost', 'another good password'))?.accountId, id)
  })

  test('a reset link works once, and not after its time', async () => {
    await using world = await openAccountsWorld()
    const { id } = await world.accounts.signUp(member('ada'))
    const late = await world.accounts.createPasswordReset(id)
    world.clock.move(25 * 3_600_000)
    assert.equal(await world.accounts.resetPasswordBy(late, 'another good password'), undefined)
    const secret = await world.accounts.createPasswordReset(id)
    assert.equal(await world.accounts.passwordResetFor(secret), id)
    await assert.rejects(world.accounts.resetPasswordBy(secret, 'password1'), /guessed first/)
    const uses = await Promise.all([
      world.accounts.resetPasswordBy(secret, 'another good password'),
      world.accounts.resetPasswordBy(secret, 'yet another password'),
    ])
    assert.deepEqual(
      uses.filter((use) => use !== undefined),
      [id],
    )
    assert.equal(await world.accounts.passwordResetFor(secret), undefined)
    assert.equal(await world.accounts.passwordResetFor('x'), undefined)
  })

  test('standing changes what a token may do in every thread: disabled, suspended, approved, confirmed, role', async () => {
    await using world = await openAccountsWorld()
    const other = world.another()
    const { id } = await world.accounts.signUp(member('ada', { password: null, confirmed: false, approved: false }))
    const { app } = await world.oauth.registerApp(APP)
    const { token } = await world.oauth.issueToken(app, id, ['read'])
    const standings = async (): Promise<unknown[]> => {
      await world.relay()
      return await Promise.all(
        [world, other].map(async ({ oauth }) => (await identified(oauth.identify(token))).standing),
      )
    }
    assert.deepEqual(await standings(), ['unconfirmed', 'unconfirmed'])
    await world.accounts.confirm(id)
    assert.deepEqual(await standings(), ['unapproved', 'unapproved'])
    await world.accounts.approve(id)
    assert.deepEqual(await standings(), ['ok', 'ok'])
    await world.accounts.setDisabled(id, true)
    assert.deepEqual(await standings(), ['disabled', 'disabled'])
    await world.accounts.setDisabled(id, false)
    await world.accounts.setSuspended(id, true)
    assert.deepEqual(await standings(), ['suspended', 'suspended'])
    assert.equal((await world.accounts.byIds([id]))[0]?.suspended, true)
    await world.accounts.setSuspended(id, false)
    await world.accounts.setRole(id, 'admin')
    assert.deepEqual(await standings(), ['ok', 'ok'])
    assert.equal((await identified(other.oauth.identify(token))).role, 'admin')
  })

  test('disabling and suspending end the sessions and tell that streams are to be cut', async () => {
    await using world = await openAccountsWorld()
    const { id } = await world.accounts.signUp(member('ada', { password: null }))
    for (const end of ['setDisabled', 'setSuspended'] as const) {
      const cookie = await world.sessions.open(id, '')
      await world.relay()
      await world.accounts[end](id, true)
      assert.equal(await world.sessions.find(cookie), undefined)
      assert.ok((await world.relay()).some(({ type }) => type === 'token.revoked'))
      await world.accounts[end](id, false)
    }
  })

  test('a profile is changed in part, cleaned, and told', async () => {
    await using world = await openAccountsWorld()
    const { id } = await world.accounts.signUp(member('ada', { password: null }))
    await world.relay()
    await world.accounts.changeProfile(id, {
      displayName: ' Ada \u202E\u0007Lovelace ',
      note: 'Line one\r\nline two\u0000',
      fields: [
        { name: 'Home', value: 'https://example.org' },
        { name: ' ', value: '' },
      ],
      discoverable: true,
      defaultPrivacy: 'private',
      defaultLanguage: 'de',
    })
    const changed = await world.accounts.changeProfile(id, { locked: true })
    assert.equal(changed.displayName, 'Ada Lovelace')
    assert.equal(changed.note, 'Line one\nline two')
    assert.deepEqual(changed.fields, [{ name: 'Home', value: 'https://example.org', verifiedAtMs: null }])
    assert.deepEqual([changed.locked, changed.discoverable], [true, true])
    assert.deepEqual(await world.accounts.byIds([id]), [changed])
    const user = await world.accounts.user(id)
    assert.deepEqual([user?.defaultPrivacy, user?.defaultLanguage, user?.defaultSensitive], ['private', 'de', false])
    assert.deepEqual(
      (await world.relay()).map(({ type }) => type),
      ['account.changed', 'account.changed'],
    )
    assert.deepEqual(
      await faultsOf(
        world.accounts.changeProfile(id, {
          displayName: 'x'.repeat(41),
          note: 'x'.repeat(501),
          fields: Array.from({ length: 5 }, () => ({ name: 'a', value: 'b' })),
        }),
      ),
      { display_name: ['ERR_TOO_LONG'], note: ['ERR_TOO_LONG'], fields: ['ERR_TOO_LONG'] },
    )
  })

  test('search finds names and display names by their beginning, the exact name first, nobody who is not a member', async () => {
    await using world = await openAccountsWorld()
    const make = async (username: string, displayName = '', approved = true): Promise<void> => {
      const { id } = await world.accounts.signUp(member(username, { password: null, approved }))
      await world.accounts.changeProfile(id, { displayName })
    }
    await make('anna_long')
    await make('Anna')
    await make('zoe', 'Änna Zoë')
    await make('anton', 'ANNALENA')
    await make('annapending', '', false)
    const found = async (prefix: string, limit = 10, offset = 0): Promise<string[]> =>
      (await world.accounts.searchByPrefix(prefix, limit, offset)).map(({ username }) => username)
    assert.deepEqual(await found('anna'), ['Anna', 'anna_long', 'anton'])
    assert.deepEqual(await found('anna', 1, 1), ['anna_long'])
    assert.deepEqual(await found('ÄNNA'), ['zoe'])
    assert.deepEqual(await found('_'), [], 'wildcards of LIKE are letters like any other')
    assert.deepEqual(await found('%'), [])
  })

  test('pages of people go in both directions, newest first', async () => {
    await using world = await openAccountsWorld()
    for (const name of ['a1', 'a2', 'a3', 'a4']) await world.accounts.signUp(member(name, { password: null }))
    const ids = await world.accounts.allIds()
    const names = async (page: { limit: number; maxId?: bigint; minId?: bigint; sinceId?: bigint }) =>
      (await world.accounts.list(page)).map(({ account }) => account.username)
    assert.deepEqual(await names({ limit: 2 }), ['a4', 'a3'])
    assert.deepEqual(await names({ limit: 2, maxId: ids[2] ?? 0n }), ['a2', 'a1'])
    assert.deepEqual(await names({ limit: 2, minId: ids[0] ?? 0n }), ['a3', 'a2'])
    assert.deepEqual(await names({ limit: 2, sinceId: ids[0] ?? 0n }), ['a4', 'a3'])
  })

  test('the last day somebody was here is written once, in the background', async () => {
    await using world = await openAccountsWorld()
    const { id } = await world.accounts.signUp(member('ada', { password: null }))
    const { app } = await world.oauth.registerApp(APP)
    const { token } = await world.oauth.issueToken(app, id, ['read'])
    world.clock.move(40 * 86_400_000)
    assert.deepEqual(await world.accounts.count(), { users: 1, activeMonth: 0, activeHalfYear: 1 })
    const other = world.another()
    await other.oauth.identify(token)
    await other[Symbol.asyncDispose]() // writes what is pending
    assert.deepEqual(await world.accounts.count(), { users: 1, activeMonth: 1, activeHalfYear: 1 })
    const [shown] = await world.oauth.authorizedApps(id)
    assert.equal(shown?.lastUsedAtMs !== null, true)
  })

  test('sessions end when idle, when old, and when closed by their owner only', async () => {
    await using world = await openAccountsWorld()
    const { id } = await world.accounts.signUp(member('ada', { password: null }))
    const { id: other } = await world.accounts.signUp(member('eve', { password: null }))
    const cookie = await world.sessions.open(id, 'Firefox\r\nX: y')
    const session = await world.sessions.find(cookie)
    assert.equal(session?.accountId, id)
    assert.match(session?.csrfSecret ?? '', /^[\w-]{43}$/)
    assert.deepEqual(
      (await world.sessions.list(id)).map(({ userAgent }) => userAgent),
      ['Firefox  X: y'],
    )
    assert.equal(await world.sessions.closeById(other, session?.id ?? 0n), false)
    assert.ok(await world.sessions.find(cookie))
    assert.equal(await world.sessions.closeById(id, session?.id ?? 0n), true)
    assert.equal(await world.sessions.find(cookie), undefined)

    const idle = await world.sessions.open(id, '')
    world.clock.move(31 * 86_400_000)
    assert.equal(await world.sessions.find(idle), undefined)
    const used = await world.sessions.open(id, '')
    for (let days = 0; days < 180; days += 20) {
      assert.ok(await world.sessions.find(used), `after ${days} days of use`)
      world.clock.move(20 * 86_400_000)
    }
    assert.equal(await world.sessions.find(used), undefined, 'even a used one ends after half a year')
    await world.sweep()
    assert.equal((await world.db.rows`select 1 from sessions`).length, 0)
  })

  test('no password, cookie, code or token stands in the database', async () => {
    await using world = await openAccountsWorld()
    const { id } = await world.accounts.signUp(member('ada'))
    const { app, clientSecret } = await world.oauth.registerApp(APP)
    const { token } = await world.oauth.issueToken(app, id, ['read'])
    const secrets = [
      GOOD_PASSWORD,
      clientSecret,
      token,
      await world.sessions.open(id, ''),
      await world.oauth.issueCode(codeFor(app.id, id)),
      await world.accounts.createPasswordReset(id),
      await world.accounts.createConfirmation(id),
    ]
    const tables = ['accounts', 'users', 'sessions', 'oauth_apps', 'oauth_tokens', 'oauth_codes', 'outbox']
    const dump = await world.db.rows<{ line: string }>`
      select row_to_json(accounts)::text as line from accounts union all select row_to_json(users)::text from users
      union all select row_to_json(sessions)::text from sessions
      union all select row_to_json(oauth_apps)::text from oauth_apps
      union all select row_to_json(oauth_tokens)::text from oauth_tokens
      union all select row_to_json(oauth_codes)::text from oauth_codes
      union all select row_to_json(outbox)::text from outbox`
    assert.ok(dump.length >= tables.length - 1)
    for (const secret of secrets) {
      assert.equal(
        dump.some(({ line }) => line.includes(secret)),
        false,
      )
    }
  })
})

const REDIRECT = 'https://app.example/callback'
const APP = { name: 'App', website: null, redirectUris: [REDIRECT], scopes: ['read', 'write'] }

function codeFor(appId: bigint, accountId: AccountId) {
  return { appId, accountId, redirectUri: REDIRECT, scopes: ['read'], codeChallenge: null }
}

function grantOf(code: string) {
  return { code, redirectUri: REDIRECT, codeVerifier: null, authenticated: true }
}

async function identified(identity: Promise<unknown>) {
  const found = await identity
  assert.ok(
    typeof found === 'object' && found !== null && 'standing' in found && 'accountId' in found && 'role' in found,
  )
  return found
}
