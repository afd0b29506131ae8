import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { Draft } from '../../src/write-api/contract.ts'
import { eventually } from '../world/people.ts'
import { rawBytes } from '../world/raw-http.ts'
import { openSystem, type System } from '../world/system.ts'

const HOME = '/api/v1/timelines/home'
const TRIES = 3
/** The server closes each connection; until then it may take its time. */
const SILENT_MS_MAX = 60_000

let system: System
let alice: AccountId
let bob: AccountId
let dave: AccountId
let strange: StatusId
let token: string
const written: StatusId[] = []

before(async () => {
  system = await openSystem()
  const { graph, writeApi } = system.blocks
  alice = await system.person('alice')
  bob = await system.person('bob')
  const carol = await system.person('carol')
  dave = await system.person('dave')
  token = await system.token(bob)
  await graph.follow(bob, alice, false, {})
  await graph.follow(bob, carol, false, { languages: ['en'] })
  await get(HOME) // the timeline is there: what follows is delivered
  for (let index = 0; index < 30; index++) await write(index % 3 === 0 ? carol : alice, { text: `Status ${index}` })
  const [first = 0n as StatusId] = written
  await write(carol, { text: 'Nicht auf Englisch', language: 'de' })
  await write(alice, { text: 'Only for followers, @bob', visibility: 'private' })
  await write(alice, { text: '@bob quietly', visibility: 'direct' })
  strange = await write(dave, { text: 'From a stranger, "quoted" <b>&amp; ünï 🐦' })
  await write(alice, { text: '@dave an answer to a stranger', inReplyTo: strange })
  await write(alice, { text: 'An answer to herself', inReplyTo: first })
  const own = await write(bob, { text: 'My own, pinned' })
  written.push((await writeApi.boost(alice, strange, 'public')).id)
  written.push((await writeApi.boost(bob, own, 'public')).id)
  written.push((await writeApi.boost(carol, own, 'public')).id)
  await writeApi.pin(bob, own)
  await writeApi.favourite(bob, strange)
  await writeApi.bookmark(bob, first)
  await writeApi.muteConversation(bob, first)
  await settle()
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

/** Until everything is delivered. */
async function settle(): Promise<void> {
  const isDone = async () => {
    const [row] = await system.engines.database.rows<{ done: boolean }>`select not exists (select from outbox) as done`
    return row?.done === true
  }
  await eventually(30_000, isDone, (done) => done)
}

async function write(by: AccountId, draft: Partial<Draft>): Promise<StatusId> {
  const whole: Draft = {
    text: '',
    spoilerText: '',
    visibility: undefined,
    sensitive: undefined,
    language: 'en',
    inReplyTo: undefined,
    media: [],
    allowedMentions: undefined,
    idempotencyKey: undefined,
    appId: null,
    ...draft,
  }
  const { id } = await system.blocks.writeApi.post(by, whole)
  written.push(id)
  return id
}

/** The whole answer, head and body; all but the date, which may be another second's. */
async function get(path: string, headers: Record<string, string> = {}): Promise<string> {
  const lines = Object.entries({ authorization: `Bearer ${token}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  const head = ['host: localhost', 'connection: close', 'x-request-id: the-same', ...lines].join('\r\n')
  const bytes = await rawBytes(system.url, `GET ${path} HTTP/1.1\r\n${head}\r\n\r\n`, SILENT_MS_MAX)
  return bytes.replace(/^Date: .*$/m, 'Date:')
}

/** A request with a body, if only an empty one, goes the ordinary way. */
const ORDINARY = { 'content-length': '0' }

/** Both ways, warm. Says whether one was answered from memory, which may have to read a token again at any time. */
async function both(path: string, headers: Record<string, string> = {}): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const answered = system.edge.answeredFromMemory
    const ordinary = await get(path, { ...headers, ...ORDINARY })
    assert.equal(system.edge.answeredFromMemory, answered, 'the ordinary way is taken where it is asked for')
    assert.equal(await get(path, headers), ordinary, path)
    if (system.edge.answeredFromMemory > answered) return true
  }
  return false
}

const cursors = () => written.filter((_, index) => index % 7 === 0)

test('a home timeline from memory is the same, byte for byte, as the ordinary answer', async () => {
  const queries = ['', '?', '?limit=5', '?limit=40', '?limit=-3', '?unknown=%C3%BC%20&limit=7', '?limit=%31']
  const paged = cursors().flatMap((id) => [`?max_id=${id}`, `?since_id=${id}&limit=4`, `?min_id=${id}&limit=4`])
  const mixed = [
    `?max_id=${cursors().at(-1)}&min_id=${cursors()[1]}`,
    '?max_id=0',
    '?max_id=99999999999999999999',
    '?page=2',
  ]
  for (const query of [...queries, ...paged, ...mixed]) {
    assert.equal(await both(HOME + query), true, `${query} is answered from memory`)
  }
  assert.match(await get(HOME), /\r\nlink: <.*max_id=.*>; rel="next"/)
})

test('whatever is unusual is answered the ordinary way, with the same bytes', async () => {
  const unscoped = await system.token(bob, ['write'])
  const app = await system.token(null)
  const disabled = await system.token(await system.person('ejected', 'disabled'))
  const revoked = await system.token(bob)
  await get(HOME, { authorization: `Bearer ${revoked}` })
  const { app: known } = await system.blocks.people.oauth.registerApp({
    name: 'Other',
    website: null,
    redirectUris: ['urn:ietf:wg:oauth:2.0:oob'],
    scopes: ['read'],
  })
  await system.blocks.people.oauth.revokeToken(known, revoked)
  for (const [path, headers] of [
    [`${HOME}/`, {}],
    [`${HOME}?limit=0`, {}],
    [`${HOME}?limit[]=3`, {}],
    [`${HOME}?limit=1&limit=2`, {}],
    [`${HOME}?a[b][c][d][e][f][g]=1`, {}],
    [HOME, { authorization: '' }],
    [HOME, { authorization: 'Bearer nobody' }],
    [HOME, { authorization: `Bearer ${unscoped}` }],
    [HOME, { authorization: `Bearer ${app}` }],
    [HOME, { authorization: `Bearer ${disabled}` }],
  ] as const) {
    await get(path, headers) // warm, if it can be
    assert.equal(await both(path, headers), false, `${path} ${JSON.stringify(headers)}`)
  }
  assert.equal(await both(HOME, { authorization: `bearer  ${token}` }), true, 'the scheme may be written otherwise')
})

test('what changes is seen in the next answer from memory', async () => {
  const { filters, graph, people, writeApi } = system.blocks
  const [, second = 0n as StatusId] = written
  const page = `${HOME}?limit=40`
  const changes: [name: string, change: () => Promise<unknown>, sign: RegExp][] = [
    ['a favourite', () => writeApi.favourite(bob, second), /"favourited":true/],
    ['an edit', () => writeApi.edit(alice, second, edit('Changed words')), /Changed words/],
    ['an edit of what somebody boosted', () => writeApi.edit(dave, strange, edit('Stranger words')), /Stranger words/],
    ['a filter', () => filters.create(bob, filter('changed')), /"keyword_matches":\["changed"\]/],
    [
      'a display name',
      () => people.accounts.changeProfile(alice, { displayName: 'Alice the Second' }),
      /Alice the Second/,
    ],
    ['a follower more', async () => graph.follow(await system.person('fan'), alice, false, {}), /"followers_count":2/],
    ['a deletion', () => writeApi.remove(alice, second, false), /^(?!.*Changed words)/s],
    ['a mute', () => graph.mute(bob, alice, { notifications: true, expiresAtMs: null }), /^(?!.*Alice the Second)/s],
  ]
  for (const [name, change, sign] of changes) {
    // Read unchanged, it is kept from then on.
    for (let look = 0; look < 3; look++) await both(page)
    await change()
    await settle()
    const ordinary = await get(page, ORDINARY)
    assert.match(ordinary, sign, `${name} is in the ordinary answer`)
    assert.equal(await get(page), ordinary, name)
    assert.equal(await both(page), true, `${name} is answered from memory again`)
  }
})

function edit(text: string) {
  return { text, spoilerText: '', sensitive: undefined, language: undefined, media: [], mediaChanges: [] }
}

function filter(keyword: string) {
  const keywords = [{ keyword, wholeWord: true }]
  return { title: 'Test', contexts: ['home'] as const, action: 'warn' as const, expiresAtMs: null, keywords }
}
