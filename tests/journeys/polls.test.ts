import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { pollClosing } from '../../src/write-api/poll-closing.ts'
import { watchConformance } from '../world/conformance.ts'
import { caller, eventually } from '../world/people.ts'
import { openSystem, type System } from '../world/system.ts'

const STATUSES = '/api/v1/statuses'
const HOUR_S = 3_600
const WAIT_MS_MAX = 30_000

interface Poll {
  id: string
  expired: boolean
  expires_at: string
  multiple: boolean
  votes_count: number
  voters_count: number
  options: { title: string; votes_count: number | null }[]
  voted?: boolean
  own_votes?: number[]
}

interface Status {
  id: string
  poll: Poll | null
  reblog: Status | null
}

type Call = ReturnType<typeof caller>

let system: System
let alice: Call
let bob: Call
let carol: Call
let anybody: Call

before(async () => {
  watchConformance()
  system = await openSystem()
  const call = async (name: string) => caller(system.url, await system.token(await system.person(name)))
  alice = await call('alice')
  bob = await call('bob')
  carol = await call('carol')
  anybody = caller(system.url, undefined)
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

async function got<Body>(call: Call, method: string, path: string, body?: unknown): Promise<Body> {
  const answer = await call(method, path, body)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body as Body // the tables of the API were held against it
}

async function refused(call: Call, path: string, body: unknown, words: string): Promise<void> {
  const answer = await call('POST', path, body)
  assert.deepEqual([answer.status, answer.body], [422, { error: `Validation failed: ${words}` }])
}

const asked = (poll: object = {}) => ({
  status: 'Tea or coffee?',
  poll: { options: ['Tea', 'Coffee'], expires_in: HOUR_S, ...poll },
})
const ask = (poll: object = {}) => got<Status>(alice, 'POST', STATUSES, asked(poll))
const pollAt = (call: Call, id: string) => got<Poll>(call, 'GET', `/api/v1/polls/${id}`)
const counts = (poll: Poll | null) => poll?.options.map((option) => option.votes_count)

/** Lets time pass; within the next month every poll ends. */
async function passTime(ms = 31 * 86_400_000): Promise<void> {
  const { database: db, outbox, clock } = system.engines
  await pollClosing({ db, outbox, statuses: system.blocks.statuses }).run(clock.nowMs() + ms, 100)
}

test('a poll is asked, voted on once by everyone else, and shows to each reader what they chose', async () => {
  const { id, poll } = await ask()
  assert.ok(poll)
  assert.deepEqual(
    [poll.expired, poll.multiple, poll.votes_count, poll.voted, poll.own_votes, counts(poll)],
    [false, false, 0, true, [], [0, 0]],
  )
  const vote = `/api/v1/polls/${poll.id}/votes`
  const voted = await got<Poll>(bob, 'POST', vote, { choices: ['1'] })
  assert.deepEqual([voted.voted, voted.own_votes, counts(voted)], [true, [1], [0, 1]])
  await refused(bob, vote, { choices: [0] }, 'You have already voted on this poll')
  await refused(alice, vote, { choices: [0] }, 'You cannot vote in your own polls')
  await refused(carol, vote, { choices: [0, 1] }, 'You have already voted on this poll')
  for (const choices of [[2], [-1], ['x'], ['1.0'], ['99999999999999999999']]) {
    await refused(carol, vote, { choices }, 'The chosen vote option does not exist')
  }
  await refused(carol, vote, {}, "Choices can't be blank")
  for (const [reader, own] of [
    [bob, [1]],
    [carol, []],
    [anybody, undefined],
  ] as const) {
    const seen = await pollAt(reader, poll.id)
    assert.deepEqual([seen.own_votes, seen.votes_count, seen.voters_count], [own, 1, 1])
    assert.deepEqual((await got<Status>(reader, 'GET', `${STATUSES}/${id}`)).poll, seen)
    const [first] = await got<Status[]>(reader, 'GET', '/api/v1/timelines/public')
    assert.deepEqual(first?.poll, seen, 'spliced into the bytes of a page')
  }
  const boost = await got<Status>(carol, 'POST', `${STATUSES}/${id}/reblog`)
  assert.deepEqual([boost.poll, boost.reblog?.poll?.id], [null, poll.id])
})

test('several options can be chosen where the poll says so, and more of them later', async () => {
  const { poll } = await ask({ options: ['a', 'b', 'c'], multiple: true })
  const vote = `/api/v1/polls/${poll?.id}/votes`
  await got(bob, 'POST', vote, { choices: [2, 0] })
  await refused(bob, vote, { choices: [1, 2] }, 'You have already voted on this poll')
  const more = await got<Poll>(bob, 'POST', vote, { choices: [1] })
  assert.deepEqual([more.own_votes, more.votes_count, more.voters_count], [[0, 1, 2], 3, 1])
})

test('hundred votes at once are all counted, of one person only one', async () => {
  const { poll } = await ask()
  const vote = `/api/v1/polls/${poll?.id}/votes`
  const twice = await Promise.all(Array.from({ length: 20 }, () => bob('POST', vote, { choices: [0] })))
  assert.equal(twice.filter(({ status }) => status === 200).length, 1)
  await got(carol, 'POST', vote, { choices: [1] })
  assert.deepEqual(counts(await pollAt(bob, poll?.id ?? '')), [1, 1])
})

test('an edit of the options takes the votes away, an edit of the text does not; history shows what was asked', async () => {
  const { id, poll } = await ask({ hide_totals: true })
  await got(bob, 'POST', `/api/v1/polls/${poll?.id}/votes`, { choices: [0] })
  assert.deepEqual(counts(await pollAt(bob, id)), [null, null], 'kept from voters')
  const put = (body: object) => got<Status>(alice, 'PUT', `${STATUSES}/${id}`, body)
  const kept = await put({ ...asked({ hide_totals: true }), status: 'Tea or coffee, friends?' })
  assert.equal(kept.poll?.voters_count, 1)
  const shown = await put({ ...asked(), status: 'Tea or coffee, friends?' })
  assert.deepEqual(counts(shown.poll), [1, 0])
  const reset = await put(asked({ options: ['Tea', 'Cocoa'] }))
  assert.deepEqual([reset.poll?.voters_count, counts(reset.poll)], [0, [0, 0]])
  assert.deepEqual((await pollAt(bob, id)).own_votes, [])
  const gone = await put({ status: 'Never mind' })
  assert.equal(gone.poll, null)
  assert.equal((await bob('GET', `/api/v1/polls/${id}`)).status, 404)
  const history = await got<{ poll?: { options: { title: string }[] } }[]>(bob, 'GET', `${STATUSES}/${id}/history`)
  assert.deepEqual(
    history.map((edit) => edit.poll?.options.map((option) => option.title)),
    [['Tea', 'Coffee'], ['Tea', 'Coffee'], ['Tea', 'Coffee'], ['Tea', 'Cocoa'], undefined],
  )
})

test('when its time has come a poll closes once, and who asked and who voted hear of it once', async () => {
  const { id, poll } = await ask({ hide_totals: true })
  const vote = `/api/v1/polls/${poll?.id}/votes`
  await got(bob, 'POST', vote, { choices: [1] })
  await passTime((HOUR_S * 1_000) / 2)
  assert.equal((await pollAt(bob, id)).expired, false, 'not before its time')
  await Promise.all([passTime(), passTime(), passTime()])
  const ended = await eventually(
    WAIT_MS_MAX,
    () => pollAt(bob, id),
    (seen) => seen.expired,
  )
  assert.deepEqual(counts(ended), [0, 1])
  await refused(carol, vote, { choices: [0] }, 'The poll has already ended')
  const told = async (call: Call) =>
    (await got<{ type: string; status?: Status }[]>(call, 'GET', '/api/v1/notifications?types[]=poll')).filter(
      ({ status }) => status?.id === id,
    )
  for (const call of [alice, bob]) {
    const notices = await eventually(
      WAIT_MS_MAX,
      () => told(call),
      (found) => found.length > 0,
    )
    assert.deepEqual(
      notices.map(({ type, status }) => [type, status?.poll?.expired]),
      [['poll', true]],
    )
  }
  await passTime()
  assert.deepEqual([(await told(alice)).length, (await told(carol)).length], [1, 0])
})

test('bad polls are refused in words', async () => {
  const bad: [object, string][] = [
    [{ options: ['Tea'] }, 'Poll options must have more than one item'],
    [{ options: ['Tea', '  '] }, 'Poll options must have more than one item'],
    [{ options: ['a', 'b', 'c', 'd', 'e'] }, "Poll options can't contain more than 4 items"],
    [{ options: ['a', ' a '] }, 'Poll options contain duplicate items'],
    [{ options: ['a', 'b'.repeat(51)] }, 'Poll options cannot be longer than 50 characters each'],
    [{ options: ['a', '\u0301'.repeat(400_000)] }, 'Poll options cannot be longer than 50 characters each'],
    [{ expires_in: 299 }, 'Poll expires at is too soon'],
    [{ expires_in: -HOUR_S }, 'Poll expires at is too soon'],
    [{ expires_in: 32 * 86_400 }, 'Poll expires at is too far into the future'],
    [{ expires_in: '' }, "Poll expires at can't be blank"],
    [{ expires_in: 'soon' }, 'Expires in is not a number'],
  ]
  for (const [poll, words] of bad) await refused(alice, STATUSES, asked(poll), words)
  await refused(alice, STATUSES, { ...asked(), status: '' }, "Text can't be blank")
  const withMedia = await alice('POST', STATUSES, { ...asked(), media_ids: ['1'] })
  assert.deepEqual([withMedia.status, withMedia.body], [422, { error: 'Cannot attach more than 4 files' }])
  const huge = await alice('POST', STATUSES, asked({ options: ['a', 'x'.repeat(16 * 1024 * 1024)] }))
  assert.equal(huge.status, 413)
  const fine = await got<Status>(alice, 'POST', STATUSES, asked({ options: ['👩‍👩‍👧‍👦'.repeat(50), 'é'] }))
  assert.equal(fine.poll?.options.length, 2)
})

test('polls of what one may not see are not there', async () => {
  const secret = await got<Status>(alice, 'POST', STATUSES, { ...asked(), visibility: 'direct' })
  const plain = await got<Status>(alice, 'POST', STATUSES, { status: 'No question' })
  for (const { id } of [secret, plain]) {
    for (const answer of [
      await bob('GET', `/api/v1/polls/${id}`),
      await bob('POST', `/api/v1/polls/${id}/votes`, { choices: [0] }),
    ]) {
      assert.deepEqual([answer.status, answer.body], [404, { error: 'Record not found' }])
    }
  }
  const { id } = await ask()
  await got(alice, 'DELETE', `${STATUSES}/${id}`)
  assert.equal((await bob('GET', `/api/v1/polls/${id}`)).status, 404)
  const left = await system.engines.database.rows`select status_id from polls where status_id = ${BigInt(id)}`
  assert.deepEqual(left, [])
})

test('the limits that the instance names are those that polls are held to', async () => {
  const { configuration } = await got<{ configuration: { polls: Record<string, number> } }>(
    anybody,
    'GET',
    '/api/v2/instance',
  )
  const { max_options: options = 0, max_characters_per_option: characters = 0 } = configuration.polls
  const longest = Array.from({ length: options }, (_, n) => String(n).repeat(characters))
  for (const bound of ['min_expiration', 'max_expiration']) {
    await ask({ options: longest, expires_in: configuration.polls[bound] })
  }
})
