/**
 * Bad input below the level of a client library, against a server as it is started: bodies that are not what they say,
 * addresses and headers without end, requests that two parsers would read differently. The server refuses each by itself
 * and is as well afterwards as before.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { join, type Person } from '../world/people.ts'
import { rawBytes, rawCall, statusesIn, type RawAnswer } from '../world/raw-http.ts'
import { startServer, type RunningServer } from '../world/server.ts'

let server: RunningServer
let alice: Person

before(async () => {
  server = await startServer()
  alice = await join(server.url, 'alice')
})

after(async () => {
  const { status } = await rawCall(server.url, { method: 'GET', path: '/health' })
  assert.equal(status, 200, 'the server is well')
  assert.equal(await server.end('SIGTERM'), 0)
  assert.doesNotMatch(server.output(), /"level":"(error|fatal)"|\n\s+at /, 'nothing went wrong inside')
  await server[Symbol.asyncDispose]()
})

const KIB = 1024
const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

function send(type: string, body: string | Uint8Array, path = '/api/v1/statuses', method = 'POST'): Promise<RawAnswer> {
  const headers = { authorization: `Bearer ${alice.token}`, ...(type !== '' && { 'content-type': type }) }
  return rawCall(server.url, { method, path, headers, body })
}

function get(path: string): Promise<RawAnswer> {
  return rawCall(server.url, { method: 'GET', path, headers: { authorization: `Bearer ${alice.token}` } })
}

/** The text of a good error answer. */
function errorIn({ type, body }: RawAnswer): string {
  assert.match(type, /^application\/json; charset=utf-8$/, body)
  const parsed: unknown = JSON.parse(body)
  assert.ok(typeof parsed === 'object' && parsed !== null && 'error' in parsed, body)
  assert.equal(typeof parsed.error, 'string')
  return String(parsed.error)
}

async function refuses(expected: readonly number[], what: string, sent: Promise<RawAnswer>): Promise<void> {
  const answer = await sent
  assert.ok(expected.includes(answer.status), `${what}: ${answer.status} ${answer.body.slice(0, 200)}`)
  assert.doesNotMatch(errorIn(answer), /\bat .+:\d+|JSON at position|Unexpected/i, what)
}

test('bodies that are no JSON object are 400', async () => {
  const words = [
    '{',
    '{"a":}',
    'nul',
    '{"a":1}{"b":2}',
    "{'a':1}",
    '{"a":1,}',
    '\ufeff{}',
    '{"a":"\u0001"}',
    '\u0000',
    '}',
  ]
  const others = ['"text"', '1', 'true', '[1]', '[]', '[{"status":"x"}]']
  const deep = ['['.repeat(200_000), '{"a":'.repeat(100_000)]
  const bodies = [...words, ...others, ...deep, Buffer.from('{"status":"x"}', 'utf16le')]
  for (const body of bodies) await refuses([400], String(body).slice(0, 40), send(JSON_TYPE, body))
  for (const path of ['/api/v1/apps', '/oauth/token', '/api/v2/filters']) {
    await refuses([400], path, send(JSON_TYPE, '{"a":}', path))
  }
})

test('text that cannot be stored is stored without what cannot, or refused; ids and numbers keep to their limits', async () => {
  const posted = async (status: string, encoding: BufferEncoding = 'utf8') => {
    const answer = await send(JSON_TYPE, Buffer.from(`{"status":${status}}`, encoding))
    assert.equal(answer.status, 200, answer.body)
    const body: unknown = JSON.parse(answer.body)
    return typeof body === 'object' && body !== null && 'content' in body ? body.content : undefined
  }
  assert.equal(await posted(String.raw`"a\u0000b"`), '<p>ab</p>')
  assert.equal(await posted(String.raw`"a\ud800b"`), '<p>a\ufffdb</p>')
  assert.equal(await posted('"a\xffb"', 'latin1'), '<p>a\ufffdb</p>', 'bytes that are no UTF-8')
  assert.equal(await posted('12'), '<p>12</p>')
  await refuses([422], 'only NUL', send(JSON_TYPE, String.raw`{"status":"\u0000"}`))
  for (const wrong of ['{}', '[]', '[1]', '{"a":1}', 'null', '""']) {
    await refuses([422], wrong, send(JSON_TYPE, `{"status":${wrong}}`))
  }
  for (const id of ['-1', '"0x1"', '1e30', '9223372036854775808', '"x"', '1.5', '{}', '[[]]']) {
    await refuses([404, 422], id, send(JSON_TYPE, `{"status":"x","in_reply_to_id":${id}}`))
    await refuses([404, 422], id, send(JSON_TYPE, `{"status":"x","media_ids":[${id}]}`))
  }
})

test('names of prototypes are names like any other', async () => {
  const poison = [
    send(JSON_TYPE, '{"__proto__":{"status":"polluted"},"constructor":{"prototype":{"status":"polluted"}}}'),
    send(FORM_TYPE, '__proto__[status]=polluted&constructor[prototype][status]=polluted'),
    send(
      'multipart/form-data; boundary=x',
      multipart([
        ['__proto__[status]', 'polluted'],
        ['__proto__', 'polluted'],
      ]),
    ),
    send(FORM_TYPE, '', '/api/v1/statuses?__proto__[status]=polluted'),
  ]
  for (const answer of poison) await refuses([400, 422], 'a status without text', answer)
  assert.equal(
    (await get('/api/v1/timelines/home?__proto__[limit]=1&constructor=1&toString=1&limit[__proto__]=1')).status,
    422,
  )
  assert.equal((await get('/api/v1/timelines/home?__proto__[limit]=1&constructor=1&toString=1')).status, 200)
  assert.equal((await send(JSON_TYPE, '{"status":"not polluted"}')).status, 200)
})

test('a name that comes twice counts once, as the last of them; a list where one value belongs is refused', async () => {
  const limited = await get('/api/v1/timelines/home?limit=40&limit=1')
  assert.ok([200, 422].includes(limited.status), limited.body)
  await refuses([422], 'a list', get('/api/v1/timelines/home?limit[]=1&limit[]=2'))
  await refuses([404, 422], 'ids instead of an id', send(FORM_TYPE, 'status=x&in_reply_to_id[]=1&in_reply_to_id[]=2'))
  await refuses([422], 'status twice as a list', send(FORM_TYPE, 'status[]=a&status[]=b'))
  const tooMany = Array.from({ length: 1_200 }, (_, n) => `id[]=${n}`).join('&')
  await refuses([400, 422], 'a thousand ids', get(`/api/v1/accounts/relationships?${tooMany}`))
})

test('bodies that are too large, or of no known type, are refused before they are looked at', async () => {
  await refuses([413], 'JSON', send(JSON_TYPE, `{"status":"${'x'.repeat(1100 * KIB)}"}`))
  await refuses([413], 'a form', send(FORM_TYPE, `status=${'x'.repeat(1100 * KIB)}`))
  await refuses(
    [413],
    'multipart',
    send('multipart/form-data; boundary=x', multipart([['status', 'x'.repeat(1100 * KIB)]])),
  )
  for (const type of ['text/plain', 'text/xml', 'application/octet-stream', 'x', '/']) {
    await refuses([415], type, send(type, '{"status":"x"}'))
  }
  await refuses([400, 422], 'JSON said to be a form', send(FORM_TYPE, '{"status":"x"}'))
  await refuses([400], 'a form said to be JSON', send(JSON_TYPE, 'status=x'))
  const claim = `POST /api/v1/statuses HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${alice.token}\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n`
  assert.deepEqual(statusesIn(await rawBytes(server.url, `${claim}{"status":"`)), [413])
})

test('multipart that does not hold together is 400', async () => {
  const type = 'multipart/form-data; boundary=x'
  const whole = multipart([['status', 'x']])
  for (const [what, body] of [
    ['nothing', ''],
    ['no end', whole.slice(0, -10)],
    ['no parts', 'x'],
    ['another boundary', whole.replaceAll('--x', '--y')],
    ['a part without a head', '--x\r\n\r\nx\r\n--x--\r\n'],
  ] as const) {
    await refuses([400, 422], what, send(type, body))
  }
  await refuses([400, 415], 'no boundary', send('multipart/form-data', whole))
  const many = Array.from({ length: 1_500 }, (_, n): [string, string] => [`f${n}`, 'x'])
  await refuses([400, 413], 'too many fields', send(type, multipart(many)))
  const file = '--x\r\nContent-Disposition: form-data; name="status"; filename="a"\r\n\r\nx\r\n--x--\r\n'
  await refuses([400, 413, 415, 422], 'a file where none belongs', send(type, file))
  await refuses([422], 'no picture', send(type, file.replace('"status"', '"file"'), '/api/v2/media'))
})

test('addresses that are too long or do not decode are refused', async () => {
  await refuses([404], 'a long name', get(`/api/v1/${'x'.repeat(4_000)}`))
  await refuses([404, 414], 'a long id', get(`/api/v1/statuses/${'9'.repeat(9_000)}`))
  await refuses([414, 431], 'a path beyond headers', get(`/api/v1/${'x'.repeat(20_000)}`))
  await refuses([400], 'a broken escape', get('/api/v1/statuses/%zz'))
  const searches = ['%00', '%ED%A0%80', '%FF', '%zz', '%', '%C0%80', '%F0%9F%98%80', '%E2%80%AE']
  for (const q of searches) {
    const { status, body } = await get(`/api/v2/search?q=a${q}`)
    assert.ok(status === 200 || status === 400, `${q}: ${status} ${body}`)
  }
  for (const path of [
    '//evil.example/api',
    '/api//v1/instance',
    '/api/v1/../../etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/\\evil',
  ]) {
    const answer = await get(path)
    assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`)
    assert.doesNotMatch(answer.body, /root:/)
  }
})

test('headers without end, and methods nobody has, are refused', async () => {
  const head = 'GET /api/v1/instance HTTP/1.1\r\nHost: a\r\n'
  const many = Array.from({ length: 10_000 }, (_, n) => `X-H${n}: 1\r\n`).join('')
  assert.deepEqual(statusesIn(await rawBytes(server.url, `${head}${many}\r\n`)), [431])
  assert.deepEqual(statusesIn(await rawBytes(server.url, `${head}X-Long: ${'x'.repeat(20_000)}\r\n\r\n`)), [431])
  assert.deepEqual(
    statusesIn(await rawBytes(server.url, `${head}Cookie: ${'a=b; '.repeat(2_500)}\r\nConnection: close\r\n\r\n`)),
    [200],
  )
  for (const method of ['TRACE', 'PROPFIND', 'get', 'G\u0000ET', 'POSTPOST']) {
    const statuses = statusesIn(
      await rawBytes(server.url, `${method} /api/v1/instance HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`),
    )
    assert.ok(statuses.length === 1 && [400, 404, 405, 501].includes(statuses[0] ?? 0), `${method}: ${statuses.join()}`)
  }
  const connect = await rawBytes(server.url, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n')
  assert.doesNotMatch(connect, /^HTTP\/1\.1 2/)
})

test('a request that two parsers might take for two is answered at most once, with 400', async () => {
  const inner = 'GET /api/v1/instance/peers HTTP/1.1\r\nHost: a\r\n\r\n'
  const post = (headers: string, body: string) => `POST /api/v1/apps HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`
  const chunked = `0\r\n\r\n${inner}`
  const attempts: Record<string, string> = {
    'both lengths': post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', chunked),
    'lengths that differ': post('Content-Length: 0\r\nContent-Length: 44\r\n', inner),
    'a list of lengths': post('Content-Length: 0, 44\r\n', inner),
    'a signed length': post('Content-Length: +0\r\n', inner),
    'a length in hex': post('Content-Length: 0x2c\r\n', inner),
    'chunked twice': post('Transfer-Encoding: chunked, identity\r\n', chunked),
    'an unknown coding': post('Transfer-Encoding: xchunked\r\n', chunked),
    'a space before the colon': post('Transfer-Encoding : chunked\r\n', chunked),
    'a folded header': post('X-A: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', chunked),
    'a bare line feed': `GET / HTTP/1.1\nHost: a\n\n${inner}`,
    'a chunk size that is none': post('Transfer-Encoding: chunked\r\n', `-1\r\nx\r\n${chunked}`),
    'a chunk longer than it says': post('Transfer-Encoding: chunked\r\n', `1\r\nxyz\r\n${chunked}`),
    'a NUL in a header': post('X-A: a\u0000b\r\nContent-Length: 0\r\n', inner),
    'a CR in a header': post('X-A: a\rX-B: b\r\nContent-Length: 0\r\n', inner),
    'no host': 'GET /api/v1/instance HTTP/1.1\r\n\r\n',
    'another protocol': 'GET /api/v1/instance HTTP/9.9\r\nHost: a\r\n\r\n',
    'no HTTP at all': '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  }
  for (const [what, bytes] of Object.entries(attempts)) {
    const stream = await rawBytes(server.url, Buffer.from(bytes, 'latin1'))
    assert.deepEqual(statusesIn(stream), [400], `${what}: ${stream.slice(0, 300)}`)
    assert.doesNotMatch(stream, /Bad Request[\s\S]*\bat .+:\d+/)
  }
})

test('half a request harms nobody', async () => {
  const halves = [
    'POST /api/v1/statuses HTT',
    'GET / HTTP/1.1\r\nHost: a\r\nX-A',
    `POST /api/v1/statuses HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${alice.token}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"status":"hal`,
    `POST /api/v2/media HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${alice.token}\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--x\r\n\r\n`,
  ]
  await Promise.all(halves.flatMap((half) => Array.from({ length: 5 }, () => rawBytes(server.url, half, 100))))
  assert.equal((await alice.call('GET', '/api/v1/accounts/verify_credentials')).status, 200)
})

function multipart(fields: readonly (readonly [name: string, value: string])[]): string {
  const parts = fields.map(
    ([name, value]) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return `${parts.join('')}--x--\r\n`
}
