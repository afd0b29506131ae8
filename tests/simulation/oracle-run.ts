/** Plays a story on the real server and on the model, act by act, and holds one against the other. */
import assert from 'node:assert/strict'

import { seededRandom, type Random } from '../../src/seed/random.ts'
import { perform, type Act } from './model-acts.ts'
import { canSee, emptyWorld, postOf, type ModelWorld, type Person } from './model.ts'
import { Judge, type NoticeRule } from './oracle-judge.ts'
import type { Story } from './oracle-plan.ts'
import { openStage, type Stage } from './oracle-stage.ts'
import { tellAct } from './oracle-telling.ts'

export interface RunOptions {
  /** Of what the judge looks at; the acts are the story's. */
  seed: number
  http: boolean
  /** Acts follow each other without waiting for what they set off. */
  hasty: boolean
  /** See ServerOptions. */
  lateMs: number
  /** Of the server's configuration. */
  env: Readonly<Record<string, string>>
  /** The share of surfaces that are looked at in the end; home always is. */
  share: number
}

/** Acts after which somebody looks. */
const LOOKS_SHARE = 0.1
/** Surfaces looked at then, of each of so many viewers. */
const LOOK_SHARE = 0.15
const LOOK_VIEWERS = 3

/** Who is told of what depends on the order of these and the acts before them. */
const CHANGES_WHO_IS_TOLD = new Set<Act['do']>([
  'follow',
  'unfollow',
  'removeFollower',
  'accept',
  'reject',
  'block',
  'unblock',
  'mute',
  'unmute',
  'muteThread',
  'unmuteThread',
  'suspend',
  'unsuspend',
  'wait',
  'edit',
  'clear',
])

/** Throws what differs first. */
export async function runStory(story: Story, options: RunOptions): Promise<void> {
  await using stage = await openStage(story, options)
  const run = new Run(stage, emptyWorld(story.people), options)
  for (const act of story.acts) await run.act(act)
  await run.judgeAll()
  // Whatever was derived is derived again, and is the same (I5).
  await stage.server.restart()
  await run.judgeAll()
  assert.deepEqual(stage.server.complaints, [], 'the log')
}

class Run {
  readonly #stage: Stage
  readonly #world: ModelWorld
  readonly #options: RunOptions
  readonly #random: Random
  readonly #acts: Act[] = []
  #isSettled = true

  constructor(stage: Stage, world: ModelWorld, options: RunOptions) {
    this.#stage = stage
    this.#world = world
    this.#options = options
    // Not that of the plan: how often somebody looks must not change the story.
    this.#random = seededRandom(options.seed ^ 0x5eed)
  }

  async act(act: Act): Promise<void> {
    const { names } = this.#stage
    // What a shortened story left out.
    if ('of' in act && !names.knows(act.of)) return
    if (act.do === 'post' && act.replyTo !== null && !names.knows(act.replyTo)) return
    if ('by' in act && act.do !== 'unsuspend' && this.#world.people[act.by]?.suspended === true) return
    if (!this.#options.hasty && CHANGES_WHO_IS_TOLD.has(act.do)) await this.#settle()
    this.#acts.push(act)
    try {
      await this.#actOnBoth(act)
      if (this.#random.chance(LOOKS_SHARE)) await this.#look()
    } catch (error) {
      throw new Error(`at: ${tellAct(act, names)}`, { cause: error })
    }
  }

  async #actOnBoth(act: Act): Promise<void> {
    const { names, server } = this.#stage
    const wasHidden = 'of' in act && !canSee(this.#world, act.by, act.of)
    const expected = perform(this.#world, act)
    const outcome = await this.#stage.perform(act)
    this.#isSettled = false
    // Over HTTP the answer would show the post: what was taken back from a hidden one is answered as if it were not there.
    const isTakenFromHidden = wasHidden && this.#options.http && expected === 'done' && outcome === 'not_found'
    if (!isTakenFromHidden) assert.equal(outcome, expected, 'the outcome')
    if ('post' in act) {
      assert.equal(names.knows(act.post), postOf(this.#world, act.post) !== undefined, 'whether it makes a new post')
    }
    // Nobody's caches are told of a suspension but by the event.
    if (act.do === 'suspend' || act.do === 'unsuspend') await server.settle()
    // Those are told who have boosted it when the edit is heard of: who boosts next, or takes a boost back, is none of them.
    if (act.do === 'edit' && !this.#options.hasty) await this.#settle()
    if (outcome === 'done') await this.#stage.checkAtOnce(act)
  }

  /** Everybody, once everything has been heard. */
  async judgeAll(): Promise<void> {
    await this.#settle()
    await this.#judge().all(this.#options.share)
  }

  async #look(): Promise<void> {
    await this.#settle()
    const judge = this.#judge()
    const { people } = this.#world
    const viewers: (Person | undefined)[] = [...people.keys()].filter((one) => people[one]?.suspended === false)
    viewers.push(undefined)
    for (let n = 0; n < LOOK_VIEWERS; n++) await judge.viewer(viewers[this.#random.below(viewers.length)], LOOK_SHARE)
  }

  #judge(): Judge {
    const { door, names } = this.#stage
    const notices: NoticeRule = this.#options.hasty ? { mustHave: undisturbed(this.#acts) } : 'exactly'
    return new Judge({ door, names, world: this.#world, random: this.#random, notices })
  }

  async #settle(): Promise<void> {
    if (!this.#isSettled) await this.#stage.server.settle()
    this.#isSettled = true
  }
}

/** Whether nothing in the story could have kept the notice from being written, at whatever moment its act was heard. */
export function undisturbed(acts: readonly Act[]): Exclude<NoticeRule, 'exactly'>['mustHave'] {
  const disturbing = new Set<Act['do']>(['block', 'mute', 'muteThread', 'clear', 'suspend', 'removeFollower'])
  const disturbed = new Set<Person>()
  for (const act of acts) {
    if (!disturbing.has(act.do) || !('by' in act)) continue
    disturbed.add(act.by)
    if ('to' in act) disturbed.add(act.to)
  }
  return ({ to, from }) => !disturbed.has(to) && !disturbed.has(from)
}
