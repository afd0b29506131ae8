import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BusMessage } from '../../src/engines/bus/contract.ts'
import { encodeEvent, type EventBodies, type EventType } from '../../src/events/contract.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { Celebrities } from '../../src/timeline-service/celebrities.ts'
import { accountId, statusId } from '../world/statuses.ts'

const STAR = accountId(1)
const rowOf = (id: StatusId, author: AccountId) => ({
  id,
  author,
  boostOf: null,
  boostedAuthor: null,
  inReplyTo: null,
  inReplyToAccount: null,
})

test('what a celebrity deletes is gone from the list that readers merge, whether loaded before or meanwhile', async () => {
  let hear: (message: BusMessage) => void = () => {}
  const loading = Promise.withResolvers<void>()
  const celebrities = new Celebrities({
    homeIds: async () => {
      await loading.promise
      return [3, 2, 1].map((id) => rowOf(statusId(id), STAR))
    },
  })
  celebrities.listenTo({
    listen: (_types, listener) => {
      hear = listener
      return { [Symbol.dispose]: () => {} }
    },
  })
  const tell = <T extends EventType>(type: T, body: EventBodies[T]) =>
    hear({ ...encodeEvent(type, STAR, body), id: 1n, createdAtMs: 0 })
  const ids = async () =>
    (await celebrities.read([STAR], { limit: 9 })).flatMap(({ rows }) => rows.map((row) => row.cursor))

  const first = ids()
  tell('status.deleted', { id: statusId(2), author: STAR, boostOf: null })
  loading.resolve()
  await first
  assert.deepEqual(await ids(), [3n, 1n])
  tell('status.deleted', { id: statusId(3), author: STAR, boostOf: null })
  tell('status.deleted', { id: statusId(9), author: STAR, boostOf: null })
  assert.deepEqual(await ids(), [1n])
})
