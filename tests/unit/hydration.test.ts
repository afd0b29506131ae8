/** What the caches of hydration forget when they hear of a change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BusMessage } from '../../src/engines/bus/contract.ts'
import { encodeEvent } from '../../src/events/contract.ts'
import { CachedHydration } from '../../src/hydration/hydration.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { NO_RELATION } from '../../src/social-graph/contract.ts'
import { accountView, statusView } from '../world/views.ts'

const ALICE = 1n as AccountId
const BOB = 2n as AccountId

test('whom a status mentions is told as things are: not while they are suspended, and again afterwards', async () => {
  const suspended = new Set<AccountId>()
  const { status } = statusView(10n, accountView(ALICE, 'alice'), { mentions: [BOB] })
  const hydration = new CachedHydration({
    accounts: {
      byIds: async (ids) => ids.map((id) => accountView(id, `p${id}`, { suspended: suspended.has(id) }).account),
    },
    oauth: { appById: async () => undefined },
    graph: { changes: 0, relation: () => NO_RELATION, followerCount: () => 0, followingCount: () => 0 },
    statuses: {
      byIds: async () => [status],
      counts: async () => new Map(),
      marks: async () => new Map(),
      authorStats: async () => new Map(),
      polls: async () => new Map(),
    },
    media: { byIds: async () => [] },
  })
  let hear: (message: BusMessage) => void = () => assert.fail('nobody listens')
  using _listening = hydration.listenTo({
    listen: (_types, heard) => {
      hear = heard
      return { [Symbol.dispose]() {} }
    },
  })
  const change = (kind: 'suspended' | 'unsuspended') => {
    if (kind === 'suspended') suspended.add(BOB)
    else suspended.delete(BOB)
    hear({ ...encodeEvent('account.changed', BOB, { id: BOB, change: kind }), id: 1n, createdAtMs: 0 })
  }
  const mentioned = async () => (await hydration.status(status.id, undefined)).mentions.map(({ id }) => id)
  assert.deepEqual(await mentioned(), [BOB])
  change('suspended')
  assert.deepEqual(await mentioned(), [])
  change('unsuspended')
  assert.deepEqual(await mentioned(), [BOB])
})
