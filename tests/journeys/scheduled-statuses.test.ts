import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { DueWork } from '../../src/scheduler/contract.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { scheduledPosting } from '../../src/write-api/scheduling.ts'
import { watchConformance } from '../world/conformance.ts'
import { caller } from '../world/people.ts'
import { openSystem, type System } from '../world/system.ts'

const STATUSES = '/api/v1/statuses'
const SCHEDULED = '/api/v1/scheduled_statuses'
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

interface Scheduled {
  id: string
  scheduled_at: string
  params: { text: string; visibility: string; poll: { options: string[] } | null; media_ids: string[] | null }
  media_attachments: { id: string }[]
}

interface Status {
  id: string
  content: string
  created_at: string
  visibility: string
  poll: { options: { title: string }[] } | null
  media_attachments: { id: string }[]
}

type Call = ReturnType<typeof caller>

let system: System
let people = 0

before(async () => {
  watchConformance()
  system = await openSystem()
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

/** Somebody new, so that no test meets what another has scheduled. */
async function somebody(): Promise<{ id: AccountId; call: Call; get: <Body>(path: string) => Promise<Body> }> {
  people += 1
  const id = await system.person(`person${people}`)
  const call = caller(system.url, await system.token(id))
  return { id, call, get: (path) => got(call, 'GET', path) }
}

async function got<Body>(call: Call, method: string, path: string, body?: unknown): Promise<Body> {
  const answer = await call(method, path, body)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body as Body // the tables of the API were held against it
}

const inMs = (ms: number) => new Date(system.engines.clock.nowMs() + ms).toISOString()

function posting(): DueWork {
  const { database: db, outbox, snowflakes, clock, log } = system.engines
  const { people: block, statuses, graph, media, hydration } = system.blocks
  const rules = { localDomain: 'localhost', charactersMax: 500 }
  const { accounts } = block
  return scheduledPosting({ db, outbox, statuses, accounts, graph, media, hydration, snowflakes, clock, log, rules })
}

/** What the scheduler does, as if so much time had passed. */
const passTime = (ms: number) => posting().run(system.engines.clock.nowMs() + ms, 100)

const statusesOf = ({ id, get }: Awaited<ReturnType<typeof somebody>>) =>
  get<Status[]>(`/api/v1/accounts/${id}/statuses`)

test('a status is scheduled, shown, moved, posted at its time and once, by however many schedulers', async () => {
  const me = await somebody()
  const at = inMs(10 * MINUTE_MS)
  const made = await got<Scheduled>(me.call, 'POST', STATUSES, {
    status: 'Later',
    visibility: 'unlisted',
    scheduled_at: at,
  })
  assert.deepEqual([made.scheduled_at, made.params.text, made.params.visibility], [at, 'Later', 'unlisted'])
  assert.deepEqual(await me.get(SCHEDULED), [made])
  assert.deepEqual(await me.get(`${SCHEDULED}/${made.id}`), made)
  assert.deepEqual(await statusesOf(me), [])
  const later = inMs(20 * MINUTE_MS)
  const moved = await got<Scheduled>(me.call, 'PUT', `${SCHEDULED}/${made.id}`, { scheduled_at: later })
  assert.equal(moved.scheduled_at, later)
  await passTime(15 * MINUTE_MS)
  assert.deepEqual(await statusesOf(me), [], 'it was moved')
  await Promise.all(Array.from({ length: 5 }, () => passTime(25 * MINUTE_MS)))
  // A clock that steps back finds nothing to do again.
  await passTime(0)
  await passTime(25 * MINUTE_MS)
  const posted = await statusesOf(me)
  assert.deepEqual(
    posted.map(({ content, visibility }) => [content, visibility]),
    [['<p>Later</p>', 'unlisted']],
  )
  assert.deepEqual(await me.get(SCHEDULED), [])
  assert.equal((await me.call('GET', `${SCHEDULED}/${made.id}`)).status, 404)
})

test('pictures are held for it: nothing else takes them up, and they are in what is posted', async () => {
  const me = await somebody()
  const picture = await system.blocks.media.upload(
    me.id,
    { bytes: PNG, name: 'a.png' },
    { description: null, focus: null },
  )
  const media = [picture.id.toString()]
  const made = await got<Scheduled>(me.call, 'POST', STATUSES, { media_ids: media, scheduled_at: inMs(6 * MINUTE_MS) })
  assert.deepEqual([made.params.media_ids, made.media_attachments.map(({ id }) => id)], [media, media])
  assert.equal((await me.call('POST', STATUSES, { media_ids: media })).status, 422)
  await passTime(7 * MINUTE_MS)
  const [posted] = await statusesOf(me)
  assert.deepEqual(
    posted?.media_attachments.map(({ id }) => id),
    media,
  )
})

test('a poll begins when it is posted', async () => {
  const me = await somebody()
  const poll = { options: ['Tea', 'Coffee'], expires_in: 300 }
  const made = await got<Scheduled>(me.call, 'POST', STATUSES, { status: '?', poll, scheduled_at: inMs(6 * MINUTE_MS) })
  assert.deepEqual(made.params.poll?.options, poll.options)
  await passTime(7 * MINUTE_MS)
  assert.equal((await statusesOf(me))[0]?.poll?.options.length, 2)
})

test('taken back it is never posted, and its pictures are free again', async () => {
  const me = await somebody()
  const picture = await system.blocks.media.upload(
    me.id,
    { bytes: PNG, name: 'a.png' },
    { description: null, focus: null },
  )
  const media = [picture.id.toString()]
  const made = await got<Scheduled>(me.call, 'POST', STATUSES, { media_ids: media, scheduled_at: inMs(6 * MINUTE_MS) })
  const other = await somebody()
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', { scheduled_at: inMs(DAY_MS) }],
    ['DELETE', {}],
  ] as const) {
    const answer = await other.call(method, `${SCHEDULED}/${made.id}`, body)
    assert.deepEqual([answer.status, answer.body], [404, { error: 'Record not found' }], method)
  }
  await got(me.call, 'DELETE', `${SCHEDULED}/${made.id}`)
  assert.equal((await me.call('DELETE', `${SCHEDULED}/${made.id}`)).status, 404)
  await passTime(DAY_MS)
  assert.deepEqual(await statusesOf(me), [])
  await got(me.call, 'POST', STATUSES, { media_ids: media })
})

test('what cannot be posted any more stays with its author and is posted at another time, others are not held up', async () => {
  const [me, other] = [await somebody(), await somebody()]
  const { id: parent } = await got<Status>(other.call, 'POST', STATUSES, { status: 'A parent' })
  const soon = inMs(6 * MINUTE_MS)
  const made = await got<Scheduled>(me.call, 'POST', STATUSES, {
    status: 'x',
    in_reply_to_id: parent,
    scheduled_at: soon,
  })
  await got(me.call, 'POST', STATUSES, { status: 'fine', scheduled_at: soon })
  await got(other.call, 'DELETE', `${STATUSES}/${parent}`)
  await passTime(7 * MINUTE_MS)
  await passTime(8 * MINUTE_MS)
  assert.deepEqual(
    (await statusesOf(me)).map(({ content }) => content),
    ['<p>fine</p>'],
  )
  assert.deepEqual(
    (await me.get<Scheduled[]>(SCHEDULED)).map(({ id }) => id),
    [made.id],
  )
})

test('nothing is posted for somebody who may not post any more', async () => {
  const me = await somebody()
  await got(me.call, 'POST', STATUSES, { status: 'x', scheduled_at: inMs(6 * MINUTE_MS) })
  await system.blocks.people.accounts.setDisabled(me.id, true)
  await passTime(7 * MINUTE_MS)
  const rows = await system.engines.database.rows`select id from statuses where account_id = ${me.id}`
  assert.deepEqual(rows, [])
})

test('the same Idempotency-Key schedules one status', async () => {
  const me = await somebody()
  const token = await system.token(me.id)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': 'k' }
  const body = JSON.stringify({ status: 'once', scheduled_at: inMs(6 * MINUTE_MS) })
  const answers = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const answer = await fetch(`${system.url}${STATUSES}`, { method: 'POST', headers, body })
      return (await answer.json()) as Scheduled
    }),
  )
  assert.equal(new Set(answers.map(({ id }) => id)).size, 1)
  assert.equal((await me.get<Scheduled[]>(SCHEDULED)).length, 1)
})

test('bad times, bad texts and too many are refused in words', async () => {
  const me = await somebody()
  const refused = async (body: object, words: string) => {
    const answer = await me.call('POST', STATUSES, { status: 'x', ...body })
    assert.deepEqual([answer.status, answer.body], [422, { error: `Validation failed: ${words}` }])
  }
  const early = 'Scheduled at must be at least 5 minutes in the future'
  await refused({ scheduled_at: '2006-03-21T00:00:00Z' }, early)
  await refused({ scheduled_at: inMs(4 * MINUTE_MS) }, early)
  await refused({ scheduled_at: '+275760-09-13T00:00:00Z' }, 'Scheduled at is not a valid date')
  await refused({ scheduled_at: '9999-12-31T23:59:59Z' }, 'Scheduled at is too far into the future')
  await refused({ scheduled_at: 'tomorrow' }, 'Scheduled at is not a valid date')
  await refused({ scheduled_at: inMs(DAY_MS), status: '' }, "Text can't be blank")
  await refused(
    { scheduled_at: inMs(DAY_MS), poll: { options: ['a'], expires_in: 300 } },
    'Poll options must have more than one item',
  )
  const noon = `${new Date(system.engines.clock.nowMs() + 3 * DAY_MS).toISOString().slice(0, 10)}T12:00:00Z`
  const many = await Promise.all(
    Array.from({ length: 30 }, () => me.call('POST', STATUSES, { status: 'x', scheduled_at: noon })),
  )
  assert.equal(many.filter(({ status }) => status === 200).length, 25)
  await refused({ scheduled_at: noon }, 'You have exceeded the limit of 25 scheduled posts for that day')
  const [first] = await me.get<Scheduled[]>(SCHEDULED)
  const moved = await me.call('PUT', `${SCHEDULED}/${first?.id}`, { scheduled_at: '' })
  assert.equal(moved.status, 422)
  assert.equal((await me.get<Scheduled[]>(`${SCHEDULED}?limit=10`)).length, 10)
})

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC',
  'base64',
)
