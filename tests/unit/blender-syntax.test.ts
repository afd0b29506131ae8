/** The query language: what each text means, and that no text at all makes it fail or take long. */
import assert from 'node:assert/strict'
import test from 'node:test'

import fc from 'fast-check'

import { compile, isOperator, namesIn } from '../../src/blender/compile.ts'
import { agoMs, timeSpan } from '../../src/blender/dates.ts'
import { parseSyntax, QUERY_DEPTH_MAX, QUERY_PARTS_MAX, type Syntax } from '../../src/blender/syntax.ts'
import { QUERY_NODES_MAX, type Query } from '../../src/earlybird/contract.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 18, 30)
const ACCOUNTS = new Map([['bob', 7n as AccountId]])

/** A tree as text: `all(a, not(b))`. */
function drawn(node: Syntax | undefined): string {
  switch (node?.kind) {
    case undefined:
      return ''
    case 'all':
    case 'any':
      return `${node.kind}(${node.of.map(drawn).join(' ')})`
    case 'not':
      return `not(${drawn(node.of)})`
    case 'operator':
      return `${node.name}=${node.value}`
    case 'words':
      return `${node.quoted ? `"${node.text}"` : node.text}${node.begun ? '*' : ''}`
  }
}

const parsed = (text: string) => drawn(parseSyntax(text, isOperator).tree)

function meaning(text: string, viewer: AccountId | undefined = 1n as AccountId) {
  const { tree, notes } = parseSyntax(text, isOperator)
  const told = new Set(notes)
  assert.ok(tree, text)
  const compiled = compile(tree, {
    viewer,
    nowMs: NOW_MS,
    accounts: ACCOUNTS,
    notes: told,
    localDomain: 'here.example',
  })
  return { ...compiled, notes: [...told] }
}

test('words, phrases, OR, minus, groups and beginnings', () => {
  assert.equal(parsed('red fox'), 'all(red fox)')
  assert.equal(parsed('"red fox" den'), 'all("red fox" den)')
  assert.equal(parsed('“red fox” «le renard»'), 'all("red fox" "le renard")')
  assert.equal(parsed('red OR grey fox'), 'any(red all(grey fox))')
  assert.equal(parsed('a | b | c'), 'any(a b c)')
  assert.equal(parsed('fox -red NOT grey AND den'), 'all(fox not(red) not(grey) den)')
  assert.equal(parsed('(red OR grey) -(fox den)'), 'all(any(red grey) not(all(fox den)))')
  assert.equal(parsed('fo* -de*'), 'all(fo* not(de*))')
  assert.equal(parsed('black-tailed - fox +den'), 'all(black-tailed fox den)')
  assert.equal(parsed('--fox -"red den"'), 'all(not(fox) not("red den"))')
})

test('operators, hashtags and people, with values that may be quoted', () => {
  assert.equal(parsed('#Birds @bob from:bob'), 'all(tag=Birds mention=bob from=bob)')
  assert.equal(parsed('FROM:Bob has:media'), 'all(from=Bob has=media)')
  assert.equal(parsed('url:"https://a.example/x y"'), 'url=https://a.example/x y')
  assert.equal(parsed('https://a.example/?q=1 12:30 foo:bar'), 'all(https://a.example/?q=1 12:30 foo:bar)')
  assert.equal(parsed('-from:bob'), 'not(from=bob)')
})

test('what is malformed is explained, and searched for all the same', () => {
  const cases: [text: string, tree: string, note: RegExp][] = [
    ['"red fox', 'all(red fox)', /quotation mark is missing/],
    ['(red fox', 'all(red fox)', /without its partner/],
    ['red) fox', 'all(red fox)', /without its partner/],
    ['from: fox', 'all(from fox)', /says nothing without a value/],
  ]
  for (const [text, tree, note] of cases) {
    assert.equal(parsed(text), tree)
    assert.match(parseSyntax(text, isOperator).notes.join(), note)
  }
  for (const text of ['', '   ', '-', '--', '()', '(((', ')))', 'OR', 'OR OR', '""', '" "', '- OR -', '|||']) {
    const { tree } = parseSyntax(text, isOperator)
    const words = drawn(tree).replaceAll(/[\s"]|\w+\(|\)/g, '')
    assert.equal(words, '', text)
  }
})

test('a query is bounded in parts, depth and length', () => {
  const many = parseSyntax('a '.repeat(5_000), isOperator)
  assert.equal(drawn(many.tree).match(/\ba\b/g)?.length, QUERY_PARTS_MAX)
  assert.match(many.notes.join(), /Only the first/)
  const deep = parseSyntax(`${'('.repeat(5_000)}x${')'.repeat(5_000)}`, isOperator)
  assert.match(deep.notes.join(), new RegExp(`more than ${QUERY_DEPTH_MAX}`))
  assert.equal(parsed(`${'('.repeat(QUERY_DEPTH_MAX)}x${')'.repeat(QUERY_DEPTH_MAX)}`), 'x')
  assert.match(parseSyntax('x'.repeat(100_000), isOperator).notes.join(), /Only the first 10240 characters/)
})

test('words are looked for by the forms they may have in the index', () => {
  const forms = (query: Query) => (query.kind === 'or' ? query.any : [query]).map((one) => JSON.stringify(one))
  assert.ok(forms(meaning('birds').query).includes('{"kind":"term","term":"bird"}'))
  assert.deepEqual(meaning('"Birds"').query, { kind: 'term', term: 'birds' })
  assert.deepEqual(meaning("l'OISEAU").query, meaning('oiseau').query)
  assert.deepEqual(meaning('black-tailed').query, { kind: 'phrase', terms: ['black', 'tailed'] })
  assert.deepEqual(meaning('東京湾').query, { kind: 'phrase', terms: ['東京', '京湾'] })
  assert.deepEqual(meaning('東京').query, { kind: 'term', term: '東京' })
  assert.deepEqual(meaning('猫').query, { kind: 'prefix', prefix: '猫' })
  assert.deepEqual(meaning('Fäl*').query, { kind: 'prefix', prefix: 'fal' })
  assert.deepEqual(meaning('!!! ...').query, { kind: 'all' })
})

test('operators mean what the index has', () => {
  const query = (text: string) => meaning(text).query
  assert.deepEqual(query('from:me'), { kind: 'term', term: ':from:1' })
  assert.deepEqual(query('from:@Bob@here.example'), { kind: 'term', term: ':from:7' })
  assert.deepEqual(query('to:bob'), { kind: 'term', term: ':to:7' })
  assert.deepEqual(query('@bob'), { kind: 'term', term: '@7' })
  assert.deepEqual(query('#Größe'), { kind: 'term', term: '#große' })
  assert.deepEqual(query('has:images'), { kind: 'term', term: ':has:image' })
  assert.deepEqual(query('lang:de-AT'), { kind: 'term', term: ':lang:de' })
  assert.deepEqual(query('url:https://www.Example.com/x'), { kind: 'term', term: ':url:example.com' })
  assert.deepEqual(query('is:reply'), { kind: 'flags', mask: 1, value: 1 })
  assert.deepEqual(query('min_favourites:3'), { kind: 'atLeast', count: 'favourites', value: 3 })
  assert.equal(meaning('is:boost').boosts, true)
  assert.equal(meaning('fox in:library').library, true)
  assert.equal(meaning('fox in:public').publicOnly, true)
  assert.equal(meaning('fox order:relevance').order, 'relevance')
  for (const text of ['from:nobody', 'from:me@elsewhere.example']) {
    assert.deepEqual(query(text), { kind: 'term', term: ':from:0' })
    assert.match(meaning(text).notes.join(), /Nobody here/)
  }
  for (const text of ['has:cheese', 'is:nice', 'before:31.2', 'lang:zzzz', 'min_favourites:many', 'near:home fox']) {
    assert.equal(meaning(text).notes.length, 1, text)
  }
  const names = namesIn(
    parseSyntax('from:a (to:B OR -@c@here.example)', isOperator).tree ?? { kind: 'all', of: [] },
    'here.example',
  )
  assert.deepEqual([...names], ['a', 'b', 'c'])
})

test('times are days, months, years, moments, and how long ago', () => {
  const day = (text: string) => new Date(timeSpan(text, NOW_MS)?.startMs ?? NaN).toISOString()
  assert.equal(day('2026-11-22'), '2026-11-22T00:00:00.000Z')
  assert.equal(day('2026-2'), '2026-02-01T00:00:00.000Z')
  assert.equal(day('yesterday'), '2026-11-21T00:00:00.000Z')
  assert.equal(timeSpan('2026', NOW_MS)?.endMs, Date.UTC(2027, 0))
  assert.equal(timeSpan('2026-02-31', NOW_MS), undefined)
  assert.equal(timeSpan('2026-11-22T10:00:00+02:00', NOW_MS)?.startMs, Date.UTC(2026, 10, 22, 8))
  assert.equal(agoMs('7d', NOW_MS), NOW_MS - 7 * 86_400_000)
  assert.equal(agoMs('2weeks', NOW_MS), NOW_MS - 14 * 86_400_000)
  assert.equal(agoMs('soon', NOW_MS), undefined)
})

/** Signs that mean something, words, and every kind of trouble. */
const PIECES = fc.oneof(
  fc.constantFrom(
    '"',
    '(',
    ')',
    '-',
    '|',
    ' OR ',
    ' ',
    'from:',
    'from:me',
    '#',
    '#tag',
    '@bob',
    'has:media',
    '*',
    '"a b"',
  ),
  fc.constantFrom(
    '\u200b',
    '\u202e',
    '\ud800',
    '\u0301',
    '👩‍👩‍👧',
    '東京',
    'before:2026-01-01',
    'in:library',
    '..',
    "l'a",
    '−',
  ),
  fc.string({ unit: 'binary', maxLength: 5 }),
)

test('no text makes it fail, and the tree stays within the bounds of the index', () => {
  fc.assert(
    fc.property(fc.array(PIECES, { maxLength: 80 }), (pieces) => {
      const { tree, notes } = parseSyntax(pieces.join(''), isOperator)
      if (tree === undefined) return
      const context = { viewer: undefined, nowMs: NOW_MS, accounts: ACCOUNTS, notes: new Set(notes), localDomain: 'x' }
      const { query } = compile(tree, context)
      assert.ok(nodesOf(query) < QUERY_NODES_MAX - 16, 'room for what the Blender adds')
    }),
    { numRuns: 1_000 },
  )
})

function nodesOf(query: Query): number {
  if (query.kind === 'and') return 1 + query.all.reduce((sum, part) => sum + nodesOf(part), 0)
  if (query.kind === 'or') return 1 + query.any.reduce((sum, part) => sum + nodesOf(part), 0)
  return query.kind === 'not' ? 1 + nodesOf(query.none) : 1
}
