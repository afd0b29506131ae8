import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { AccountId } from '../../src/snowflake/contract.ts'
import { AccountPlaces } from '../../src/social-graph/account-places.ts'
import { Adjacency } from '../../src/social-graph/adjacency.ts'
import { GraphMemory } from '../../src/social-graph/memory.ts'
import { NO_EDGE, PLAIN_FOLLOW } from '../../src/social-graph/pair.ts'

const account = (id: number | bigint) => BigInt(id) as AccountId
const following = { ...NO_EDGE, follow: PLAIN_FOLLOW }

test('places are dense, stable, and lead back to the id', () => {
  const id = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n })
  fc.assert(
    fc.property(fc.array(id, { maxLength: 200 }), id, (ids, stranger) => {
      const places = new AccountPlaces()
      const expected = [...new Set(ids)]
      for (const one of ids) places.ensure(one)
      assert.equal(places.count, expected.length)
      for (const [place, one] of expected.entries()) {
        assert.equal(places.find(one), place)
        assert.equal(places.ensure(one), place)
        assert.equal(places.idAt(place), one)
      }
      assert.equal(places.find(stranger), expected.indexOf(stranger))
    }),
  )
})

test('places survive growth, also of ids that differ only in their high half', () => {
  const places = new AccountPlaces()
  const ids = Array.from({ length: 20_000 }, (_, n) => (n % 2 === 0 ? BigInt(n + 1) : BigInt(n) << 32n))
  for (const id of ids) places.ensure(id)
  assert.ok(ids.every((id, place) => places.find(id) === place && places.idAt(place) === id))
  assert.equal(places.find(99n << 40n), -1)
})

test('an adjacency holds what a set holds, in order, whatever is added, removed and loaded', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constant('add' as const), fc.nat(6), fc.nat(300)) },
    { weight: 4, arbitrary: fc.tuple(fc.constant('remove' as const), fc.nat(6), fc.nat(300)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('load' as const), fc.nat(3_000), fc.nat(300)) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const lists = new Adjacency()
      const model = new Map<number, Set<number>>()
      for (const [kind, from, to] of steps) {
        const set = model.get(from) ?? new Set()
        model.set(from, set)
        if (kind === 'add') {
          assert.equal(lists.add(from, to), !set.has(to))
          set.add(to)
        } else if (kind === 'remove') {
          assert.equal(lists.remove(from, to), set.delete(to))
        } else {
          for (const each of [to, 7, to]) lists.append(from, each)
          lists.settle()
          set.add(to).add(7)
        }
      }
      for (const [from, set] of model) {
        const sorted = [...set].sort((a, b) => a - b)
        assert.deepEqual([...lists.list(from)], sorted)
        assert.equal(lists.length(from), sorted.length)
        assert.deepEqual([...lists.after(from, 150, 5)], sorted.filter((to) => to > 150).slice(0, 5))
        assert.ok(sorted.every((to) => lists.has(from, to)) && !lists.has(from, 301))
      }
      assert.equal(
        lists.count,
        [...model.values()].reduce((sum, set) => sum + set.size, 0),
      )
    }),
    { numRuns: 200 },
  )
})

test('blocks that lists have outgrown are used again', () => {
  const lists = new Adjacency()
  const before = lists.bytes
  // Each list of five leaves a block of four behind: without reuse, the first 4,096 entries would not do.
  for (let from = 0; from < 500; from += 1) for (let to = 0; to < 5; to += 1) lists.add(from, to)
  assert.equal(lists.bytes, before)
})

test('a walk of followers meets everyone who stays exactly once, whoever comes or goes meanwhile', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 120 })
  const change = fc.record({ follower: fc.integer({ min: 1, max: 500 }), follows: fc.boolean() })
  fc.assert(
    fc.property(ids, fc.array(change, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (first, changes, limit) => {
      const author = account(1_000)
      const memory = new GraphMemory()
      for (const id of first) memory.setEdge(account(id), author, following)
      const touched = new Set(changes.map(({ follower }) => account(follower)))
      const met: AccountId[] = []
      const queue = [...changes]
      for (let after = -1; ;) {
        const { followers, lastIndex } = memory.followersPage(author, after, limit)
        if (followers.length === 0) break
        met.push(...followers)
        after = lastIndex
        for (const { follower, follows } of queue.splice(0, 3)) {
          memory.setEdge(account(follower), author, follows ? following : NO_EDGE)
        }
      }
      assert.equal(new Set(met).size, met.length, 'nobody twice')
      for (const id of first) if (!touched.has(account(id))) assert.ok(met.includes(account(id)), `${id} was skipped`)
    }),
  )
})

test('an account never seen has no relations, no followers and no page', () => {
  const memory = new GraphMemory()
  memory.setEdge(account(1), account(2), following)
  const [stranger, known] = [account(9), account(1)]
  assert.equal(memory.relation(stranger, known, 0).following, false)
  assert.equal(memory.relation(known, stranger, 0).followedBy, false)
  assert.equal(memory.followerCount(stranger), 0)
  assert.equal(memory.followingCount(stranger), 0)
  assert.deepEqual(memory.following(stranger), [])
  assert.deepEqual(memory.familiarFollowers(known, stranger), [])
  assert.deepEqual(memory.familiarFollowers(stranger, known), [])
  assert.deepEqual(memory.followersPage(stranger, -1, 10), { followers: [], lastIndex: -1 })
  assert.deepEqual(memory.bellFollowers(stranger), [])
})
