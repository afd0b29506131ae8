/** Filters over HTTP, in both forms, as clients send them, and what they do to a status. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { filterSource } from '../../src/edge/filter-source.ts'
import { Presenting } from '../../src/edge/presenting.ts'
import { filterV1Routes } from '../../src/edge/routes/filters-v1.ts'
import { filterRoutes } from '../../src/edge/routes/filters.ts'
import { filters } from '../../src/filters/filters.ts'
import { migrations } from '../../src/filters/migrations.ts'
import { notFound } from '../../src/kit/errors.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import { openTestDatabase } from '../world/database.ts'
import { edgeWorld, identity, NOW_MS } from '../world/http.ts'
import type { Answer, EdgeWorld } from '../world/http.ts'
import { checkResponse } from '../world/schema.ts'
import { accountView, mediaRecord, statusView } from '../world/views.ts'

const alice = 1n as AccountId

interface World extends AsyncDisposable {
  edge: EdgeWorld
  present: Presenting
  /** Calls as a person, checks the answer against the tables. */
  as(token: string, method: string, path: string, body?: object): Promise<Answer>
}

async function world(): Promise<World> {
  await using resources = new AsyncDisposableStack()
  const database = resources.use(await openTestDatabase(migrations))
  const edge = resources.use(
    await edgeWorld({
      alice: identity(),
      bob: identity({ tokenId: 12n, accountId: 2n as AccountId }),
      reader: identity({ scopes: ['read'] }),
    }),
  )
  const clock = { nowMs: () => edge.nowMs, sleep: async () => {} }
  const outbox = { append: async () => {}, wake: () => {} }
  const bus = { listen: () => ({ [Symbol.dispose]() {} }) }
  const store = filters({ database, outbox, bus, clock })
  const hydration = {
    status: async (id: StatusId) => {
      if (id !== 9n) throw notFound()
      return statusView(9n, accountView(3n, 'carol'))
    },
  }
  filterRoutes(edge.edge, { filters: store, hydration, clock })
  filterV1Routes(edge.edge, { filters: store, clock })
  const opened = resources.move()
  return {
    edge,
    present: new Presenting(urls('https://dunlin.example', 'dunlin.example'), filterSource(store)),
    async as(token, method, path, body) {
      const isForm = body instanceof URLSearchParams
      const headers: Record<string, string> = { authorization: `Bearer ${token}` }
      if (body !== undefined && !isForm) headers['content-type'] = 'application/json'
      const init = body === undefined ? { headers } : { headers, body: isForm ? body : JSON.stringify(body) }
      const answer = await edge.call(method, path, init)
      assert.deepEqual(checkResponse(method, path, answer.json, { status: answer.status }), [], answer.text)
      return answer
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

interface FilterJson {
  id: string
  title: string
  context: string[]
  filter_action: string
  expires_at: string | null
  keywords: { id: string; keyword: string; whole_word: boolean }[]
}

const filterOf = ({ json }: Answer): FilterJson => json as FilterJson
const words = ({ keywords }: FilterJson) => keywords.map(({ keyword, whole_word }) => [keyword, whole_word])

test('a filter is made from JSON and from a form, read, changed and deleted', async () => {
  await using w = await world()
  const fromJson = filterOf(
    await w.as('alice', 'POST', '/api/v2/filters', {
      title: 'Sport',
      context: ['home', 'public'],
      filter_action: 'hide',
      expires_in: 3600,
      keywords_attributes: [{ keyword: 'goal' }, { keyword: 'ball', whole_word: false }],
    }),
  )
  assert.deepEqual([fromJson.title, fromJson.context, fromJson.filter_action], ['Sport', ['home', 'public'], 'hide'])
  assert.equal(fromJson.expires_at, new Date(NOW_MS + 3_600_000).toISOString())
  assert.deepEqual(words(fromJson), [
    ['goal', true],
    ['ball', false],
  ])
  const form = new URLSearchParams(
    'title=News&context[]=home&filter_action=blur&expires_in=&keywords_attributes[][keyword]=war&keywords_attributes[][whole_word]=false&keywords_attributes[][keyword]=tax',
  )
  const fromForm = filterOf(await w.as('alice', 'POST', '/api/v2/filters', form))
  assert.deepEqual(
    [fromForm.filter_action, fromForm.expires_at, words(fromForm)],
    [
      'blur',
      null,
      [
        ['war', false],
        ['tax', true],
      ],
    ],
  )
  assert.deepEqual((await w.as('alice', 'GET', '/api/v2/filters')).json, [fromJson, fromForm])
  const path = `/api/v2/filters/${fromJson.id}`
  const changed = filterOf(
    await w.as('alice', 'PUT', path, {
      title: 'Games',
      expires_in: '',
      keywords_attributes: [{ id: fromJson.keywords[0]?.id, _destroy: true }],
    }),
  )
  assert.deepEqual([changed.title, changed.expires_at, words(changed)], ['Games', null, [['ball', false]]])
  assert.deepEqual((await w.as('alice', 'GET', path)).json, changed)
  assert.deepEqual((await w.as('alice', 'DELETE', path)).json, {})
  assert.equal((await w.as('alice', 'GET', path)).status, 404)
})

test('keywords and statuses are handled one by one', async () => {
  await using w = await world()
  const { id } = filterOf(await w.as('alice', 'POST', '/api/v2/filters', { title: 'T', context: ['home'] }))
  const keyword = (
    await w.as('alice', 'POST', `/api/v2/filters/${id}/keywords`, { keyword: 'goal', whole_word: 'false' })
  ).json as { id: string; whole_word: boolean }
  assert.equal(keyword.whole_word, false)
  const path = `/api/v2/filters/keywords/${keyword.id}`
  assert.deepEqual((await w.as('alice', 'PUT', path, { keyword: 'ball' })).json, {
    id: keyword.id,
    keyword: 'ball',
    whole_word: false,
  })
  assert.deepEqual((await w.as('alice', 'GET', path)).json, { id: keyword.id, keyword: 'ball', whole_word: false })
  assert.equal(((await w.as('alice', 'GET', `/api/v2/filters/${id}/keywords`)).json as unknown[]).length, 1)
  const listed = (await w.as('alice', 'POST', `/api/v2/filters/${id}/statuses`, { status_id: '9' })).json as {
    id: string
  }
  assert.equal((await w.as('alice', 'POST', `/api/v2/filters/${id}/statuses`, { status_id: '10' })).status, 404)
  assert.deepEqual((await w.as('alice', 'GET', `/api/v2/filters/${id}/statuses`)).json, [
    { id: listed.id, status_id: '9' },
  ])
  assert.equal((await w.as('alice', 'GET', `/api/v2/filters/statuses/${listed.id}`)).status, 200)
  for (const gone of [path, `/api/v2/filters/statuses/${listed.id}`]) {
    assert.equal((await w.as('alice', 'DELETE', gone)).status, 200)
    assert.equal((await w.as('alice', 'GET', gone)).status, 404)
  }
})

test('old clients see each keyword as a filter of its own', async () => {
  await using w = await world()
  const made = (
    await w.as('alice', 'POST', '/api/v1/filters', {
      phrase: 'goal',
      context: ['home'],
      irreversible: true,
      whole_word: true,
    })
  ).json as { id: string }
  assert.deepEqual(made, {
    id: made.id,
    phrase: 'goal',
    context: ['home'],
    whole_word: true,
    expires_at: null,
    irreversible: true,
  })
  assert.deepEqual((await w.as('alice', 'GET', '/api/v1/filters')).json, [made])
  const changed = await w.as('alice', 'PUT', `/api/v1/filters/${made.id}`, {
    phrase: 'ball',
    context: ['public'],
    irreversible: false,
  })
  assert.deepEqual(changed.json, { ...made, phrase: 'ball', context: ['public'], irreversible: false })
  assert.equal(((await w.as('alice', 'GET', '/api/v2/filters')).json as unknown[]).length, 1)
  assert.equal((await w.as('alice', 'DELETE', `/api/v1/filters/${made.id}`)).status, 200)
  assert.deepEqual((await w.as('alice', 'GET', '/api/v2/filters')).json, [])
})

test('another person’s filter is not there, whatever one tries', async () => {
  await using w = await world()
  const { id, keywords } = filterOf(
    await w.as('alice', 'POST', '/api/v2/filters', {
      title: 'T',
      context: ['home'],
      keywords_attributes: [{ keyword: 'k' }],
    }),
  )
  const keyword = keywords[0]?.id ?? ''
  for (const [method, path] of [
    ['GET', `/api/v2/filters/${id}`],
    ['PUT', `/api/v2/filters/${id}`],
    ['DELETE', `/api/v2/filters/${id}`],
    ['GET', `/api/v2/filters/${id}/keywords`],
    ['POST', `/api/v2/filters/${id}/keywords`],
    ['GET', `/api/v2/filters/keywords/${keyword}`],
    ['PUT', `/api/v2/filters/keywords/${keyword}`],
    ['DELETE', `/api/v2/filters/keywords/${keyword}`],
    ['GET', `/api/v2/filters/${id}/statuses`],
    ['POST', `/api/v2/filters/${id}/statuses`],
    ['GET', `/api/v1/filters/${keyword}`],
    ['DELETE', `/api/v1/filters/${keyword}`],
  ] as const) {
    const body = method === 'GET' || method === 'DELETE' ? undefined : { keyword: 'x', status_id: '9' }
    assert.equal((await w.as('bob', method, path, body)).status, 404, `${method} ${path}`)
  }
  assert.equal((await w.as('reader', 'POST', '/api/v2/filters', { title: 'T', context: ['home'] })).status, 403)
})

test('what makes no filter is 422 with the reason', async () => {
  await using w = await world()
  const cases: [object, RegExp][] = [
    [{ context: ['home'] }, /Title can't be blank/],
    [{ title: 'T' }, /Context can't be blank/],
    [{ title: 'T', context: ['everywhere'] }, /None or invalid context supplied/],
    [{ title: 'T', context: ['home'], filter_action: 'explode' }, /Filter action is not included in the list/],
    [{ title: 'x'.repeat(257), context: ['home'] }, /Title is too long/],
    [{ title: 'T', context: ['home'], expires_in: 'soon' }, /Expires in is not a number/],
    [{ title: 'T', context: ['home'], keywords_attributes: [{ keyword: ' ' }] }, /Keyword can't be blank/],
    [{ title: { a: 1 }, context: ['home'] }, /Title must be a text/],
  ]
  for (const [body, reason] of cases) {
    const answer = await w.as('alice', 'POST', '/api/v2/filters', body)
    assert.equal(answer.status, 422)
    assert.match((answer.json as { error: string }).error, reason)
  }
})

test('a status says which filters it meets: by text, warning, description of a picture, or listed itself', async () => {
  await using w = await world()
  const { id } = filterOf(
    await w.as('alice', 'POST', '/api/v2/filters', {
      title: 'T',
      context: ['home'],
      keywords_attributes: [{ keyword: 'Goal' }],
    }),
  )
  const carol = accountView(3n, 'carol')
  const matches = async (view: ReturnType<typeof statusView>): Promise<unknown> =>
    (await w.present.status(view, alice)).filtered?.map(({ filter, keyword_matches, status_matches }) => [
      filter.id,
      keyword_matches,
      status_matches,
    ])
  assert.deepEqual(await matches(statusView(8n, carol, { text: 'what a GOAL!' })), [[id, ['Goal'], null]])
  assert.deepEqual(await matches(statusView(8n, carol, { spoilerText: 'goal' })), [[id, ['Goal'], null]])
  assert.deepEqual(await matches(statusView(8n, carol, {}, { media: [mediaRecord(5n, { description: 'a goal' })] })), [
    [id, ['Goal'], null],
  ])
  assert.deepEqual(await matches(statusView(8n, carol, { text: 'goals' })), [])
  await w.as('alice', 'POST', `/api/v2/filters/${id}/statuses`, { status_id: '9' })
  assert.deepEqual(await matches(statusView(9n, carol)), [[id, null, ['9']]])
  assert.deepEqual((await w.present.status(statusView(9n, carol), 2n as AccountId)).filtered, [])
})
