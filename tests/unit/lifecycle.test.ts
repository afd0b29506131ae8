import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { runUntilStopped, SAME_SIGNAL_MS_MAX, type Lifecycle } from '../../src/kit/lifecycle.ts'
import { silentLog } from '../../src/kit/log.ts'

test('a signal closes everything in reverse order, and the process ends well', async () => {
  const signals = new EventEmitter()
  const closed: string[] = []
  const running = runUntilStopped(
    async ({ resources, stopping }) => {
      resources.defer(() => void closed.push('database'))
      resources.defer(() => void closed.push(`door, stopping ${stopping.aborted}`))
    },
    { log: silentLog, signals },
  )
  await sleep(10)
  assert.deepEqual(closed, [])
  signals.emit('SIGTERM')
  assert.equal(await running, 0)
  assert.deepEqual(closed, ['door, stopping true', 'database'])
  assert.equal(signals.listenerCount('SIGTERM') + signals.listenerCount('SIGINT'), 0)
})

test('the same signal twice at once is one; another one later ends the process now', async () => {
  const signals = new EventEmitter()
  const exits: number[] = []
  const { promise: closing, resolve: finishClosing } = Promise.withResolvers<void>()
  const running = runUntilStopped(
    async ({ resources }) => {
      resources.defer(() => closing)
    },
    { log: silentLog, signals, exit: (code) => void exits.push(code) },
  )
  await sleep(10)
  signals.emit('SIGINT')
  signals.emit('SIGINT')
  assert.deepEqual(exits, [])
  await sleep(SAME_SIGNAL_MS_MAX + 50)
  signals.emit('SIGINT')
  assert.deepEqual(exits, [130])
  finishClosing()
  await running
})

test('a start that fails closes what it had opened and passes its error on', async () => {
  const closed: string[] = []
  const failing = runUntilStopped(
    async ({ resources }) => {
      resources.defer(() => void closed.push('database'))
      throw new Error('no port')
    },
    { log: silentLog, signals: new EventEmitter() },
  )
  await assert.rejects(failing, /no port/)
  assert.deepEqual(closed, ['database'])
})

test('a signal during the start is seen by it, and ends the run when the start is through', async () => {
  const signals = new EventEmitter()
  const seen: boolean[] = []
  const running = runUntilStopped(
    async ({ stopping }) => {
      await sleep(30)
      seen.push(stopping.aborted)
    },
    { log: silentLog, signals },
  )
  signals.emit('SIGTERM')
  assert.equal(await running, 0)
  assert.deepEqual(seen, [true])
})

test('the program can stop itself, with a code', async () => {
  const { promise: started, resolve } = Promise.withResolvers<Lifecycle>()
  const running = runUntilStopped(async (lifecycle) => resolve(lifecycle), {
    log: silentLog,
    signals: new EventEmitter(),
  })
  const lifecycle = await started
  assert.equal(lifecycle.drained.aborted, false)
  lifecycle.stop(1)
  assert.equal(await running, 1)
})
