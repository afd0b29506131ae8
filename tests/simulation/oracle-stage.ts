/** A server with the people of a story on it, on which acts are carried out. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import type { AccountId } from '../../src/snowflake/contract.ts'
import type { Act, Outcome } from './model-acts.ts'
import type { Person } from './model.ts'
import { contractDoor } from './oracle-door-contract.ts'
import { httpDoor } from './oracle-door-http.ts'
import { Refused, type Door, type Id } from './oracle-door.ts'
import { Names } from './oracle-names.ts'
import type { Story } from './oracle-plan.ts'
import { openServer, type Server, type ServerOptions } from './oracle-server.ts'

export async function openStage(
  story: Story,
  { http, lateMs, env }: Pick<ServerOptions, 'http' | 'lateMs' | 'env'>,
): Promise<Stage> {
  await using resources = new AsyncDisposableStack()
  const server = resources.use(await openServer({ ...story, http, lateMs, env }))
  const names = new Names()
  const tokens = new Map<Id, string>()
  for (const [person, { locked }] of story.people.entries()) {
    const id = await server.signUp(names.person(person))
    names.addPerson(id.toString())
    if (locked) await server.blocks.people.accounts.changeProfile(id, { locked })
    if (http) tokens.set(id.toString(), await server.token(id))
  }
  await server.settle()
  const past = contractDoor(
    () => server.blocks,
    () => server.nowMs(),
  )
  const stage = new Stage({ server, names, door: http ? httpDoor(() => server.url, tokens) : past })
  resources.move()
  return stage
}

const HEARD_MS_MAX = 60_000

interface Parts {
  server: Server
  names: Names
  door: Door
}

export class Stage implements AsyncDisposable {
  readonly server: Server
  readonly names: Names
  readonly door: Door

  constructor({ server, names, door }: Parts) {
    this.server = server
    this.names = names
    this.door = door
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }

  async perform(act: Act): Promise<Outcome> {
    try {
      await this.#carryOut(act)
      return 'done'
    } catch (error) {
      if (error instanceof Refused) return error.code as Outcome
      throw error
    }
  }

  /** Nobody's caches are told of a suspension but by its event: until then its own author may be shown as it was before. */
  async untilSuspensionIsHeard(person: Person, suspended: boolean): Promise<void> {
    const id = BigInt(this.names.idOfPerson(person)) as AccountId
    const deadlineMs = performance.now() + HEARD_MS_MAX
    for (;;) {
      const [view] = await this.server.blocks.hydration.accounts([id])
      if (view?.account.suspended === suspended) return
      assert.ok(
        performance.now() < deadlineMs,
        `nobody has heard of ${this.names.person(person)}’s suspension or its end`,
      )
      await sleep(1)
    }
  }

  /** What holds as soon as the act is done, whatever is still on its way (I1, I7). */
  async checkAtOnce(act: Act): Promise<void> {
    const { door, names } = this
    switch (act.do) {
      case 'unfollow':
      case 'block':
      case 'mute': {
        // It may be over already.
        if (act.do === 'mute' && act.minutes !== null) return
        const home = await door.home(names.idOfPerson(act.by), { limit: 40 })
        const left = home.filter(({ account }) => names.personOf(account.id) === act.to)
        assert.deepEqual(
          left.map(({ id }) => names.postOf(id)),
          [],
          `posts by ${names.person(act.to)} are still at home`,
        )
        return
      }
      case 'delete': {
        const id = names.idOfPost(act.of)
        const home = await door.home(names.idOfPerson(act.by), { limit: 40 })
        assert.ok(!home.some((one) => one.id === id || one.reblog?.id === id), `${act.of} is a ghost at home`)
        assert.equal(await door.status(undefined, id), undefined, `${act.of} is a ghost`)
        return
      }
      case 'post': {
        const by = names.idOfPerson(act.by)
        const [newest] = await door.profile(by, by, { limit: 1 }, {})
        assert.equal(newest?.id, names.idOfPost(act.post), 'one’s own post is not on one’s profile')
        return
      }
      default:
    }
  }

  async #carryOut(act: Act): Promise<void> {
    switch (act.do) {
      case 'wait':
        this.server.moveClock(act.minutes)
        return
      case 'restart':
        return this.server.restart()
      default:
        return 'of' in act ? this.#actOnPost(act) : 'to' in act ? this.#actOnPerson(act) : this.#actAlone(act)
    }
  }

  async #actAlone(
    act: Exclude<Act, { of: number } | { to: Person } | { do: 'wait' } | { do: 'restart' }>,
  ): Promise<void> {
    const { door, names, server } = this
    const by = names.idOfPerson(act.by)
    switch (act.do) {
      case 'post': {
        const { language, visibility } = act
        const replyTo = act.replyTo === null ? undefined : names.idOfPost(act.replyTo)
        const text = this.#text(act.words, act.mentions)
        names.addPost(act.post, await door.post(by, { text, language, visibility, replyTo }))
        return
      }
      case 'suspend':
      case 'unsuspend':
        return server.blocks.people.accounts.setSuspended(BigInt(by) as AccountId, act.do === 'suspend')
      case 'clear':
        return door.clearNotifications(by)
      case 'look':
        await door.home(by, { limit: act.rows })
        return
      case 'forget':
        return server.blocks.timelineCache.drop(BigInt(by) as AccountId)
    }
  }

  async #actOnPost(act: Extract<Act, { of: number }>): Promise<void> {
    const { door, names } = this
    const by = names.idOfPerson(act.by)
    const of = names.idOfPost(act.of)
    switch (act.do) {
      case 'boost': {
        const id = await door.boost(by, of, act.visibility)
        if (names.postOf(id) === -1) names.addPost(act.post, id)
        return
      }
      case 'edit':
        return door.edit(by, of, { text: this.#text(act.words, act.mentions), language: act.language })
      case 'delete':
        return door.remove(by, of)
      default:
        return door.mark(by, act.do, of)
    }
  }

  async #actOnPerson(act: Extract<Act, { to: Person }>): Promise<void> {
    const { door, names } = this
    const by = names.idOfPerson(act.by)
    const to = names.idOfPerson(act.to)
    switch (act.do) {
      case 'follow': {
        const { boosts, bell, languages } = act
        return door.follow(by, to, {
          ...(boosts !== undefined && { boosts }),
          ...(bell !== undefined && { bell }),
          ...(languages !== undefined && { languages }),
        })
      }
      case 'mute':
        return door.mute(by, to, act.notifications, (act.minutes ?? 0) * 60)
      default:
        return door.edge(by, act.do, to)
    }
  }

  #text(words: string, mentions: readonly Person[]): string {
    return [words, ...mentions.map((one) => `@${this.names.person(one)}`)].join(' ')
  }
}
