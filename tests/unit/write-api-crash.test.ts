/** A post is there whole or not at all, wherever the process dies; and the client's repetition makes it one (I2). */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

import { ALICE, openWritingWorld } from '../world/writing.ts'

const CHILD = fileURLToPath(new URL('./write-api-crash-child.ts', import.meta.url))

/** W1 validated, W2 written but not committed, W3 committed but not answered. */
const COMMITTED = { W1: 0, W2: 0, W3: 1 }

for (const [failAt, committed] of Object.entries(COMMITTED)) {
  test(`killed at ${failAt}, a post left ${committed} statuses, and is one after it is sent again`, async () => {
    await using world = await openWritingWorld()
    const env = { ...process.env, TEST_CONNECTION: JSON.stringify(world.db.connection), FAIL_AT: failAt }
    const child = spawn(process.execPath, [CHILD], { env, stdio: ['ignore', 'inherit', 'inherit'] })
    const [, signal]: unknown[] = await once(child, 'exit')
    assert.equal(signal, 'SIGKILL')
    const statuses = () => world.db.rows<{ id: bigint }>`select id from statuses`
    const left = await statuses()
    assert.equal(left.length, committed)
    assert.equal((await world.events()).length, committed)

    const { id } = await world.post(ALICE, { text: 'once', idempotencyKey: 'key' })
    assert.deepEqual(await statuses(), [{ id }])
    assert.deepEqual(
      (await world.events()).map(({ body }) => body['id']),
      [`${id}`],
    )
    if (committed === 1) assert.deepEqual(left, [{ id }])
  })
}
