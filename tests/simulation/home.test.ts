/**
 * Races around the home timeline (reliability §7: R1–R4, R8, R9), each in hundreds of seeded histories, and all together in
 * random ones. A failure names its seed; `SEED=n` runs that one alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { AccountId } from '../../src/snowflake/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import { belongsHome, homeOf } from './home-model.ts'
import { HomeWorld } from './home-world.ts'
import { Schedule } from './schedule.ts'

const HISTORIES = 150
const NOBODY_MERGED = Number.MAX_SAFE_INTEGER
const ALICE = 1n as AccountId
const BOB = 2n as AccountId
const CAROL = 3n as AccountId

interface History {
  world: HomeWorld
  schedule: Schedule
  /** Ids at home, newest first. */
  home: (viewer: AccountId) => Promise<bigint[]>
}

/** Plays a story in many orders; afterwards every home is what the model says, cached and rebuilt alike (I1, I3, I5). */
function race(name: string, play: (history: History) => Promise<void>, options = { histories: HISTORIES }): void {
  test(name, async () => {
    const only = Number(process.env['SEED'] ?? 0)
    for (let seed = only || 1; seed <= (only || options.histories); seed++) {
      const schedule = new Schedule(seed)
      const followersMax = schedule.random.pick([0, 1, 2, NOBODY_MERGED, NOBODY_MERGED])
      const world = new HomeWorld(schedule, { people: 5, followersMax })
      const home = async (viewer: AccountId) => {
        const { statuses } = await world.timelines.home(viewer, { limit: 40 })
        return statuses.map(({ status }) => status.id as bigint)
      }
      try {
        await finish(schedule, play({ world, schedule, home }))
        await finish(schedule, compareHomes(world))
      } catch (error) {
        throw new Error(`seed ${seed}, followersMax ${followersMax}`, { cause: error })
      }
    }
  })
}

async function finish(schedule: Schedule, story: Promise<void>): Promise<void> {
  let isOver = false
  const over = story.finally(() => {
    isOver = true
  })
  over.catch(() => {})
  await schedule.runUntilIdle()
  if (!isOver) assert.fail('the story waits for something that never happens')
  await over
}

async function compareHomes(world: HomeWorld): Promise<void> {
  for (const viewer of world.people) {
    const expected = homeOf(world, viewer).map(({ id }) => id)
    assert.deepEqual(await walkDown(world, viewer), expected, `home of ${viewer}, cached`)
    assert.deepEqual(await walkUp(world, viewer), expected, `home of ${viewer}, walked upwards`)
    await world.cache.drop(viewer)
    assert.deepEqual(await walkDown(world, viewer), expected, `home of ${viewer}, rebuilt`)
  }
}

/** From the newest on by max_id. */
async function walkDown(world: HomeWorld, viewer: AccountId): Promise<bigint[]> {
  const walked: bigint[] = []
  for (;;) {
    const { statuses } = await world.timelines.home(viewer, { limit: 7, maxId: walked.at(-1) })
    if (statuses.length === 0) return walked
    walked.push(...statuses.map(({ status }) => status.id))
  }
}

/** From the oldest on by min_id. */
async function walkUp(world: HomeWorld, viewer: AccountId): Promise<bigint[]> {
  const walked: bigint[] = []
  for (;;) {
    const { statuses } = await world.timelines.home(viewer, { limit: 7, minId: walked[0] ?? 0n })
    if (statuses.length === 0) return walked
    walked.unshift(...statuses.map(({ status }) => status.id))
  }
}

async function befriend({ world, home }: History): Promise<void> {
  await Promise.all([world.follow(ALICE, BOB), world.follow(CAROL, BOB)])
  await world.post(BOB)
  await home(ALICE)
}

race('R1: what is written around an unfollow is not at home once the unfollow is answered', async (history) => {
  await befriend(history)
  const { world, home } = history
  const unfollow = async () => {
    await world.unfollow(ALICE, BOB)
    assert.deepEqual(await home(ALICE), [])
  }
  await Promise.all([world.post(BOB), unfollow(), world.post(BOB), home(ALICE)])
  assert.deepEqual(await home(ALICE), [])
})

race('R2: what is written around a follow comes home exactly once', async ({ world, home }) => {
  await world.post(BOB)
  await home(ALICE)
  await Promise.all([world.post(BOB), world.follow(ALICE, BOB), world.post(BOB), home(ALICE), home(ALICE)])
})

race('R2: who is followed while a home is being built comes home too', async ({ world, home }) => {
  await world.post(BOB)
  await Promise.all([world.follow(ALICE, BOB), home(ALICE), home(ALICE), world.post(BOB)])
})

race('R2: following, unfollowing and following again leaves no hole', async ({ world, home }) => {
  await Promise.all([world.follow(ALICE, BOB), home(ALICE)])
  const flapping = async () => {
    await world.unfollow(ALICE, BOB)
    await world.follow(ALICE, BOB)
  }
  const writing = async () => {
    await world.post(BOB)
    await world.post(BOB)
  }
  await Promise.all([flapping(), writing(), home(ALICE)])
})

for (const who of ['the reader', 'the author'] as const) {
  race(`R3: nothing is served after a block by ${who} is answered`, async (history) => {
    await befriend(history)
    const { world, home } = history
    const block = async () => {
      await (who === 'the reader' ? world.block(ALICE, BOB) : world.block(BOB, ALICE))
      assert.deepEqual(await home(ALICE), [])
    }
    await Promise.all([world.post(BOB), block(), home(ALICE)])
  })
}

race('R3: nothing is served after a mute is answered, and all is back when it ends', async (history) => {
  await befriend(history)
  const { world, home } = history
  const mute = async () => {
    await world.mute(ALICE, BOB)
    assert.deepEqual(await home(ALICE), [])
  }
  await Promise.all([world.post(BOB), mute(), home(ALICE)])
  await world.unmute(ALICE, BOB)
})

race('R4: a status that was deleted is nobody’s ghost, whichever message comes first', async (history) => {
  await befriend(history)
  const { world, home } = history
  const regret = async () => {
    const status = await world.post(BOB)
    const boost = world.post(CAROL, { boostOf: status })
    await world.remove(status)
    for (const viewer of [ALICE, BOB, CAROL]) {
      const seen = await home(viewer)
      assert.ok(!seen.includes(status.id), `${viewer} sees a ghost`)
    }
    await boost
  }
  await Promise.all([regret(), home(ALICE), home(CAROL), world.follow(ALICE, CAROL)])
})

race('R8: a rebuild misses nothing of what is written, and keeps the newest', async ({ world, home }) => {
  await world.follow(ALICE, BOB)
  const write = async () => {
    for (let n = 0; n < 6; n++) await world.post(BOB)
  }
  const forget = async () => {
    for (let n = 0; n < 3; n++) {
      await home(ALICE)
      await world.cache.drop(ALICE)
    }
  }
  await Promise.all([write(), write(), forget(), home(ALICE), home(ALICE)])
})

race(
  'R8: a timeline longer than the cache reads on from the store without gap or double',
  async ({ world, home }) => {
    await Promise.all([world.follow(ALICE, BOB), world.follow(ALICE, CAROL)])
    for (let n = 0; n < 850; n++) {
      const author = n % 3 === 0 ? CAROL : BOB
      await world.post(author)
      if (n === 500) await home(ALICE)
    }
    await Promise.all([world.post(BOB), world.unfollow(ALICE, CAROL), home(ALICE)])
    await Promise.all([world.post(BOB), world.follow(ALICE, CAROL), home(ALICE)])
  },
  { histories: 3 },
)

race('R9: nothing of a suspended author is served once that is answered', async (history) => {
  await befriend(history)
  const { world, home } = history
  const suspend = async () => {
    await world.setSuspended(BOB, true)
    assert.deepEqual(await home(ALICE), [])
  }
  await Promise.all([world.post(BOB), suspend(), home(ALICE), home(CAROL)])
  const pardoned = world.schedule.random.chance(0.5)
  if (pardoned) await world.setSuspended(BOB, false)
})

race('all at once: no home shows what its reader may not see, and at rest all are complete', async (history) => {
  const { world, schedule } = history
  const { random } = schedule
  /** Acts under way or done, by what they touch: a read that overlaps none of them can be judged. */
  let acts = 0
  let underWay = 0
  const act = async (work: Promise<unknown>) => {
    acts++
    underWay++
    await work
    acts++
    underWay--
  }
  const read = async (viewer: AccountId) => {
    const before = acts
    const wasQuiet = underWay === 0
    const { statuses } = await world.timelines.home(viewer, { limit: 40 })
    const ids = statuses.map(({ status }) => status.id)
    assert.deepEqual(
      ids,
      [...new Set(ids)].toSorted((a, b) => (a < b ? 1 : -1)),
      'descending, each once',
    )
    if (!wasQuiet || acts !== before) return
    const wrong = statuses.filter(({ status }) => !belongsHome(world, viewer, status))
    assert.deepEqual(wrong, [], `${viewer} sees what is not for them`)
  }
  const client = async () => {
    for (let n = 0; n < 14; n++) {
      const one = random.pick(world.people)
      const other = random.pick(world.people.filter((person) => person !== one))
      await choose(world, { one, other, act, read })
    }
  }
  await Promise.all([client(), client(), client()])
})

interface Turn {
  one: AccountId
  other: AccountId
  act: (work: Promise<unknown>) => Promise<void>
  read: (viewer: AccountId) => Promise<void>
}

async function choose(world: HomeWorld, { one, other, act, read }: Turn): Promise<void> {
  const { random } = world.schedule
  const someStatus = (): StatusRecord | undefined => {
    const visible = [...world.statuses.values()].filter(
      ({ boostOf, visibility }) => boostOf === null && visibility === 'public',
    )
    return visible.length === 0 ? undefined : random.pick(visible)
  }
  const status = someStatus()
  const choices: [number, () => Promise<void>][] = [
    [6, () => act(world.post(one, { visibility: random.pick(['public', 'private', 'unlisted']) }))],
    [1, () => act(world.post(one, { visibility: 'direct', mentions: [other] }))],
    [2, () => act(world.post(one, status && { inReplyTo: status }))],
    [2, () => act(world.post(one, status && { boostOf: status }))],
    [2, () => act(status === undefined ? Promise.resolve() : world.remove(status))],
    [5, () => act(world.follow(one, other))],
    [2, () => act(world.unfollow(one, other))],
    [1, () => act(world.block(one, other))],
    [1, () => act(world.unblock(one, other))],
    [1, () => act(world.mute(one, other))],
    [1, () => act(world.unmute(one, other))],
    [1, () => act(world.setSuspended(one, random.chance(0.3)))],
    [1, () => world.cache.drop(one)],
    [6, () => read(one)],
  ]
  const total = choices.reduce((sum, [weight]) => sum + weight, 0)
  let at = random.below(total)
  for (const [weight, choice] of choices) {
    at -= weight
    if (at < 0) return choice()
  }
}
