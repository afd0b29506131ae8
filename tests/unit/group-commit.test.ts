/** How writes find together: at once when alone, in shared batches under load, and apart again when one of them fails. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { AppError } from '../../src/kit/errors.ts'
import { GroupCommit, WAITING_ITEMS_MAX } from '../../src/write-api/group-commit.ts'

interface Item {
  key: bigint
  name: string
}

interface Batch {
  names: string[]
  /** Ends the batch: what becomes of each item, by its name, when it is written together. */
  end(results?: (name: string) => string | undefined): void
  fail(error: Error): void
}

/** A writer whose batches end when the test says so; `alone` answers at once, and refuses what is bad. */
function writer() {
  const batches: Batch[] = []
  const alone: string[] = []
  const group = new GroupCommit<Item, string>({
    keyOf: ({ key }) => key,
    together: (items) =>
      new Promise((resolve, reject) => {
        const names = items.map(({ name }) => name)
        const together = (name: string): string => `${name} together`
        batches.push({ names, end: (results = together) => resolve(names.map(results)), fail: reject })
      }),
    alone: async ({ name }) => {
      alone.push(name)
      if (name.startsWith('bad')) throw new AppError('invalid', name)
      return `${name} alone`
    },
  })
  const add = (...names: string[]): Promise<string>[] => names.map((name, key) => group.add({ name, key: BigInt(key) }))
  return { batches, alone, group, add, names: () => batches.map((batch) => batch.names) }
}

test('what comes alone is written within the same turn of the event loop, and not made to wait for others', async () => {
  const { batches, add } = writer()
  const [answer] = add('a')
  await turn()
  assert.deepEqual(batches[0]?.names, ['a'])
  batches[0]?.end()
  assert.equal(await answer, 'a together')
})

test('what comes in one turn goes together, what comes meanwhile shares the next batch, in order', async () => {
  const { batches, names, group } = writer()
  const add = (name: string, key: number): Promise<string> => group.add({ name, key: BigInt(key) })
  const answers = [add('a', 1), add('b', 2)]
  await turn()
  for (const [index, name] of ['c', 'd', 'e'].entries()) {
    answers.push(add(name, index % 2))
    await turn()
  }
  assert.deepEqual(names(), [['a', 'b']], 'one batch at a time')
  batches[0]?.end()
  await turn()
  await turn()
  const both = [
    ['a', 'b'],
    ['c', 'd', 'e'],
  ]
  assert.deepEqual(names(), both)
  batches[1]?.end()
  assert.deepEqual(
    await Promise.all(answers),
    both.flat().map((name) => `${name} together`),
  )
  const [late] = [add('f', 1)]
  await turn()
  batches[2]?.end()
  assert.equal(await late, 'f together', 'after a pause it goes on')
})

test('items of one key keep their order when each is written alone', async () => {
  const began: string[] = []
  const group = new GroupCommit<Item, string>({
    keyOf: ({ key }) => key,
    together: () => Promise.reject(new Error('a broken rule')),
    alone: async ({ name }) => {
      began.push(`${name} begins`)
      await turn()
      began.push(`${name} ends`)
      return name
    },
  })
  const answers = ['a1', 'b1', 'a2'].map((name) => group.add({ name, key: BigInt(name.charCodeAt(0)) }))
  assert.deepEqual(await Promise.all(answers), ['a1', 'b1', 'a2'])
  assert.deepEqual(began.slice(0, 2), ['a1 begins', 'b1 begins'], 'others do not wait for them')
  assert.ok(began.indexOf('a1 ends') < began.indexOf('a2 begins'))
})

test('the queue is bounded, and so is a batch; whoever comes on top is asked to try again', async () => {
  const { batches, group } = writer()
  const answers = Array.from({ length: WAITING_ITEMS_MAX }, (_, index) =>
    group.add({ name: `${index}`, key: BigInt(index) }),
  )
  await assert.rejects(group.add({ name: 'too many', key: -1n }), (error) => {
    assert.ok(error instanceof AppError)
    assert.deepEqual([error.code, error.retryAfterSeconds], ['unavailable', 1])
    return true
  })
  await turn()
  assert.equal(batches[0]?.names.length, WAITING_ITEMS_MAX)
  const [next] = [group.add({ name: 'next', key: 0n })]
  batches[0]?.end()
  await Promise.all(answers)
  await turn()
  batches[1]?.end()
  assert.equal(await next, 'next together')
})

test('what a batch leaves out is written alone, and nobody waits for it', async () => {
  const { alone, add, batches } = writer()
  const answers = add('a', 'bad b', 'c', 'd')
  await turn()
  batches[0]?.end((name) => (name === 'a' || name === 'd' ? `${name} together` : undefined))
  const [a, b, c, d] = await Promise.allSettled(answers)
  assert.deepEqual([a, c, d].map(valueOf), ['a together', 'c alone', 'd together'])
  assert.equal(b?.status, 'rejected')
  assert.deepEqual(alone, ['bad b', 'c'])
})

/** Errors after which the database has surely rolled back. */
const LEAVES_NOTHING: Record<string, Error> = {
  'a broken rule': Object.assign(new Error('violates check constraint'), { code: '23514' }),
  'a deadlock': new AppError('unavailable', 'later', { cause: Object.assign(new Error(), { code: '40P01' }) }),
  'a statement that took too long': new AppError('unavailable', 'later', {
    cause: Object.assign(new Error(), { code: '57014' }),
  }),
  'an unstorable text': new AppError('invalid', 'a character'),
}

for (const [what, error] of Object.entries(LEAVES_NOTHING)) {
  test(`a batch that fails by ${what} is written one by one, and only who is to blame fails`, async () => {
    const { alone, batches, add } = writer()
    const answers = add('a', 'bad b', 'c')
    await turn()
    batches[0]?.fail(error)
    const settled = await Promise.allSettled(answers)
    assert.deepEqual(settled.map(valueOf), ['a alone', undefined, 'c alone'])
    assert.deepEqual(alone, ['a', 'bad b', 'c'])
  })
}

test('when nobody knows whether a batch was committed, nothing of it is written again', async () => {
  for (const cause of [
    new Error('Connection terminated unexpectedly'),
    Object.assign(new Error(), { code: '57P01' }),
  ]) {
    const { alone, batches, add } = writer()
    const answers = add('a', 'b')
    await turn()
    const lost = new AppError('unavailable', 'The database is not available at the moment', { cause })
    batches[0]?.fail(lost)
    for (const settled of await Promise.allSettled(answers)) {
      assert.ok(settled.status === 'rejected' && settled.reason === lost)
    }
    assert.deepEqual(alone, [])
    const [next] = add('c')
    await turn()
    batches[1]?.end()
    assert.equal(await next, 'c together', 'the next batch is tried')
  }
})

function valueOf(settled: PromiseSettledResult<string> | undefined): string | undefined {
  return settled?.status === 'fulfilled' ? settled.value : undefined
}
