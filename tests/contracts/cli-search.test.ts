/** `dunlin search` and `dunlin index` beside a running server. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { dunlin, type Spoken } from '../world/command-line.ts'
import { eventually, join, type Person } from '../world/people.ts'
import { startServer, type RunningServer } from '../world/server.ts'

let server: RunningServer
let alice: Person

before(async () => {
  server = await startServer()
  alice = await join(server.url, 'alice')
})

after(async () => {
  await server[Symbol.asyncDispose]()
})

const ask = (...argv: string[]): Promise<Spoken> => dunlin([...argv, '--data-dir', server.dataDir], { env: server.env })

async function answer(...argv: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await ask(...argv, '--json')
  assert.equal(code, 0, err)
  return JSON.parse(out) as Record<string, unknown>
}

test('a search shows what a person or everybody finds, and how', async () => {
  await alice.call('PATCH', '/api/v1/accounts/update_credentials', { indexable: true })
  await alice.masto.v1.statuses.create({ status: 'A curlew, at last' })
  await alice.masto.v1.statuses.create({ status: 'My own curlew', visibility: 'private' })
  const texts = async (...argv: string[]) => {
    const { statuses } = (await answer('search', 'curlew', ...argv)) as { statuses: { text: string }[] }
    return statuses.map(({ text }) => text)
  }
  const found = await eventually(
    1_000,
    () => texts(),
    (them) => them.length > 0,
  )
  assert.deepEqual(found, ['A curlew, at last'])
  assert.deepEqual(await texts('--as', 'alice'), ['My own curlew', 'A curlew, at last'])
  const { out } = await ask('search', 'near:here curlew', '--explain')
  assert.match(out, /@alice .* A curlew, at last/)
  assert.match(out, /Note: near: was passed over/)
  assert.match(out, /earlybird: \d+ of \d+ segments, .* postings walked, .* µs/)
  assert.equal((await ask('search', 'curlew', '--as', 'nobody')).code, 1)
  assert.equal((await ask('search', 'curlew', '--limit', 'many')).code, 2)
  assert.match((await ask('search', 'unheardof')).out, /Nothing was found/)
})

test('a moderator sees what trends, and refuses or allows it', async () => {
  const { out } = await ask('trends', 'list')
  assert.equal(out, 'Nothing trends now.')
  const refused = await ask('trends', 'review', 'tag', '#Spam', 'refuse')
  assert.deepEqual([refused.code, refused.out], [0, 'tag spam does not trend any more.'], refused.err)
  for (const wrong of [
    ['cat', 'x', 'allow'],
    ['tag', '1 2', 'allow'],
    ['status', 'x', 'allow'],
    ['tag', 'x', 'maybe'],
  ]) {
    assert.equal((await ask('trends', 'review', ...wrong)).code, 2, wrong.join(' '))
  }
})

test('the index shows its state, and is verified and rebuilt while it is in use', async () => {
  const { documents, segments } = (await answer('index', 'status')) as { documents: number; segments: unknown[] }
  assert.ok(documents >= 1 && segments.length >= 1)
  const verified = await answer('index', 'verify')
  assert.deepEqual([verified['missing'], verified['surplus'], verified['error']], [0, 0, null])
  assert.ok(Number(verified['checked']) >= 1)
  const { code, out, err } = await ask('index', 'rebuild')
  assert.deepEqual(
    [code, /^Rebuilt \d+ statuses: 0 were missing, 0 should not have been there\.$/.test(out)],
    [0, true],
    out,
  )
  assert.match(err, /rebuild: \d+ of \d+/)
  assert.match((await ask('index', 'status')).out, /\d+ statuses in .* MiB/)
})
