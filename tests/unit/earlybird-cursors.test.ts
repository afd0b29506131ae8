/** Cursors over the postings of one term, live and sealed: any order of steps and leaps, every place of every word. */
import assert from 'node:assert/strict'
import test from 'node:test'

import fc from 'fast-check'

import { NO_POSITION } from '../../src/earlybird/contract.ts'
import { IndexWriter } from '../../src/earlybird/index-writer.ts'
import { END } from '../../src/earlybird/layout.ts'
import { Budget, SearchScratch, type Segment, type TermCursor } from '../../src/earlybird/segment.ts'
import { termKey } from '../../src/earlybird/term-bytes.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'

const DOCUMENTS = 4_096

interface Posting {
  document: number
  places: number[]
}

/** Document `n` has the word at these places; the others have another one. */
function segmentsWith(places: ReadonlyMap<number, readonly number[]>): Segment[] {
  const writer = new IndexWriter({ segmentDocuments: DOCUMENTS, changed: () => {} })
  const documents = Array.from({ length: DOCUMENTS }, (_, n) => {
    const positions = places.get(n) ?? [0]
    const word = places.has(n) ? 'word' : 'other'
    return {
      id: BigInt(n + 1) as StatusId,
      author: 1n as AccountId,
      flags: 0,
      terms: positions.map(() => word),
      positions,
      length: 5,
      counts: { favourites: 0, boosts: 0, replies: 0 },
    }
  })
  writer.add(documents)
  const [live] = writer.segments.slice(-1)
  writer.freeze()
  writer.work(Number.POSITIVE_INFINITY)
  const [sealed] = writer.segments
  assert.ok(live !== undefined && sealed?.sealed === true)
  return [live, sealed]
}

function cursorOf(segment: Segment): TermCursor {
  const term = segment.find(termKey('word'))
  return segment.cursor(term, new Budget(Number.POSITIVE_INFINITY, new SearchScratch()))
}

/** Some runs, some gaps: as the postings of a frequent and of a rare word. */
const anyPostings = fc
  .tuple(fc.integer({ min: 1, max: 97 }), fc.nat(50), fc.integer({ min: 1, max: 3 }))
  .map(([step, from, words]) => {
    const places = new Map<number, number[]>()
    for (let n = from; n < DOCUMENTS; n += 1 + ((n * 7) % step)) {
      places.set(
        n,
        Array.from({ length: 1 + (n % words) }, (_, k) => (n % 5 === 0 ? NO_POSITION : k * (n % 200))),
      )
    }
    return places
  })

test('steps and leaps in any order meet exactly the postings that are there', () => {
  fc.assert(
    fc.property(
      anyPostings,
      fc.array(fc.oneof(fc.constant(0), fc.nat(5), fc.nat(300), fc.nat(2_000)), { minLength: 30, maxLength: 120 }),
      fc.boolean(),
      (places, leaps, looks) => {
        const postings: Posting[] = [...places]
          .map(([n, all]) => ({ document: DOCUMENTS - 1 - n, places: [...new Set(all)].filter((place) => place >= 0) }))
          .toSorted((a, b) => a.document - b.document)
        const into = new Uint16Array(20)
        for (const segment of segmentsWith(places)) {
          const cursor = cursorOf(segment)
          let at = -1
          for (const leap of leaps) {
            const target = (postings[at]?.document ?? 0) + leap
            if (leap === 0 || at === -1) {
              at++
              cursor.next()
            } else {
              cursor.advance(target)
              while (at < postings.length && (postings[at]?.document ?? END) < target) at++
            }
            assert.equal(cursor.document, postings[at]?.document ?? END)
            if (cursor.document === END) break
            for (let again = looks ? 2 : 0; again > 0; again--) {
              const count = cursor.positions(into)
              assert.deepEqual(
                [...new Set(into.subarray(0, count))].toSorted((a, b) => a - b),
                postings[at]?.places,
              )
            }
          }
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('a leap to exactly the last document of each block lands on it', () => {
  const places = new Map(Array.from({ length: 2_000 }, (_, n) => [n * 2, [1]]))
  const [, sealed] = segmentsWith(places)
  assert.ok(sealed !== undefined)
  for (const ahead of [1, 2, 3, 5, 9]) {
    const cursor = cursorOf(sealed)
    cursor.next()
    for (let nth = 128 * ahead - 1; nth < 2_000; nth += 128 * ahead) {
      const document = DOCUMENTS - 1 - 2 * (1_999 - nth)
      assert.equal(cursor.advance(document), document)
    }
  }
})
