import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { isCommonPassword } from '../../src/accounts/common-passwords.ts'
import { coversScope, coversScopes, KNOWN_SCOPES, parseScopes, unknownScopes } from '../../src/accounts/contract.ts'
import { FRESH_MS, IdentityCache, IDENTITIES_MAX } from '../../src/accounts/identity-cache.ts'
import { HASHES_QUEUED_MAX, PasswordHasher } from '../../src/accounts/password-hasher.ts'
import { provesPossession } from '../../src/accounts/pkce.ts'
import { emailFault, normaliseEmail, passwordFault, usernameFault } from '../../src/accounts/sign-up-rules.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'

describe('scopes', () => {
  test('a scope covers what stands below it, and nothing beside it', () => {
    const cases: [string, string, boolean][] = [
      ['read', 'read', true],
      ['read', 'read:statuses', true],
      ['read:statuses', 'read', false],
      ['read', 'write:statuses', false],
      ['read', 'readable', false],
      ['follow', 'write:follows', true],
      ['follow', 'read:blocks', true],
      ['follow', 'write:statuses', false],
      ['follow', 'follow', true],
      ['read write', 'read', false],
      ['admin:read', 'admin:read:accounts', true],
      ['admin:read', 'admin:write:accounts', false],
      ['read', 'admin:read', false],
      ['read', 'profile', false],
      ['write', 'push', false],
    ]
    for (const [granted, wanted, expected] of cases)
      assert.equal(coversScope([granted], wanted), expected, `${granted} → ${wanted}`)
    assert.equal(coversScopes(['read', 'write'], ['read:search', 'write']), true)
    assert.equal(coversScopes(['read'], ['read', 'push']), false)
  })

  test('scopes are parsed from spaces, plus signs and arrays, without doubles', () => {
    assert.deepEqual(parseScopes('read write  follow'), ['read', 'write', 'follow'])
    assert.deepEqual(parseScopes('read+write+read'), ['read', 'write'])
    assert.deepEqual(parseScopes(['read', 'write follow', 3]), ['read', 'write', 'follow'])
    for (const nothing of [undefined, null, '', ' ', {}, 7]) assert.deepEqual(parseScopes(nothing), [])
    assert.throws(() => parseScopes('x'.repeat(5_000)), /Too many scopes/)
    assert.deepEqual(unknownScopes(['read', 'root', 'admin', 'read:everything', 'constructor']), [
      'root',
      'admin',
      'read:everything',
      'constructor',
    ])
    assert.equal(parseScopes(KNOWN_SCOPES.join(' ')).length, KNOWN_SCOPES.length)
  })
})

describe('the rules of a sign-up', () => {
  test('usernames are letters, digits and underscores, one to thirty of them', () => {
    for (const fine of ['a', 'Ada_Lovelace', '_', '0', 'x'.repeat(30)])
      assert.equal(usernameFault(fine, false), undefined, fine)
    const cases: [string, string][] = [
      ['', 'ERR_BLANK'],
      ['x'.repeat(31), 'ERR_TOO_LONG'],
      ['ada.lovelace', 'ERR_INVALID'],
      ['ada lovelace', 'ERR_INVALID'],
      ['ada\n', 'ERR_INVALID'],
      ['аda', 'ERR_INVALID'], // a Cyrillic а
      ['ada\u200b', 'ERR_INVALID'],
      ['Admin', 'ERR_RESERVED'],
      ['support', 'ERR_RESERVED'],
    ]
    for (const [name, error] of cases) assert.equal(usernameFault(name, false)?.error, error, JSON.stringify(name))
    assert.equal(usernameFault('admin', true), undefined)
  })

  test('e-mail addresses follow a strict grammar, and localhost is good enough', () => {
    for (const fine of [
      'x@localhost',
      'x@localhost:3000',
      'first.last+tag@mail.example.org',
      "o'neil@example.org",
      `${'x'.repeat(64)}@example.org`,
    ]) {
      assert.equal(emailFault(fine), undefined, fine)
    }
    for (const bad of [
      'x',
      '@localhost',
      'x@',
      'a%b@example.org',
      'a,b@example.org',
      '"a"@example.org',
      'a@b@example.org',
      'a b@example.org',
      'a..b@example.org',
      '.a@example.org',
      'a.@example.org',
      'a@example..org',
      'a@-example.org',
      'a@example.org\r\nBcc: b@example.org',
      'a@exämple.org',
      'a@[127.0.0.1]',
      '<a@example.org>',
      `${'x'.repeat(65)}@example.org`,
    ]) {
      assert.equal(emailFault(bad)?.error, 'ERR_INVALID', bad)
    }
    assert.equal(emailFault('')?.error, 'ERR_BLANK')
    assert.equal(emailFault(`x@${'y'.repeat(330)}`)?.error, 'ERR_TOO_LONG')
    assert.equal(normaliseEmail('  Ada@Example.ORG '), 'Ada@example.org')
  })

  test('a hundred kilobytes of anything are judged at once', () => {
    const start = performance.now()
    for (const text of ['a.'.repeat(50_000), `a@${'a-'.repeat(50_000)}`, 'a@'.repeat(50_000)]) {
      emailFault(text)
      usernameFault(text, false)
      passwordFault(text, { username: 'a', email: 'b' }, true)
    }
    assert.ok(performance.now() - start < 8_000)
  })

  test('passwords are counted in characters, eight to a hundred and twenty-eight', () => {
    const owner = { username: 'longusername', email: 'ada@example.org' }
    const faultOf = (password: string): string | undefined => passwordFault(password, owner, true)?.error
    assert.equal(faultOf('kx83mv2'), 'ERR_TOO_SHORT')
    assert.equal(faultOf('kx83mv2q'), undefined)
    assert.equal(faultOf('😀😎🐦🌊🏝️🔥🎈'), undefined)
    assert.equal(faultOf('😀😎🐦🌊'), 'ERR_TOO_SHORT')
    assert.equal(faultOf('é1'.repeat(64)), undefined)
    assert.equal(faultOf(`${'é1'.repeat(64)}x`), 'ERR_TOO_LONG')
    assert.equal(faultOf('LongUsername'), 'ERR_INVALID')
    assert.equal(faultOf('ada@example.org'), 'ERR_INVALID')
    assert.equal(faultOf('Password123'), 'ERR_INVALID')
    assert.equal(passwordFault('Password123', owner, false), undefined)
  })

  test('passwords that are guessed first are known, with runs and repeats', () => {
    for (const common of [
      'password',
      'PASSWORD1',
      '12345678',
      'qwertyuiop',
      'zzzzzzzzzz',
      'abcdefghijk',
      '98765432',
      'iloveyou',
    ]) {
      assert.equal(isCommonPassword(common), true, common)
    }
    for (const rare of ['correct horse battery', 'abcdefgz', 'aaaaaaab', 'mastodonadmin', 'xk7#pq2!']) {
      assert.equal(isCommonPassword(rare), false, rare)
    }
  })
})

describe('password hashes', () => {
  test('are Argon2id strings with a salt of their own, and fit their password only', async () => {
    const hasher = new PasswordHasher()
    const [one, other] = await Promise.all([hasher.hash('pass phrase'), hasher.hash('pass phrase')])
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    assert.notEqual(one, other)
    assert.equal(await hasher.verify('pass phrase', one), true)
    assert.equal(await hasher.verify('pass phrasf', one), false)
    assert.equal(await hasher.verify('pass phrase', null), false)
    assert.equal(hasher.isOutdated(one), false)
  })

  test('every character counts, up to the last, and the same letter in two spellings is the same', async () => {
    const hasher = new PasswordHasher()
    const long = 'ü'.repeat(127)
    const stored = await hasher.hash(`${long}a`)
    assert.equal(await hasher.verify(`${long}b`, stored), false)
    assert.equal(await hasher.verify(`${long.normalize('NFD')}a`, stored), true)
  })

  test('the reference vector of another implementation fits, and foreign figures are marked as outdated', async () => {
    // argon2 -id "password" "somesalt" of the reference implementation: t=2, m=65536, p=1.
    const stored = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
    const hasher = new PasswordHasher()
    assert.equal(await hasher.verify('password', stored), true)
    assert.equal(hasher.isOutdated(stored), true)
  })

  test('a damaged or monstrous string fits nothing', async () => {
    const hasher = new PasswordHasher()
    for (const stored of ['', 'plain', '$2b$10$abc', '$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXP']) {
      assert.equal(await hasher.verify('password', stored), false)
    }
  })

  test('beyond the queue callers are told to come again, and the queue recovers', async () => {
    const hasher = new PasswordHasher(1)
    const outcomes = await Promise.allSettled(
      Array.from({ length: HASHES_QUEUED_MAX + 3 }, () =>
        hasher.verify('x', '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXP'),
      ),
    )
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    assert.equal(refused.length, 2)
    for (const { reason } of refused) assert.deepEqual([reason.code, reason.retryAfterSeconds], ['unavailable', 5])
    assert.equal(await hasher.verify('x', '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXP'), false)
  })
})

test('the example of RFC 7636 proves possession', () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  assert.equal(provesPossession('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', verifier), true)
  assert.equal(provesPossession(verifier, verifier), false)
  assert.equal(provesPossession(null, null), true)
})

describe('the cache of identities', () => {
  const identity = (tokenHash: string, accountId: AccountId | null) => ({
    tokenId: 1n,
    tokenHash,
    accountId,
    appId: 1n,
    appName: 'App',
    appWebsite: null,
    scopes: ['read'],
    createdAtMs: 0,
    standing: 'ok' as const,
    role: 'user' as const,
  })
  const ada = 1n as AccountId

  test('forgets by token, by person and by age', () => {
    const cache = new IdentityCache()
    cache.put(identity('a', ada), 0, cache.ticket())
    cache.put(identity('b', ada), 0, cache.ticket())
    cache.put(identity('c', null), 0, cache.ticket())
    assert.equal(cache.get('a', FRESH_MS - 1)?.tokenHash, 'a')
    assert.equal(cache.get('a', FRESH_MS), undefined)
    assert.equal(cache.get('a', -1), undefined, 'a clock that stepped back makes nothing fresh for ever')
    cache.dropToken('a')
    assert.deepEqual(
      ['a', 'b', 'c'].map((hash) => cache.get(hash, 0)?.tokenHash),
      [undefined, 'b', 'c'],
    )
    cache.dropAccount(ada)
    assert.deepEqual(
      ['b', 'c'].map((hash) => cache.get(hash, 0)?.tokenHash),
      [undefined, 'c'],
    )
  })

  test('keeps nothing that was read before something was dropped', () => {
    const cache = new IdentityCache()
    const ticket = cache.ticket()
    cache.dropToken('a')
    cache.put(identity('a', ada), 0, ticket)
    assert.equal(cache.get('a', 0), undefined)
  })

  test('is bounded: the oldest goes', () => {
    const cache = new IdentityCache()
    for (let at = 0; at <= IDENTITIES_MAX; at++)
      cache.put(identity(`${at}`, BigInt(at) as AccountId), 0, cache.ticket())
    assert.equal(cache.get('0', 0), undefined)
    assert.ok(cache.get('1', 0))
    assert.ok(cache.get(`${IDENTITIES_MAX}`, 0))
  })
})
