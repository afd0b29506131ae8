import assert from 'node:assert/strict'
import { test } from 'node:test'

import { AppError } from '../../src/kit/errors.ts'
import { Admission } from '../../src/timeline-service/admission.ts'

const isUnavailable = (error: unknown) => error instanceof AppError && error.code === 'unavailable'

test('no more than the limit run at a time, and who came first goes first', async () => {
  const admission = new Admission({ running: 2, waiting: 10, waitMs: 1_000 })
  const order: number[] = []
  let [running, most] = [0, 0]
  const work = async (n: number) => {
    most = Math.max(most, ++running)
    order.push(n)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    return n
  }
  const done = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => admission.run(() => work(n))))
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6])
  assert.deepEqual(order, [1, 2, 3, 4, 5, 6])
  assert.equal(most, 2)
})

test('work that fails gives its turn to the next', async () => {
  const admission = new Admission({ running: 1, waiting: 10, waitMs: 1_000 })
  const failed = admission.run(() => Promise.reject(new Error('broken')))
  const next = admission.run(async () => 'done')
  await assert.rejects(failed, /broken/)
  assert.equal(await next, 'done')
})

test('too many waiting are turned away at once, and who waits too long as well', async () => {
  const admission = new Admission({ running: 1, waiting: 1, waitMs: 20 })
  const gate = Promise.withResolvers<void>()
  const first = admission.run(() => gate.promise)
  const second = admission.run(async () => 'never')
  await assert.rejects(
    admission.run(async () => 'never'),
    isUnavailable,
  )
  await assert.rejects(second, isUnavailable)
  gate.resolve()
  await first
  assert.equal(await admission.run(async () => 'again'), 'again', 'the turn of who went away is not lost')
})
