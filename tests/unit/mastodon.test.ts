/** What clients read: complete entities, with the rules of suspension, viewers, boosts and rendering. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  presentAccount,
  presentCredentialAccount,
  presentMutedAccount,
  presentPartialAccount,
  presentProfile,
} from '../../src/mastodon/account.ts'
import { apiLevel } from '../../src/mastodon/api-level.ts'
import { hostMeta, nodeInfo, webFinger } from '../../src/mastodon/documents.ts'
import { presentFilter, presentFilterResult, presentFilterV1 } from '../../src/mastodon/filter.ts'
import { DEFAULT_INSTANCE_LIMITS, presentInstance, presentInstanceV1 } from '../../src/mastodon/instance.ts'
import { presentMedia } from '../../src/mastodon/media.ts'
import {
  presentMarkers,
  presentNotification,
  presentNotificationGroups,
  presentNotificationPolicy,
  presentNotificationPolicyV1,
  presentNotificationRequest,
} from '../../src/mastodon/notification.ts'
import { presentCredentialApplication, presentToken } from '../../src/mastodon/oauth.ts'
import { presentPreferences } from '../../src/mastodon/preferences.ts'
import { presentRelationship } from '../../src/mastodon/relationship.ts'
import { site } from '../../src/mastodon/site.ts'
import {
  ANONYMOUS,
  presentDeletedStatus,
  presentStatus,
  presentStatusEdit,
  presentStatusSource,
} from '../../src/mastodon/status.ts'
import { presentTag } from '../../src/mastodon/tag.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { checkEntity } from '../world/schema.ts'
import { accountView, CREATED_MS, mediaRecord, statusView } from '../world/views.ts'

const at = site(urls('https://dunlin.example', 'dunlin.example'))
const alice = accountView(1n, 'alice')
const bob = accountView(2n, 'Bob')
const viewer = 2n as AccountId
const reader = { viewer, filtered: () => [] }

function isGood(name: string, json: unknown, options: { viewer?: boolean } = {}): void {
  // Through JSON, as it goes over the wire: what is undefined is not there.
  assert.deepEqual(checkEntity(name, JSON.parse(JSON.stringify(json)), options), [])
}

test('an account is complete, its dates are cut, its addresses absolute', () => {
  const account = presentAccount(alice, at)
  isGood('Account', account)
  assert.equal(account.created_at, '2026-08-07T00:00:00.000Z')
  assert.equal(account.last_status_at, '2026-08-07')
  assert.equal(account.url, 'https://dunlin.example/@alice')
  assert.equal(account.avatar, 'https://dunlin.example/avatars/original/missing.png')
  assert.equal(account.header, 'https://dunlin.example/headers/original/missing.png')
  assert.match(account.note, /^<p>I am alice, see <a href="https:\/\/example.org\/"/)
  assert.match(account.fields[0]?.value ?? '', /rel="nofollow noopener noreferrer me"/)
  const picture = { key: 'a/b.png', staticKey: 'a/s.png', description: 'Me' }
  const pictured = presentAccount(accountView(3n, 'carol', { avatar: picture, header: picture, silenced: true }), at)
  isGood('Account', pictured)
  assert.equal(pictured.avatar, 'https://dunlin.example/media/a/b.png')
  assert.equal(pictured.avatar_description, 'Me')
  assert.equal(pictured.limited, true)
})

test('of a suspended person only the name is left', () => {
  const picture = { key: 'a/b.png', staticKey: 'a/s.png', description: 'Me' }
  const account = presentAccount(
    accountView(3n, 'carol', { suspended: true, avatar: picture, header: picture, locked: true, bot: true }),
    at,
  )
  isGood('Account', account)
  const text = JSON.stringify(account)
  for (const secret of ['The carol', 'I am carol', 'a/b.png', 'example.org', 'Me"'])
    assert.ok(!text.includes(secret), secret)
  assert.deepEqual([account.suspended, account.locked, account.bot, account.statuses_count], [true, false, false, 0])
})

test('one’s own account has its settings and role; the other forms of account are complete', () => {
  for (const role of ['user', 'moderator', 'admin', 'owner'] as const) {
    const own = { role, defaultPrivacy: 'public', defaultSensitive: false, defaultLanguage: null, followRequests: 4 }
    const account = presentCredentialAccount(alice, own, at)
    isGood('CredentialAccount', account)
    assert.equal(account.source.note, alice.account.note)
    assert.equal(account.source.language, '')
  }
  isGood('MutedAccount', presentMutedAccount(alice, null, at))
  isGood('MutedAccount', presentMutedAccount(alice, CREATED_MS, at))
  isGood('PartialAccountWithAvatar', presentPartialAccount(alice, at))
  isGood('Profile', presentProfile(alice, at))
})

test('a status is complete, with and without a viewer', () => {
  const view = statusView(
    9n,
    alice,
    {
      text: 'Hi @bob, see #Birds & <b> https://example.org/',
      mentions: [viewer],
      tags: ['birds'],
      spoilerText: 'CW',
      sensitive: true,
      inReplyTo: 8n as StatusId,
      inReplyToAccount: viewer,
      editedAtMs: CREATED_MS,
    },
    {
      media: [mediaRecord(5n, { focus: { x: -0.5, y: 1 } })],
      mentions: [{ id: viewer, username: 'Bob' }],
      app: { name: 'App', website: null },
      marks: { favourited: true, boosted: false, bookmarked: true, pinned: false, muted: false },
    },
  )
  const status = presentStatus(view, at, reader)
  isGood('Status', status, { viewer: true })
  isGood('Status', presentStatus(view, at, ANONYMOUS), { viewer: false })
  assert.equal(status.url, 'https://dunlin.example/@alice/9')
  assert.equal(status.created_at, '2026-08-07T14:02:35.123Z')
  assert.deepEqual([status.favourited, status.reblogged, status.bookmarked, status.muted], [true, false, true, false])
  assert.ok(!('pinned' in status), 'not the viewer’s own')
  assert.match(
    status.content,
    /<a href="https:\/\/dunlin.example\/@Bob" class="u-url mention">@<span>Bob<\/span><\/a>|class="u-url mention">@<span>bob/,
  )
  assert.match(status.content, /href="https:\/\/dunlin.example\/tags\/Birds"/)
  assert.match(status.content, /&amp; &lt;b&gt;/)
  assert.deepEqual(status.tags, [{ name: 'birds', url: 'https://dunlin.example/tags/birds' }])
})

test('a mention of nobody stays text', () => {
  assert.equal(presentStatus(statusView(9n, alice, { text: 'Hi @nobody' }), at, ANONYMOUS).content, '<p>Hi @nobody</p>')
})

test('without an app there is no application; only one’s own that can be pinned say whether they are', () => {
  assert.ok(!('application' in presentStatus(statusView(9n, alice), at, ANONYMOUS)))
  const own = { viewer: alice.account.id }
  assert.equal(presentStatus(statusView(9n, alice), at, own).pinned, false)
  assert.ok(!('pinned' in presentStatus(statusView(9n, alice, { visibility: 'direct' }), at, own)))
  assert.ok(!('pinned' in presentStatus(statusView(9n, alice, { boostOf: 8n as StatusId }), at, own)))
})

test('a boost has an id of its own, the text and counts of what it boosts, and the viewer’s marks of that', () => {
  const marks = { favourited: true, boosted: true, bookmarked: false, pinned: false, muted: false }
  const original = statusView(9n, alice, { text: 'Look' }, { marks })
  const boost = statusView(
    10n,
    bob,
    { text: '', boostOf: original.status.id },
    { boostOf: original, counts: { replies: 0, boosts: 0, favourites: 0 } },
  )
  const status = presentStatus(boost, at, reader)
  isGood('Status', status, { viewer: true })
  assert.equal(status.id, '10')
  assert.equal(status.reblog?.id, '9')
  assert.equal(status.content, '<p>Look</p>')
  assert.equal(status.favourites_count, 3)
  assert.deepEqual([status.favourited, status.reblogged], [true, true])
})

test('filters are told of the boosted status', () => {
  const seen: bigint[] = []
  const filtered = ({ status }: { status: { id: bigint } }) => {
    seen.push(status.id)
    return []
  }
  const original = statusView(9n, alice)
  presentStatus(statusView(10n, bob, { boostOf: original.status.id }, { boostOf: original }), at, { viewer, filtered })
  assert.deepEqual(seen, [9n, 9n])
})

test('a deleted status brings its source; edits and source are complete', () => {
  const view = statusView(9n, alice, { text: 'Source @text' })
  const deleted = presentDeletedStatus(view, at, reader)
  isGood('Status', deleted, { viewer: true })
  assert.equal(deleted.text, 'Source @text')
  isGood('StatusSource', presentStatusSource(view))
  const revision = {
    createdAtMs: CREATED_MS,
    text: 'old',
    spoilerText: '',
    sensitive: false,
    media: [mediaRecord(5n)],
    mentions: [],
    pollOptions: ['yes', 'no'],
  }
  isGood('StatusEdit', presentStatusEdit(revision, alice, at))
})

test('text is rendered once per record, and anew for another record', () => {
  const view = statusView(9n, alice)
  const changing = { ...view.status }
  const first = presentStatus({ ...view, status: changing }, at, ANONYMOUS).content
  changing.text = 'changed in place, which nobody does'
  assert.equal(presentStatus({ ...view, status: changing }, at, ANONYMOUS).content, first)
  assert.notEqual(presentStatus({ ...view, status: { ...changing } }, at, ANONYMOUS).content, first)
})

test('media have sizes, and a focus where one was set', () => {
  const media = presentMedia(mediaRecord(5n, { focus: { x: 0, y: 0.25 } }), at)
  isGood('MediaAttachment', media)
  assert.deepEqual(media.meta.original, { width: 800, height: 600, size: '800x600', aspect: 800 / 600 })
  assert.deepEqual(media.meta.focus, { x: 0, y: 0.25 })
  assert.ok(!('focus' in presentMedia(mediaRecord(5n), at).meta))
})

test('notifications, groups, markers, policies and requests are complete', () => {
  const record = { id: 4n, type: 'favourite', groupKey: null, createdAtMs: CREATED_MS }
  const status = statusView(9n, alice)
  const notification = presentNotification({ record, from: bob, status }, at, reader)
  isGood('Notification', notification)
  assert.equal(notification.group_key, 'ungrouped-4')
  isGood(
    'Notification',
    presentNotification(
      { record: { ...record, type: 'follow', filtered: true }, from: bob, status: undefined },
      at,
      reader,
    ),
  )
  const carol = accountView(3n, 'carol')
  const group = {
    groupKey: 'favourite-9',
    type: 'favourite',
    count: 2,
    mostRecentId: 4n,
    pageMinId: 3n,
    pageMaxId: 4n,
    latestAtMs: CREATED_MS,
    sampleAccounts: [2n, 3n],
    status: 9n,
  }
  const page = { groups: [group], accounts: [bob, carol], statuses: [status] }
  const full = presentNotificationGroups(page, 'full', at, reader)
  isGood('GroupedNotificationsResults', full)
  isGood('NotificationGroup', full.notification_groups[0])
  assert.equal(full.notification_groups[0]?.most_recent_notification_id, 4)
  const partial = presentNotificationGroups(page, 'partial_avatars', at, reader)
  isGood('GroupedNotificationsResults', partial)
  assert.deepEqual(
    [partial.accounts.map(({ id }) => id), partial.partial_accounts?.map(({ id }) => id)],
    [['2'], ['3']],
  )
  const markers = presentMarkers([{ timeline: 'home', lastReadId: '7', version: 1, updatedAtMs: CREATED_MS }])
  isGood('Marker', markers['home'])
  assert.deepEqual(presentMarkers([]), {})
  const policy = {
    notFollowing: 'accept',
    notFollowers: 'filter',
    newAccounts: 'drop',
    privateMentions: 'accept',
    limitedAccounts: 'filter',
    bots: 'accept',
  } as const
  isGood('NotificationPolicy', presentNotificationPolicy(policy, { requests: 1, notifications: 2 }))
  isGood('V1::NotificationPolicy', presentNotificationPolicyV1(policy, { requests: 1, notifications: 2 }))
  isGood(
    'NotificationRequest',
    presentNotificationRequest(
      { id: 2n, from: bob, count: 3, firstAtMs: CREATED_MS, lastAtMs: CREATED_MS, lastStatus: status },
      at,
      reader,
    ),
  )
})

test('relationships, preferences, tags, apps and tokens are complete', () => {
  const relation = {
    following: false,
    showingBoosts: true,
    notifying: true,
    languages: ['en'],
    followedBy: true,
    requested: true,
    requestedBy: false,
    blocking: false,
    blockedBy: false,
    muting: true,
    mutingNotifications: true,
    muteExpiresAtMs: CREATED_MS,
    endorsed: false,
  }
  const relationship = presentRelationship(viewer, relation, 'a note')
  isGood('Relationship', relationship)
  assert.deepEqual([relationship.showing_reblogs, relationship.notifying, relationship.languages], [true, true, ['en']])
  const stranger = presentRelationship(viewer, { ...relation, requested: false }, '')
  assert.deepEqual([stranger.showing_reblogs, stranger.notifying, stranger.languages], [false, false, null])
  isGood(
    'Preferences',
    presentPreferences({ defaultPrivacy: 'private', defaultSensitive: true, defaultLanguage: 'de' }),
  )
  const tag = presentTag(
    { name: 'birds', following: false, days: [{ startMs: Date.parse('2026-08-06T00:00:00Z'), uses: 3, accounts: 2 }] },
    CREATED_MS,
    at.urls,
  )
  isGood('Tag', tag)
  assert.equal(tag.history.length, 7)
  assert.deepEqual(tag.history[1], { day: '1785974400', uses: '3', accounts: '2' })
  const app = { id: 3n, name: 'App', website: null, redirectUris: ['a:b', 'c:d'], scopes: ['read'], clientId: 'id' }
  const shown = presentCredentialApplication(app, 'secret', 'vapid')
  isGood('CredentialApplication', shown)
  assert.equal(shown.redirect_uri, 'a:b\nc:d')
  isGood('Token', presentToken({ token: 't', scopes: ['read', 'write'], createdAtMs: CREATED_MS }))
})

test('filters are complete in both forms', () => {
  const filter = {
    id: 1n,
    title: 'T',
    contexts: ['home'],
    action: 'warn',
    expiresAtMs: CREATED_MS,
    keywords: [{ id: 2n, keyword: 'k', wholeWord: true }],
    statuses: [{ id: 3n, statusId: 9n }],
  }
  isGood('Filter', presentFilter(filter))
  isGood('V1::Filter', presentFilterV1({ ...filter, action: 'hide' }, { id: 2n, keyword: 'k', wholeWord: false }))
  isGood('FilterResult', presentFilterResult({ filter, keywords: ['k'], statuses: [] }))
  isGood('FilterResult', presentFilterResult({ filter, keywords: [], statuses: [9n] }))
})

const settings = {
  title: 'Dunlin',
  description: 'A place',
  version: '0.1.0',
  sourceUrl: 'https://example.org/source',
  contactEmail: 'owner@dunlin.example',
  languages: ['en'],
  rules: [{ text: 'Be kind', hint: '' }],
  registrations: { mode: 'approval' as const, message: null, reasonRequired: true },
  vapidPublicKey: 'BKey',
  limits: DEFAULT_INSTANCE_LIMITS,
}

test('the instance is complete in both forms, with and without an owner', () => {
  for (const contact of [alice, undefined]) {
    const state = { users: 4, activeMonth: 2, statuses: 9, contact, apiLevel: 3 }
    const second = presentInstance(settings, state, at)
    isGood('Instance', second)
    assert.match(second.version, /^4\.6\.\d+ \(compatible; Dunlin 0\.1\.0\)$/)
    assert.equal(second.configuration.urls.streaming, 'wss://dunlin.example')
    assert.deepEqual([second.registrations.enabled, second.registrations.approval_required], [true, true])
    isGood('V1::Instance', presentInstanceV1(settings, state, at))
  }
})

test('the API level counts only what is there', () => {
  const upTo3 = [
    'GET /api/v2/instance',
    'GET /api/v2/filters',
    'GET /api/v2/notifications',
    'GET /api/v2/notifications/unread_count',
    'GET /.well-known/oauth-authorization-server',
    'GET /oauth/authorize',
  ]
  assert.equal(apiLevel(new Set()), 0)
  assert.equal(apiLevel(new Set(upTo3)), 3)
  assert.equal(apiLevel(new Set(upTo3.filter((route) => !route.includes('notifications')))), 1)
  // A gap is not jumped over.
  assert.equal(apiLevel(new Set([...upTo3, 'POST /api/v2/filters'])), 3)
})

test('documents name the web domain, the software and the profile', () => {
  assert.match(hostMeta(at.urls), /template="https:\/\/dunlin\.example\/\.well-known\/webfinger\?resource=\{uri\}"/)
  const info = nodeInfo({
    version: '0.1.0',
    openRegistrations: true,
    users: 1,
    activeMonth: 1,
    activeHalfYear: 1,
    statuses: 2,
    title: 'D',
    description: '',
  })
  assert.deepEqual([info.software.name, info.metadata.upstream.name], ['dunlin', 'mastodon'])
  const jrd = webFinger(alice, at.urls)
  assert.equal(jrd.subject, 'acct:alice@dunlin.example')
  assert.ok(!jrd.links.some((link) => link.rel === 'self'))
})
