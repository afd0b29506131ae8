/** Statuses as clients write, read and change them, every good answer held to the tables of the Mastodon API. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { Presenting } from '../../src/edge/presenting.ts'
import { statusRoutes } from '../../src/edge/routes/statuses.ts'
import { urls } from '../../src/mastodon/urls.ts'
import { mediaByIds } from '../../src/media/table.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { readThread } from '../../src/timeline-service/thread.ts'
import { bearer, edgeWorld, identity, json, type Answer, type EdgeWorld } from '../world/http.ts'
import { checkResponse } from '../world/schema.ts'
import { ALICE, BOB, CAROL, openWritingWorld, type WritingWorld } from '../world/writing.ts'

type Fields = Record<string, unknown>
type Entity = Fields & { id: string }

interface Client extends AsyncDisposable {
  world: WritingWorld
  http: EdgeWorld
  /** With that person's token; `nobody` sends none. */
  ask(who: string, method: string, path: string, body?: unknown): Promise<Answer>
  /** As `ask`, and it is a 200 with one entity. */
  get(who: string, method: string, path: string, body?: unknown): Promise<Entity>
}

async function client(): Promise<Client> {
  await using resources = new AsyncDisposableStack()
  const world = resources.use(await openWritingWorld())
  const { hydration, graph, store } = world
  const person = (accountId: AccountId, scopes = ['read', 'write']) =>
    identity({ accountId, tokenId: 10n + accountId, scopes })
  const people = {
    alice: person(ALICE),
    bob: person(BOB),
    carol: person(CAROL),
    reader: person(BOB, ['read']),
    app: identity({ accountId: null }),
  }
  const http = resources.use(await edgeWorld(people, { limits: { enforced: false } }))
  statusRoutes(http.edge, {
    writing: world.api,
    hydration,
    timelines: { thread: (viewer, id) => readThread({ hydration, graph, statuses: store }, viewer, id) },
    statuses: store,
    media: { byIds: (ids) => mediaByIds(world.db, ids) },
    graph,
    present: new Presenting(urls('https://dunlin.example', 'example.org'), async () => () => []),
  })
  const opened = resources.move()
  const ask: Client['ask'] = async (who, method, path, sent) => {
    const headers = who === 'nobody' ? {} : bearer(who).headers
    const answer = await http.call(method, path, sent === undefined ? { headers } : json(sent, headers))
    if (answer.status === 200) {
      const problems = checkResponse(method, path, answer.json, { viewer: who !== 'nobody' })
      assert.deepEqual(problems, [], answer.text)
    }
    return answer
  }
  return {
    world,
    http,
    ask,
    get: async (...request) => {
      const answer = await ask(...request)
      assert.equal(answer.status, 200, answer.text)
      return fields(answer)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function fields({ json: parsed, text }: Answer): Entity {
  assert.ok(typeof parsed === 'object' && parsed !== null, text)
  const entity: Fields = { ...parsed }
  return { ...entity, id: String(entity['id']) }
}

function idsIn({ json: parsed, text }: Answer): unknown[] {
  assert.ok(Array.isArray(parsed), text)
  return parsed.map((each: Fields) => each['id'])
}

const STATUSES = '/api/v1/statuses'

test('a status is written in every body format, and read by everyone', async () => {
  await using on = await client()
  const sent = {
    status: 'Hi @bob #Cats',
    spoiler_text: 'pets',
    visibility: 'unlisted',
    language: 'en',
    sensitive: false,
  }
  const posted = await on.get('alice', 'POST', STATUSES, sent)
  assert.deepEqual([posted['spoiler_text'], posted['visibility'], posted['sensitive']], ['pets', 'unlisted', true])
  assert.equal(posted['url'], `https://dunlin.example/@Alice/${posted.id}`)
  assert.match(String(posted['content']), /<p>Hi <span class="h-card".*@<span>bob<\/span>.*#<span>Cats<\/span>/)
  const read = await on.get('nobody', 'GET', `${STATUSES}/${posted.id}`)
  assert.equal(read['content'], posted['content'])
  assert.ok(!('favourited' in read))

  const form = new URLSearchParams({ status: 'by form' })
  const { headers } = bearer('alice')
  const answers = [
    await on.http.call('POST', STATUSES, { body: form, headers }),
    await on.http.call('POST', `${STATUSES}?${form.toString()}`, { headers }),
    await on.http.call('POST', STATUSES, { body: asMultipart(form), headers }),
  ]
  for (const answer of answers) assert.equal(fields(answer)['content'], '<p>by form</p>', answer.text)
})

function asMultipart(form: URLSearchParams): FormData {
  const data = new FormData()
  for (const [name, value] of form) data.set(name, value)
  return data
}

test('the same Idempotency-Key answers with the same status', async () => {
  await using on = await client()
  const headers = { ...bearer('alice').headers, 'idempotency-key': 'abc' }
  const post = () => on.http.call('POST', STATUSES, json({ status: 'once' }, headers))
  const [one, two] = await Promise.all([post(), post()])
  assert.deepEqual([one.status, two.status], [200, 200])
  assert.equal(fields(one)['id'], fields(two)['id'])
})

test('what is not offered is refused in words, not dropped', async () => {
  await using on = await client()
  for (const [field, words] of [
    [
      { scheduled_at: '2020-01-01T00:00:00Z' },
      'Validation failed: Scheduled at must be at least 5 minutes in the future',
    ],
    [{ quoted_status_id: '1' }, 'Quotes are not supported yet'],
    [{ media_ids: ['0x1'] }, 'Media not found or already attached to another post'],
    [{ visibility: 'limited' }, 'Validation failed: Visibility is not included in the list'],
    [{ status: '' }, "Validation failed: Text can't be blank"],
    [{ status: 'x'.repeat(501) }, 'Validation failed: Text character limit of 500 exceeded'],
  ] as const) {
    const answer = await on.ask('alice', 'POST', STATUSES, { status: 'x', ...field })
    assert.deepEqual([answer.status, answer.json], [422, { error: words }])
  }
  const unanswerable = await on.ask('alice', 'POST', STATUSES, { status: 'x', in_reply_to_id: '999' })
  assert.deepEqual(
    [unanswerable.status, unanswerable.json],
    [404, { error: 'The post you are trying to reply to does not appear to exist.' }],
  )
  const harmless = { status: 'x', poll: null, scheduled_at: '', quoted_status_id: null, media_ids: [], unknown: 1 }
  await on.get('alice', 'POST', STATUSES, harmless)
})

test('unexpected mentions come back as accounts', async () => {
  await using on = await client()
  const answer = await on.ask('alice', 'POST', STATUSES, { status: '@bob @carol', allowed_mentions: [String(BOB)] })
  assert.equal(answer.status, 422)
  const { error, unexpected_accounts: accounts } = fields(answer)
  assert.equal(error, 'Post would be sent to unexpected accounts')
  assert.ok(Array.isArray(accounts))
  assert.deepEqual(
    accounts.map((account: Fields) => account['acct']),
    ['carol'],
  )
  const none = await on.ask('alice', 'POST', STATUSES, { status: '@bob', allowed_mentions: [] })
  assert.equal(none.status, 422)
})

test('ids that can name nothing, hidden and missing statuses have one answer on every route', async () => {
  await using on = await client()
  const hidden = await on.get('alice', 'POST', STATUSES, { status: 'secret', visibility: 'private' })
  const acts = [
    'favourite',
    'unfavourite',
    'bookmark',
    'unbookmark',
    'pin',
    'unpin',
    'mute',
    'unmute',
    'reblog',
    'unreblog',
  ]
  const reads = ['', '/context', '/source', '/history', '/favourited_by', '/reblogged_by']
  for (const id of [hidden.id, '1', '-1', '1e30', '0x1', '9223372036854775808', 'abc']) {
    const answers = [
      ...(await Promise.all(reads.map((path) => on.ask('bob', 'GET', `${STATUSES}/${id}${path}`)))),
      ...(await Promise.all(acts.map((act) => on.ask('bob', 'POST', `${STATUSES}/${id}/${act}`)))),
      await on.ask('bob', 'PUT', `${STATUSES}/${id}`, { status: 'mine' }),
      await on.ask('bob', 'DELETE', `${STATUSES}/${id}`),
    ]
    for (const answer of answers) {
      assert.deepEqual([answer.status, answer.json], [404, { error: 'Record not found' }], id)
    }
  }
  assert.equal((await on.ask('nobody', 'GET', `${STATUSES}/${hidden.id}`)).status, 404)
})

test('tokens, scopes and people are asked for as Mastodon does', async () => {
  await using on = await client()
  const { id } = await on.get('alice', 'POST', STATUSES, { status: 'x' })
  assert.equal((await on.ask('nobody', 'POST', STATUSES, { status: 'x' })).status, 401)
  assert.equal((await on.ask('reader', 'POST', STATUSES, { status: 'x' })).status, 403)
  assert.equal((await on.ask('reader', 'POST', `${STATUSES}/${id}/favourite`)).status, 403)
  assert.equal((await on.ask('nobody', 'GET', `${STATUSES}/${id}/source`)).status, 401)
  assert.equal((await on.ask('reader', 'GET', `${STATUSES}/${id}/source`)).status, 200)
  for (const method of ['PUT', 'DELETE']) {
    assert.equal((await on.ask('bob', method, `${STATUSES}/${id}`, { status: 'mine' })).status, 404)
  }
})

test('several statuses are read by id, in the order asked, without those one may not see', async () => {
  await using on = await client()
  const posted: string[] = []
  for (const visibility of ['public', 'private', 'unlisted']) {
    posted.push((await on.get('alice', 'POST', STATUSES, { status: visibility, visibility })).id)
  }
  const query = [posted[2], '5', posted[1], 'abc', posted[0]].map((id) => `id[]=${id}`).join('&')
  assert.deepEqual(idsIn(await on.ask('bob', 'GET', `${STATUSES}?${query}`)), [posted[2], posted[0]])
  assert.deepEqual(idsIn(await on.ask('alice', 'GET', `${STATUSES}?${query}`)), [posted[2], posted[1], posted[0]])
  assert.deepEqual(idsIn(await on.ask('alice', 'GET', `${STATUSES}?id=${posted[0]}`)), [posted[0]])
  assert.deepEqual(idsIn(await on.ask('alice', 'GET', STATUSES)), [])
  const many = Array.from({ length: 21 }, (_, n) => `id[]=${n + 1}`).join('&')
  assert.equal((await on.ask('alice', 'GET', `${STATUSES}?${many}`)).status, 422)
})

test('acts answer with the status as it is afterwards, once or twice', async () => {
  await using on = await client()
  const { id } = await on.get('alice', 'POST', STATUSES, { status: 'x' })
  const act = (name: string, who = 'bob') => on.get(who, 'POST', `${STATUSES}/${id}/${name}`)
  for (let twice = 0; twice < 2; twice += 1) {
    const favourited = await act('favourite')
    assert.deepEqual([favourited['favourited'], favourited['favourites_count']], [true, 1])
    assert.equal((await act('bookmark'))['bookmarked'], true)
    assert.equal((await act('mute'))['muted'], true)
    assert.equal((await act('pin', 'alice'))['pinned'], true)
  }
  for (let twice = 0; twice < 2; twice += 1) {
    const unfavourited = await act('unfavourite')
    assert.deepEqual([unfavourited['favourited'], unfavourited['favourites_count']], [false, 0])
    assert.equal((await act('unbookmark'))['bookmarked'], false)
    assert.equal((await act('unmute'))['muted'], false)
    assert.equal((await act('unpin', 'alice'))['pinned'], false)
  }
  const refused = await on.ask('bob', 'POST', `${STATUSES}/${id}/pin`)
  assert.deepEqual(
    [refused.status, refused.json],
    [422, { error: "Validation failed: Someone else's post cannot be pinned" }],
  )
})

test('a boost answers with the boost around the original, its end with the original', async () => {
  await using on = await client()
  const { id } = await on.get('alice', 'POST', STATUSES, { status: 'x' })
  const boost = await on.get('bob', 'POST', `${STATUSES}/${id}/reblog`, { visibility: 'unlisted' })
  const original = boost['reblog'] as Fields
  assert.deepEqual([original['id'], original['reblogs_count'], original['reblogged']], [id, 1, true])
  assert.deepEqual([boost['visibility'], boost['reblogged']], ['unlisted', true])
  assert.notEqual(boost.id, id)
  assert.equal((await on.get('bob', 'POST', `${STATUSES}/${id}/reblog`)).id, boost.id)
  const unboosted = await on.get('bob', 'POST', `${STATUSES}/${boost.id}/unreblog`)
  assert.deepEqual([unboosted.id, unboosted['reblogs_count'], unboosted['reblogged']], [id, 0, false])
  assert.equal((await on.get('bob', 'POST', `${STATUSES}/${id}/unreblog`)).id, id)
  assert.equal((await on.ask('bob', 'GET', `${STATUSES}/${boost.id}`)).status, 404)
})

test('an edit shows in the status, its source and its history, with the pictures of each time', async () => {
  await using on = await client()
  const media = String(await on.world.picture(ALICE, 'a cat'))
  const { id } = await on.get('alice', 'POST', STATUSES, { status: 'first @bob', media_ids: [media] })
  const change = {
    status: 'second',
    spoiler_text: 'cw',
    media_ids: [media],
    media_attributes: [{ id: media, description: 'a dog' }],
  }
  const edited = await on.get('alice', 'PUT', `${STATUSES}/${id}`, change)
  assert.notEqual(edited['edited_at'], null)
  const [attachment] = edited['media_attachments'] as Fields[]
  assert.equal(attachment?.['description'], 'a dog')
  assert.deepEqual((await on.ask('bob', 'GET', `${STATUSES}/${id}/source`)).json, {
    id,
    text: 'second',
    spoiler_text: 'cw',
  })
  const { json: history, text } = await on.ask('nobody', 'GET', `${STATUSES}/${id}/history`)
  assert.ok(Array.isArray(history), text)
  const versions = history.map((version: Fields) => [
    version['spoiler_text'],
    (version['media_attachments'] as Fields[])[0]?.['description'],
  ])
  assert.deepEqual(versions, [
    ['', 'a cat'],
    ['cw', 'a dog'],
  ])
  assert.match(String(history[0].content), /first <span class="h-card"/)
  const bare = await on.get('alice', 'PATCH', `${STATUSES}/${id}`, { status: 'third' })
  assert.deepEqual(bare['media_attachments'], [], 'what is not sent is taken out')
})

test('a deletion gives back what a redraft needs', async () => {
  await using on = await client()
  const media = await on.world.picture(ALICE, 'a cat')
  const { id } = await on.get('alice', 'POST', STATUSES, { status: 'Hi @bob', media_ids: [String(media)] })
  const deleted = await on.get('alice', 'DELETE', `${STATUSES}/${id}`)
  assert.deepEqual([deleted.id, deleted['text']], [id, 'Hi @bob'])
  assert.equal((deleted['media_attachments'] as Fields[]).length, 1)
  assert.equal((await on.ask('alice', 'GET', `${STATUSES}/${id}`)).status, 404)
  const again = await on.get('alice', 'POST', STATUSES, { status: 'Hi', media_ids: [String(media)] })
  await on.get('alice', 'DELETE', `${STATUSES}/${again.id}?delete_media=true`)
  assert.equal(await on.world.pictureStatus(media), undefined)
})

test('one’s own boost can be deleted also when what it boosts is hidden by now', async () => {
  await using on = await client()
  const { id } = await on.get('alice', 'POST', STATUSES, { status: 'x' })
  const boost = await on.get('bob', 'POST', `${STATUSES}/${id}/reblog`)
  on.world.relate(BOB, ALICE, { blockedBy: true })
  assert.equal((await on.ask('bob', 'DELETE', `${STATUSES}/${boost.id}`)).status, 404, 'it would show what is hidden')
  assert.equal((await on.get('alice', 'GET', `${STATUSES}/${id}`))['reblogs_count'], 0)
})

test('a thread shows what answers a status, and the way up to its root', async () => {
  await using on = await client()
  const root = await on.get('alice', 'POST', STATUSES, { status: 'root' })
  const reply = await on.get('bob', 'POST', STATUSES, { status: 'reply', in_reply_to_id: root.id })
  const leaf = await on.get('carol', 'POST', STATUSES, { status: 'leaf', in_reply_to_id: reply.id })
  const context = await on.get('nobody', 'GET', `${STATUSES}/${reply.id}/context`)
  const idsOf = (name: string) => (context[name] as Fields[]).map((status) => status['id'])
  assert.deepEqual([idsOf('ancestors'), idsOf('descendants')], [[root.id], [leaf.id]])
  assert.equal((await on.get('nobody', 'GET', `${STATUSES}/${root.id}`))['replies_count'], 1)
})

test('who favourited or boosted comes in pages, without those the reader has blocked', async () => {
  await using on = await client()
  const { id } = await on.get('alice', 'POST', STATUSES, { status: 'x' })
  for (const who of ['bob', 'carol']) {
    await on.get(who, 'POST', `${STATUSES}/${id}/favourite`)
    await on.get(who, 'POST', `${STATUSES}/${id}/reblog`)
  }
  for (const list of ['favourited_by', 'reblogged_by']) {
    const path = `${STATUSES}/${id}/${list}`
    assert.deepEqual(idsIn(await on.ask('nobody', 'GET', path)), [String(CAROL), String(BOB)])
    const page = await on.ask('nobody', 'GET', `${path}?limit=1`)
    const next = /<https:\/\/dunlin\.example([^>]*)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
    assert.deepEqual(idsIn(await on.ask('nobody', 'GET', next ?? '')), [String(BOB)])
    assert.match(page.headers.get('link') ?? '', /since_id=\d+>; rel="prev"/)
    on.world.relate(BOB, CAROL, { blocking: true })
    assert.deepEqual(idsIn(await on.ask('bob', 'GET', path)), [String(BOB)])
    on.world.relate(BOB, CAROL, {})
    on.world.relate(ALICE, CAROL, { blocking: true })
    assert.deepEqual(
      idsIn(await on.ask('alice', 'GET', path)),
      [String(BOB)],
      'nor does the author meet whom they block',
    )
    on.world.relate(ALICE, CAROL, {})
  }
})
