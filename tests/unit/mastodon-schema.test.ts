/** The checker of responses itself: what it lets through, and that it sees every kind of mistake. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { site } from '../../src/mastodon/site.ts'
import { presentStatus } from '../../src/mastodon/status.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { checkEntity, checkResponse } from '../world/schema.ts'
import { accountView, mediaRecord, statusView } from '../world/views.ts'

const at = site(urls('https://dunlin.example', 'dunlin.example'))
const view = statusView(9n, accountView(1n, 'alice'), {}, { media: [mediaRecord(5n)] })
const good = presentStatus(view, at, { viewer: 2n as AccountId, filtered: () => [] })

/** The one problem of a status with this change. */
function problemWith(change: Record<string, unknown>): string {
  const problems = checkEntity('Status', { ...good, ...change })
  assert.equal(problems.length, 1, problems.join('; '))
  return problems[0] ?? ''
}

test('a good status has no problems', () => {
  assert.deepEqual(checkEntity('Status', good), [])
})

test('a broken status fails, whatever is broken', () => {
  const { content: _, ...withoutContent } = good
  assert.deepEqual(checkEntity('Status', withoutContent), ['Status.content is missing'])
  assert.match(problemWith({ id: 9 }), /Status\.id is not an id as text of digits but 9/)
  assert.match(problemWith({ spoiler_text: null }), /Status\.spoiler_text is null/)
  assert.match(problemWith({ created_at: '2026-08-07T14:02:35Z' }), /three decimals/)
  assert.match(problemWith({ created_at: '2026-08-07T14:02:35.123456Z' }), /three decimals/)
  assert.match(problemWith({ visibility: 'friends' }), /is none of public, unlisted, private, direct/)
  assert.match(problemWith({ replies_count: '1' }), /a whole number/)
  assert.match(problemWith({ sensitive: 'false' }), /true or false/)
  assert.match(problemWith({ tags: null }), /Status\.tags is null/)
  assert.match(problemWith({ tags: {} }), /is not an array/)
  assert.match(problemWith({ url: '/@alice/9' }), /an absolute URL/)
  assert.match(problemWith({ url: 'javascript:alert(1)' }), /an absolute URL/)
  assert.match(problemWith({ secret: 1 }), /Status\.secret is not an attribute of Status/)
})

test('nested entities are checked, in lists and hashes too', () => {
  assert.match(problemWith({ account: { ...good.account, avatar: null } }), /Status\.account\.avatar is null/)
  assert.match(
    problemWith({ mentions: [{ id: '1', username: 'b', url: 'https://x/' }] }),
    /mentions\[0\]\.acct is missing/,
  )
  assert.match(problemWith({ application: { website: null } }), /Status\.application\.name is missing/)
  assert.match(problemWith({ reblog: { ...good, id: 7 } }), /Status\.reblog\.id/)
  const [media] = good.media_attachments
  assert.match(
    problemWith({ media_attachments: [{ ...media, meta: { focus: { x: 'a', y: 0 } } }] }),
    /focus\.x is not a number/,
  )
})

test('what clients cannot do without is required although the documentation calls it nullable', () => {
  assert.match(problemWith({ account: { ...good.account, url: null } }), /Status\.account\.url is null/)
})

test('attributes about the viewer are there with a viewer, and only then', () => {
  assert.deepEqual(checkEntity('Status', good, { viewer: true }), [])
  assert.equal(checkEntity('Status', good, { viewer: false }).length, 5)
  const anonymous = presentStatus(view, at, { viewer: undefined })
  assert.deepEqual(checkEntity('Status', anonymous, { viewer: false }), [])
  assert.equal(checkEntity('Status', anonymous, { viewer: true }).length, 5)
})

test('responses are checked by the row of their endpoint', () => {
  assert.deepEqual(checkResponse('GET', '/api/v1/statuses/9', good), [])
  assert.deepEqual(checkResponse('GET', '/api/v1/timelines/home?limit=3', [good]), [])
  assert.equal(checkResponse('GET', '/api/v1/timelines/home', good).length, 1)
  assert.deepEqual(checkResponse('GET', '/api/v1/accounts/lookup', good.account), [])
  assert.deepEqual(checkResponse('POST', '/api/v1/notifications/clear', {}), [])
  assert.deepEqual(checkResponse('GET', '/api/v1/markers', {}), [])
  assert.equal(checkResponse('GET', '/api/v1/markers', { home: { last_read_id: 1 } }).length, 3)
  assert.deepEqual(checkResponse('GET', '/api/v1/nowhere', {}), ['GET /api/v1/nowhere is in no table'])
  assert.deepEqual(checkResponse('GET', '/api/v1/statuses/9', { error: 'Record not found' }, { status: 404 }), [])
  assert.equal(checkResponse('GET', '/api/v1/statuses/9', {}, { status: 404 }).length, 1)
})
