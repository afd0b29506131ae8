/** Parameters read by type: Rails' notation, ids, cursors, and what is refused how. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { parseForm, parsePairs } from '../../src/edge/form.ts'
import { Params } from '../../src/edge/params.ts'
import { AppError } from '../../src/kit/errors.ts'

const of = (query: string): Params => new Params(parseForm(query))

const code = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
  return 'fine'
}

test('lists come with brackets, with indices, as one value, or as a hash of indices', () => {
  assert.deepEqual(of('id[]=1&id[]=2').texts('id', 9), ['1', '2'])
  assert.deepEqual(of('id%5B%5D=1&id%5B%5D=2').texts('id', 9), ['1', '2'])
  assert.deepEqual(of('x[0]=a&x[1]=b').texts('x', 9), ['a', 'b'])
  assert.deepEqual(of('x[5]=b&x[2]=a').texts('x', 9), ['a', 'b'])
  assert.deepEqual(of('id=1').texts('id', 9), ['1'])
  assert.deepEqual(of('').texts('id', 9), [])
  assert.deepEqual(of('id[]=').texts('id', 9), [])
  assert.deepEqual(new Params({ x: { 1: 'b', 0: 'a' } }).texts('x', 9), ['a', 'b'])
  assert.equal(
    code(() => of('x[]=1&x[]=2&x[]=3').texts('x', 2)),
    'invalid',
  )
})

test('lists of objects come as Rails numbers them: by index, or by a name that comes again', () => {
  const names = (params: Params): unknown => params.nestedList('f', 9)?.map((each) => [each.text('a'), each.text('b')])
  const expected = [
    ['1', '2'],
    ['3', undefined],
  ]
  assert.deepEqual(names(of('f[0][a]=1&f[0][b]=2&f[1][a]=3')), expected)
  assert.deepEqual(names(of('f[][a]=1&f[][b]=2&f[][a]=3')), expected)
  assert.deepEqual(names(of('f%5B%5D%5Ba%5D=1&f%5B%5D%5Bb%5D=2&f%5B%5D%5Ba%5D=3')), expected)
  assert.deepEqual(
    names(
      new Params(
        parsePairs([
          ['f[][a]', '1'],
          ['f[][b]', '2'],
          ['f[][a]', '3'],
        ]),
      ),
    ),
    expected,
  )
  assert.deepEqual(names(new Params({ f: [{ a: 1, b: 2 }, { a: 3 }] })), expected)
  assert.deepEqual(names(new Params({ f: { 0: { a: 1, b: 2 }, 1: { a: 3 } } })), expected)
  assert.equal(of('').nestedList('f', 9), undefined)
  assert.equal(
    code(() => of('f[]=1').nestedList('f', 9)),
    'invalid',
  )
})

test('booleans are Rails’: a few words are false, blank is nothing, all else is true', () => {
  for (const value of [false, 0, '0', 'f', 'F', 'false', 'FALSE', 'off', 'OFF']) {
    assert.equal(new Params({ b: value }).bool('b'), false, String(value))
  }
  for (const value of [true, 1, '1', 't', 'true', 'on', 'False', 'no', 'yes']) {
    assert.equal(new Params({ b: value }).bool('b'), true, String(value))
  }
  for (const value of ['', null, undefined]) assert.equal(new Params({ b: value }).bool('b'), undefined)
  assert.equal(
    code(() => new Params({ b: {} }).bool('b')),
    'invalid',
  )
})

test('values of the wrong type are refused by name, and missing ones are 400', () => {
  assert.throws(() => new Params({ status: { a: 1 } }).text('status'), /Validation failed: Status must be a text/)
  assert.throws(() => new Params({ status: ['a'] }).text('status'), /Status must be a text/)
  assert.throws(() => of('q=%20').requireText('q'), /param is missing or the value is empty: q/)
  assert.equal(
    code(() => of('').requireText('q')),
    'bad_request',
  )
  assert.equal(
    code(() => of('n=abc').int('n')),
    'invalid',
  )
  assert.equal(
    code(() => of('n=1e3').int('n')),
    'invalid',
  )
  assert.equal(of('n=').int('n'), undefined)
  assert.equal(of('n=-7').int('n'), -7)
  assert.equal(
    code(() => of('n=8').int('n', { max: 7 })),
    'invalid',
  )
  assert.equal(of('x=-.5').float('x'), -0.5)
  assert.equal(
    code(() => of('x=1e9').float('x')),
    'invalid',
  )
  assert.equal(
    code(() => of('v=friends').choice('v', ['public', 'private'])),
    'invalid',
  )
  assert.equal(of('v=').choice('v', ['public']), undefined)
  assert.equal(of('t=2026-08-07T12:00:00Z').moment('t'), Date.parse('2026-08-07T12:00:00Z'))
  assert.equal(
    code(() => of('t=tomorrow').moment('t')),
    'invalid',
  )
})

test('lengths count characters, not halves of them', () => {
  const birds = '🐦'.repeat(10)
  assert.equal(new Params({ t: birds }).text('t', { max: 10 }), birds)
  assert.equal(
    code(() => new Params({ t: `${birds}!` }).text('t', { max: 10 })),
    'invalid',
  )
})

test('ids are decimal or name nothing: bad ones are "not found", never an error of ours', () => {
  const last = 2n ** 63n - 1n
  assert.equal(new Params({ id: last.toString() }).id('id'), last)
  for (const bad of [
    '-1',
    '0',
    '01',
    '1e30',
    '0x1',
    'NaN',
    '1.5',
    ' 1',
    '1 ',
    (last + 1n).toString(),
    '9'.repeat(400),
    '',
    undefined,
    '١',
  ]) {
    assert.equal(
      code(() => new Params({ id: bad }).id('id')),
      'not_found',
      String(bad),
    )
  }
  assert.equal(new Params({ id: '' }).optionalId('id'), undefined)
  assert.deepEqual(of('id[]=1&id[]=x&id[]=2&id[]=1').ids('id', 9), [1n, 2n])
})

test('cursors are cast to whole numbers, whatever they are', () => {
  const last = 2n ** 63n - 1n
  const cases: [unknown, bigint | undefined][] = [
    ['12', 12n],
    ['-1', 0n],
    ['1e30', 1n],
    ['0x1', 0n],
    ['NaN', 0n],
    ['undefined', 0n],
    ['', undefined],
    [null, undefined],
    [(last + 1n).toString(), last],
    ['9'.repeat(400), last],
    ['12abc', 12n],
    [7, 7n],
  ]
  for (const [value, expected] of cases) assert.equal(new Params({ c: value }).cursor('c'), expected, String(value))
})

test('any query parses or is refused, and reading it never breaks', () => {
  const readers = (params: Params): (() => unknown)[] => {
    const names = params.names().slice(0, 5)
    return names.flatMap((name) => [
      () => params.text(name),
      () => params.bool(name),
      () => params.int(name),
      () => params.id(name),
      () => params.ids(name, 5),
      () => params.cursor(name),
      () => params.nested(name).names(),
      () => params.nestedList(name, 5),
    ])
  }
  const piece = fc.constantFrom(
    'a',
    'b',
    '[',
    ']',
    '[]',
    '[0]',
    '=',
    '&',
    '%',
    '%5B',
    '%5D',
    '%00',
    '__proto__',
    'constructor',
    '1',
    '9999999999',
    '.',
    'é',
    '\ud800',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      let params: Params
      try {
        params = of(pieces.join(''))
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === 'bad_request')
        return
      }
      for (const read of readers(params)) code(read)
    }),
    { numRuns: 2_000 },
  )
})

test('forms too deep or with too many fields are refused', () => {
  assert.equal(
    code(() => parseForm(`a${'[b]'.repeat(50)}=1`)),
    'bad_request',
  )
  assert.equal(
    code(() => parseForm(Array.from({ length: 1_500 }, (_, i) => `f${i}=1`).join('&'))),
    'bad_request',
  )
  assert.equal(
    code(() => parseForm(Array.from({ length: 1_500 }, () => 'id[]=1').join('&'))),
    'bad_request',
  )
})
