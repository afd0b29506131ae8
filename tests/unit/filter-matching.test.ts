/** Which statuses a person's filters meet. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { FilterRecord } from '../../src/filters/contract.ts'
import { keywordSearch } from '../../src/filters/keyword-search.ts'
import { filterMatcher } from '../../src/filters/matcher.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'

const found = (text: string, keyword: string, wholeWord = true): boolean =>
  keywordSearch([{ keyword, wholeWord }])(text).length > 0

function filter(id: bigint, keywords: string[], change: Partial<FilterRecord> = {}): FilterRecord {
  return {
    id,
    accountId: 1n as AccountId,
    title: `filter ${id}`,
    contexts: ['home'],
    action: 'warn',
    expiresAtMs: null,
    keywords: keywords.map((keyword, i) => ({ id: BigInt(i), keyword, wholeWord: false })),
    statuses: [],
    ...change,
  }
}

const clock = { nowMs: () => 1_000, sleep: async () => {} }

test('a whole word is found between spaces, punctuation and the ends, and not inside another word', () => {
  for (const text of ['cat', 'a cat.', '(cat)', '#cat', 'cat\nnap', 'my cat’s']) assert.ok(found(text, 'cat'), text)
  for (const text of ['cats', 'concat', 'concatenate', 'cat_', 'cat2', 'ca t']) assert.ok(!found(text, 'cat'), text)
  assert.ok(found('concatenate', 'cat', false))
})

test('case, accents and full-width letters make no difference, on either side', () => {
  for (const text of ['CAFÉ', 'cafe', 'Cafe\u0301', 'ｃａｆé']) assert.ok(found(`un ${text}!`, 'café'), text)
  assert.ok(found('Ελληνικά', 'ελληνικα'))
  assert.ok(!found('cafés', 'café'))
  // Marks that scripts spell with are letters, not accents.
  assert.ok(!found('किताब', 'कत', false))
})

test('scripts without spaces have no ends of words to look for', () => {
  assert.ok(found('今日は猫が好き', '猫'))
  assert.ok(found('ฉันชอบแมวมาก', 'แมว'))
})

test('keywords that begin or end with signs, or hold spaces, are found as they are', () => {
  assert.ok(found('see #spoiler now', '#spoiler'))
  assert.ok(!found('see #spoilers now', '#spoiler'))
  assert.ok(found('I love c++ a lot', 'c++'))
  assert.ok(found('so many spoilers here', 'many spoilers'))
  assert.ok(found('a😀b', '😀'))
})

test('every keyword is found that occurs, whatever overlaps', () => {
  const keywords = ['he', 'she', 'hers', 'his', 'e', 'ushers'].map((keyword) => ({ keyword, wholeWord: false }))
  assert.deepEqual(keywordSearch(keywords)('ushers'), [0, 1, 2, 4, 5])
  assert.deepEqual(keywordSearch([{ keyword: 'a', wholeWord: true }])('ab a'), [0])
  // An earlier occurrence inside a word does not hide a later one that stands alone.
  assert.deepEqual(keywordSearch([{ keyword: 'aa', wholeWord: true }])('aaa aa'), [0])
})

test('searching is linear: the text that is worst for naive search takes milliseconds', () => {
  const search = keywordSearch([
    { keyword: `${'a'.repeat(511)}b`, wholeWord: true },
    { keyword: 'a'.repeat(512), wholeWord: true },
  ])
  const text = 'a'.repeat(100_000)
  const startMs = performance.now()
  assert.deepEqual(search(text), [])
  assert.ok(performance.now() - startMs < 15_000)
})

test('a match names the filter, the keywords as written and the listed status; a lapsed filter matches nothing', () => {
  const status = 7n as StatusId
  const listed = filter(2n, [], { statuses: [{ id: 5n, statusId: status }] })
  const match = filterMatcher(
    [filter(1n, ['Spoiler', 'dog']), listed, filter(3n, ['spoiler'], { expiresAtMs: 1_000 })],
    clock,
  )
  const matches = match({ id: status, texts: ['warning', 'a spoiler'] })
  assert.deepEqual(
    matches.map((each) => [each.filter.id, each.keywords, each.statuses]),
    [
      [1n, ['Spoiler'], []],
      [2n, [], [status]],
    ],
  )
  assert.deepEqual(match({ id: 8n as StatusId, texts: ['a cat'] }), [])
})

test('a keyword does not reach from the warning into the text', () => {
  const match = filterMatcher([filter(1n, ['catnap'])], clock)
  assert.deepEqual(match({ id: 1n as StatusId, texts: ['cat', 'nap'] }), [])
})
