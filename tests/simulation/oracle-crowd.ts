/**
 * A story with everybody acting at once: what one person does stays in order, everything else overlaps as it will, while
 * readers look. When all is quiet, every page must be that of a model made of the rows that are committed by then.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { seededRandom, type Random } from '../../src/seed/random.ts'
import type { Act } from './model-acts.ts'
import type { Person, Post } from './model.ts'
import { Refused, type Cursors, type Id } from './oracle-door.ts'
import { Judge } from './oracle-judge.ts'
import type { Story } from './oracle-plan.ts'
import { renumbered, worldFromRows } from './oracle-rows.ts'
import { undisturbed, type RunOptions } from './oracle-run.ts'
import { openStage, type Stage } from './oracle-stage.ts'
import { tellAct } from './oracle-telling.ts'

const CLIENTS = 5
const READERS = 2
/** The longest wait between two acts of one client. */
const PAUSE_MS_MAX = 6

export async function runCrowd(story: Story, options: RunOptions): Promise<void> {
  await using stage = await openStage(story, options)
  const crowd = new Crowd(stage, story, seededRandom(options.seed ^ 0xc20d))
  try {
    await crowd.play()
    await judge(stage, story, options, crowd)
  } catch (error) {
    throw new Error(`As it happened:\n${crowd.history.join('\n')}`, { cause: error })
  }
}

async function judge(stage: Stage, story: Story, options: RunOptions, crowd: Crowd): Promise<void> {
  await stage.server.settle()
  const names = renumbered(stage.names, story.people.length)
  const world = await worldFromRows(stage.server.database, names, stage.server.nowMs())
  assert.deepEqual(
    crowd.lost(new Set(world.posts.map(({ post }) => names.idOfPost(post)))),
    [],
    'acknowledged and lost',
  )
  const random = seededRandom(options.seed ^ 0x5eed)
  const notices = { mustHave: undisturbed(story.acts) }
  const judging = new Judge({ door: stage.door, names, world, random, notices })
  await judging.all(options.share)
  await stage.server.restart()
  await judging.all(options.share)
  assert.deepEqual(stage.server.complaints, [], 'the log')
}

class Crowd {
  readonly #stage: Stage
  readonly #story: Story
  readonly #random: Random
  /** Resolved when the act that makes the post is over, whether it made it or not. */
  readonly #over = new Map<Post, PromiseWithResolvers<void>>()
  readonly #deleted = new Set<Post>()
  /** Every act when it began and when it was answered, in that order: of acts that overlap no other order is known. */
  readonly history: string[] = []
  #isOver = false

  constructor(stage: Stage, story: Story, random: Random) {
    this.#stage = stage
    this.#story = story
    this.#random = random
    for (const act of story.acts) if ('post' in act) this.#over.set(act.post, Promise.withResolvers())
  }

  async play(): Promise<void> {
    const clients = Array.from({ length: CLIENTS }, (_, client) => this.#client(client))
    const readers = Array.from({ length: READERS }, () => this.#reader(seededRandom(this.#random.below(2 ** 31))))
    const acting = Promise.all(clients).finally(() => {
      this.#isOver = true
    })
    await Promise.all([acting, ...readers])
  }

  /** Texts that were acknowledged, never deleted, and are not among the ids that are there (I1). */
  lost(there: ReadonlySet<Id>): Post[] {
    const { names } = this.#stage
    return this.#story.acts.flatMap((act) => {
      const isThere = act.do !== 'post' || !names.knows(act.post) || there.has(names.idOfPost(act.post))
      return isThere || this.#deleted.has(act.post) ? [] : [act.post]
    })
  }

  /** Acts of some people, in their order. An act waits for the posts it names, which earlier acts make: nobody waits in a ring. */
  async #client(client: number): Promise<void> {
    const random = seededRandom(this.#random.below(2 ** 31))
    for (const act of this.#story.acts) {
      if (act.do === 'restart' || clientOf(act) !== client) continue
      await sleep(random.below(PAUSE_MS_MAX))
      try {
        await this.#act(act)
      } catch (error) {
        throw new Error(`at: ${tellAct(act, this.#stage.names)}`, { cause: error })
      } finally {
        if ('post' in act) this.#over.get(act.post)?.resolve()
      }
    }
  }

  async #act(act: Act): Promise<void> {
    const { names } = this.#stage
    const named = 'of' in act ? act.of : act.do === 'post' ? act.replyTo : null
    if (named !== null) {
      await this.#over.get(named)?.promise
      if (!names.knows(named)) return
    }
    const telling = tellAct(act, names)
    const begun = this.history.push(`  ${this.history.length + 1}: ${telling}`)
    const outcome = await this.#stage.perform(act)
    this.history.push(`  ${this.history.length + 1}: ${outcome}: ${begun}, ${telling}`)
    if (outcome !== 'done') return
    if (act.do === 'delete') this.#deleted.add(act.of)
    // What follows comes from somebody whom everybody knows to be back.
    if (act.do === 'suspend' || act.do === 'unsuspend') {
      await this.#stage.untilSuspensionIsHeard(act.by, act.do === 'suspend')
    }
    await unlessRefused(() => this.#stage.checkAtOnce(act))
  }

  /** Whatever happens meanwhile: every page is in order, has nothing twice, and keeps to its bounds (I3, I4). */
  async #reader(random: Random): Promise<void> {
    const { door, names } = this.#stage
    const people = [...this.#story.people.keys()]
    while (!this.#isOver) {
      const viewer = names.idOfPerson(random.pick(people))
      const page = this.#somePage(random)
      const pages = [
        () => door.home(viewer, page),
        () => door.publicTimeline(viewer, page),
        () => door.profile(viewer, names.idOfPerson(random.pick(people)), page, {}),
        () => door.notifications(viewer, { limit: page.limit }),
      ]
      const found = (await unlessRefused<readonly { id: Id }[]>(random.pick(pages))) ?? []
      const ids = found.map(({ id }) => BigInt(id))
      assert.ok(ids.length <= page.limit, 'more than asked for')
      assert.deepEqual(
        ids,
        [...new Set(ids)].sort((a, b) => (a < b ? 1 : -1)),
        'descending, each once',
      )
      await sleep(random.below(PAUSE_MS_MAX))
    }
  }

  #somePage(random: Random): Cursors {
    const { names } = this.#stage
    const known = names.posts()
    const limit = 1 + random.below(20)
    if (known.length === 0 || random.chance(0.5)) return { limit }
    const cursor = names.idOfPost(random.pick(known))
    return random.chance(0.5) ? { maxId: cursor, limit } : { minId: cursor, limit }
  }
}

/** Who is suspended meanwhile reads nothing. */
async function unlessRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}

/** What one person does goes through one client, so that it stays in order. */
function clientOf(act: Act): number {
  return 'by' in act ? (act.by satisfies Person) % CLIENTS : 0
}
