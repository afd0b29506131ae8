/** What `src/media/contract.ts` promises, on a real database, a real folder and real pictures. */
import assert from 'node:assert/strict'
import test from 'node:test'

import sharp from 'sharp'

import { isFileKey } from '../../src/engines/files/contract.ts'
import { AppError, type ErrorCode } from '../../src/kit/errors.ts'
import { DESCRIPTION_CHARACTERS_MAX, UNATTACHED_MS } from '../../src/media/contract.ts'
import { MEDIA_PER_BATCH } from '../../src/media/media.ts'
import { insertMedia } from '../../src/media/table.ts'
import { NOTHING, openMediaWorld, redPicture } from '../world/media.ts'
import { accountId, mediaId, statusId } from '../world/statuses.ts'

const ALICE = accountId(1)
const BOB = accountId(2)

test('an upload is stored under names that cannot be guessed, and comes back as it was described', async () => {
  await using world = await openMediaWorld()
  const { media, files } = world
  const details = { description: ' A red field ', focus: { x: -0.5, y: 1 } }
  const bytes = await redPicture(1200, 800)
  const record = await media.upload(ALICE, { bytes, name: '../../etc/passwd' }, details)
  assert.deepEqual([record.type, record.mime, record.description], ['image', 'image/png', 'A red field'])
  assert.deepEqual(
    [record.original, record.focus],
    [
      { width: 1200, height: 800 },
      { x: -0.5, y: 1 },
    ],
  )
  assert.ok(record.small.width < 1200 && record.blurhash !== null)
  for (const key of [record.key, record.smallKey]) {
    assert.match(key, /^attachments\/[\w-]{24}\.png$/)
    assert.ok(isFileKey(key))
    assert.notEqual(await files.size(key), undefined)
  }
  assert.notEqual(record.key.slice(0, 36), record.smallKey.slice(0, 36))
  assert.deepEqual(await media.find(ALICE, record.id), record)
  assert.deepEqual(await media.byIds([record.id, mediaId(99)]), [record])
  assert.equal(await media.find(BOB, record.id), undefined, 'others do not find it')
})

test('what is no picture is refused, and nothing of it is stored', async () => {
  await using world = await openMediaWorld()
  const { media } = world
  const upload = (bytes: Buffer, details = NOTHING) => media.upload(ALICE, { bytes, name: 'x.png' }, details)
  await refused(upload(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')), 'invalid')
  await refused(upload(Buffer.alloc(0)), 'invalid')
  await refused(upload((await redPicture()).subarray(0, 60)), 'invalid')
  const picture = await redPicture()
  await refused(
    media.upload(ALICE, { bytes: picture, name: '' }, { description: null, focus: { x: 2, y: 0 } }),
    'invalid',
  )
  await refused(
    media.upload(ALICE, { bytes: picture, name: '' }, { description: null, focus: { x: NaN, y: 0 } }),
    'invalid',
  )
  const long = '👋'.repeat(DESCRIPTION_CHARACTERS_MAX)
  await refused(media.upload(ALICE, { bytes: picture, name: '' }, { description: `${long}.`, focus: null }), 'invalid')
  assert.equal(await world.fileCount(), 0)
  const accepted = await media.upload(ALICE, { bytes: picture, name: '' }, { description: long, focus: null })
  assert.equal(accepted.description, long)
})

test('when the row cannot be written the files go again', async () => {
  await using world = await openMediaWorld()
  await world.db.run`drop table media_attachments`
  await assert.rejects(world.upload(ALICE))
  assert.equal(await world.fileCount(), 0)
})

test('description and focus are changed by the owner, each for itself', async () => {
  await using world = await openMediaWorld()
  const { media } = world
  const id = await world.upload(ALICE)
  await media.update(ALICE, id, { description: 'red' })
  await media.update(ALICE, id, { focus: { x: 0, y: 0.25 } })
  const changed = await media.find(ALICE, id)
  assert.deepEqual([changed?.description, changed?.focus], ['red', { x: 0, y: 0.25 }])
  const cleared = await media.update(ALICE, id, { description: '  ', focus: null })
  assert.deepEqual([cleared.description, cleared.focus], [null, null])
  await refused(media.update(BOB, id, { description: 'mine' }), 'not_found')
  await refused(media.update(ALICE, mediaId(99), { description: 'none' }), 'not_found')
  await refused(media.update(ALICE, id, { description: 'x'.repeat(DESCRIPTION_CHARACTERS_MAX + 1) }), 'invalid')
})

test('a picture belongs to one status: all are bound or none, in the order asked', async () => {
  await using world = await openMediaWorld()
  const [one, two, other] = [await world.upload(ALICE), await world.upload(ALICE), await world.upload(BOB)]
  await refused(world.attach(ALICE, [one, other], 7), 'invalid')
  await refused(world.attach(ALICE, [one, mediaId(99)], 7), 'invalid')
  assert.equal((await world.media.find(ALICE, one))?.statusId, null)
  assert.deepEqual(await world.attach(ALICE, [two, one], 7), [two, one])
  assert.deepEqual(await world.attach(ALICE, [one], 7), [one], 'again to the same status')
  await refused(world.attach(ALICE, [one], 8), 'invalid')
  const bound = await world.db.transaction((tx) => world.media.attachedTo(tx, statusId(7)))
  assert.deepEqual(new Set(bound.map(({ id }) => id)), new Set([one, two]))
  const freed = await world.db.transaction((tx) => world.media.detach(tx, statusId(7)))
  assert.deepEqual(new Set(freed), new Set([one, two]))
  assert.deepEqual(await world.attach(ALICE, [one], 8), [one], 'free for a redraft')
})

test('what is bound to nothing for a day is pruned with its files, what is bound stays', async () => {
  await using world = await openMediaWorld()
  const { media, clock } = world
  const [bound, freed, fresh] = [await world.upload(ALICE), await world.upload(ALICE), await world.upload(ALICE)]
  await world.attach(ALICE, [bound], 7)
  await world.attach(ALICE, [freed], 8)
  clock.ms += UNATTACHED_MS
  await world.db.transaction((tx) => media.detach(tx, statusId(8)))
  assert.equal(await media.prune(), 1, 'only what was never bound: the other is free since now')
  assert.equal(await media.find(ALICE, fresh), undefined)
  assert.equal(await world.fileCount(), 4)
  clock.ms += UNATTACHED_MS
  assert.deepEqual([await media.prune(), await media.prune()], [1, 0])
  assert.equal((await media.find(ALICE, bound))?.statusId, statusId(7))
  assert.equal(await world.fileCount(), 2)
})

test('pruning goes on from batch to batch until nothing is left', async () => {
  await using world = await openMediaWorld()
  const many = MEDIA_PER_BATCH * 2 + 1
  const id = await world.upload(ALICE)
  const original = await world.media.find(ALICE, id)
  assert.ok(original)
  for (let n = 1; n < many; n += 1) await insertMedia(world.db, { ...original, id: mediaId(1000 + n) })
  world.clock.ms += UNATTACHED_MS
  assert.equal(await world.media.prune(), many)
  assert.equal(await world.fileCount(), 0)
})

test('an owner removes pictures that no status has', async () => {
  await using world = await openMediaWorld()
  const [free, bound, other] = [await world.upload(ALICE), await world.upload(ALICE), await world.upload(BOB)]
  await world.attach(ALICE, [bound], 7)
  await world.media.remove(ALICE, [free, bound, other, mediaId(99)])
  assert.equal(await world.media.find(ALICE, free), undefined)
  assert.ok(await world.media.find(ALICE, bound))
  assert.ok(await world.media.find(BOB, other))
  assert.equal(await world.fileCount(), 4)
})

test('an avatar is cut to its box, and is its own still picture unless it moves', async () => {
  await using world = await openMediaWorld()
  const bytes = await redPicture(1000, 600)
  const { key, staticKey } = await world.media.uploadPicture({ bytes, name: 'me.png' }, { width: 400, height: 400 })
  assert.match(key, /^pictures\/[\w-]{24}\.png$/)
  assert.equal(staticKey, key)
  const opened = await world.files.open(key)
  assert.ok(opened)
  const { width, height } = await sharp(Buffer.concat(await opened.stream.toArray())).metadata()
  assert.deepEqual([width, height], [400, 400])
  const moving = await sharp(
    [
      await redPicture(),
      await sharp(await redPicture())
        .negate()
        .toBuffer(),
    ],
    { join: { animated: true } },
  )
    .gif()
    .toBuffer()
  const animated = await world.media.uploadPicture({ bytes: moving, name: 'me.gif' }, { width: 400, height: 400 })
  assert.match(animated.key, /\.gif$/)
  assert.match(animated.staticKey, /\.png$/)
  await world.media.removePicture(animated)
  await world.media.removePicture(animated)
  assert.equal(await world.files.open(animated.key), undefined)
  assert.equal(await world.files.open(animated.staticKey), undefined)
  assert.ok(await world.files.open(key))
})

async function refused(attempt: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof AppError, String(error))
    assert.equal(error.code, code)
    return true
  })
}
