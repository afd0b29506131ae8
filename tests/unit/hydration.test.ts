/** What the caches of hydration forget when they hear of a change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BusMessage } from '../../src/engines/bus/contract.ts'
import { encodeEvent, type EncodedEvent } from '../../src/events/contract.ts'
import { CachedHydration } from '../../src/hydration/hydration.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { NO_RELATION } from '../../src/social-graph/contract.ts'
import type { StatusRecord } from '../../src/status-store/contract.ts'
import { accountView, statusView } from '../world/views.ts'

const ALICE = 1n as AccountId
const BOB = 2n as AccountId

interface Truth {
  suspended?: ReadonlySet<AccountId>
  statuses: readonly StatusRecord[]
  replies?: ReadonlyMap<StatusId, number>
}

/** Hydration over a store that is `truth`, and how it is told of events. */
function openHydration({ suspended = new Set(), statuses, replies = new Map() }: Truth) {
  const hydration = new CachedHydration({
    accounts: {
      byIds: async (ids) => ids.map((id) => accountView(id, `p${id}`, { suspended: suspended.has(id) }).account),
    },
    oauth: { appById: async () => undefined },
    graph: { changes: 0, relation: () => NO_RELATION, followerCount: () => 0, followingCount: () => 0 },
    statuses: {
      byIds: async (ids) => statuses.filter(({ id }) => ids.includes(id)),
      counts: async (ids) =>
        new Map(ids.map((id) => [id, { replies: replies.get(id) ?? 0, boosts: 0, favourites: 0 }])),
      marks: async () => new Map(),
      authorStats: async () => new Map(),
      polls: async () => new Map(),
    },
    media: { byIds: async () => [] },
  })
  let hear: (message: BusMessage) => void = () => assert.fail('nobody listens')
  const listening = hydration.listenTo({
    listen: (_types, heard) => {
      hear = heard
      return { [Symbol.dispose]() {} }
    },
  })
  return {
    hydration,
    tell: (event: EncodedEvent) => hear({ ...event, id: 1n, createdAtMs: 0 }),
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  }
}

test('whom a status mentions is told as things are: not while they are suspended, and again afterwards', async () => {
  const suspended = new Set<AccountId>()
  const { status } = statusView(10n, accountView(ALICE, 'alice'), { mentions: [BOB] })
  using world = openHydration({ suspended, statuses: [status] })
  const change = (kind: 'suspended' | 'unsuspended') => {
    if (kind === 'suspended') suspended.add(BOB)
    else suspended.delete(BOB)
    world.tell(encodeEvent('account.changed', BOB, { id: BOB, change: kind }))
  }
  const mentioned = async () => (await world.hydration.status(status.id, undefined)).mentions.map(({ id }) => id)
  assert.deepEqual(await mentioned(), [BOB])
  change('suspended')
  assert.deepEqual(await mentioned(), [])
  change('unsuspended')
  assert.deepEqual(await mentioned(), [BOB])
})

test('an answer that somebody else’s process deleted no longer counts, also where nobody has read it', async () => {
  const { status } = statusView(10n, accountView(ALICE, 'alice'))
  const replies = new Map([[status.id, 1]])
  using world = openHydration({ statuses: [status], replies })
  const counted = async () => (await world.hydration.status(status.id, undefined)).counts.replies
  assert.equal(await counted(), 1)
  replies.set(status.id, 0)
  const answer = { id: 11n as StatusId, author: BOB, boostOf: null, inReplyTo: status.id }
  world.tell(encodeEvent('status.deleted', BOB, answer))
  assert.equal(await counted(), 0)
})
