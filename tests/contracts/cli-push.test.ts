import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { dunlin } from '../world/command-line.ts'
import { openTestDatabase } from '../world/database.ts'
import { answering, newReceiver, openPushService } from '../world/push-service.ts'

test('the operator sends a test to every device of an account, and is told what came of it', async () => {
  await using resources = new AsyncDisposableStack()
  const cwd = await mkdtemp(join(tmpdir(), 'dunlin-cli-'))
  resources.defer(() => rm(cwd, { recursive: true }))
  const database = resources.use(await openTestDatabase())
  const service = resources.use(await openPushService())
  const { host = '', user, database: name } = database.connection
  const env = {
    DUNLIN_ENV: 'test',
    PUSH_ALLOW_LOOPBACK: 'true',
    DATABASE_URL: `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host)}`,
  }
  const say = (words: string) => dunlin(words.split(' '), { env, cwd })
  const made = await say('accounts create alice')
  assert.equal(made.code, 0, made.err)
  const none = await say('push test alice')
  assert.equal(none.code, 1)
  assert.match(none.err, /No device of @alice/)
  const device = newReceiver()
  await database.run`
    insert into push_subscriptions (token_id, token_hash, account_id, endpoint, public_key, auth, standard, alerts, policy)
    select 1, '', id, ${`${service.url}/phone`}, ${device.publicKey}, ${device.auth}, true, '{}', 'all' from accounts`
  const sent = await say('push test alice')
  assert.equal(sent.code, 0, sent.err)
  assert.match(sent.out, /delivered +201/)
  const [pushed] = service.received
  assert.ok(pushed)
  assert.match(device.decrypt(pushed.body, pushed.headers).toString(), /reaches this device/)
  service.behave(answering(410))
  const gone = await say('push test alice')
  assert.equal(gone.code, 1)
  assert.match(gone.out, /ended.* 410/)
  assert.match((await say('push test alice')).err, /No device/)
})
