/**
 * Races around what people see (reliability §7: R1–R4 and R9) on a whole server, over HTTP: acts that start within a few
 * milliseconds of each other, by seed, while everybody reads. What must hold afterwards holds from the first answer on.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import { seededRandom, type Random } from '../../src/seed/random.ts'
import { eventually, type Person } from './people.ts'

/** Acts of a race begin within this time. */
const SPREAD_MS = 12
/** What is derived is there by then. */
const DERIVED_MS_MAX = 2_000
/** A decision of another process is in force by then (I20). */
const SUSPENDED_MS_MAX = 2_000
/** Late deliveries that could undo something have happened by then. */
const AFTERMATH_MS = 60

export interface RaceWorld {
  reader: Person
  author: Person
  booster: Person
  /** As the operator's command line does it: in another process than the server. */
  suspend(person: Person, suspended: boolean): Promise<void>
}

interface Listed {
  id: string
  accountId: string
  boostedId: string | undefined
}

export class Races {
  readonly #world: RaceWorld
  readonly #random: Random
  #round = 0

  constructor(world: RaceWorld, seed: number) {
    this.#world = world
    this.#random = seededRandom(seed)
  }

  /** R1: whatever comes around an unfollow, nothing of the author is at home once it is answered. */
  async unfollow(): Promise<void> {
    const { author, reader } = this.#world
    await this.#follow(true)
    const posts = this.#posts(3)
    const unfollowed = this.#soon(async () => {
      await this.#follow(false)
      await this.#expectNone(reader, author)
    })
    await Promise.all([posts, unfollowed, this.#reads(reader, 4)])
    await sleep(AFTERMATH_MS)
    await this.#expectNone(reader, author)
  }

  /** R2: whatever comes around a follow comes home, once. */
  async follow(): Promise<void> {
    const { reader } = this.#world
    await this.#follow(false)
    await this.#home(reader)
    const followed = this.#soon(() => this.#follow(true))
    const [posted] = await Promise.all([this.#posts(4), followed, this.#reads(reader, 4)])
    await this.#expectAtHome(posted)
  }

  /** R2: so does what comes while somebody changes their mind again and again. */
  async flapping(): Promise<void> {
    const { reader } = this.#world
    const flaps = async () => {
      for (const on of [true, false, true, false, true]) {
        await this.#follow(on)
        await sleep(this.#random.below(4))
      }
    }
    const [posted] = await Promise.all([this.#posts(5), flaps(), this.#reads(reader, 5)])
    await this.#expectAtHome(posted)
  }

  /** R3: nothing is served after a block by either side, or a mute, is answered; all is back when it is taken back. */
  async block(by: 'reader' | 'author' | 'mute'): Promise<void> {
    const { author, reader } = this.#world
    await this.#follow(true)
    const [actor, target] = by === 'author' ? [author, reader] : [reader, author]
    const [act, undo] = by === 'mute' ? ['mute', 'unmute'] : ['block', 'unblock']
    const blocked = this.#soon(async () => {
      await this.#act(actor, `/api/v1/accounts/${target.id}/${act}`)
      await this.#expectNone(reader, author)
    })
    const [posted] = await Promise.all([this.#posts(3), blocked, this.#reads(reader, 4)])
    await sleep(AFTERMATH_MS)
    await this.#expectNone(reader, author)
    if (by === 'author') {
      const [first] = posted
      assert.equal((await reader.call('GET', `/api/v1/statuses/${first}`)).status, 404)
    }
    await this.#act(actor, `/api/v1/accounts/${target.id}/${undo}`)
    await this.#follow(true)
    await this.#expectAtHome(posted)
  }

  /** R4: a deleted status is nobody's ghost, nor are its boosts and what was told of it. */
  async remove(): Promise<void> {
    const { author, booster, reader } = this.#world
    await this.#follow(true)
    const id = await this.#post(`@${reader.username} soon gone`)
    const deleted = this.#soon(async () => {
      await this.#act(author, `/api/v1/statuses/${id}`, 'DELETE')
      await this.#expectGone(id)
    })
    const boosted = this.#soon(() => booster.call('POST', `/api/v1/statuses/${id}/reblog`))
    const answered = this.#soon(() =>
      booster.call('POST', '/api/v1/statuses', { status: 'An answer', in_reply_to_id: id }),
    )
    const liked = this.#soon(() => booster.call('POST', `/api/v1/statuses/${id}/favourite`))
    const all = await Promise.all([boosted, answered, liked, deleted, this.#reads(reader, 3)])
    for (const answer of all.slice(0, 3)) {
      assert.ok(typeof answer === 'object' && 'status' in answer && [200, 404].includes(answer.status))
    }
    await sleep(AFTERMATH_MS)
    await this.#expectGone(id)
    for (const person of [author, reader]) {
      const told = await person.call('GET', '/api/v1/notifications?limit=80')
      assert.ok(!JSON.stringify(told.body).includes(`"id":"${id}"`), 'a notification of what is gone')
    }
  }

  /** R9: a suspended author is refused and unseen, posts in flight included; all acknowledged is back afterwards. */
  async suspend(): Promise<void> {
    const { author, reader } = this.#world
    const suspend = (suspended: boolean) => this.#world.suspend(author, suspended)
    await this.#follow(true)
    const before = await this.#post('Before it')
    const posting = Promise.all(
      Array.from({ length: 4 }, () =>
        this.#soon(() => author.call('POST', '/api/v1/statuses', { status: `In flight ${(this.#round += 1)}` })),
      ),
    )
    const suspending = this.#soon(() => suspend(true))
    const [answers] = await Promise.all([posting, suspending, this.#reads(reader, 4)])
    await eventually(
      SUSPENDED_MS_MAX,
      () => author.call('POST', '/api/v1/statuses', { status: 'Too late' }),
      ({ status }) => status === 403,
    )
    await this.#expectNone(reader, author)
    assert.equal((await reader.call('GET', `/api/v1/statuses/${before}`)).status, 404)
    assert.deepEqual((await reader.call('GET', `/api/v1/accounts/${author.id}/statuses`)).body, [])
    await suspend(false)
    await eventually(
      SUSPENDED_MS_MAX,
      () => author.call('GET', '/api/v1/accounts/verify_credentials'),
      ({ status }) => status === 200,
    )
    const kept = answers.flatMap(({ status, body }) => (status === 200 ? [idOf(body)] : []))
    await this.#expectAtHome([before, ...kept])
  }

  async #follow(on: boolean): Promise<void> {
    const { author, reader } = this.#world
    await this.#act(reader, `/api/v1/accounts/${author.id}/${on ? 'follow' : 'unfollow'}`)
  }

  async #act(person: Person, path: string, method = 'POST'): Promise<void> {
    const { status, body } = await person.call(method, path)
    assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`)
  }

  async #post(text: string): Promise<string> {
    const { status, body } = await this.#world.author.call('POST', '/api/v1/statuses', { status: text })
    assert.equal(status, 200, JSON.stringify(body))
    return idOf(body)
  }

  #posts(count: number): Promise<string[]> {
    return Promise.all(Array.from({ length: count }, () => this.#soon(() => this.#post(`Round ${(this.#round += 1)}`))))
  }

  async #reads(person: Person, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#soon(() => this.#home(person))))
  }

  async #soon<T>(act: () => Promise<T>): Promise<T> {
    await sleep(this.#random.below(SPREAD_MS))
    return act()
  }

  /** The first page; its order is right at every moment. */
  async #home(person: Person): Promise<Listed[]> {
    const { status, body } = await person.call('GET', '/api/v1/timelines/home?limit=40')
    assert.ok(status === 200 && Array.isArray(body), JSON.stringify(body))
    const listed = body.map(listedOf)
    const descends = listed.every(({ id }, index) => index === 0 || BigInt(id) < BigInt(listed[index - 1]?.id ?? '0'))
    assert.ok(descends, `a home out of order: ${listed.map(({ id }) => id).join(' ')}`)
    return listed
  }

  async #expectNone(viewer: Person, author: Person): Promise<void> {
    const seen = (await this.#home(viewer)).filter(({ accountId }) => accountId === author.id)
    assert.deepEqual(seen, [], `${viewer.username} sees ${author.username}`)
  }

  /** Each once: more than once would be out of order. */
  async #expectAtHome(ids: readonly string[]): Promise<void> {
    await eventually(
      DERIVED_MS_MAX,
      () => this.#home(this.#world.reader),
      (home) => ids.every((id) => home.some((each) => each.id === id)),
    )
  }

  async #expectGone(id: string): Promise<void> {
    for (const person of [this.#world.author, this.#world.reader, this.#world.booster]) {
      const home = await this.#home(person)
      assert.ok(!home.some((each) => each.id === id || each.boostedId === id), `a ghost in ${person.username}’s home`)
      for (const path of ['', '/context', '/favourited_by', '/reblogged_by', '/history']) {
        assert.equal((await person.call('GET', `/api/v1/statuses/${id}${path}`)).status, 404, path)
      }
      for (const path of ['/api/v1/timelines/public', `/api/v1/accounts/${this.#world.booster.id}/statuses`]) {
        const list = await person.call('GET', path)
        assert.ok(!JSON.stringify(list.body).includes(`"id":"${id}"`), `a ghost on ${path}`)
      }
    }
  }
}

function idOf(body: unknown): string {
  assert.ok(typeof body === 'object' && body !== null && 'id' in body, JSON.stringify(body))
  return String(body.id)
}

function listedOf(status: { id: string; account: { id: string }; reblog: { id: string } | null }): Listed {
  return { id: status.id, accountId: status.account.id, boostedId: status.reblog?.id }
}
