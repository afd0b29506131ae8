/** Search as clients use it, over HTTP: who finds what, what consent does, and that no query fails. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { watchConformance } from '../world/conformance.ts'
import { caller, join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

let server: RunningServer
let alice: Person
let bob: Person
let carol: Person

/** Far beyond what anything takes; nothing here depends on how long it is. */
const PATIENCE_MS = 60_000

before(async () => {
  watchConformance()
  server = await startServer()
  alice = await join(server.url, 'alice')
  bob = await join(server.url, 'bob')
  carol = await join(server.url, 'carol')
  for (const person of [alice, bob])
    await person.call('PATCH', '/api/v1/accounts/update_credentials', { indexable: true })
  await carol.call('PATCH', '/api/v1/accounts/update_credentials', { indexable: false })
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

const post = async (person: Person, text: string, more = {}) =>
  (await person.masto.v1.statuses.create({ status: text, ...more })).id

async function found({ call }: Pick<Person, 'call'>, query: string, more = ''): Promise<string[]> {
  const { status, body } = await call('GET', `/api/v2/search?type=statuses&q=${encodeURIComponent(query)}${more}`)
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(typeof body === 'object' && body !== null && 'statuses' in body && Array.isArray(body.statuses))
  return body.statuses.map((each: { id: string }) => each.id)
}

/** Asks until the answer is the one that has to come. */
async function until(ask: () => Promise<string[]>, expected: readonly string[], what = ''): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (JSON.stringify(answer) === JSON.stringify(expected) || performance.now() > deadline) {
      assert.deepEqual(answer, expected, what)
      return
    }
    await sleep(20)
  }
}

test('a post is found by its words, phrases, hashtags and operators, newest first', async () => {
  const one = await post(alice, 'The quick brown fox jumps over #Lazy dogs https://www.example.com/den')
  const two = await post(bob, 'Brown quick foxes are lazy too')
  await until(() => found(bob, 'quick brown'), [two, one])
  const cases: [query: string, ids: string[]][] = [
    ['"quick brown"', [one]],
    ['fox', [two, one]],
    ['jump -too', [one]],
    ['dogs OR foxes', [two, one]],
    ['#lazy', [one]],
    ['lazy', [two, one]],
    ['quick from:alice', [one]],
    ['quick from:me', [two]],
    ['url:example.com quick', [one]],
    ['has:link quick', [one]],
    ['qui*', [two, one]],
    ['quick before:2020', []],
    ['quick after:yesterday', [two, one]],
    ['QUÍCK bröwn', [two, one]],
    ['quick order:relevance', (await found(bob, 'quick order:relevance')).toSorted().toReversed()],
  ]
  for (const [query, ids] of cases) assert.deepEqual(await found(bob, query), ids, query)
  assert.deepEqual(await found(bob, 'quick', '&limit=1'), [two])
  assert.deepEqual(await found(bob, 'quick', '&limit=1&offset=1'), [one])
  assert.deepEqual(await found(bob, 'quick', `&max_id=${two}`), [one])
  assert.deepEqual(await found(bob, 'quick', `&min_id=${one}`), [two])
  assert.deepEqual(await found(bob, 'quick', `&account_id=${alice.id}`), [one])
  assert.deepEqual(await found({ call: caller(server.url, undefined) }, 'quick'), [], 'strangers find no statuses')
})

test('other scripts are found without dictionaries', async () => {
  const id = await post(alice, '今日は東京湾でハマシギを見た', { language: 'ja' })
  await until(() => found(bob, '東京湾'), [id])
  assert.deepEqual(await found(bob, 'ﾊﾏｼｷﾞ'), [id])
  assert.deepEqual(await found(bob, '港'), [])
  assert.deepEqual(await found(bob, '今'), [id])
  assert.deepEqual(await found(bob, '東京 lang:ja'), [id])
})

test('who does not allow it is found by those they mention, and by those who marked the post; private posts by their author alone', async () => {
  const plain = await post(carol, 'zirkon plain')
  const marked = await post(carol, 'zirkon marked')
  const mention = await post(carol, '@bob zirkon mention')
  const letter = await post(carol, '@bob zirkon letter', { visibility: 'direct' })
  const secret = await post(carol, 'zirkon secret', { visibility: 'private' })
  await alice.masto.v1.accounts.$select(carol.id).follow()
  await alice.masto.v1.statuses.$select(marked).favourite()
  await until(() => found(carol, 'zirkon'), [secret, letter, mention, marked, plain])
  await until(() => found(bob, 'zirkon'), [mention])
  await until(() => found(alice, 'zirkon'), [marked])
  assert.deepEqual(await found(alice, 'zirkon in:library'), [marked])
  assert.deepEqual(await found(carol, 'zirkon in:public'), [])
  await alice.masto.v1.statuses.$select(marked).unfavourite()
  await until(() => found(alice, 'zirkon'), [])
})

test('consent, deletion, edits and blocks take effect', async () => {
  const dora = await join(server.url, 'dora')
  await dora.call('PATCH', '/api/v1/accounts/update_credentials', { indexable: true })
  const id = await post(dora, 'wolfram glows')
  const gone = await post(dora, 'wolfram melts')
  await until(() => found(bob, 'wolfram'), [gone, id])
  await dora.masto.v1.statuses.$select(gone).remove()
  assert.deepEqual(await found(bob, 'wolfram'), [id])
  await dora.call('PATCH', '/api/v1/accounts/update_credentials', { indexable: false })
  assert.deepEqual(await found(bob, 'wolfram'), [], 'at once')
  await dora.call('PATCH', '/api/v1/accounts/update_credentials', { indexable: true })
  await until(() => found(bob, 'wolfram'), [id])
  await dora.masto.v1.statuses.$select(id).update({ status: 'tungsten glows' })
  await until(() => found(bob, 'wolfram'), [])
  await until(() => found(bob, 'tungsten'), [id])
  await dora.masto.v1.accounts.$select(bob.id).block()
  assert.deepEqual(await found(bob, 'tungsten'), [])
  await alice.masto.v1.accounts.$select(dora.id).mute()
  assert.deepEqual(await found(alice, 'tungsten'), [])
})

test('no query fails, whatever it is, and what was not understood is explained', async () => {
  const queries = [
    '"',
    '(',
    ')',
    '((((((((((((((((((',
    '-',
    '- - -',
    'OR',
    'AND OR NOT',
    '*',
    '!!!',
    '"" ()',
    'from:',
    'from:nobody',
    'before:never',
    'near:home within:5km',
    '\u200b\u202e',
    '👩‍👩‍👧',
    'a'.repeat(8_000),
    'x '.repeat(4_000),
    '(a OR '.repeat(500),
    '[a-z]+(a+)+$',
    "'; drop table statuses; --",
    'min_favourites:999999999999',
    'has:everything',
    '#',
    '@',
    'lang:tlh',
  ]
  for (const query of queries) {
    const path = `/api/v2/search?q=${encodeURIComponent(query)}`
    const { status } = await bob.call('GET', path)
    assert.equal(status, 200, query.slice(0, 40))
  }
  const { headers } = await bob.call('GET', '/api/v2/search?q=near:home%20fox')
  assert.match(decodeURI(headers.get('x-search-notes') ?? ''), /no place/)
  for (const more of ['&offset=-1', '&limit=-1', '&offset=999999']) {
    assert.equal((await bob.call('GET', `/api/v2/search?q=fox&type=statuses${more}`)).status, 400, more)
  }
  assert.equal((await bob.call('GET', '/api/v2/search?q=fox&account_id=abc')).status, 404)
})

test('people are found by the beginning of a name or nearly so, those one follows first', async () => {
  for (const name of ['wilhelmine', 'wilhelmina', 'wilhelmstrasse']) await join(server.url, name)
  const names = async (query: string) => {
    const { body } = await bob.call('GET', `/api/v1/accounts/search?q=${query}`)
    assert.ok(Array.isArray(body))
    return body.map((each: { username: string }) => each.username)
  }
  assert.equal((await names('wilhelm')).length, 3)
  const [chosen] = await bob.masto.v1.accounts.search.list({ q: 'wilhelmstrasse' })
  assert.ok(chosen)
  await bob.masto.v1.accounts.$select(chosen.id).follow()
  assert.equal((await names('wilhelm'))[0], 'wilhelmstrasse')
  assert.deepEqual((await names('wilhlemina')).slice(0, 1), ['wilhelmina'])
  assert.deepEqual(await names('wilhelm&following=true'), ['wilhelmstrasse'])
})
