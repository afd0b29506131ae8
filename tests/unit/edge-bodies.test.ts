/** Request bodies over HTTP: every format, the order of precedence, limits, and input meant to hurt. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parseForm } from '../../src/edge/form.ts'
import { Params } from '../../src/edge/params.ts'
import { edgeWorld, json } from '../world/http.ts'
import type { EdgeWorld } from '../world/http.ts'

async function echoWorld(): Promise<EdgeWorld> {
  const world = await edgeWorld()
  world.edge.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE'],
    path: '/api/echo/:id',
    auth: 'public',
    handler: ({ params }) => ({
      status: params.text('status') ?? null,
      id: params.text('id'),
      options: params.nested('poll').texts('options', 10),
      big: params.text('big') ?? null,
      names: params.names(),
    }),
  })
  world.edge.route({
    method: 'POST',
    path: '/api/upload',
    auth: 'public',
    uploads: true,
    handler: ({ params }) => {
      const file = params.file('file')
      return { bytes: file?.bytes.length, name: file?.name, mime: file?.mime, text: params.text('description') }
    },
  })
  return world
}

test('the same parameters arrive from every format, on every method with a body', async () => {
  await using world = await echoWorld()
  const form = new FormData()
  form.append('status', 'hi')
  form.append('poll[options][]', 'a')
  form.append('poll[options][]', 'b')
  const urlencoded = new URLSearchParams([
    ['status', 'hi'],
    ['poll[options][]', 'a'],
    ['poll[options][]', 'b'],
  ])
  const formats: Record<string, RequestInit> = {
    json: json({ status: 'hi', poll: { options: ['a', 'b'] } }),
    'json with a charset': {
      ...json({ status: 'hi', poll: { options: ['a', 'b'] } }, { 'content-type': 'application/json; charset=utf-8' }),
    },
    urlencoded: { body: urlencoded },
    multipart: { body: form },
    query: {},
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const [format, init] of Object.entries(formats)) {
      const query = format === 'query' ? `?${urlencoded.toString()}` : ''
      const answer = await world.call(method, `/api/echo/7${query}`, init)
      const { status, id, options } = answer.json as Record<string, unknown>
      assert.deepEqual([answer.status, status, id, options], [200, 'hi', '7', ['a', 'b']], `${method} ${format}`)
    }
  }
})

test('path wins over body, body over query', async () => {
  await using world = await echoWorld()
  const answer = await world.call('POST', '/api/echo/7?id=8&status=query&big=q', json({ id: '9', status: 'body' }))
  const { id, status, big } = answer.json as Record<string, unknown>
  assert.deepEqual([id, status, big], ['7', 'body', 'q'])
})

test('an empty body is fine whatever its type says; a full one of a foreign type is not', async () => {
  await using world = await echoWorld()
  for (const type of [
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/octet-stream',
  ]) {
    assert.equal((await world.call('POST', '/api/echo/7', { headers: { 'content-type': type } })).status, 200, type)
  }
  assert.equal((await world.call('POST', '/api/echo/7', json(null))).status, 200)
  const foreign = await world.call('POST', '/api/echo/7', { body: 'hi', headers: { 'content-type': 'text/plain' } })
  assert.equal(foreign.status, 415)
  assert.match((foreign.json as { error: string }).error, /content type/)
})

test('malformed bodies are 400 with a clear text', async () => {
  await using world = await echoWorld()
  const type = { 'content-type': 'application/json' }
  for (const body of ['{', '{"a":}', 'nope', '[1,2]', '"text"', '7']) {
    const answer = await world.call('POST', '/api/echo/7', { body, headers: type })
    assert.equal(answer.status, 400, body)
    assert.match((answer.json as { error: string }).error, /JSON/)
  }
  const multipart = await world.call('POST', '/api/echo/7', {
    body: 'x',
    headers: { 'content-type': 'multipart/form-data' },
  })
  assert.ok([400, 406, 415].includes(multipart.status), String(multipart.status))
  const cut = {
    body: '--b\r\nContent-Disposition: form-data; name="status"\r\n\r\nhi',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
  }
  assert.equal((await world.call('POST', '/api/echo/7', cut)).status, 400)
})

test('bodies above the limit are 413, also in parts', async () => {
  await using world = await echoWorld()
  const big = 'x'.repeat(1024 * 1024)
  assert.equal((await world.call('POST', '/api/echo/7', json({ status: big }))).status, 413)
  const form = new FormData()
  for (let i = 0; i < 4; i++) form.append(`part${i}`, 'x'.repeat(300_000))
  assert.equal((await world.call('POST', '/api/echo/7', { body: form })).status, 413)
})

test('files arrive where the route takes them, and nowhere else', async () => {
  await using world = await echoWorld()
  const form = (bytes: number): FormData => {
    const data = new FormData()
    data.append('description', 'A bird')
    data.append('file', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'bird.png')
    return data
  }
  const answer = await world.call('POST', '/api/upload', { body: form(17 * 1024 * 1024) })
  assert.deepEqual(answer.json, { bytes: 17 * 1024 * 1024, name: 'bird.png', mime: 'image/png', text: 'A bird' })
  assert.equal((await world.call('POST', '/api/echo/7', { body: form(10) })).status, 413)
  assert.equal((await world.call('POST', '/api/upload', { body: form(41 * 1024 * 1024) })).status, 413)
})

test('ids sent as JSON numbers keep every digit', async () => {
  await using world = await echoWorld()
  const body = '{"big": 116239482649823749, "status": 1.5}'
  const answer = await world.call('POST', '/api/echo/7', { body, headers: { 'content-type': 'application/json' } })
  const { big, status } = answer.json as Record<string, unknown>
  assert.deepEqual([big, status], ['116239482649823749', '1.5'])
})

test('halves of surrogate pairs and NUL never get through', async () => {
  await using world = await echoWorld()
  const body = String.raw`{"status":"a\ud800b\u0000c"}`
  const answer = await world.call('POST', '/api/echo/7', { body, headers: { 'content-type': 'application/json' } })
  assert.equal((answer.json as { status: string }).status, 'a\uFFFDbc')
  assert.equal(new Params(parseForm('s=a%00b')).text('s'), 'ab')
})

test('nothing reaches a prototype, in any format', async () => {
  await using world = await echoWorld()
  const form = new FormData()
  form.append('constructor[prototype][polluted]', '1')
  const attempts: [string, RequestInit][] = [
    ['?__proto__[polluted]=1&constructor[prototype][polluted]=1', {}],
    [
      '',
      {
        body: '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"poll":{"__proto__":{"options":["x"]}}}',
        headers: { 'content-type': 'application/json' },
      },
    ],
    ['', { body: form }],
  ]
  for (const [query, init] of attempts) {
    const answer = await world.call('POST', `/api/echo/7${query}`, init)
    assert.equal(answer.status, 200)
    assert.deepEqual((answer.json as { options: string[] }).options, [])
  }
  assert.ok(!('polluted' in {}))
  assert.equal(new Params({ status: 'x' }).text('toString'), undefined)
  assert.equal(new Params({ status: 'x' }).has('constructor'), false)
})
