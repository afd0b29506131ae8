/** Threads are kept alive: one that dies comes back while the others go on, and one that always dies ends the server. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import type { Clock } from '../../src/kit/clock.ts'
import type { Config } from '../../src/kit/config/config.ts'
import type { Log } from '../../src/kit/log.ts'
import { sharedState } from '../../src/roles/shared-state.ts'
import { apiThreads } from '../../src/roles/threads/api-threads.ts'
import { CRASHES_MAX, Supervisor } from '../../src/roles/threads/supervisor.ts'
import { eventually } from '../world/people.ts'

const PATIENCE_MS = 60_000

/** Back-offs take no time, and nothing has ever lasted. */
class ImpatientClock implements Clock {
  /** Sleeps that have not ended: they would keep a process alive. */
  asleep = 0

  nowMs(): number {
    return 1
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.asleep += 1
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms >= 1_000 ? ms : 0)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
    this.asleep -= 1
  }
}

function openSupervisor(version: string, threads = 2) {
  const events: Record<string, unknown>[] = []
  const note = (fields: object): void => void events.push({ ...fields })
  const log: Log = { debug() {}, info: note, warn: note, error: note }
  const gaveUp: string[] = []
  const clock = new ImpatientClock()
  const supervisor = new Supervisor({
    clock,
    log,
    apiThreads: threads,
    entryOf: () => new URL('supervised-thread.ts', import.meta.url),
    setup: {
      config: { logLevel: 'error' } as Config, // all that a thread without blocks looks at
      connection: {},
      embedded: false,
      version,
      setupLink: undefined,
      shared: sharedState(),
      reusePort: true,
      isTerminal: false,
    },
    giveUp: (text) => gaveUp.push(text),
  })
  return { supervisor, events, gaveUp, clock }
}

/** What they report when none is too busy to. */
function answering(supervisor: Supervisor) {
  return eventually(
    PATIENCE_MS,
    () => supervisor.reports(),
    (reports) => reports.every(({ figures }) => figures !== null),
  )
}

test('threads are started together, asked, and ended', async () => {
  const { supervisor, gaveUp, clock } = openSupervisor('idle')
  await supervisor.start()
  const reports = await answering(supervisor)
  assert.deepEqual(
    reports.map(({ name, state, restarts, figures }) => [name, state, restarts, figures?.requests]),
    ['fanout', 'api-1', 'api-2'].map((name) => [name, 'running', 0, 7]),
  )
  const life = await eventually(
    PATIENCE_MS,
    () => supervisor.life(5n),
    (answer) => answer !== undefined,
  )
  assert.deepEqual(life, { id: 5n })
  await supervisor[Symbol.asyncDispose]()
  await setImmediate()
  assert.equal(clock.asleep, 0, 'nothing keeps the process from ending')
  assert.deepEqual(gaveUp, [])
  assert.ok((await supervisor.reports()).every(({ state }) => state === 'stopped'))
})

test('a thread that is ended comes back, as often as that happens, and the others do not notice', async () => {
  const { supervisor, events, gaveUp } = openSupervisor('idle')
  await supervisor.start()
  const before = await answering(supervisor)
  for (let round = 1; round <= CRASHES_MAX + 2; round += 1) {
    for (const name of ['api-1', 'fanout']) assert.equal(await supervisor.restart(name), true)
    await eventually(
      PATIENCE_MS,
      () => supervisor.reports(),
      (reports) =>
        reports.every(
          ({ state, restarts, name }) => state === 'running' && restarts === (name === 'api-2' ? 0 : round),
        ),
    )
  }
  const after = await answering(supervisor)
  const tidOf = (reports: typeof before, name: string) => reports.find((each) => each.name === name)?.figures?.tid
  assert.equal(tidOf(after, 'api-2'), tidOf(before, 'api-2'))
  assert.equal(await supervisor.restart('nobody'), false)
  assert.ok(events.some(({ event, thread }) => event === 'thread.died' && thread === 'api-1'))
  assert.deepEqual(gaveUp, [])
  await supervisor[Symbol.asyncDispose]()
})

test('a thread that always dies is tried a few times, then the server gives up and says why', async () => {
  const { supervisor, events, gaveUp } = openSupervisor('dies')
  await supervisor.start()
  const [text = ''] = await eventually(
    PATIENCE_MS,
    async () => gaveUp,
    (texts) => texts.length > 0,
  )
  assert.match(text, new RegExp(`api-1 has died ${CRASHES_MAX + 1} times in a row.* as the test wants it`))
  assert.equal(events.filter(({ event }) => event === 'thread.died').length, CRASHES_MAX + 1)
  await supervisor[Symbol.asyncDispose]()
})

test('what keeps a thread from opening ends the start, with its own text', async () => {
  const { supervisor } = openSupervisor('cannot open')
  await assert.rejects(supervisor.start(), { code: 'conflict', message: 'it cannot be opened' })
  await supervisor[Symbol.asyncDispose]()
})

test('one core is left to the database and the work in the background', () => {
  assert.equal(apiThreads(undefined, 1, 'linux'), 1)
  assert.equal(apiThreads(undefined, 2, 'linux'), 1)
  assert.equal(apiThreads(undefined, 4, 'linux'), 3)
  assert.equal(apiThreads(undefined, 64, 'linux'), 8)
  assert.equal(apiThreads(12, 2, 'linux'), 12)
  assert.equal(apiThreads(4, 8, 'darwin'), 1, 'its kernel gives all connections to one of them')
})
