/** What the index holds of a status, in thirteen languages: golden documents, and the Segmenter as a second opinion. */
import assert from 'node:assert/strict'
import test from 'node:test'

import fc from 'fast-check'

import { FLAG, NO_POSITION } from '../../src/earlybird/contract.ts'
import { anyDocumentOf, documentOf } from '../../src/ingester/document.ts'
import { addTerms } from '../../src/text/analysis.ts'
import { hostOf } from '../../src/text/fields.ts'
import { foldText } from '../../src/text/folding.ts'
import { stemsOf } from '../../src/text/stemming.ts'
import { scanWords } from '../../src/text/words.ts'
import { accountId, asRecord, plainStatus, statusId } from '../world/statuses.ts'

type Fields = NonNullable<Parameters<typeof plainStatus>[1]>
type Media = Parameters<typeof documentOf>[0]['media']

function documentFor(fields: Fields, media: Media = [], pollOptions: string[] = []) {
  return anyDocumentOf({ status: asRecord(plainStatus(7, fields)), media, pollOptions })
}

/** `word/place`, a stem as `~stem`; fields apart. */
function shown(fields: Fields, media: Media = [], pollOptions: string[] = []): { words: string; fields: string } {
  const { terms, positions } = documentFor(fields, media, pollOptions)
  const isField = (term: string) => /^[#@:]/.test(term)
  const words = terms.flatMap((term, index) => {
    if (isField(term)) return []
    return positions[index] === NO_POSITION ? [`~${term}`] : [`${term}/${positions[index]}`]
  })
  return { words: words.join(' '), fields: terms.filter(isField).join(' ') }
}

const GOLDEN: [language: string, text: string, words: string][] = [
  ['en', 'The birds were hopping; don’t they?', "the/0 birds/1 ~bird were/2 hopping/3 ~hop don't/4 dont/4 they/5"],
  [
    'de',
    'Gestern flogen über der Straße Möwen',
    'gestern/0 ~gester flogen/1 ~flog uber/2 der/3 strasse/4 ~stras mowen/5 ~mowe',
  ],
  ['fr', "L'oiseau chantait près des chevaux", "l'oiseau/0 oiseau/0 chantait/1 pres/2 des/3 chevaux/4 ~cheval"],
  ['es', 'Los pájaros vuelan veces', 'los/0 pajaros/1 ~pajar vuelan/2 veces/3 ~vez'],
  ['it', "Dell'acqua sotto i ponti", "dell'acqua/0 acqua/0 sotto/1 i/2 ponti/3"],
  ['pt', 'As canções dos animais', 'as/0 cancoes/1 ~cancao dos/2 animais/3 ~animal'],
  ['sv', 'Fåglarna sjunger', 'faglarna/0 ~fagl sjunger/1 ~sjung'],
  ['ru', 'Ёлки зелёные за лесами', 'елки/0 ~елк зеленые/1 ~зелен за/2 лесами/3 ~лес'],
  ['el', 'Τα ΠΟΥΛΙΆ και οι άνεμος', 'τα/0 πουλια/1 και/2 οι/3 ανεμοσ/4'],
  ['ar', 'الكِتَابُ والمدرسة', 'الكتاب/0 ~كتاب والمدرسه/1 ~مدرس'],
  ['he', 'שָׁלוֹם עולם', 'שלום/0 עולם/1'],
  ['ja', 'ﾊﾏｼｷﾞを見た', 'ハマ/0 マシ/1 シギ/2 ギを/3 を見/4 見た/5 た/6'],
  ['zh', '我爱猫 ok', '我爱/0 爱猫/1 猫/2 ok/3'],
  ['ko', '고양이가 좋아', '고양/0 양이/1 이가/2 가/3 좋아/4 아/5'],
  ['th', 'รักแมว', 'รั/0 ัก/1 กแ/2 แม/3 มว/4 ว/5'],
  ['hi', 'हिन्दी भाषा', 'हिन्दी/0 भाषा/1'],
  ['tr', 'İstanbul ışık', 'istanbul/0 isik/1'],
]

for (const [language, text, words] of GOLDEN) {
  test(`golden document in ${language}: ${text}`, () => {
    assert.equal(shown({ text, language }).words, words)
    assert.match(shown({ text, language }).fields, new RegExp(`:lang:${language}`))
  })
}

test('hashtags, mentions, links, emoji and numbers are words and fields', () => {
  const { words, fields } = shown({
    text: '@Bob see #BirdWatching2026 🐦 at https://www.Example.com/Some-Path?q=1 for 3.14 €',
    mentions: [accountId(9)],
    tags: ['birdwatching2026'],
  })
  assert.equal(
    words,
    'bob/0 see/1 birdwatching2026/2 bird/2 watching/3 ~watch 2026/4 🐦/5 at/6 some/7 path/8 q/9 1/10 for/11 3.14/12',
  )
  assert.equal(fields, ':from:1 #birdwatching2026 @9 :lang:en :url:www.example.com :url:example.com :has:link')
})

test('a phrase does not reach from the warning into the text, a description or a poll', () => {
  const media = [{ type: 'image' as const, description: 'grey godwit' }]
  const { words, fields } = shown({ text: 'big bird', spoilerText: 'so nice', sensitive: true }, media, ['yes', 'no'])
  assert.equal(words, 'so/0 nice/1 big/3 bird/4 grey/6 godwit/7 yes/9 no/11')
  assert.equal(fields, ':from:1 :lang:en :has:media :has:image :has:poll')
})

test('flags tell what a status is', () => {
  const flagsOf = (fields: Fields, media: Media = []) => documentFor(fields, media).flags
  assert.equal(flagsOf({}), FLAG.local | FLAG.public)
  assert.equal(flagsOf({ visibility: 'unlisted', sensitive: true }), FLAG.local | FLAG.sensitive)
  const reply = { inReplyTo: statusId(3), inReplyToAccount: accountId(4) }
  assert.equal(flagsOf(reply), FLAG.local | FLAG.public | FLAG.reply)
  assert.ok(documentFor(reply).terms.includes(':to:4'))
  const gif = [{ type: 'gifv' as const, description: null }]
  assert.equal(flagsOf({}, gif), FLAG.local | FLAG.public | FLAG.media | FLAG.video)
})

test('a boost is found by who boosted, and by no word; what only some may see is no document at all', () => {
  const boost = documentFor({ boostOf: statusId(3), text: 'never' })
  assert.deepEqual([boost.terms, boost.flags], [[':from:1', ':boost'], FLAG.local | FLAG.public | FLAG.boost])
  for (const visibility of ['private', 'direct'] as const) {
    assert.equal(documentOf({ status: asRecord(plainStatus(7, { visibility })), media: [] }), undefined)
  }
})

/** The Segmenter's words, divided where ours are, at full stops and colons between letters; a line `___` is none. */
function segmented(text: string): string[] {
  const segmenter = new Intl.Segmenter('en', { granularity: 'word' })
  return [...segmenter.segment(text)].flatMap(({ segment, isWordLike }) =>
    isWordLike === true ? segment.split(/(?<=[^\d])[.:·]|[.:·](?=[^\d])/u).filter((part) => !/^_*$/.test(part)) : [],
  )
}

// Hebrew is left out: there an apostrophe after a letter belongs to the word (WB7a), which nobody types in a search.
test('words are those of Intl.Segmenter', () => {
  const letters = [...'abcxyzABCéüßñøжияЖλμαكتاب0123456789', "'", '.', ',', ' ', '-', '!', '_', '?', '(', '/']
  const text = fc.array(fc.constantFrom(...letters), { maxLength: 30 }).map((chars) => chars.join(''))
  fc.assert(
    fc.property(text, (raw) => {
      const folded = foldText(raw)
      const words: string[] = []
      scanWords(folded, (_kind, start, end) => words.push(folded.slice(start, end)))
      assert.deepEqual(words, segmented(folded))
    }),
    { numRuns: 2_000 },
  )
})

test('any text at all is analysed, folding twice changes nothing, and places rise', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const folded = foldText(text)
      assert.equal(foldText(folded), folded)
      const placed = { terms: [], places: [] }
      const end = addTerms(text, 'en', placed, 5)
      const places: number[] = placed.places
      assert.ok(places.every((place) => place === -1 || (place >= 5 && place < end)))
      assert.ok(placed.terms.every((term: string) => term !== '' && term.length <= 48))
    }),
    { numRuns: 500 },
  )
})

test('half of a surrogate pair, zero-width and right-to-left signs divide or vanish', () => {
  const wordsOf = (text: string) => shown({ text, language: null }).words
  assert.equal(wordsOf('one\ud800two'), 'one/0 two/1')
  assert.equal(
    wordsOf('zero\u200bwidth ab\u200dac \u202ertl\u202c so\u00adft'),
    'zero/0 width/1 ab\u200dac/2 rtl/3 soft/4',
  )
})

test('a query word is looked for by the stems it may have had', () => {
  assert.ok(stemsOf('running', 'en').includes('run'))
  assert.ok(stemsOf('birds', null).includes('bird'))
  assert.ok(stemsOf('лесами', null).includes('лес'))
  assert.deepEqual(stemsOf('東京', null), [])
})

test('hosts are what browsers would ask', () => {
  assert.equal(hostOf('https://user@WWW.Example.COM:8080/x'), 'www.example.com')
  assert.equal(hostOf('example.com'), 'example.com')
  assert.equal(hostOf('https://müller.example/'), 'xn--mller-kva.example')
  assert.equal(hostOf('::::'), '')
})
