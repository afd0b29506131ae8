/** What clients ask first, over HTTP: the server, its documents, search, empty lists, health, and pages for strangers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { findHashtags, findPeople } from '../../src/blender/people.ts'
import { Presenting } from '../../src/edge/presenting.ts'
import { healthRoutes } from '../../src/edge/routes/health.ts'
import { instanceRoutes } from '../../src/edge/routes/instance.ts'
import { pictureRoutes } from '../../src/edge/routes/misc-pictures.ts'
import { miscRoutes } from '../../src/edge/routes/misc.ts'
import { profilePageRoutes } from '../../src/edge/routes/profile-pages.ts'
import { searchRoutes, type SearchDeps } from '../../src/edge/routes/search.ts'
import { wellKnownRoutes } from '../../src/edge/routes/well-known.ts'
import { serverCounts } from '../../src/edge/server-counts.ts'
import type { AccountView, StatusView } from '../../src/hydration/contract.ts'
import { notFound } from '../../src/kit/errors.ts'
import { DEFAULT_INSTANCE_LIMITS } from '../../src/mastodon/instance.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { Relation } from '../../src/social-graph/contract.ts'
import { bearer, edgeWorld, identity } from '../world/http.ts'
import type { EdgeWorld } from '../world/http.ts'
import { checkResponse } from '../world/schema.ts'
import { accountView, mediaRecord, statusView } from '../world/views.ts'

const viewer = 2n as AccountId
const alice = accountView(1n, 'Alice', { note: '<script>alert(1)</script>', displayName: '<b>Alice</b>' })
const bob = accountView(2n, 'bob')
const blocker = accountView(3n, 'alan')
const suspended = accountView(4n, 'alfred', { suspended: true })
const people = [alice, bob, blocker, suspended]
const post = statusView(9n, alice, { text: 'A <i>post</i>', spoilerText: 'CW' }, { media: [mediaRecord(5n)] })
const hidden = statusView(10n, alice, { visibility: 'private', text: 'secret' })

const settings = {
  title: 'Dunlin & friends',
  description: 'A place',
  version: '0.1.0',
  sourceUrl: 'https://example.org/source',
  contactEmail: 'owner@dunlin.example',
  languages: ['en', 'de'],
  rules: [{ text: 'Be kind', hint: 'Always' }],
  registrations: { mode: 'open' as const, message: null, reasonRequired: false },
  vapidPublicKey: 'BKey',
  limits: DEFAULT_INSTANCE_LIMITS,
}
const texts = { extendedDescription: 'Long', privacyPolicy: 'Private <b>', updatedAtMs: 0 }

interface World extends EdgeWorld {
  counted: number
  healthy: boolean
}

async function world(): Promise<World> {
  const edge = await edgeWorld({ token: identity({ accountId: viewer }) })
  const made: World = Object.assign(edge, { counted: 0, healthy: true })
  const at = urls('https://dunlin.example', 'dunlin.example')
  const present = new Presenting(at, async () => () => [])
  const accounts = {
    byUsername: async (name: string) => people.find((view) => same(view.account.username, name))?.account,
    user: async () => ({ confirmed: true, approved: true }),
    searchByPrefix: async (prefix: string, limit: number, offset: number) =>
      people
        .map((view) => view.account)
        .filter(({ username }) => username.toLowerCase().startsWith(prefix.toLowerCase()))
        .slice(offset, offset + limit),
    searchBySimilarity: async () => [],
    count: async () => {
      made.counted += 1
      return { users: 4, activeMonth: 2, activeHalfYear: 3 }
    },
  }
  const statuses = {
    totalStatuses: async () => 7,
    tagsByPrefix: async (prefix: string, limit: number) =>
      ['birds', 'birdsong', 'cats'].filter((name) => name.startsWith(prefix)).slice(0, limit),
  }
  const hydration = {
    accounts: async (ids: readonly AccountId[]): Promise<AccountView[]> =>
      ids.flatMap((id) => people.find((view) => view.account.id === id) ?? []),
    statuses: async (ids: readonly StatusId[], who: AccountId | undefined): Promise<StatusView[]> =>
      [post, ...(who === viewer ? [hidden] : [])].filter((view) => ids.includes(view.status.id)),
    status: async (id: StatusId): Promise<StatusView> => {
      if (id !== post.status.id) throw notFound()
      return post
    },
  }
  const graph = {
    familiarFollowers: () => [],
    followerCount: () => 0,
    relation: (who: AccountId, target: AccountId) =>
      ({
        blockedBy: target === blocker.account.id,
        following: who === viewer && target === alice.account.id,
      }) as Relation,
  }
  const clock = { nowMs: () => made.nowMs, sleep: async () => {} }
  const onePost = async () => ({ statuses: [post], more: false })
  const timelines = { account: onePost, tag: onePost }
  const contact = async (): Promise<AccountId> => alice.account.id
  const counts = serverCounts({ accounts, statuses, clock })
  instanceRoutes(edge.edge, { settings, texts, counts, hydration, contact, present })
  wellKnownRoutes(edge.edge, { settings, urls: at, accounts, counts, hydration })
  const tagFollows = { followedBy: () => new Set<string>() }
  const searched = { accounts, statuses, hydration, graph, tagFollows, localDomain: 'dunlin.example' }
  const blender: SearchDeps['blender'] = {
    people: (request) => findPeople(searched, request),
    hashtags: (who, text, stretch) => findHashtags(searched, who, text, stretch),
    statuses: async () => ({ statuses: [], partial: [], notes: ['Noted: 1.'], explain: [] }),
  }
  const discovery = { tagHistory: async () => new Map<string, never[]>() }
  searchRoutes(edge.edge, { accounts, blender, discovery, tagFollows, hydration, present, clock })
  miscRoutes(edge.edge)
  healthRoutes(edge.edge, { checks: async () => ({ database: made.healthy }) })
  profilePageRoutes(edge.edge, { settings, texts, accounts, hydration, timelines, present })
  await pictureRoutes(edge.edge)
  return made
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

test('the server describes itself completely, to anyone, and without a database query each time', async () => {
  await using w = await world()
  for (const name of [
    'v2/instance',
    'v1/instance',
    'v1/instance/rules',
    'v1/instance/peers',
    'v1/instance/activity',
    'v1/instance/domain_blocks',
    'v1/instance/languages',
    'v1/instance/translation_languages',
    'v1/instance/extended_description',
    'v1/instance/privacy_policy',
    'v1/custom_emojis',
  ]) {
    const answer = await w.call('GET', `/api/${name}`)
    assert.equal(answer.status, 200, name)
    assert.deepEqual(checkResponse('GET', `/api/${name}`, answer.json), [], name)
    assert.match(answer.headers.get('cache-control') ?? '', /max-age=300, public/, name)
  }
  assert.equal((await w.call('GET', '/api/v1/instance/terms_of_service')).status, 404)
  assert.equal(w.counted, 1)
  w.nowMs += 10_000
  await w.call('GET', '/api/v2/instance')
  assert.equal(w.counted, 2)
})

test('the API level follows the routes that are there', async () => {
  await using w = await world()
  const { api_versions } = (await w.call('GET', '/api/v2/instance')).json as { api_versions: { mastodon: number } }
  assert.equal(api_versions.mastodon, 0, 'this world has no filters')
})

test('documents of discovery are readable by other origins', async () => {
  await using w = await world()
  const meta = await w.call('GET', '/.well-known/host-meta')
  assert.match(meta.headers.get('content-type') ?? '', /^application\/xrd\+xml/)
  assert.equal(meta.headers.get('access-control-allow-origin'), '*')
  const links = (await w.call('GET', '/.well-known/nodeinfo')).json as { links: { href: string }[] }
  assert.equal(links.links[0]?.href, 'https://dunlin.example/nodeinfo/2.0')
  const info = (await w.call('GET', '/nodeinfo/2.0')).json as {
    software: { name: string }
    usage: { users: { total: number } }
  }
  assert.deepEqual([info.software.name, info.usage.users.total], ['dunlin', 4])
})

test('webfinger finds people by handle and address, and says gone of the suspended', async () => {
  await using w = await world()
  const ask = (resource: string) => w.call('GET', `/.well-known/webfinger?resource=${encodeURIComponent(resource)}`)
  for (const resource of [
    'acct:alice@dunlin.example',
    'acct:@ALICE@Dunlin.example',
    'alice@dunlin.example',
    'https://dunlin.example/@alice',
    'https://dunlin.example/users/alice',
  ]) {
    const answer = await ask(resource)
    assert.equal(answer.status, 200, resource)
    assert.equal((answer.json as { subject: string }).subject, 'acct:Alice@dunlin.example')
    assert.match(answer.headers.get('content-type') ?? '', /^application\/jrd\+json/)
  }
  for (const resource of [
    'acct:nobody@dunlin.example',
    'acct:alice@elsewhere.example',
    'https://dunlin.example.evil/@alice',
    'alice',
    `acct:${'a'.repeat(999)}`,
  ]) {
    assert.equal((await ask(resource)).status, resource.length > 1_000 ? 422 : 404, resource.slice(0, 40))
  }
  assert.equal((await ask('acct:alfred@dunlin.example')).status, 410)
  assert.equal((await w.call('GET', '/.well-known/webfinger')).status, 400)
})

interface Found {
  accounts: { username: string }[]
  statuses: { id: string }[]
  hashtags: { name: string }[]
}

async function found(
  w: World,
  query: string,
  init: RequestInit = bearer('token'),
): Promise<[string[], string[], string[]]> {
  const answer = await w.call('GET', `/api/v2/search?${query}`, init)
  assert.equal(answer.status, 200, `${query} ${answer.text}`)
  assert.deepEqual(checkResponse('GET', '/api/v2/search', answer.json), [])
  const { accounts, statuses, hashtags } = answer.json as Found
  return [accounts.map(({ username }) => username), statuses.map(({ id }) => id), hashtags.map(({ name }) => name)]
}

test('search finds people by how they begin, but neither suspended ones nor those who block the viewer', async () => {
  await using w = await world()
  assert.deepEqual(await found(w, 'q=al'), [['Alice'], [], []])
  assert.deepEqual(await found(w, 'q=al', {}), [['Alice', 'alan'], [], []])
  assert.deepEqual(await found(w, 'q=@alice@dunlin.example'), [['Alice'], [], []])
  assert.deepEqual(await found(w, 'q=@alice@elsewhere.example'), [[], [], []])
  assert.deepEqual(await found(w, 'q=b&following=true'), [[], [], ['birds', 'birdsong']])
  assert.deepEqual(await found(w, 'q=al&type=hashtags'), [[], [], []])
  assert.deepEqual(await found(w, 'q=%23Birds'), [[], [], ['birds', 'birdsong']])
  assert.deepEqual(await found(w, 'q=bird&type=hashtag&limit=1&offset=1'), [[], [], ['birdsong']])
  assert.deepEqual(await found(w, 'q=al&limit=0'), [[], [], []])
})

test('search finds people and posts by their address, as far as the viewer may see them', async () => {
  await using w = await world()
  const q = (url: string) => `q=${encodeURIComponent(url)}&resolve=true`
  assert.deepEqual(await found(w, q('https://dunlin.example/@alice')), [['Alice'], [], []])
  assert.deepEqual(await found(w, q('https://dunlin.example/@Alice/9')), [[], ['9'], []])
  assert.deepEqual(await found(w, q('https://dunlin.example/@Alice/10')), [[], ['10'], []])
  assert.deepEqual(await found(w, `q=${encodeURIComponent('https://dunlin.example/@Alice/10')}`, {}), [[], [], []])
  assert.deepEqual(await found(w, q('https://dunlin.example/@alfred')), [[], [], []])
  assert.deepEqual(await found(w, q('https://elsewhere.example/@alice')), [[], [], []])
})

test('search asks for a query, and for a person where it costs more', async () => {
  await using w = await world()
  const status = async (query: string, init?: RequestInit) =>
    (await w.call('GET', `/api/v2/search${query}`, init)).status
  assert.equal(await status(''), 400)
  assert.equal(await status('?q=%20'), 400)
  assert.equal(await status('?q=a&offset=1'), 401)
  assert.equal(await status('?q=a&resolve=true'), 401)
  assert.equal(await status('?q=a&offset=-1', bearer('token')), 400)
  assert.equal(await status(`?q=${'a'.repeat(600)}`, bearer('token')), 200, 'no query is refused because of its length')
})

test('what nobody has made yet is an empty list for people', async () => {
  await using w = await world()
  const path = '/api/v1/announcements'
  const answer = await w.call('GET', path, bearer('token'))
  assert.deepEqual([answer.status, answer.json], [200, []])
  assert.deepEqual(checkResponse('GET', path, answer.json), [])
  assert.equal(answer.headers.get('link'), null)
  assert.equal((await w.call('GET', path)).status, 422)
})

test('health tells a supervisor that it lives, and a proxy whether to send requests', async () => {
  await using w = await world()
  assert.equal((await w.call('GET', '/health')).text, 'OK')
  assert.equal((await w.call('GET', '/api/v1/streaming/health')).text, 'OK')
  assert.equal((await w.call('GET', '/readyz')).status, 200)
  w.healthy = false
  const unready = await w.call('GET', '/readyz')
  assert.deepEqual(
    [unready.status, unready.json],
    [503, { status: 'unavailable', checks: { database: false, accepting: true } }],
  )
  assert.equal((await w.call('GET', '/livez')).status, 200)
})

test('the pictures that every account may point to are there', async () => {
  await using w = await world()
  for (const path of [
    '/avatars/original/missing.png',
    '/headers/original/missing.png',
    '/thumbnail.png',
    '/icon.png',
  ]) {
    const answer = await w.call('GET', path)
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'image/png'], path)
    assert.equal(answer.text.slice(1, 4), 'PNG')
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  }
})

test('strangers can read profiles and posts, escaped and without scripts, and nothing hidden', async () => {
  await using w = await world()
  const profile = await w.call('GET', '/@alice')
  assert.equal(profile.status, 200)
  assert.match(profile.headers.get('content-type') ?? '', /^text\/html/)
  assert.match(profile.headers.get('content-security-policy') ?? '', /^default-src 'none';/)
  assert.doesNotMatch(profile.text, /<script|<b>Alice|<i>post/)
  assert.match(profile.text, /&lt;script&gt;alert\(1\)/)
  assert.match(profile.text, /A &lt;i&gt;post/)
  const page = await w.call('GET', '/@Alice/9')
  assert.equal(page.status, 200)
  assert.match(page.text, /<summary>CW<\/summary>/)
  for (const path of ['/@nobody', '/@alfred', '/@Alice/10', '/@bob/9', '/@Alice/x', '/@Alice/9/more']) {
    assert.equal((await w.call('GET', path)).status, 404, path)
  }
  const moved = await w.call('GET', '/users/ALICE')
  assert.deepEqual([moved.status, moved.headers.get('location')], [301, '/@Alice'])
  assert.match((await w.call('GET', '/about')).text, /Dunlin &amp; friends/)
  assert.match((await w.call('GET', '/privacy-policy')).text, /<p>Private &lt;b&gt;<\/p>/)
})
