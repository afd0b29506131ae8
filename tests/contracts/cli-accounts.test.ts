/** People and tokens by the command line, on a real database. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { openAccounts } from '../../src/accounts/open.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { dunlin, type Spoken } from '../world/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

interface Operator extends AsyncDisposable {
  database: TestDatabase
  say(argv: string, input?: string): Promise<Spoken>
  /** As `say` with --json, parsed; fails unless it ends with 0. */
  ask(argv: string, input?: string): Promise<Record<string, unknown>>
}

async function operator(): Promise<Operator> {
  await using resources = new AsyncDisposableStack()
  const cwd = await mkdtemp(join(tmpdir(), 'dunlin-cli-'))
  resources.defer(() => rm(cwd, { recursive: true }))
  const database = resources.use(await openTestDatabase())
  const { host = '', user, database: name } = database.connection
  const env = { DATABASE_URL: `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host)}` }
  const opened = resources.move()
  const say = (argv: string, input = '') => dunlin(argv.split(' '), { env, cwd, input })
  return {
    database,
    say,
    async ask(argv, input) {
      const { code, out, err } = await say(`${argv} --json`, input)
      assert.equal(code, 0, err)
      const answer: unknown = JSON.parse(out)
      assert.ok(typeof answer === 'object' && answer !== null)
      return { ...answer }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** The block as a server has it, to ask whether the operator's doings count. */
function blockOn(database: TestDatabase) {
  const nothing = () => {
    throw new Error('nothing is made here')
  }
  return openAccounts({
    db: database,
    outbox: { append: async () => {}, wake: () => {} },
    snowflakes: { next: nothing, nextText: nothing, at: nothing, ready: () => true },
    clock: systemClock,
    log: silentLog,
    bus: undefined,
  })
}

test('an account made here is confirmed and approved, and signs in with the printed password', async () => {
  await using on = await operator()
  const made = await on.ask('accounts create alice --email alice@localhost')
  assert.equal(made['username'], 'alice')
  assert.match(String(made['password']), /^[\w-]{24}$/)
  await using block = blockOn(on.database)
  const user = await block.accounts.verifyPassword('alice@localhost', String(made['password']))
  assert.deepEqual([user?.confirmed, user?.approved, user?.role], [true, true, 'user'])
  assert.equal(user?.accountId.toString(), made['id'])
})

test('a password from standard input is used and never printed', async () => {
  await using on = await operator()
  const { out, code } = await on.say('accounts create alice --password-stdin', 'a fine long password\n')
  assert.equal(code, 0)
  assert.doesNotMatch(out, /fine long/)
  await using block = blockOn(on.database)
  assert.ok(await block.accounts.verifyPassword('alice@localhost', 'a fine long password'))
})

test('a name that is taken, and a second owner, are refused with 1 and the reason', async () => {
  await using on = await operator()
  await on.ask('accounts create alice --role owner')
  const taken = await on.say('accounts create ALICE --email other@localhost --json')
  assert.equal(taken.code, 1)
  assert.equal(taken.out, '')
  assert.match(JSON.parse(taken.err).error, /already been taken/)
  assert.equal(JSON.parse(taken.err).details.username[0].error, 'ERR_TAKEN')
  const second = await on.say('accounts create bob --role owner')
  assert.equal(second.code, 1)
  assert.match(second.err, /owner already/)
})

test('accounts are listed newest first, with their state, as many as asked', async () => {
  await using on = await operator()
  for (const name of ['alice', 'bob', 'carol']) await on.ask(`accounts create ${name}`)
  await on.ask('accounts role bob moderator')
  await on.ask('accounts disable @carol')
  const { out } = await on.say('accounts list --limit 2 --json')
  const rows: { username: string; role: string; state: string }[] = JSON.parse(out)
  assert.deepEqual(
    rows.map(({ username, role, state }) => [username, role, state]),
    [
      ['carol', 'user', 'disabled'],
      ['bob', 'moderator', 'ok'],
    ],
  )
  await on.ask('accounts enable carol')
  assert.match((await on.say('accounts list')).out, /carol +carol@localhost +user +ok/)
})

test('a token made here speaks for the account with its scopes, until it is revoked by id or by itself', async () => {
  await using on = await operator()
  const account = await on.ask('accounts create alice')
  const made = await on.ask('token create alice --scopes read,write:statuses --app Weather')
  const again = await on.ask('token create alice --scopes read')
  await using block = blockOn(on.database)
  const identity = await block.oauth.identify(String(made['token']))
  assert.ok(typeof identity === 'object')
  assert.equal(identity.accountId?.toString(), account['id'])
  assert.deepEqual([identity.appName, identity.standing], ['Weather', 'ok'])
  assert.deepEqual(identity.scopes, ['read', 'write:statuses'])

  await on.ask(`token revoke ${String(made['id'])}`)
  await on.ask('token revoke --token-stdin', `${String(again['token'])}\n`)
  await using later = blockOn(on.database)
  assert.equal(await later.oauth.identify(String(made['token'])), 'revoked')
  assert.equal(await later.oauth.identify(String(again['token'])), 'revoked')
  const gone = await on.say('token revoke 12345')
  assert.equal(gone.code, 1)
  assert.match(gone.err, /no such token/)
})

test('a running server hears of an ended token by the outbox', async () => {
  await using on = await operator()
  await on.ask('accounts create alice')
  const made = await on.ask('token create alice')
  await on.database.run`delete from outbox`
  await on.ask(`token revoke ${String(made['id'])}`)
  const rows = await on.database.rows<{ type: string }>`select type from outbox`
  assert.deepEqual(rows, [{ type: 'token.revoked' }])
})

test('a scope that does not exist, and an account that does not exist, are refused', async () => {
  await using on = await operator()
  await on.ask('accounts create alice')
  const scope = await on.say('token create alice --scopes reed')
  assert.deepEqual([scope.code, scope.out], [1, ''])
  assert.match(scope.err, /[Ss]cope/)
  for (const argv of ['token create nobody', 'accounts reset-password nobody', 'accounts approve nobody']) {
    const { code, err } = await on.say(argv)
    assert.equal(code, 1, argv)
    assert.match(err, /no account called nobody. `dunlin accounts list`/)
  }
})

test('a new password ends every token of the account', async () => {
  await using on = await operator()
  await on.ask('accounts create alice')
  const { token } = await on.ask('token create alice')
  const { password } = await on.ask('accounts reset-password alice')
  await using block = blockOn(on.database)
  assert.equal(await block.oauth.identify(String(token)), 'revoked')
  assert.ok(await block.accounts.verifyPassword('alice@localhost', String(password)))
})
