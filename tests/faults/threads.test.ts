/**
 * Threads killed under load, wherever they are: one that answers, the one that works in the background, both. Clients go on
 * all the time, on whatever thread is left. Then everything is at rest and must be as the clients know it (I1–I8), and the
 * process is still the same. Prints its seed; `SEED=n` runs it again.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { seededRandom } from '../../src/seed/random.ts'
import { endThread, systemOf } from '../world/thread-connections.ts'
import { CrashChecks, failuresIn } from './crash-checks.ts'
import { Load } from './crash-load.ts'
import { CrashWorld, openFolder } from './crash-world.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const ROUNDS = 6
/** Under load, on a machine that does other things besides. */
const BACK_MS_MAX = 120_000

const random = seededRandom(SEED)
const resources = new AsyncDisposableStack()
let world: CrashWorld

before(async () => {
  console.log(`thread tests: SEED=${SEED}`)
  const folder = resources.use(await openFolder())
  world = resources.use(await CrashWorld.open(folder.path))
})

after(() => resources.disposeAsync())

for (const [what, threads] of [
  ['a thread that answers', ['api-1', 'api-2']],
  ['the thread that works in the background', ['fanout']],
  ['any two threads at once', ['fanout', 'api-1', 'api-2']],
] satisfies [string, string[]][]) {
  test(`${what}, killed again and again under load, costs nothing that was acknowledged`, async () => {
    const record = await world.people()
    const first = await systemOf(world)
    let killed = 0
    {
      using load = new Load(world, record, random.below(2 ** 31), what)
      for (let round = 0; round < ROUNDS; round += 1) {
        await sleep(200 + random.below(800))
        const spared = random.pick(threads)
        const victims = threads.length > 2 ? threads.filter((name) => name !== spared) : [spared]
        await Promise.all(victims.map((victim) => endThread(world, victim)))
        killed += victims.length
        const backMs = performance.now()
        while (load.lastAcknowledgedMs < backMs && performance.now() < backMs + BACK_MS_MAX) await sleep(5)
        assert.ok(
          load.lastAcknowledgedMs >= backMs,
          `no write was acknowledged any more: ${record.wrongAnswers[0] ?? ''}`,
        )
      }
      await sleep(300 + random.below(700))
      await load.stop()
    }
    const now = await systemOf(world)
    const restarts = (system: typeof now): number => system.threads.reduce((sum, each) => sum + each.restarts, 0)
    const restarted = restarts(now) - restarts(first)
    assert.ok(
      restarted >= 1 && restarted <= killed,
      `${restarted} of ${killed}: who was down already is killed in vain`,
    )
    assert.equal(now.startedAtMs, first.startedAtMs)
    await world.quiesce()
    const findings = await new CrashChecks(world.url, record).all()
    const { operations, uncertain } = record.counts
    console.log(`${what}: ${killed} killed, ${operations} operations (${uncertain} without an answer at first)`)
    assert.deepEqual(failuresIn(findings), [])
    assert.deepEqual(record.wrongAnswers, [])
  })
}
