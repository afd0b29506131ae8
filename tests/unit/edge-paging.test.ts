/** Pages: cursors in, Link headers out, as the pickiest clients read them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseForm } from '../../src/edge/form.ts'
import {
  linkHeader,
  MARKS_LINKS,
  OFFSET_MAX,
  PAGE_LIMITS,
  pageLinks,
  PEOPLE_LINKS,
  readOffset,
  readPage,
  TIMELINE_LINKS,
} from '../../src/edge/paging.ts'
import { Params } from '../../src/edge/params.ts'
import { edgeWorld } from '../world/http.ts'

const page = (query: string) => readPage(new Params(parseForm(query)), PAGE_LIMITS.statuses)

test('limits are clamped, never refused', () => {
  for (const [limit, expected] of [
    ['', 20],
    ['limit=', 20],
    ['limit=5', 5],
    ['limit=40', 40],
    ['limit=1000', 40],
    ['limit=-7', 7],
    ['limit=0', 0],
    ['limit=abc', 20],
    ['limit=3x', 3],
    [`limit=${'9'.repeat(50)}`, 40],
  ] as const) {
    assert.equal(page(limit).limit, expected, limit)
  }
})

test('min_id wins over since_id; max_id may be combined with either', () => {
  assert.deepEqual(page('max_id=9&since_id=2'), { maxId: 9n, sinceId: 2n, minId: undefined, limit: 20 })
  assert.deepEqual(page('max_id=9&since_id=2&min_id=3'), { maxId: 9n, sinceId: undefined, minId: 3n, limit: 20 })
  assert.deepEqual(page('max_id=1e30&min_id=-1'), { maxId: 1n, sinceId: undefined, minId: 0n, limit: 20 })
})

test('offsets are whole, not negative and not deep', () => {
  const offset = (query: string) => readOffset(new Params(parseForm(query)))
  assert.equal(offset('offset=20'), 20)
  assert.equal(offset(''), 0)
  assert.equal(offset('offset=abc'), 0)
  for (const bad of ['offset=-1', 'limit=-5', `offset=${OFFSET_MAX + 1}`])
    assert.throws(() => offset(bad), { code: 'bad_request' }, bad)
})

test('a page links to the older and the newer one; an empty one links to nothing', () => {
  assert.deepEqual(pageLinks([9n, 8n, 7n], 20, TIMELINE_LINKS), { next: { max_id: '7' }, prev: { min_id: '9' } })
  assert.deepEqual(pageLinks([9n, 8n], 2, PEOPLE_LINKS), { next: { max_id: '8' }, prev: { since_id: '9' } })
  assert.deepEqual(pageLinks([9n, 8n], 3, PEOPLE_LINKS), { prev: { since_id: '9' } })
  assert.deepEqual(pageLinks([9n], 3, MARKS_LINKS), { prev: { min_id: '9' } })
  assert.deepEqual(pageLinks([], 20, TIMELINE_LINKS), {})
  assert.equal(linkHeader('https://d', '/p', pageLinks([], 20, TIMELINE_LINKS)), undefined)
})

test('next comes first, addresses are absolute, other parameters stay, cursors and secrets do not', () => {
  const links = { next: { max_id: '7' }, prev: { min_id: '9' } }
  const header =
    linkHeader(
      'https://d.example',
      '/api/v1/x?limit=3&types[]=a&types[]=b&max_id=1&since_id=2&access_token=s&q=a,b',
      links,
    ) ?? ''
  assert.match(header, /^<([^>]+)>; rel="next", <([^>]+)>; rel="prev"$/)
  // As toot and masto.js take it apart.
  const next = /<([^>]+)>; rel="next"/.exec(header)?.[1] ?? ''
  const url = new URL(next)
  assert.equal(url.origin + url.pathname, 'https://d.example/api/v1/x')
  assert.deepEqual(
    [...url.searchParams],
    [
      ['limit', '3'],
      ['types[]', 'a'],
      ['types[]', 'b'],
      ['q', 'a,b'],
      ['max_id', '7'],
    ],
  )
  assert.equal(header.split(',').length, 2, 'no comma but the one between')
})

test('a hostile path cannot end the address early', () => {
  const header = linkHeader('https://d', '/api/v1/tags/a>;"b,c\u00ff?x=1', { next: { max_id: '7' } }) ?? ''
  assert.match(header, /^<https:\/\/d\/api\/v1\/tags\/a%3E;%22b%2Cc%C3%BF\?x=1&max_id=7>; rel="next"$/)
  assert.equal(linkHeader('https://d', '/a%2Cb', { next: { max_id: '7' } }), '<https://d/a%2Cb?max_id=7>; rel="next"')
})

test('no header grows with what a client sends beyond what clients and proxies take', () => {
  const links = { next: { max_id: '7' }, prev: { min_id: '9' } }
  const types = Array.from({ length: 25 }, (_, n) => `exclude_types[]=a_long_type_${n}`).join('&')
  assert.match(linkHeader('https://d', `/p?${types}`, links) ?? '', /max_id=7/)
  assert.equal(linkHeader('https://d', `/p?x=${'y'.repeat(10_000)}`, links), undefined)
  for (let length = 0; length < 3_000; length += 500) {
    const header = linkHeader('https://d', `/p?${'"'.repeat(length)}`, links) ?? ''
    assert.ok(header.length < 8_192, `${length}: ${header.length}`)
  }
})

test('a route sends the header of its page', async () => {
  await using world = await edgeWorld()
  world.edge.route({
    method: 'GET',
    path: '/api/v1/list',
    auth: 'public',
    handler: (call) => call.link(pageLinks(call.params.has('empty') ? [] : [9n, 7n], 20, TIMELINE_LINKS)),
  })
  const full = await world.call('GET', '/api/v1/list?limit=5')
  assert.equal(
    full.headers.get('link'),
    '<https://dunlin.example/api/v1/list?limit=5&max_id=7>; rel="next", <https://dunlin.example/api/v1/list?limit=5&min_id=9>; rel="prev"',
  )
  assert.equal((await world.call('GET', '/api/v1/list?empty=1')).headers.get('link'), null)
})
