/** Pictures as clients upload, describe and fetch them. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { Presenting } from '../../src/edge/presenting.ts'
import { mediaRoutes } from '../../src/edge/routes/media.ts'
import { urls } from '../../src/mastodon/urls.ts'
import { bearer, edgeWorld, identity, json, type Answer, type EdgeWorld } from '../world/http.ts'
import { openMediaWorld, redPicture, type MediaWorld } from '../world/media.ts'
import { checkResponse } from '../world/schema.ts'
import { accountId, mediaId } from '../world/statuses.ts'

const ALICE = accountId(1)
const BASE = 'https://dunlin.example'

interface Client extends AsyncDisposable {
  world: MediaWorld
  http: EdgeWorld
  upload(fields?: Record<string, string>, path?: string): Promise<Answer>
  ask(method: string, path: string, body?: unknown, who?: string): Promise<Answer>
}

interface Attachment {
  id: string
  type: string
  url: string
  preview_url: string
  description: string | null
  meta: { focus?: { x: number; y: number } }
}

async function client(): Promise<Client> {
  await using resources = new AsyncDisposableStack()
  const world = resources.use(await openMediaWorld())
  const people = {
    alice: identity({ accountId: ALICE }),
    bob: identity({ accountId: accountId(2), tokenId: 12n }),
    reader: identity({ accountId: ALICE, tokenId: 13n, scopes: ['read'] }),
  }
  const http = resources.use(await edgeWorld(people, { limits: { enforced: false } }))
  const present = new Presenting(urls(BASE, 'dunlin.example'), async () => () => [])
  mediaRoutes(http.edge, { media: world.media, files: world.files, present })
  const opened = resources.move()
  return {
    world,
    http,
    upload: async (fields = {}, path = '/api/v2/media') => {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.set(name, value)
      form.set('file', new Blob([new Uint8Array(await redPicture())]), 'red.png')
      const answer = await http.call('POST', path, { ...bearer('alice'), body: form })
      if (answer.status === 200) assert.deepEqual(checkResponse('POST', path, answer.json), [], answer.text)
      return answer
    },
    ask: (method, path, body, who = 'alice') => {
      const { headers } = bearer(who)
      return http.call(method, path, body === undefined ? { headers } : json(body, headers))
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function attachment({ status, json: parsed, text }: Answer): Attachment {
  assert.equal(status, 200, text)
  return parsed as Attachment // checked against the tables where it matters
}

/** The path on this server of an address that clients are given. */
function local(url: string): string {
  assert.ok(url.startsWith(`${BASE}/media/`), url)
  return url.slice(BASE.length)
}

test('an upload is ready when it is answered, by both versions of the API', async () => {
  await using on = await client()
  for (const path of ['/api/v1/media', '/api/v2/media']) {
    const uploaded = attachment(await on.upload({ description: ' Red ', focus: '-0.5,1.5' }, path))
    assert.deepEqual([uploaded.type, uploaded.description, uploaded.meta.focus], ['image', 'Red', { x: -0.5, y: 1 }])
    assert.deepEqual(attachment(await on.ask('GET', `/api/v1/media/${uploaded.id}`)), uploaded)
  }
})

test('what is no upload is refused', async () => {
  await using on = await client()
  assert.equal((await on.ask('POST', '/api/v2/media', { description: 'x' })).status, 422)
  assert.equal((await on.upload({ focus: 'here' })).status, 422)
  assert.equal((await on.upload({ description: 'x'.repeat(10_001) })).status, 422)
  assert.equal((await on.ask('POST', '/api/v2/media', {}, 'reader')).status, 403)
  const form = new FormData()
  form.set('file', new Blob(['<svg xmlns="http://www.w3.org/2000/svg"/>'], { type: 'image/png' }), 'a.png')
  assert.equal((await on.http.call('POST', '/api/v2/media', { ...bearer('alice'), body: form })).status, 422)
  assert.equal(await on.world.fileCount(), 0)
})

test('a picture is described and deleted by its owner, until a status has it', async () => {
  await using on = await client()
  const { id } = attachment(await on.upload())
  const path = `/api/v1/media/${id}`
  assert.equal(attachment(await on.ask('PUT', path, { description: 'Red' })).description, 'Red')
  const focused = attachment(await on.ask('PATCH', path, { focus: '0.25,0' }))
  assert.deepEqual([focused.description, focused.meta.focus], ['Red', { x: 0.25, y: 0 }])
  assert.equal(attachment(await on.ask('PUT', path, { description: '' })).description, null)
  for (const method of ['GET', 'PUT', 'DELETE']) {
    assert.equal((await on.ask(method, path, undefined, 'bob')).status, 404)
    assert.equal((await on.ask(method, '/api/v1/media/0x1')).status, 404)
  }
  await on.world.attach(ALICE, [mediaId(BigInt(id))], 7)
  assert.equal((await on.ask('GET', path)).status, 404)
  assert.equal((await on.ask('PUT', path, { description: 'x' })).status, 404)
  assert.equal((await on.ask('DELETE', path)).status, 422)
  const other = attachment(await on.upload())
  assert.deepEqual((await on.ask('DELETE', `/api/v1/media/${other.id}`)).json, {})
  assert.equal((await on.http.call('GET', local(other.url))).status, 404)
})

test('files are served to whoever knows their name, to keep for ever and to do nothing', async () => {
  await using on = await client()
  const uploaded = attachment(await on.upload())
  for (const url of [uploaded.url, uploaded.preview_url]) {
    const { status, headers, text } = await on.http.call('GET', local(url))
    assert.equal(status, 200)
    assert.equal(headers.get('content-type'), 'image/png')
    assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*sandbox/)
    assert.equal(headers.get('access-control-allow-origin'), '*')
    assert.equal(headers.get('vary'), null)
    assert.ok(text.startsWith('\uFFFDPNG'))
    const again = await on.http.call('GET', local(url), { headers: { 'if-none-match': headers.get('etag') ?? '' } })
    assert.deepEqual([again.status, again.text], [304, ''])
    const head = await on.http.call('HEAD', local(url))
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, headers.get('content-length')])
  }
})

test('a part of a file is sent to whoever asks for one', async () => {
  await using on = await client()
  const path = local(attachment(await on.upload()).url)
  const whole = Buffer.from(await (await fetchBytes(on, path)).arrayBuffer())
  const size = whole.length
  const cases: [range: string, first: number, last: number][] = [
    ['bytes=0-9', 0, 9],
    ['bytes=5-5', 5, 5],
    ['bytes=10-', 10, size - 1],
    ['bytes=-4', size - 4, size - 1],
    [`bytes=3-${size + 100}`, 3, size - 1],
    [`bytes=-${size + 100}`, 0, size - 1],
  ]
  for (const [range, first, last] of cases) {
    const part = await fetchBytes(on, path, { range })
    assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes ${first}-${last}/${size}`], range)
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), whole.subarray(first, last + 1), range)
  }
  for (const range of [`bytes=${size}-`, `bytes=${size + 5}-${size + 9}`, 'bytes=-0']) {
    const { status, headers } = await fetchBytes(on, path, { range })
    assert.deepEqual([status, headers.get('content-range')], [416, `bytes */${size}`], range)
  }
  for (const range of ['bytes=9-3', 'bytes=-', 'bytes=a-b', 'lines=1-2', 'bytes=0-1,4-5', `bytes=${'9'.repeat(20)}-`]) {
    assert.equal((await fetchBytes(on, path, { range })).status, 200, range)
  }
  assert.equal((await fetchBytes(on, path, { range: 'bytes=0-1', 'if-range': '"another"' })).status, 200)
})

test('nothing but pictures of ours is served', async () => {
  await using on = await client()
  await on.world.files.put('attachments/page.html', Buffer.from('<script>'))
  await on.world.files.put('exports/archive.png', Buffer.from('private'))
  const paths = [
    'attachments/page.html',
    'exports/archive.png',
    'attachments/..%2f..%2fexports%2farchive.png',
    'attachments/%2e%2e/exports/archive.png',
    'attachments/.png',
    'attachments/missing.png',
    'attachments/a%00.png',
    'attachments/',
    '',
  ]
  for (const path of paths) assert.equal((await on.http.call('GET', `/media/${path}`)).status, 404, path)
})

function fetchBytes(on: Client, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${on.http.base}${path}`, { headers })
}
