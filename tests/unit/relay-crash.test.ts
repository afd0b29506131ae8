import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { migrations } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { openTestDatabase, type TestDatabase } from '../world/database.ts'

const CHILD = fileURLToPath(new URL('./relay-crash-child.ts', import.meta.url))
const MESSAGES = 60
const KEYS = 8

let db: TestDatabase

before(async () => {
  db = await openTestDatabase(migrations)
  await db.run`create table handled (place bigserial, id bigint, key bigint)`
})
after(() => db[Symbol.asyncDispose]())

/** Runs the relay in a process of its own; the signal that ended it, or null when it emptied the outbox. */
async function relayInChild(failAt?: string): Promise<string | null> {
  const env = { ...process.env, TEST_CONNECTION: JSON.stringify(db.connection), FAIL_AT: failAt ?? '' }
  const child = spawn(process.execPath, [CHILD], { env, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code, signal]: unknown[] = await once(child, 'exit')
  assert.ok(code === 0 || signal === 'SIGKILL', `exit code ${String(code)}`)
  return signal === 'SIGKILL' ? signal : null
}

for (const failAt of ['W5', 'W5:3', 'W6:4', 'W7', 'W7:9', 'W13:7']) {
  test(`killed at ${failAt}, the relay of the next start loses nothing and keeps the order of each key`, async () => {
    await db.run`truncate handled`
    const outbox = openOutbox({ db, clock: systemClock })
    for (let n = 0; n < MESSAGES; n += KEYS) {
      const messages = Array.from({ length: KEYS }, (_, key) => ({
        key: BigInt(key),
        type: 'test.said',
        version: 1,
        body: '{}',
      }))
      await db.transaction((tx) => outbox.append(tx, messages))
    }
    const written = await db.rows<{ id: bigint }>`select id from outbox order by id`

    assert.equal(await relayInChild(failAt), 'SIGKILL')
    assert.ok((await outbox.lag()).rows > 0, 'it died with work left')
    const restartedMs = performance.now()
    assert.equal(await relayInChild(), null)
    assert.ok(
      performance.now() - restartedMs < 20_000,
      'claims of the dead relay come back at once, not with their lease',
    )

    const handled = await db.rows<{ id: bigint; key: bigint }>`select id, key from handled order by place`
    assert.deepEqual(new Set(handled.map(({ id }) => id)), new Set(written.map(({ id }) => id)))
    // Redeliveries repeat a stretch of a key; the first deliveries are in order.
    for (const ofKey of Map.groupBy(handled, ({ key }) => key).values()) {
      const firsts = [...new Set(ofKey.map(({ id }) => id))]
      assert.deepEqual(
        firsts,
        firsts.toSorted((a, b) => Number(a - b)),
      )
    }
  })
}
