import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { StatusView } from '../../src/hydration/contract.ts'
import { AppError, notFound } from '../../src/kit/errors.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { graphFacts, type Relation } from '../../src/social-graph/contract.ts'
import { readThread, THREAD_LIMITS } from '../../src/timeline-service/thread.ts'
import { accountView, statusView } from '../world/views.ts'

const VIEWER = 1n as AccountId
const id = (n: number): StatusId => BigInt(n) as StatusId

interface Written {
  n: number
  by?: number
  to?: number
  hidden?: boolean
  silenced?: boolean
}

/** A conversation of these statuses; `relations` are the viewer's, by author. */
function threadOf(written: Written[], relations: Record<number, Partial<Relation>> = {}) {
  const byId = new Map(written.map((one) => [id(one.n), one]))
  const view = ({ n, by = 2, to, silenced = false }: Written): StatusView => {
    const parent = to === undefined ? undefined : byId.get(id(to))
    return statusView(BigInt(n), accountView(BigInt(by), `person${by}`, { silenced }), {
      inReplyTo: to === undefined ? null : id(to),
      inReplyToAccount: parent === undefined ? null : (BigInt(parent.by ?? 2) as AccountId),
    })
  }
  const visible = (one: StatusId) => byId.get(one)?.hidden !== true && byId.has(one)
  return {
    graph: { relation: (_viewer: AccountId, target: AccountId) => graphFacts(relations[Number(target)] ?? {}) },
    hydration: {
      statuses: async (ids: readonly StatusId[]) =>
        ids.filter(visible).flatMap((one) => view(byId.get(one) ?? { n: 0 })),
      status: async (one: StatusId) => {
        if (!visible(one)) throw notFound()
        return view(byId.get(one) ?? { n: 0 })
      },
      unjudged: async () => undefined,
      accounts: async () => [],
      forgetStatus: () => {},
      expect: () => () => {},
      forgetMarks: () => {},
      forgetAccount: () => {},
    },
    statuses: {
      conversation: async () =>
        written.map(({ n, to, by = 2 }) => ({
          id: id(n),
          inReplyTo: to === undefined ? null : id(to),
          accountId: BigInt(by) as AccountId,
        })),
    },
  }
}

async function read(written: Written[], n: number, viewer?: AccountId, relations?: Record<number, Partial<Relation>>) {
  const { ancestors, descendants } = await readThread(threadOf(written, relations), viewer, id(n))
  const numbers = (views: StatusView[]) => views.map(({ status }) => Number(status.id))
  return { ancestors: numbers(ancestors), descendants: numbers(descendants) }
}

test('ancestors come from the root down, descendants depth first, siblings by time', async () => {
  const written = [
    { n: 1 },
    { n: 2, by: 3, to: 1 },
    { n: 3, by: 4, to: 2 },
    { n: 4, by: 5, to: 3 },
    { n: 5, by: 6, to: 3 },
    { n: 6, by: 7, to: 4 },
    { n: 7, by: 8, to: 1 },
  ]
  assert.deepEqual(await read(written, 3, VIEWER), { ancestors: [1, 2], descendants: [4, 6, 5] })
  assert.deepEqual(await read(written, 1, VIEWER), { ancestors: [], descendants: [2, 3, 4, 6, 5, 7] })
})

test('what authors add to their own statuses comes first, as Mastodon sorts', async () => {
  const written = [{ n: 1 }, { n: 2, by: 3, to: 1 }, { n: 3, by: 2, to: 1 }, { n: 4, by: 3, to: 2 }]
  assert.deepEqual(await read(written, 1, VIEWER), { ancestors: [], descendants: [4, 3, 2] })
})

test('what the viewer may not see is left out, what hangs below it stays', async () => {
  const written = [
    { n: 1, hidden: true },
    { n: 2, to: 1 },
    { n: 3, by: 3, to: 2, hidden: true },
    { n: 4, by: 4, to: 3 },
  ]
  assert.deepEqual(await read(written, 2, VIEWER), { ancestors: [], descendants: [4] })
})

test('people the viewer blocks or mutes are left out, and people a moderator silenced unless followed', async () => {
  const written = [
    { n: 1 },
    { n: 2, by: 3, to: 1 },
    { n: 3, by: 4, to: 1 },
    { n: 4, by: 5, to: 1, silenced: true },
    { n: 5, by: 6, to: 1, silenced: true },
  ]
  const relations = { 3: { blocking: true }, 4: { muting: true }, 5: { following: true } }
  assert.deepEqual((await read(written, 1, VIEWER, relations)).descendants, [4])
  assert.deepEqual((await read(written, 1)).descendants, [2, 3])
})

test('the thread of a status that the viewer may not see is not found', async () => {
  await assert.rejects(
    read([{ n: 1, hidden: true }], 1, VIEWER),
    (error) => error instanceof AppError && error.code === 'not_found',
  )
})

test('an anonymous visitor sees the nearest ancestors, and descendants to a depth', async () => {
  const chain = Array.from({ length: 100 }, (_, n) => (n === 0 ? { n: 1 } : { n: n + 1, by: n + 2, to: n }))
  const { anonymous } = THREAD_LIMITS
  assert.deepEqual(
    (await read(chain, 90)).ancestors,
    chain.slice(89 - anonymous.ancestors, 89).map(({ n }) => n),
  )
  assert.deepEqual(
    (await read(chain, 1)).descendants,
    chain.slice(1, 1 + anonymous.depth).map(({ n }) => n),
  )
  assert.equal((await read(chain, 90, VIEWER)).ancestors.length, 89)
  assert.equal((await read(chain, 1, VIEWER)).descendants.length, 99)
})
