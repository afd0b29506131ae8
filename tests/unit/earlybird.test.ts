/** Earlybird against a naive scan: random documents, queries and histories give the same hits in the same order. */
import assert from 'node:assert/strict'
import test from 'node:test'

import fc from 'fast-check'

import type { Query } from '../../src/earlybird/contract.ts'
import { IndexWriter } from '../../src/earlybird/index-writer.ts'
import { IndexReader, memoryOf, RemoteIndex } from '../../src/earlybird/reader.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { anyAsked, anyDocument, anyId, type Asked, NaiveIndex, NOW_MS } from './earlybird-model.ts'

const CLOCK = { nowMs: () => NOW_MS, sleep: async () => {} }
const SEGMENT_DOCUMENTS = 6

interface World {
  writer: IndexWriter
  reader: IndexReader
  naive: NaiveIndex
}

function world(segmentDocuments = SEGMENT_DOCUMENTS): World {
  const writer = new IndexWriter({ segmentDocuments, changed: () => {} })
  const missing = new Int32Array(new SharedArrayBuffer(4))
  const reader = new IndexReader(() => ({ segments: writer.segments, authors: writer.authors, missing }), CLOCK)
  return { writer, reader, naive: new NaiveIndex() }
}

/** Both kinds of order. The index says how many documents have each word, as only it knows how many deleted ones it still has. */
async function assertSame({ reader, naive }: World, asked: Asked): Promise<void> {
  const result = await reader.search(asked.query, { ...asked, deadlineMs: 60_000 })
  const frequencies = new Map(result.explain.terms.map(({ term, documents }) => [term, documents]))
  const expected = naive.search(asked, result.explain.documents, frequencies)
  assert.deepEqual(
    result.hits.map(({ id }) => id),
    expected.map(({ id }) => id),
  )
  for (const [n, { score }] of result.hits.entries()) {
    assert.ok(Math.abs(score - (expected[n]?.score ?? 0)) < 1e-9)
  }
  assert.deepEqual(result.partial, [])
}

const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.array(anyDocument, { maxLength: 5 }).map((documents) => ({ add: documents }) as const) },
  { weight: 2, arbitrary: anyId.map((id) => ({ remove: id }) as const) },
  {
    weight: 2,
    arbitrary: fc.tuple(anyId, fc.nat(300)).map(([id, favourites]) => ({ count: { id, favourites } }) as const),
  },
  fc
    .tuple(fc.constantFrom(1n, 2n, 3n), fc.boolean())
    .map(([author, allowed]) => ({ consent: { author: author as AccountId, allowed } }) as const),
  { weight: 3, arbitrary: fc.constant({ work: true } as const) },
  fc.constant({ freeze: true } as const),
  { weight: 5, arbitrary: anyAsked.map((asked) => ({ ask: asked }) as const) },
)

test('random histories of adding, editing, deleting, sealing and merging give what a naive scan gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 60 }), async (steps) => {
      const both = world()
      for (const step of steps) {
        if ('add' in step) for (const index of [both.writer, both.naive]) index.add(step.add)
        if ('remove' in step) assert.equal(both.writer.remove(step.remove), both.naive.remove(step.remove))
        if ('count' in step) {
          const counts = { favourites: step.count.favourites, boosts: 1, replies: 0 }
          const found = both.writer.setCounts(step.count.id, counts)
          assert.equal(found, both.naive.setCounts(step.count.id, counts))
        }
        if ('consent' in step) {
          for (const index of [both.writer, both.naive]) index.consent(step.consent.author, step.consent.allowed)
        }
        if ('work' in step) both.writer.work(0) // one step: sealing and merging stay half done
        if ('freeze' in step) both.writer.freeze()
        if ('ask' in step) await assertSame(both, step.ask)
      }
      while (both.writer.work(0));
      for (const order of ['newest', 'relevance'] as const) {
        const all: Query = { kind: 'all' }
        await assertSame(both, { query: all, order, limit: 400, offset: 0, maxId: undefined, minId: undefined })
      }
    }),
    { numRuns: 300 },
  )
})

test('long lists of postings, with several slices and skips, give what a naive scan gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyAsked, { minLength: 20, maxLength: 20 }), fc.integer(), async (questions, seed) => {
      const both = world(4_096)
      const documents = fc.sample(anyDocument, { numRuns: 1_500, seed }).map((document, n) => {
        const id = (document.id + BigInt(n * 5_000)) as typeof document.id
        return { ...document, id }
      })
      for (const index of [both.writer, both.naive]) index.add(documents)
      for (const question of questions) await assertSame(both, question)
      both.writer.freeze()
      while (both.writer.work(0));
      for (const question of questions) await assertSame(both, question)
    }),
    { numRuns: 4 },
  )
})

test('a reader goes over to the memory of the next writer, whose segments have the same names', async () => {
  const remote = new RemoteIndex(CLOCK)
  const missing = new Int32Array(new SharedArrayBuffer(4))
  const found = async () => {
    const { hits, partial } = await remote.reader.search({ kind: 'all' }, { order: 'newest', limit: 10 })
    return { ids: hits.map(({ id }) => id), partial }
  }
  assert.deepEqual(await found(), { ids: [], partial: ['missing'] })
  for (const seed of [1, 2]) {
    const { writer } = world()
    const [document] = fc.sample(anyDocument, { numRuns: 1, seed })
    assert.ok(document !== undefined)
    writer.add([document])
    remote.take(memoryOf({ segments: writer.segments, authors: writer.authors, missing }))
    assert.deepEqual(await found(), { ids: [document.id], partial: [] })
  }
})
