/**
 * Whatever people do, and in whatever order, however often and side by side the events of it arrive: in the end exactly
 * the notifications of what stands are there, once each (I10; R4, R7, R10, R11).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { EventBodies, GraphChange } from '../../src/events/contract.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import { alice, bob, carol, notificationWorld, type NotificationWorld } from '../world/notifications.ts'

const PEOPLE = [alice, bob, carol]
const RUNS = 25

type Act =
  | { do: 'post'; by: AccountId; mention: AccountId }
  | { do: 'delete'; nth: number }
  | { do: 'boost'; by: AccountId; nth: number }
  | { do: 'favourite' | 'unfavourite'; by: AccountId; nth: number }
  | { do: 'follow' | 'unfollow' | 'ask' | 'withdraw'; by: AccountId; whom: AccountId }

const person = fc.constantFrom(...PEOPLE)
/** Few, so that doings meet. */
const nth = fc.nat({ max: 2 })
/** Deletes are rare, so that something is left to be wrong about. */
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('post' as const), by: person, mention: person }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), nth }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('boost' as const), by: person, nth }) },
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constantFrom('favourite' as const, 'unfavourite' as const), by: person, nth }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom('follow' as const, 'unfollow' as const, 'ask' as const, 'withdraw' as const),
      by: person,
      whom: person,
    }),
  },
)

type Delivery = () => Promise<void>

/** Changes the world, and gives the deliveries of the events that tell of it. */
class Doings {
  readonly deliveries: Delivery[] = []
  readonly #world: NotificationWorld
  readonly #posts: StatusRecord[] = []
  #nextId = 100n
  #version = 0n

  constructor(world: NotificationWorld) {
    this.#world = world
  }

  perform(doing: Act): void {
    switch (doing.do) {
      case 'post': {
        const status = this.#world.addStatus(this.#nextId++, doing.by, { mentions: [doing.mention] })
        this.#posts.push(status)
        this.#created(status)
        return
      }
      case 'boost': {
        const original = this.#posts[doing.nth]
        if (original === undefined || !this.#world.statuses.has(original.id)) return
        this.#created(this.#world.addStatus(this.#nextId++, doing.by, { boostOf: original.id }))
        return
      }
      case 'delete':
        return this.#delete(this.#posts[doing.nth])
      case 'favourite':
      case 'unfavourite':
        return this.#favourite(doing.do, doing.by, this.#posts[doing.nth])
      default:
        return this.#edge(doing.do, doing.by, doing.whom)
    }
  }

  #created(status: StatusRecord): void {
    this.deliveries.push(() => this.#world.created(status))
  }

  /** Boosts go with their original, each with an event of its own. */
  #delete(status: StatusRecord | undefined): void {
    if (status === undefined) return
    for (const one of this.#world.statuses.values()) {
      if (one.id !== status.id && one.boostOf !== status.id) continue
      this.#world.statuses.delete(one.id)
      const body = { id: one.id, author: one.accountId, boostOf: one.boostOf }
      this.deliveries.push(() => this.#world.tell('status.deleted', body))
    }
  }

  #favourite(how: 'favourite' | 'unfavourite', by: AccountId, status: StatusRecord | undefined): void {
    if (status === undefined || !this.#world.statuses.has(status.id)) return
    const key = `${by}>${status.id}`
    if (how === 'favourite') this.#world.favourites.add(key)
    else if (!this.#world.favourites.delete(key)) return
    const type = how === 'favourite' ? 'favourite.added' : 'favourite.removed'
    const body: EventBodies['favourite.added'] = { status: status.id, author: status.accountId, by }
    this.deliveries.push(() => this.#world.tell(type, body))
  }

  #edge(how: 'follow' | 'unfollow' | 'ask' | 'withdraw', by: AccountId, whom: AccountId): void {
    const { following, requested } = this.#world.relation(by, whom)
    if (by === whom) return
    if (how === 'follow' && !following) {
      this.#world.relate(by, whom, { following: true, requested: false })
      this.#changed(by, whom, requested ? 'request_accepted' : 'followed')
    }
    if (how === 'unfollow' && following) {
      this.#world.relate(by, whom, { following: false })
      this.#changed(by, whom, 'unfollowed')
    }
    if (how === 'ask' && !following && !requested) {
      this.#world.relate(by, whom, { requested: true })
      this.#changed(by, whom, 'requested')
    }
    if (how === 'withdraw' && requested) {
      this.#world.relate(by, whom, { requested: false })
      this.#changed(by, whom, 'request_withdrawn')
    }
  }

  #changed(source: AccountId, target: AccountId, change: GraphChange): void {
    this.#version += 1n
    const body = { source, target, change, version: this.#version }
    this.deliveries.push(() => this.#world.tell('graph.changed', body))
  }
}

/** What stands, as `recipient type sender about`. */
function expected(world: NotificationWorld): string[] {
  const lines: string[] = []
  const add = (recipient: AccountId, type: string, sender: AccountId, about: StatusId | null) => {
    if (recipient !== sender) lines.push(`${recipient} ${type} ${sender} ${about}`)
  }
  for (const status of world.statuses.values()) {
    for (const mentioned of status.mentions) add(mentioned, 'mention', status.accountId, status.id)
    const original = status.boostOf === null ? undefined : world.statuses.get(status.boostOf)
    if (original !== undefined) add(original.accountId, 'reblog', status.accountId, original.id)
    for (const by of PEOPLE) {
      if (world.favourites.has(`${by}>${status.id}`)) add(status.accountId, 'favourite', by, status.id)
    }
  }
  for (const by of PEOPLE) {
    for (const whom of PEOPLE) {
      const { following, requested } = world.relation(by, whom)
      if (following) add(whom, 'follow', by, null)
      if (requested) add(whom, 'follow_request', by, null)
    }
  }
  return lines.toSorted()
}

/** What is in the table, whatever the rules would hide. */
async function kept(world: NotificationWorld): Promise<string[]> {
  const rows = await world.database.rows<{ line: string }>`
    select recipient || ' ' || type || ' ' || sender || ' ' || coalesce(status_id::text, 'null') as line
    from notifications where not dismissed`
  return rows.map(({ line }) => line).toSorted()
}

async function shown(world: NotificationWorld): Promise<string[]> {
  const filter = { types: undefined, excludeTypes: undefined, from: undefined }
  const lists = await Promise.all(
    PEOPLE.map((recipient) => world.notifications.list(recipient, { limit: 1000 }, filter)),
  )
  return lists
    .flat()
    .map(({ record }) => `${record.recipient} ${record.type} ${record.from} ${record.status}`)
    .toSorted()
}

/** Twice each, shuffled, `width` at a time. */
async function deliverAll(deliveries: readonly Delivery[], places: readonly number[], width: number): Promise<void> {
  const queue = [...deliveries, ...deliveries]
    .map((deliver, index) => ({ deliver, place: places[index] ?? 0 }))
    .toSorted((a, b) => a.place - b.place)
  for (let from = 0; from < queue.length; from += width) {
    await Promise.all(queue.slice(from, from + width).map(({ deliver }) => deliver()))
  }
}

test('in the end there is one notification for each thing that stands, and none for anything else', async () => {
  await using world = await notificationWorld()
  const scenario = fc.record({
    before: fc.array(act, { minLength: 10, maxLength: 30 }),
    after: fc.array(act, { minLength: 10, maxLength: 30 }),
    places: fc.array(fc.nat(), { minLength: 200, maxLength: 200 }),
    width: fc.integer({ min: 1, max: 6 }),
  })
  const property = fc.asyncProperty(scenario, async ({ before, after, places, width }) => {
    await world.database.run`delete from notifications`
    for (const state of [world.statuses, world.favourites, world.relations]) state.clear()
    const doings = new Doings(world)
    for (const by of PEOPLE) doings.perform({ do: 'post', by, mention: alice })
    for (const doing of before) doings.perform(doing)
    // Events of the first half are still under way while the second happens.
    const early = deliverAll(doings.deliveries.slice(), places, width)
    for (const doing of after) doings.perform(doing)
    await early
    await deliverAll(doings.deliveries, places, width)
    assert.deepEqual(await shown(world), expected(world))
    assert.deepEqual(await kept(world), expected(world))
  })
  await fc.assert(property, { numRuns: RUNS })
})
