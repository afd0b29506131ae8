import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import {
  decodeEvent,
  encodeEvent,
  EVENT_VERSION,
  isKnownEvent,
  type EventBodies,
  type EventType,
} from '../../src/events/contract.ts'
import { AppError } from '../../src/kit/errors.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'

const account = (id: bigint) => id as AccountId
const status = (id: bigint) => id as StatusId

const EXAMPLES: { [T in EventType]: EventBodies[T] } = {
  'status.created': {
    id: status(9_007_199_254_740_993n),
    author: account(2n ** 63n - 1n),
    visibility: 'private',
    boostOf: null,
    boostedAuthor: null,
    inReplyTo: status(7n),
    inReplyToAuthor: account(8n),
    mentions: [account(1n), account(9_007_199_254_740_995n)],
    acceptedAtMs: 1_700_000_000_123,
    tags: ['42', 'birds'],
  },
  'status.edited': { id: status(1n), author: account(2n), revision: 3, mentions: [] },
  'status.deleted': {
    id: status(1n),
    author: account(2n),
    boostOf: status(3n),
    inReplyTo: null,
    visibility: 'direct',
    mentions: [account(4n)],
    tags: ['42', 'birds'],
  },
  'favourite.added': { status: status(1n), author: account(2n), by: account(3n) },
  'favourite.removed': { status: status(1n), author: account(2n), by: account(3n) },
  'bookmark.added': { status: status(1n), by: account(3n) },
  'bookmark.removed': { status: status(1n), by: account(3n) },
  'poll.voted': { status: 1n as StatusId, author: 2n as AccountId, by: 3n as AccountId },
  'poll.closed': { status: 1n as StatusId, author: 2n as AccountId },
  'status.pinned': { status: status(1n), by: account(3n) },
  'status.unpinned': { status: status(1n), by: account(3n) },
  'conversation.muted': { conversation: status(1n), by: account(3n) },
  'conversation.unmuted': { conversation: status(1n), by: account(3n) },
  'graph.changed': { source: account(1n), target: account(2n), change: 'request_accepted', version: 12n },
  'follows.imported': { sources: [account(1n), account(1n)], targets: [account(2n), account(3n)], version: 12n },
  'statuses.imported': { authors: [account(1n), account(2n)] },
  'account.changed': { id: account(1n), change: 'suspended' },
  // A hash of digits alone must not become a number on the way.
  'token.revoked': { account: null, tokenHash: '1234567890'.repeat(6) + '1234' },
  'conversation.updated': { account: account(2n), conversation: 3n, status: status(4n) },
  'lists.changed': { account: account(2n) },
  'tags.followed': { account: account(2n) },
  'filters.changed': { account: account(2n) },
  'notification.created': { id: 5n, recipient: account(1n), type: '42', from: account(2n), status: null },
}

function roundTrip<T extends EventType>(type: T, body: EventBodies[T]): EventBodies[T] {
  return decodeEvent(type, encodeEvent(type, 1n, body))
}

const created = EXAMPLES['status.created']

/** The text of a `status.created` with one field replaced; undefined leaves it out. */
function createdWith(change: Record<string, unknown>): { type: string; version: number; body: string } {
  const parsed: unknown = JSON.parse(encodeEvent('status.created', 1n, created).body)
  assert.ok(typeof parsed === 'object' && parsed !== null)
  return { type: 'status.created', version: EVENT_VERSION, body: JSON.stringify({ ...parsed, ...change }) }
}

const isInvalid = (error: unknown) => error instanceof AppError && error.code === 'invalid'

test('every event comes back as it was, ids as bigints and texts of digits as texts', () => {
  for (const type of Object.keys(EXAMPLES) as EventType[]) {
    assert.deepEqual(roundTrip(type, EXAMPLES[type]), EXAMPLES[type], type)
    assert.ok(isKnownEvent(type, EVENT_VERSION))
  }
})

test('any 63-bit id survives the way through JSON', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), (by, id) => {
      const body = { status: status(id), by: account(by) }
      assert.deepEqual(roundTrip('bookmark.added', body), body)
    }),
  )
})

test('ids travel as decimal strings, so that no consumer rounds them', () => {
  const { body } = encodeEvent('bookmark.added', 1n, { status: status(9_007_199_254_740_993n), by: account(3n) })
  assert.equal(body, '{"status":"9007199254740993","by":"3"}')
})

test('fields that an older writer does not know may be missing, but not be wrong', () => {
  const old = { id: status(1n), author: account(2n), boostOf: null }
  assert.deepEqual(roundTrip('status.deleted', old), old)
  const body = '{"id":"1","author":"2","boostOf":null,"tags":[1]}'
  assert.throws(
    () => decodeEvent('status.deleted', { type: 'status.deleted', version: EVENT_VERSION, body }),
    isInvalid,
  )
})

test('fields of a newer writer are passed over', () => {
  assert.deepEqual(decodeEvent('status.created', createdWith({ mood: 'happy' })), created)
})

test('a missing or malformed field is refused', () => {
  const bad: Record<string, unknown>[] = [
    { author: undefined },
    { author: null },
    { author: 17 },
    { author: '17x' },
    { author: '-1' },
    { author: '1'.repeat(40) },
    { boostOf: '' },
    { mentions: '12' },
    { mentions: [1] },
    { mentions: undefined },
    { visibility: 'secret' },
    { acceptedAtMs: '5' },
  ]
  for (const change of bad) {
    assert.throws(() => decodeEvent('status.created', createdWith(change)), isInvalid, JSON.stringify(change))
  }
})

test('another type, another version, and what is no JSON object are refused', () => {
  const good = encodeEvent('status.created', 1n, created)
  assert.throws(() => decodeEvent('status.edited', good), isInvalid)
  assert.throws(() => decodeEvent('status.created', { ...good, version: EVENT_VERSION + 1 }), isInvalid)
  for (const body of ['', 'null', '[]', '"text"', '{"id":']) {
    assert.throws(() => decodeEvent('status.created', { ...good, body }), isInvalid, body)
  }
})

test('an event of a newer process is not known', () => {
  assert.equal(isKnownEvent('status.created', EVENT_VERSION + 1), false)
  assert.equal(isKnownEvent('poll.expired.soon', EVENT_VERSION), false)
  assert.equal(isKnownEvent('toString', EVENT_VERSION), false)
})
