/**
 * Streams that break and come back (I12, F16), over the world of the homes, where every answer and every message may be
 * late: who listens all the time, who comes back and says what they saw last, and who comes back and reads their home has
 * seen what their home shows, and nothing that it never showed. A failure names its seed; `SEED=n` runs that one alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { EventLine } from '../../src/http-push/event-line.ts'
import { Hub } from '../../src/http-push/hub.ts'
import { STREAM_LIMITS } from '../../src/http-push/limits.ts'
import { silentLog } from '../../src/kit/log.ts'
import { site } from '../../src/mastodon/site.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import { handClock } from '../world/statuses.ts'
import { belongsHome } from './home-model.ts'
import { HomeWorld } from './home-world.ts'
import { Schedule } from './schedule.ts'

const HISTORIES = Number(process.env['SEEDS'] ?? 120)
const PEOPLE = 5
const ROUNDS = 3
const ACTS = 14
const HOME_CHANNEL = { kind: 'user', names: ['user'], tag: '', list: 0n } as const

/** What comes through a socket that always has room. */
class Wire {
  destroyed = false
  readonly writable = true
  readonly writableLength = 0
  readonly #take: (text: string) => void

  constructor(take: (text: string) => void) {
    this.#take = take
  }

  write(bytes: Buffer): void {
    this.#take(bytes.toString())
  }

  end(last: Buffer): void {
    this.write(last)
  }

  destroy(): void {
    this.destroyed = true
  }

  once(): void {}
}

/** An app of one person: it holds a stream, loses it now and then, and comes back in its own way. */
class App {
  readonly viewer: AccountId
  readonly resumes: boolean
  /** By the stream or by reading. */
  readonly seen = new Set<StatusId>()
  readonly streamed: { event: string; status: StatusId }[] = []
  line: EventLine | undefined
  #lastId: bigint | undefined
  readonly #world: HomeWorld
  readonly #hub: Hub

  constructor(viewer: AccountId, resumes: boolean, where: { world: HomeWorld; hub: Hub }) {
    this.viewer = viewer
    this.resumes = resumes
    this.#world = where.world
    this.#hub = where.hub
  }

  async connect(): Promise<void> {
    await this.#world.schedule.pause()
    if (this.line !== undefined) return
    const listener = await this.#hub.listener(this.viewer)
    const owner = { listener, tokenHash: '', scopes: ['read'], hearsNotifications: true, address: '' }
    const wire = new Wire((text) => this.#take(text))
    const line = new EventLine(owner, wire, { turn: 0, queuedBytesMax: 1, onDrop: () => {} })
    this.line = line
    this.#hub.add(line)
    const channel = { ...HOME_CHANNEL, key: `user ${this.viewer}` }
    if (this.resumes && this.#lastId !== undefined) {
      if (this.#hub.subscribeAfter(line, channel, this.#lastId)) return
    } else {
      this.#hub.subscribe(line, channel)
    }
    await this.#world.schedule.pause()
    const { statuses } = await this.#world.timelines.home(this.viewer, { limit: 40 })
    for (const { status } of statuses) this.seen.add(status.id)
  }

  async lose(): Promise<void> {
    await this.#world.schedule.pause()
    if (this.line === undefined) return
    this.line.drop('silent')
    this.#hub.remove(this.line)
    this.line = undefined
  }

  #take(text: string): void {
    const frame = /^id: (\d+)\nevent: (\S+)\ndata: (.*)\n\n$/.exec(text)
    if (frame === null) return
    const [, id = '', event = '', data = ''] = frame
    this.#lastId = BigInt(id)
    const status = BigInt(/^(?:\{"id":")?(\d+)/.exec(data)?.[1] ?? 0) as StatusId
    this.streamed.push({ event, status })
    if (event !== 'delete') this.seen.add(status)
  }
}

interface Story {
  world: HomeWorld
  apps: App[]
  /** Every status ever written. */
  written: StatusRecord[]
  /** Pairs whose relation changed while statuses of the round travelled: either answer is right. */
  touched: Set<string>
  /** Readers and statuses between whom that ever was so. */
  unsettled: Set<string>
}

test('whoever listens, resumes or reads after coming back has seen all of their home, and nothing else', async () => {
  const only = Number(process.env['SEED'] ?? 0)
  let streamed = 0
  for (let seed = only || 1; seed <= (only || HISTORIES); seed++) {
    const schedule = new Schedule(seed)
    const world = new HomeWorld(schedule, { people: PEOPLE, followersMax: schedule.random.pick([2, 1_000]) })
    using hub = hubOf(world)
    const apps = world.people.map((viewer, n) => new App(viewer, n % 2 === 0, { world, hub }))
    const story: Story = { world, apps, written: [], touched: new Set(), unsettled: new Set() }
    try {
      for (let round = 0; round < ROUNDS; round++) {
        await settle(schedule, actAtRandom(story))
        await settle(schedule, Promise.all(apps.map((app) => app.connect())))
        judge(story)
      }
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
    streamed += apps.reduce((sum, app) => sum + app.streamed.length, 0)
  }
  assert.ok(streamed > (only === 0 ? HISTORIES * PEOPLE : 0), 'the stories have something to tell')
})

function hubOf(world: HomeWorld): Hub {
  return new Hub({
    bus: world.bus,
    graph: world.graph,
    hydration: world.hydration,
    lists: { hiddenFromHome: () => undefined, watchedWith: () => [] },
    tagFollows: { followedBy: () => new Set() },
    conversations: { find: async () => undefined },
    notifications: { find: async () => undefined },
    filters: async () => () => [],
    site: site(urls('https://example.org', 'example.org')),
    clock: handClock(),
    log: silentLog,
    limits: STREAM_LIMITS,
  })
}

async function settle(schedule: Schedule, story: Promise<unknown>): Promise<void> {
  let isOver = false
  const over = story.finally(() => {
    isOver = true
  })
  over.catch(() => {})
  await schedule.runUntilIdle()
  if (!isOver) assert.fail('the story waits for something that never happens')
  await over
}

async function actAtRandom(story: Story): Promise<void> {
  const { world, apps } = story
  const { random } = world.schedule
  story.touched.clear()
  const acts = Array.from({ length: ACTS }, () => async () => {
    const [one, other] = [random.pick(world.people), random.pick(world.people)]
    const kind = random.unit()
    if (kind < 0.4) {
      await write(story, one, other)
      return
    }
    if (kind < 0.5) return removeOne(story)
    if (kind < 0.65) return random.pick(apps).lose()
    if (kind < 0.8) return random.pick(apps).connect()
    if (one === other) return
    story.touched.add(pairOf(one, other))
    if (kind < 0.9) return world.follow(one, other)
    await world[random.pick(['unfollow', 'block', 'unblock', 'mute', 'unmute'] as const)](one, other)
  })
  await Promise.all(acts.map((act) => act()))
}

async function write({ world, written }: Story, author: AccountId, other: AccountId): Promise<void> {
  const { random } = world.schedule
  const earlier = written.filter(({ id }) => world.statuses.has(id))
  const about = earlier.length === 0 ? undefined : random.pick(earlier)
  const kind = random.unit()
  const visibility = random.pick(['public', 'public', 'unlisted', 'private', 'direct'] as const)
  if (about !== undefined && kind < 0.3 && about.boostOf === null && about.visibility === 'public') {
    written.push(await world.post(author, { boostOf: about }))
  } else if (about !== undefined && kind < 0.5 && about.boostOf === null) {
    written.push(await world.post(author, { inReplyTo: about, visibility }))
  } else {
    written.push(
      await world.post(author, { visibility, mentions: kind < 0.8 || visibility === 'direct' ? [other] : [] }),
    )
  }
}

async function removeOne({ world, written }: Story): Promise<void> {
  const there = written.filter(({ id }) => world.statuses.has(id))
  if (there.length > 0) await world.remove(world.schedule.random.pick(there))
}

function judge({ world, apps, written, touched, unsettled }: Story): void {
  for (const app of apps) {
    for (const status of written) {
      const original = written.find(({ id }) => id === status.boostOf)
      const { mentions } = original ?? status
      const others = [status.accountId, original?.accountId, status.inReplyToAccount, ...mentions]
      const pair = `${app.viewer} ${status.id}`
      if (others.some((one) => one !== null && one !== undefined && touched.has(pairOf(app.viewer, one))))
        unsettled.add(pair)
      if (unsettled.has(pair) || !world.statuses.has(status.id)) continue
      const about = `${app.viewer}, ${status.visibility} status ${status.id} by ${status.accountId}`
      if (belongsHome(world, app.viewer, status)) assert.ok(app.seen.has(status.id), `missed: ${about}`)
      else assert.ok(!app.seen.has(status.id), `seen, and never at home: ${about}`)
    }
    judgeOrder(app)
  }
}

/** Nothing is taken back before it is told, unless it was told before the line was lost. */
function judgeOrder(app: App): void {
  const gone = new Set<StatusId>()
  for (const { event, status } of app.streamed) {
    if (event === 'delete') gone.add(status)
    else assert.ok(!gone.has(status), `${app.viewer} was told of ${status} after its deletion`)
  }
}

function pairOf(one: AccountId, other: AccountId): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}
