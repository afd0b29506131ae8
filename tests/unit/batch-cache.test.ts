import assert from 'node:assert/strict'
import { test } from 'node:test'

import { BatchCache } from '../../src/hydration/batch-cache.ts'

function loader() {
  const calls: { keys: bigint[]; answer: (values: Map<bigint, string>) => void; fail: (error: Error) => void }[] = []
  const load = (keys: bigint[]) =>
    new Promise<Map<bigint, string>>((resolve, reject) => calls.push({ keys, answer: resolve, fail: reject }))
  return { calls, load }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what is asked for in one turn is loaded by one query, and known values are not asked for again', async () => {
  const { calls, load } = loader()
  const cache = new BatchCache<bigint, string>(10, load)
  const both = Promise.all([cache.get([1n, 2n]), cache.get([2n, 3n])])
  await turn()
  assert.deepEqual(
    calls.map((call) => call.keys),
    [[1n, 2n, 3n]],
  )
  calls[0]?.answer(
    new Map([
      [1n, 'one'],
      [2n, 'two'],
    ]),
  )
  assert.deepEqual(await both, [
    new Map([
      [1n, 'one'],
      [2n, 'two'],
    ]),
    new Map([[2n, 'two']]),
  ])
  assert.deepEqual(await cache.get([1n]), new Map([[1n, 'one']]))
  assert.equal(calls.length, 1)
})

test('a value read before it was forgotten is given to who waited, and never kept', async () => {
  const { calls, load } = loader()
  const cache = new BatchCache<bigint, string>(10, load)
  const before = cache.get([1n])
  await turn()
  cache.forget(1n)
  const after = cache.get([1n])
  await turn()
  assert.equal(calls.length, 2)
  calls[1]?.answer(new Map([[1n, 'new']]))
  assert.deepEqual(await after, new Map([[1n, 'new']]))
  calls[0]?.answer(new Map([[1n, 'old']]))
  assert.deepEqual(await before, new Map([[1n, 'old']]))
  assert.equal(cache.peek(1n), 'new')
})

test('forgetting a key of a batch not yet sent leaves its neighbours loading', async () => {
  const { calls, load } = loader()
  const cache = new BatchCache<bigint, string>(10, load)
  const first = cache.get([1n, 2n])
  cache.forget(1n)
  const second = cache.get([1n, 2n])
  await turn()
  for (const call of calls) call.answer(new Map(call.keys.map((key) => [key, `${key}`])))
  assert.equal((await first).size, 2)
  assert.equal((await second).size, 2)
  assert.equal(cache.peek(1n), '1')
})

test('a failed load is told to who waited, and tried again by the next', async () => {
  const { calls, load } = loader()
  const cache = new BatchCache<bigint, string>(10, load)
  const failing = cache.get([1n])
  await turn()
  calls[0]?.fail(new Error('away'))
  await assert.rejects(failing, /away/)
  const again = cache.get([1n])
  await turn()
  calls[1]?.answer(new Map([[1n, 'one']]))
  assert.equal((await again).get(1n), 'one')
})

test('no more than twice a generation is held, and what is used stays', async () => {
  const cache = new BatchCache<bigint, string>(100, async (keys) => new Map(keys.map((key) => [key, 'v'])))
  for (let key = 0n; key < 1_000n; key++) {
    await cache.get([key])
    await cache.get([0n])
    assert.ok(cache.size <= 100)
  }
  assert.equal(cache.peek(0n), 'v')
  assert.equal(cache.peek(1n), undefined)
})

test('a value that was expected is known at once, and older loads do not replace it', async () => {
  const { calls, load } = loader()
  const cache = new BatchCache<bigint, string>(10, load)
  const early = cache.get([1n])
  await turn()
  const know = cache.expect([1n, 2n])
  know(new Map([[1n, 'written']]))
  calls[0]?.answer(new Map([[1n, 'old']]))
  assert.deepEqual(await early, new Map([[1n, 'old']]))
  assert.deepEqual([cache.peek(1n), cache.peek(2n)], ['written', undefined])
})

test('an expected value that was not written forgets what was known', () => {
  const cache = new BatchCache<bigint, string>(10, loader().load)
  cache.expect([1n])(new Map([[1n, 'first']]))
  cache.expect([1n])(new Map())
  assert.equal(cache.peek(1n), undefined)
})

test('an expected value is not kept when it was forgotten meanwhile', () => {
  const cache = new BatchCache<bigint, string>(10, loader().load)
  const [one, all] = [cache.expect([1n, 2n]), cache.expect([3n])]
  cache.forget(1n)
  one(new Map([1n, 2n].map((key) => [key, `${key}`])))
  assert.deepEqual([cache.peek(1n), cache.peek(2n)], [undefined, '2'])
  cache.forgetAll()
  all(new Map([[3n, '3']]))
  assert.equal(cache.peek(3n), undefined)
  cache.expect([1n, 3n])(new Map([1n, 3n].map((key) => [key, 'again'])))
  assert.deepEqual([cache.peek(1n), cache.peek(3n)], ['again', 'again'], 'later ones are kept')
})

test('of two who expect one key at the same time, neither is believed', () => {
  const cache = new BatchCache<bigint, string>(10, loader().load)
  const [first, second] = [cache.expect([1n]), cache.expect([1n])]
  second(new Map([[1n, 'second']]))
  first(new Map([[1n, 'first']]))
  assert.equal(cache.peek(1n), undefined)
  cache.expect([1n])(new Map([[1n, 'third']]))
  assert.equal(cache.peek(1n), 'third')
})
