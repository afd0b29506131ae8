import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { watchConformance } from '../world/conformance.ts'
import { caller, join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

let server: RunningServer
let alice: Person
let bob: Person
let anybody: Pick<Person, 'call'>

before(async () => {
  watchConformance()
  server = await startServer()
  alice = await join(server.url, 'alice')
  bob = await join(server.url, 'bob')
  anybody = { call: caller(server.url, undefined) }
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

async function idsAt({ call }: Pick<Person, 'call'>, path: string): Promise<string[]> {
  const { status, body } = await call('GET', path)
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(Array.isArray(body))
  return body.map((each: { id: string }) => each.id)
}

const post = async (person: Person, text: string, more = {}) =>
  (await person.masto.v1.statuses.create({ status: text, ...more })).id

test('what is posted in public under a hashtag is found under it at once, by anyone, however it is written', async () => {
  const first = await post(alice, 'One #Seabirds')
  const reply = await post(bob, '@alice Two #seabirds', { inReplyToId: first })
  await post(alice, 'Three #seabirds', { visibility: 'unlisted' })
  await post(alice, 'Four #seabirds', { visibility: 'private' })
  await bob.masto.v1.statuses.$select(first).reblog()
  for (const reader of [anybody, alice, bob]) {
    for (const name of ['seabirds', 'SeaBirds', '%23seabirds', 'ｓｅａｂｉｒｄｓ']) {
      assert.deepEqual(await idsAt(reader, `/api/v1/timelines/tag/${name}`), [reply, first], name)
    }
  }
  assert.deepEqual(await idsAt(anybody, '/api/v1/timelines/tag/unheard'), [])
  assert.deepEqual(await idsAt(anybody, '/api/v1/timelines/tag/123'), [], 'numbers alone are no hashtag')
})

test('any, all, none, only_media, local and remote narrow it', async () => {
  const a = await post(alice, '#knot')
  const ab = await post(alice, '#knot #ruff')
  const b = await post(alice, '#ruff')
  const abc = await post(alice, '#knot #ruff #stint')
  const at = (query: string) => idsAt(bob, `/api/v1/timelines/tag/knot?${query}`)
  assert.deepEqual(await at(''), [abc, ab, a])
  assert.deepEqual(await at('any[]=RUFF'), [abc, b, ab, a])
  assert.deepEqual(await at('all[]=ruff'), [abc, ab])
  assert.deepEqual(await at('all[]=ruff&none[]=stint'), [ab])
  assert.deepEqual(await at('any[]=stint&none[]=ruff'), [a])
  assert.deepEqual(await at('only_media=true'), [])
  assert.deepEqual(await at('local=true'), [abc, ab, a])
  assert.deepEqual(await at('remote=true'), [])
  assert.equal((await bob.call('GET', '/api/v1/timelines/tag/knot?local=true&remote=true')).status, 422)
  const extra = Array.from({ length: 4 }, (_, n) => `none[]=no${n}`).join('&')
  assert.deepEqual(await at(`${extra}&none[]=ruff`), [abc, ab, a], 'the fifth is passed over, as Mastodon does')
})

test('Link leads through all pages, each status once', async () => {
  const written: string[] = []
  for (let n = 0; n < 9; n++) written.push(await post(alice, `${n} #godwit`))
  const walked: string[] = []
  let path: string | undefined = '/api/v1/timelines/tag/godwit?limit=4&any[]=whimbrel'
  while (path !== undefined) {
    const ids: string[] = await idsAt(anybody, path)
    walked.push(...ids)
    const { headers }: { headers: Headers } = await anybody.call('GET', path)
    path = /<[^>]*?(\/api[^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]
    if (path !== undefined) assert.match(path, /whimbrel/)
  }
  assert.deepEqual(walked, written.toReversed())
  const newer = await idsAt(anybody, `/api/v1/timelines/tag/godwit?limit=2&min_id=${written[3]}`)
  assert.deepEqual(newer, [written[5], written[4]])
})

test('who is muted or blocked is left out, also whoever blocks the viewer', async () => {
  const carol = await join(server.url, 'carol')
  const id = await post(carol, 'Here I am #turnstone')
  const seen = (person: Person) => idsAt(person, '/api/v1/timelines/tag/turnstone')
  await alice.masto.v1.accounts.$select(carol.id).mute()
  await carol.masto.v1.accounts.$select(bob.id).block()
  assert.deepEqual([await seen(alice), await seen(bob), await seen(carol)], [[], [], [id]])
  assert.deepEqual(await idsAt(anybody, '/api/v1/timelines/tag/turnstone'), [id])
})

test('a hashtag is described to anyone, and what can be none is not found', async () => {
  const known = await bob.masto.v1.tags.$select('SeaBirds').fetch()
  assert.deepEqual([known.name, known.url, known.following], ['seabirds', `${server.url}/tags/seabirds`, false])
  const { body } = await anybody.call('GET', '/api/v1/tags/unheard')
  assert.ok(typeof body === 'object' && body !== null && !('following' in body))
  assert.equal((await anybody.call('GET', '/api/v1/tags/no-tag')).status, 404)
  assert.equal((await anybody.call('GET', '/api/v1/tags/123')).status, 404)
})

test('the link of a hashtag in a status leads to a page with the newest public ones, without scripts', async () => {
  const { content } = await alice.masto.v1.statuses.create({ status: '<script>alert(1)</script> #Avocet & #größe' })
  await post(bob, 'Not for all #avocet', { visibility: 'private' })
  const links = [...content.matchAll(/href="([^"]+\/tags\/[^"]+)"/g)].map(([, link]) => link ?? '')
  assert.equal(links.length, 2)
  for (const link of links) {
    const page = await fetch(link)
    assert.equal(page.status, 200, link)
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/)
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    const html = await page.text()
    assert.match(html, /<h1><bdi>#(avocet|grosse|große)<\/bdi><\/h1>/)
    assert.match(html, /&lt;script&gt;alert\(1\)/)
    assert.doesNotMatch(html, /<script|Not for all/)
  }
  assert.match(await (await fetch(`${server.url}/tags/unheard`)).text(), /Nothing public has this hashtag yet/)
  assert.equal((await fetch(`${server.url}/tags/no-tag`)).status, 404)
})
