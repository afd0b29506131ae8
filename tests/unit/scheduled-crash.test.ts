/** A scheduled status is posted and a poll closed exactly once, wherever the process dies that does it (I18, F39). */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

import { NOON_MS } from '../world/statuses.ts'
import { ALICE, openWritingWorld, type WritingWorld } from '../world/writing.ts'

const CHILD = fileURLToPath(new URL('./scheduled-crash-child.ts', import.meta.url))
const MINUTE_MS = 60_000

/** W2 written but not committed, W3 committed but nobody woken: first of the poll, then of the status. */
const LEFT = { W2: [0, 0], W3: [1, 0], 'W2:2': [1, 0], 'W3:2': [1, 1] }

for (const [failAt, left] of Object.entries(LEFT)) {
  test(`killed at ${failAt} and begun again, everything due has happened once`, async () => {
    await using world = await openWritingWorld()
    const poll = { options: ['a', 'b'], lastsMs: 5 * MINUTE_MS, multiple: false, hideTotals: false }
    await world.post(ALICE, { poll })
    await world.schedule(ALICE, { text: 'later' }, NOON_MS + 10 * MINUTE_MS)
    const env = { ...process.env, TEST_CONNECTION: JSON.stringify(world.db.connection), FAIL_AT: failAt }
    const child = spawn(process.execPath, [CHILD], { env, stdio: ['ignore', 'inherit', 'inherit'] })
    const [, signal]: unknown[] = await once(child, 'exit')
    assert.equal(signal, 'SIGKILL')
    assert.deepEqual(await happened(world), left)
    for (let round = 0; round < 2; round += 1) {
      for (const work of world.dueWorks) await work.run(NOON_MS + 60 * MINUTE_MS, 100)
      assert.deepEqual(await happened(world), [1, 1])
    }
  })
}

/** Ends of polls that were told, and statuses that were posted besides the one with the poll, each with its event. */
async function happened(world: WritingWorld): Promise<number[]> {
  const told = await world.events()
  const ends = told.filter(({ type }) => type === 'poll.closed').length
  const posts = told.filter(({ type }) => type === 'status.created').length
  const rows = await world.db.rows`select id from statuses`
  assert.equal(rows.length, posts)
  return [ends, posts - 1]
}
