import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { StatusView } from '../../src/hydration/contract.ts'
import { site } from '../../src/mastodon/site.ts'
import { StatusJson } from '../../src/mastodon/status-json.ts'
import { presentStatus, type Reader } from '../../src/mastodon/status.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { accountView, statusView } from '../world/views.ts'

const at = site(urls('http://localhost:3000', 'localhost:3000'))
const alice = accountView(1n, 'alice')
const bob = accountView(2n, 'bob')
const anonymous: Reader = { viewer: undefined }
const asAlice: Reader = { viewer: 1n as AccountId, filtered: () => [] }
const filtering: Reader = {
  viewer: 3n as AccountId,
  filtered: (view) =>
    view.status.id === 10n
      ? [
          {
            filter: {
              id: '1',
              title: 'Tea "time"',
              context: ['home'],
              expires_at: null,
              filter_action: 'warn',
              keywords: [],
              statuses: [],
            },
            keyword_matches: ['tea'],
            status_matches: null,
          },
        ]
      : [],
}

const marks = { favourited: true, boosted: false, bookmarked: true, pinned: false, muted: false }

function parsed(json: StatusJson, views: StatusView[], reader: Reader): unknown {
  return JSON.parse(json.page(views, reader).toString())
}

function expected(views: StatusView[], reader: Reader): unknown {
  return JSON.parse(JSON.stringify(views.map((view) => presentStatus(view, at, reader))))
}

test('the bytes of a page are those of its entities, for every reader, again and again', () => {
  const plain = statusView(10n, alice, { text: 'Tea & "cake" 🦤 <b> #tea @bob\n\nbye' }, { marks })
  const other = statusView(11n, bob, { visibility: 'direct', spoilerText: 'x' })
  const boost = statusView(12n, bob, { boostOf: 10n as StatusId, text: '' }, { boostOf: plain, marks })
  const views = [boost, other, plain, plain]
  const json = new StatusJson(at)
  for (let round = 0; round < 2; round++) {
    for (const reader of [anonymous, asAlice, filtering])
      assert.deepEqual(parsed(json, views, reader), expected(views, reader))
  }
  assert.deepEqual(parsed(json, [], asAlice), [])
})

test('whatever changes shows in the next page, also through a boost', () => {
  const json = new StatusJson(at)
  const plain = statusView(10n, alice, { text: 'one' })
  const boostOf = (view: StatusView) => ({ ...boost, boostOf: view })
  const boost = statusView(12n, bob, { boostOf: 10n as StatusId, text: '' }, { boostOf: plain })
  const changes: StatusView[] = [
    { ...plain, counts: { replies: 1, boosts: 2, favourites: 3 } },
    { ...plain, counts: { replies: 1, boosts: 2, favourites: 4 } },
    { ...plain, author: { ...alice, followers: 99 } },
    { ...plain, author: { ...alice, following: 98 } },
    { ...plain, author: { ...alice, statuses: 97 } },
    { ...plain, author: { ...alice, lastStatusAtMs: null } },
    { ...plain, author: { ...alice, account: { ...alice.account, displayName: 'Alice now' } } },
    { ...plain, status: { ...plain.status, text: 'two', revision: 1, editedAtMs: 5 } },
    { ...plain, mentions: [{ id: 2n as AccountId, username: 'bob' }] },
    { ...plain, app: { name: 'Elk', website: null } },
  ]
  for (const view of [plain, ...changes, plain]) {
    assert.deepEqual(parsed(json, [view, boostOf(view)], asAlice), expected([view, boostOf(view)], asAlice))
  }
})

test('what is shared is written once', () => {
  const picture = { key: 'a.png', staticKey: 'a.png', description: '' }
  const view = statusView(10n, accountView(1n, 'alice', { avatar: picture, header: picture }), {})
  let written = 0
  const media = (key: string) => `${at.urls.base}/${(written += 1)}/${key}`
  const json = new StatusJson({ ...at, urls: { ...at.urls, media } })
  json.page([view], anonymous)
  const once = written
  assert.ok(once > 0)
  for (let round = 0; round < 5; round++) json.page([view, { ...view, marks }], asAlice)
  assert.equal(written, once)
})
