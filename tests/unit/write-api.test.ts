/** What the write API accepts as a status or as an edit, what it makes of it, and what it refuses. */
import assert from 'node:assert/strict'
import test from 'node:test'

import { AppError } from '../../src/kit/errors.ts'
import { IDEMPOTENCY_MS } from '../../src/status-store/contract.ts'
import { UnexpectedMentions } from '../../src/write-api/contract.ts'
import { mediaId, statusId } from '../world/statuses.ts'
import { ALICE, BOB, CAROL, DAN, openWritingWorld, refused, type WritingWorld } from '../world/writing.ts'

test('a status is written with what its text names, and told of in the same transaction', async () => {
  await using world = await openWritingWorld()
  const text = ' Hi @Bob and @bob@example.org, @nobody, @carol@elsewhere.net!\r\n#Cats #cats #Größe '
  const posted = await world.post(ALICE, {
    text,
    spoilerText: 'pets',
    visibility: 'unlisted',
    language: 'en-GB',
    appId: 7n,
  })
  assert.deepEqual(posted, await world.status(posted.id))
  assert.equal(posted.text, 'Hi @Bob and @bob@example.org, @nobody, @carol@elsewhere.net!\n#Cats #cats #Größe')
  assert.deepEqual([posted.mentions, posted.tags], [[BOB], ['cats', 'große']])
  assert.deepEqual([posted.spoilerText, posted.sensitive, posted.language, posted.appId], ['pets', true, 'en', 7n])
  assert.equal(posted.conversation, posted.id)
  const { id } = posted
  assert.deepEqual(await world.events(), [
    {
      key: ALICE,
      type: 'status.created',
      body: {
        id: `${id}`,
        author: '1',
        visibility: 'unlisted',
        boostOf: null,
        boostedAuthor: null,
        inReplyTo: null,
        inReplyToAuthor: null,
        mentions: ['2'],
        acceptedAtMs: world.clock.ms,
        tags: ['cats', 'große'],
      },
    },
  ])
  const [author] = await world.hydration.accounts([ALICE])
  assert.deepEqual([author?.statuses, author?.lastStatusAtMs], [1, posted.createdAtMs])
})

test('whoever blocks somebody does not speak to them: their name is just text', async () => {
  await using world = await openWritingWorld()
  world.relate(ALICE, BOB, { blocking: true })
  world.relate(ALICE, CAROL, { blockedBy: true })
  const posted = await world.post(ALICE, { text: '@bob @carol @dan', visibility: 'direct' })
  assert.deepEqual([posted.text, posted.mentions], ['@bob @carol @dan', [CAROL, DAN]])
  const edited = await world.edit(ALICE, posted.id, { text: 'But @bob!' })
  assert.deepEqual([edited.text, edited.mentions], ['But @bob!', []])
})

test('what a client leaves open comes from the account, and the language from the text', async () => {
  await using world = await openWritingWorld()
  const text = 'Das ist ein ganz gewöhnlicher deutscher Satz über das Wetter.'
  assert.deepEqual(await shape(world, { text }), ['public', false, 'de'])
  world.changePerson(ALICE, { defaultPrivacy: 'private', defaultSensitive: true, defaultLanguage: 'fr' })
  assert.deepEqual(await shape(world, { text }), ['private', true, 'fr'])
  assert.deepEqual(await shape(world, { text, visibility: 'public', sensitive: false, language: 'es' }), [
    'public',
    false,
    'es',
  ])
  assert.deepEqual(
    await shape(world, { text, visibility: 'public', sensitive: false, language: 'xx!' }),
    ['public', false, 'fr'],
    'no language',
  )
  world.changePerson(ALICE, { silenced: true })
  assert.deepEqual(await shape(world, { text, visibility: 'public', sensitive: false }), ['unlisted', false, 'fr'])
})

test('a text is needed unless there are pictures, and a warning alone is the text', async () => {
  await using world = await openWritingWorld()
  await refused(world, () => world.post(ALICE, { text: ' \n ' }), 'invalid', "Validation failed: Text can't be blank")
  const alone = await world.post(ALICE, { text: '', spoilerText: 'careful' })
  assert.deepEqual([alone.text, alone.spoilerText, alone.sensitive], ['careful', '', true])
  const pictured = await world.post(ALICE, { text: '', media: [await world.picture(ALICE)] })
  assert.equal(pictured.text, '')
})

test('the limit counts as people do: a link is 23 characters, a warning counts too', async () => {
  await using world = await openWritingWorld({ charactersMax: 30 })
  const tooLong = 'Validation failed: Text character limit of 30 exceeded'
  await world.post(ALICE, { text: '👩‍👩‍👧‍👦'.repeat(30) })
  await world.post(ALICE, { text: `https://example.org/${'a'.repeat(200)} 123456` })
  await refused(world, () => world.post(ALICE, { text: 'x'.repeat(31) }), 'invalid', tooLong)
  await refused(world, () => world.post(ALICE, { text: 'x'.repeat(26), spoilerText: '12345' }), 'invalid', tooLong)
  await refused(
    world,
    () => world.post(ALICE, { text: `https://example.org/${'a'.repeat(200)} 1234567` }),
    'invalid',
    tooLong,
  )
  await refused(world, () => world.post(ALICE, { text: 'e' + '\u0301'.repeat(70_000) }), 'invalid', tooLong)
})

test('pictures are bound to one status of their owner, four at most', async () => {
  await using world = await openWritingWorld()
  const mine = await Promise.all([1, 2, 3, 4, 5].map(() => world.picture(ALICE)))
  const theirs = await world.picture(BOB)
  const [first = mediaId(0), second = mediaId(0)] = mine
  await refused(world, () => world.post(ALICE, { media: mine }), 'invalid', 'Cannot attach more than 4 files')
  const taken = 'not found or already attached to another post'
  await refused(world, () => world.post(ALICE, { media: [first, theirs] }), 'invalid', `Media ${theirs} ${taken}`)
  assert.equal(await world.pictureStatus(first), null, 'nothing of a refused status remains')
  const posted = await world.post(ALICE, { media: [second, first, second] })
  assert.deepEqual(posted.media, [second, first])
  assert.equal(await world.pictureStatus(first), posted.id)
  await refused(world, () => world.post(ALICE, { media: [first] }), 'invalid', `Media ${first} ${taken}`)
  await refused(world, () => world.post(ALICE, { media: [mediaId(99)] }), 'invalid', `Media 99 ${taken}`)
})

test('of two statuses that want one picture, one gets it', async () => {
  await using world = await openWritingWorld()
  const media = [await world.picture(ALICE)]
  const outcomes = await Promise.allSettled([world.post(ALICE, { media }), world.post(ALICE, { media })])
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(byText), ['fulfilled', 'rejected'])
  assert.equal((await world.events()).length, 1)
})

test('mentions that the client did not expect are refused, naming the accounts', async () => {
  await using world = await openWritingWorld()
  const text = '@bob @carol @dan hello'
  await assert.rejects(world.post(ALICE, { text, allowedMentions: [CAROL] }), (error) => {
    assert.ok(error instanceof UnexpectedMentions)
    assert.deepEqual([error.code, error.accounts], ['invalid', [BOB, DAN]])
    return true
  })
  assert.deepEqual(await world.events(), [])
  assert.deepEqual((await world.post(ALICE, { text, allowedMentions: [BOB, CAROL, DAN] })).mentions, [BOB, CAROL, DAN])
  world.changePerson(BOB, { suspended: true })
  assert.deepEqual((await world.post(ALICE, { text })).mentions, [CAROL, DAN], 'nobody reaches the suspended')
})

test('a reply joins the conversation of what its author may see, and nothing else', async () => {
  await using world = await openWritingWorld()
  const root = await world.post(BOB)
  const reply = await world.post(ALICE, { inReplyTo: root.id, visibility: 'private' })
  assert.deepEqual([reply.inReplyTo, reply.inReplyToAccount, reply.conversation], [root.id, BOB, root.id])
  assert.equal(reply.visibility, 'private', 'as the client asked')
  const continued = await world.post(ALICE, { inReplyTo: reply.id })
  assert.deepEqual([continued.inReplyToAccount, continued.conversation], [BOB, root.id], 'still talking to Bob')
  const own = await world.post(ALICE, { inReplyTo: (await world.post(ALICE)).id })
  assert.equal(own.inReplyToAccount, ALICE)
  const boosted = await world.api.boost(CAROL, root.id, undefined)
  assert.equal((await world.post(ALICE, { inReplyTo: boosted.id })).inReplyTo, root.id)

  const hidden = await world.post(BOB, { visibility: 'private' })
  const missing = 'The post you are trying to reply to does not appear to exist.'
  await refused(world, () => world.post(ALICE, { inReplyTo: hidden.id }), 'not_found', missing)
  await refused(world, () => world.post(ALICE, { inReplyTo: statusId(1) }), 'not_found', missing)
  world.relate(ALICE, BOB, { blockedBy: true })
  await refused(world, () => world.post(ALICE, { inReplyTo: root.id }), 'not_found', missing)
  world.relate(ALICE, BOB, { following: true })
  assert.equal((await world.post(ALICE, { inReplyTo: hidden.id })).inReplyTo, hidden.id)
})

test('a reply to what is being deleted waits, and finds it gone (R16)', async () => {
  await using world = await openWritingWorld()
  const { id } = await world.post(BOB)
  const deleted = Promise.withResolvers<void>()
  const deletion = world.db.transaction(async (tx) => {
    await world.store.remove(tx, id)
    deleted.resolve()
    await new Promise((resolve) => setTimeout(resolve, 50))
  })
  await deleted.promise
  await refused(world, () => world.post(ALICE, { inReplyTo: id }), 'not_found')
  await deletion
  assert.equal(await world.db.one`select from statuses`, undefined)
})

test('one key makes one status, one after another and at the same time (I2)', async () => {
  await using world = await openWritingWorld()
  const media = [await world.picture(ALICE)]
  const same = () => world.post(ALICE, { text: 'once', media, idempotencyKey: 'key' })
  const posted = await Promise.all([same(), same(), same(), same()])
  assert.equal(new Set(posted.map(({ id }) => id)).size, 1)
  assert.deepEqual(await same(), posted[0])
  assert.equal((await world.events()).length, 1)
  assert.notEqual((await world.post(ALICE, { text: 'once', idempotencyKey: 'other' })).id, posted[0]?.id)
  assert.notEqual((await world.post(BOB, { text: 'once', idempotencyKey: 'key' })).id, posted[0]?.id)
  world.clock.ms += IDEMPOTENCY_MS
  assert.notEqual((await world.post(ALICE, { text: 'once', idempotencyKey: 'key' })).id, posted[0]?.id)
})

test('a key whose status failed is free again, one whose status was deleted names nothing', async () => {
  await using world = await openWritingWorld()
  const failed = world.post(ALICE, { media: [mediaId(99)], idempotencyKey: 'key' })
  await assert.rejects(failed, AppError)
  const { id } = await world.post(ALICE, { idempotencyKey: 'key' })
  await world.api.remove(ALICE, id, false)
  await refused(world, () => world.post(ALICE, { idempotencyKey: 'key' }), 'not_found')
})

test('an edit keeps what was, and one without any change is none', async () => {
  await using world = await openWritingWorld()
  const [kept, dropped, added] = [
    await world.picture(ALICE, 'old'),
    await world.picture(ALICE),
    await world.picture(ALICE),
  ]
  const { id, visibility } = await world.post(ALICE, {
    text: 'first #one',
    media: [kept, dropped],
    visibility: 'private',
  })
  world.clock.ms += 1000
  const same = await world.edit(ALICE, id, { text: 'first #one' })
  assert.deepEqual([same.revision, same.editedAtMs], [0, null])
  const change = { text: 'second @bob #two', media: [added, kept], mediaChanges: [{ id: kept, description: 'new' }] }
  const edited = await world.edit(ALICE, id, change)
  assert.deepEqual(edited, await world.status(id))
  assert.deepEqual([edited.revision, edited.editedAtMs, edited.visibility], [1, world.clock.ms, visibility])
  assert.deepEqual([edited.mentions, edited.tags, edited.media], [[BOB], ['two'], [added, kept]])
  const [before] = await world.store.edits(id)
  assert.deepEqual(before?.media, [
    { id: kept, description: 'old' },
    { id: dropped, description: null },
  ])
  assert.equal(await world.pictureStatus(dropped), id, 'the history still shows it')
  assert.equal((await world.edit(ALICE, id, change)).revision, 1)
  const described = { ...change, mediaChanges: [{ id: added, focus: { x: 0.5, y: 0 } }] }
  assert.equal((await world.edit(ALICE, id, described)).revision, 2, 'a new focus is a change')
  assert.deepEqual((await world.events()).slice(1), [
    { key: ALICE, type: 'status.edited', body: { id: `${id}`, author: '1', revision: 1, mentions: ['2'] } },
    { key: ALICE, type: 'status.edited', body: { id: `${id}`, author: '1', revision: 2, mentions: ['2'] } },
  ])
})

test('only the author edits, by the rules of a new status', async () => {
  await using world = await openWritingWorld({ charactersMax: 20 })
  const { id } = await world.post(ALICE)
  const boost = await world.api.boost(ALICE, id, undefined)
  await refused(world, () => world.edit(BOB, id, { text: 'mine now' }), 'not_found')
  await refused(world, () => world.edit(ALICE, boost.id, { text: 'on a boost' }), 'not_found')
  await refused(world, () => world.edit(ALICE, statusId(1), { text: 'nothing' }), 'not_found')
  await refused(world, () => world.edit(ALICE, id, { text: '' }), 'invalid', "Validation failed: Text can't be blank")
  await refused(world, () => world.edit(ALICE, id, { text: 'x'.repeat(21) }), 'invalid')
  const theirs = await world.picture(BOB)
  await refused(world, () => world.edit(ALICE, id, { text: 'x', media: [theirs] }), 'invalid')
  assert.equal((await world.status(id))?.revision, 0)
})

test('edits at the same time come one after the other, and the last told is the one that stays (R5)', async () => {
  await using world = await openWritingWorld()
  const { id } = await world.post(ALICE)
  const edited = await Promise.all([1, 2, 3, 4, 5].map((n) => world.edit(ALICE, id, { text: `text ${n}` })))
  assert.deepEqual(edited.map(({ revision }) => revision).toSorted(byNumber), [1, 2, 3, 4, 5])
  const last = edited.find(({ revision }) => revision === 5)
  assert.deepEqual(await world.status(id), last)
  const told = (await world.events()).slice(1).map(({ body }) => body['revision'])
  assert.deepEqual(told, [1, 2, 3, 4, 5])
  assert.equal((await world.store.edits(id)).length, 5)
})

async function shape(world: WritingWorld, draft: Parameters<WritingWorld['post']>[1]) {
  const { visibility, sensitive, language } = await world.post(ALICE, draft)
  return [visibility, sensitive, language]
}

const byText = (one: string, other: string) => (one < other ? -1 : 1)
const byNumber = (one: number, other: number) => one - other
