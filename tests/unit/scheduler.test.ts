import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Clock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import type { DueWork } from '../../src/scheduler/contract.ts'
import { startScheduler } from '../../src/scheduler/scheduler.ts'

/** Time that passes only when the test lets it. */
function steppedClock(): Clock & { ms: number; tick(): Promise<void> } {
  let wake = Promise.withResolvers<void>()
  let asleep = Promise.withResolvers<void>()
  const clock = {
    ms: 1_000,
    nowMs: () => clock.ms,
    async sleep(_ms: number, signal?: AbortSignal) {
      asleep.resolve()
      const stopped = Promise.withResolvers<void>()
      signal?.addEventListener('abort', () => stopped.resolve())
      await Promise.race([wake.promise, stopped.promise])
    },
    /** Resolves when everything due has been done and the scheduler sleeps again. */
    async tick() {
      await asleep.promise
      asleep = Promise.withResolvers()
      const before = wake
      wake = Promise.withResolvers()
      before.resolve()
      await asleep.promise
    },
  }
  return clock
}

/** Work that is due at these times. */
function dueAt(...times: number[]): DueWork & { left: number[]; limits: number[] } {
  const work = {
    name: 'test',
    left: times,
    limits: [] as number[],
    async run(nowMs: number, limit: number) {
      const done = work.left.filter((time) => time <= nowMs).slice(0, limit)
      work.left = work.left.filter((time) => !done.includes(time))
      work.limits.push(done.length)
      return done.length
    },
  }
  return work
}

test('what is due is done when its time has come, and not before', async () => {
  const clock = steppedClock()
  const work = dueAt(2_000, 3_000)
  await using _scheduler = startScheduler({ clock, log: silentLog, works: [work] })
  await clock.tick()
  assert.deepEqual(work.left, [2_000, 3_000])
  clock.ms = 2_500
  await clock.tick()
  assert.deepEqual(work.left, [3_000])
  clock.ms = 1_000
  await clock.tick()
  clock.ms = 9_000
  await clock.tick()
  assert.deepEqual(work.left, [])
})

test('much that is due at once is done batch after batch, without waiting in between', async () => {
  const clock = steppedClock()
  const work = dueAt(...Array.from({ length: 250 }, (_, n) => n))
  await using scheduler = startScheduler({ clock, log: silentLog, works: [work] })
  await clock.tick()
  assert.deepEqual(work.limits, [100, 100, 50, 0])
  assert.deepEqual(scheduler.state(), [{ name: 'test', done: 250, lastSuccessMs: 1_000 }])
})

test('work that fails holds up no other, and is tried again', async () => {
  const clock = steppedClock()
  const work = dueAt(0)
  let tries = 0
  const failing: DueWork = { name: 'failing', run: () => Promise.reject(new Error(`try ${(tries += 1)}`)) }
  const warnings: object[] = []
  const log = { ...silentLog, warn: (fields: object) => void warnings.push(fields) }
  {
    await using scheduler = startScheduler({ clock, log, works: [failing, work] })
    await clock.tick()
    await clock.tick()
    assert.equal(scheduler.state()[0]?.lastSuccessMs, 0)
  }
  assert.deepEqual(work.left, [])
  assert.deepEqual([tries, warnings.length], [3, 3])
})
