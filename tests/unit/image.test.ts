import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'

import { isBlurhashValid } from 'blurhash'
import fc from 'fast-check'
import sharp from 'sharp'
import type { Sharp } from 'sharp'

import { AppError } from '../../src/kit/errors.ts'
import {
  IMAGE_LIMITS,
  imageProcessor,
  IMAGES_CONCURRENT_MAX,
  IMAGES_WAITING_MAX,
  ORIGINAL_PIXELS_MAX,
  SMALL_PIXELS_MAX,
} from '../../src/media/image.ts'
import type { ProcessedImage } from '../../src/media/image.ts'

const processor = imageProcessor()

const failure = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && text.test(error.message)

/** Left half red, right half blue: so that one sees how it is held. */
function halves(width: number, height: number): Sharp {
  const right = { create: { width: width / 2, height, channels: 3 as const, background: '#0000ff' } }
  return sharp({ create: { width, height, channels: 3, background: '#ff0000' } })
    .composite([{ input: right, left: width / 2, top: 0 }])
    .removeAlpha()
}

async function animation(format: 'gif' | 'webp', frames: number, size: number): Promise<Buffer> {
  const inputs = Array.from({ length: frames }, (_, frame) => ({
    create: { width: size, height: size, channels: 3 as const, background: { r: frame * 40, g: 20, b: 200 } },
  }))
  const pages = await Promise.all(inputs.map((input) => sharp(input).png().toBuffer()))
  const joined = sharp(pages, { join: { animated: true } })
  const timing = { delay: Array<number>(frames).fill(120), loop: 3 }
  return format === 'gif' ? joined.gif(timing).toBuffer() : joined.webp(timing).toBuffer()
}

async function pixelAt(picture: Buffer, x: number, y: number): Promise<string> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true })
  const at = (y * info.width + x) * info.channels
  const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3)
  if (red > 200 && green < 60 && blue < 60) return 'red'
  return blue > 200 && red < 60 && green < 60 ? 'blue' : `${red},${green},${blue}`
}

async function assertIs(file: ProcessedImage['original'], mime: string, width: number, height: number): Promise<void> {
  assert.equal(file.mime, mime)
  assert.deepEqual([file.width, file.height], [width, height])
  const header = await sharp(file.bytes).metadata()
  assert.deepEqual([header.width, header.height], [width, height])
}

test('a picture keeps its format and size, and gets a preview and a blurhash', async () => {
  const picture = halves(1600, 900)
  const cases: [Buffer, string][] = [
    [await picture.clone().jpeg().toBuffer(), 'image/jpeg'],
    [await picture.clone().png().toBuffer(), 'image/png'],
    [await picture.clone().webp().toBuffer(), 'image/webp'],
  ]
  for (const [bytes, mime] of cases) {
    const { original, small, blurhash, animated } = await processor.processImage(bytes)
    await assertIs(original, mime, 1600, 900)
    await assertIs(small, mime, 640, 360)
    assert.ok(isBlurhashValid(blurhash).result)
    assert.equal(animated, false)
    assert.equal(await pixelAt(original.bytes, 100, 100), 'red')
    assert.equal(await pixelAt(small.bytes, 600, 100), 'blue')
  }
})

test('AVIF becomes JPEG, or WebP where it is transparent, because not every client shows it', async () => {
  const opaque = await halves(300, 200).avif().toBuffer()
  await assertIs((await processor.processImage(opaque)).original, 'image/jpeg', 300, 200)
  const transparent = { width: 60, height: 40, channels: 4 as const, background: { r: 255, g: 0, b: 0, alpha: 0.5 } }
  const { original } = await processor.processImage(await sharp({ create: transparent }).avif().toBuffer())
  await assertIs(original, 'image/webp', 60, 40)
  assert.equal((await sharp(original.bytes).metadata()).hasAlpha, true)
})

test('a large picture is scaled down, a small one is not enlarged, and one of a pixel is a picture too', async () => {
  const large = await processor.processImage(await halves(5000, 2000).jpeg().toBuffer())
  assert.ok(large.original.width * large.original.height <= ORIGINAL_PIXELS_MAX * 1.001)
  assert.ok(Math.abs(large.original.width / large.original.height - 2.5) < 0.01)
  assert.ok(large.small.width * large.small.height <= SMALL_PIXELS_MAX * 1.01)
  const dot = await processor.processImage(
    await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .png()
      .toBuffer(),
  )
  await assertIs(dot.original, 'image/png', 1, 1)
  await assertIs(dot.small, 'image/png', 1, 1)
  const thread = await processor.processImage(await halves(20_000, 1).png().toBuffer())
  await assertIs(thread.original, 'image/png', 20_000, 1)
})

test('a picture that a camera held sideways stands upright', async () => {
  // Orientation 6: turned clockwise to be seen; the left half comes to the top.
  const sideways = await halves(400, 200).jpeg().withMetadata({ orientation: 6 }).toBuffer()
  const { original, small } = await processor.processImage(sideways)
  for (const file of [original, small]) {
    await assertIs(file, 'image/jpeg', 200, 400)
    assert.equal(await pixelAt(file.bytes, 100, 50), 'red')
    assert.equal(await pixelAt(file.bytes, 100, 350), 'blue')
    assert.equal((await sharp(file.bytes).metadata()).orientation, undefined)
  }
})

const SECRET = 'Sommerhaus-am-See'

test('places, cameras, comments and profiles are gone from every file, in every format', async () => {
  const exif = {
    IFD0: { ImageDescription: SECRET, Artist: SECRET },
    IFD3: {
      GPSLatitudeRef: 'N',
      GPSLatitude: '51/1 30/1 3230/100',
      GPSLongitudeRef: 'W',
      GPSLongitude: '0/1 7/1 4366/100',
    },
  }
  const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="${SECRET}"/></rdf:RDF></x:xmpmeta>`
  const picture = halves(200, 100).withExif(exif).withXmp(xmp).withIccProfile('p3')
  const uploads = [
    await picture.clone().jpeg().toBuffer(),
    await picture.clone().png().toBuffer(),
    await picture.clone().webp().toBuffer(),
    await picture.clone().avif().toBuffer(),
  ]
  for (const upload of uploads) {
    const before = await sharp(upload).metadata()
    assert.ok(before.exif !== undefined && before.xmp !== undefined && before.icc !== undefined, 'the upload has them')
    assert.ok(upload.includes(SECRET))
    const { original, small } = await processor.processImage(upload)
    const { picture: avatar } = await processor.processPicture(upload, { width: 50, height: 50 })
    for (const { bytes } of [original, small, avatar]) {
      const after = await sharp(bytes).metadata()
      assert.deepEqual([after.exif, after.xmp, after.icc, after.iptc], [undefined, undefined, undefined, undefined])
      assert.ok(!bytes.includes(SECRET))
      assert.ok(!bytes.includes('Exif'))
    }
  }
})

test('what was hidden beside a picture is not served: HTML, scripts, archives', async () => {
  const jpeg = await halves(40, 20).jpeg().toBuffer()
  const comment = Buffer.from(`<html><script>alert("${SECRET}")</script></html>`)
  const segment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, comment.length + 2]), comment])
  const polyglots = [
    Buffer.concat([jpeg, comment]),
    Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]),
    Buffer.concat([await halves(40, 20).png().toBuffer(), Buffer.from('PK\u0003\u0004'), comment]),
    Buffer.concat([await halves(40, 20).gif().toBuffer(), Buffer.from('PK\u0003\u0004'), comment]),
  ]
  for (const polyglot of polyglots) {
    assert.ok(polyglot.includes(SECRET))
    const { original, small } = await processor.processImage(polyglot)
    for (const { bytes } of [original, small]) assert.ok(!bytes.includes(SECRET) && !bytes.includes('script'))
  }
})

test('what is no picture is refused with a text that helps', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
  const refused: [string, Buffer | string][] = [
    ['svg', svg],
    ['svg with a declaration', `<?xml version="1.0"?>${svg}`],
    ['html', '<!doctype html><html><img src=x></html>'],
    ['text', 'hello'],
    ['pdf before a picture', Buffer.concat([Buffer.from('%PDF-1.7\n'), await halves(40, 20).jpeg().toBuffer()])],
    ['tiff', await halves(40, 20).tiff().toBuffer()],
    ['zeros', Buffer.alloc(1000)],
    ['bmp', Buffer.concat([Buffer.from('BM'), Buffer.alloc(100)])],
    ['playlist', '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n'],
  ]
  for (const [name, content] of refused) {
    await assert.rejects(
      processor.processImage(Buffer.from(content)),
      failure('invalid', /not supported; send image\/jpeg/),
      name,
    )
  }
  await assert.rejects(processor.processImage(Buffer.alloc(0)), failure('invalid', /empty/))
  const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')
  await assert.rejects(processor.processImage(heic), failure('invalid', /HEIC.*JPEG/))
  const small = imageProcessor({ ...IMAGE_LIMITS, bytesMax: 1024 * 1024 })
  await assert.rejects(small.processImage(Buffer.alloc(1024 * 1024 + 1)), failure('too_large', /less than 1 MB/))
})

test('a truncated or broken picture is refused', async () => {
  const noise = sharp({
    create: {
      width: 200,
      height: 200,
      channels: 3,
      background: 'red',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  })
  const pictures = [
    await noise.clone().jpeg().toBuffer(),
    await noise.clone().png().toBuffer(),
    await noise.clone().webp().toBuffer(),
  ]
  for (const picture of pictures) {
    for (const share of [0.1, 0.5, 0.8]) {
      const part = picture.subarray(0, Math.floor(picture.length * share))
      await assert.rejects(
        processor.processImage(part),
        failure('invalid', /Validation failed/),
        `${share} of ${picture.subarray(0, 12).toString('latin1')}`,
      )
    }
  }
})

test('a truncated animation is refused, or loses only what is missing', async () => {
  const whole = await animation('gif', 5, 60)
  for (let length = 1; length < whole.length; length += 37) {
    const processed = await processor.processImage(whole.subarray(0, length)).catch((error: unknown) => error)
    if (failure('invalid', /Validation failed/)(processed)) continue
    assert.ok(!(processed instanceof Error) && typeof processed === 'object' && processed !== null)
    assert.ok('original' in processed)
  }
})

test('whatever bytes are damaged, the answer is a picture or a refusal, nothing else', async () => {
  const pictures = [
    await halves(32, 32).jpeg().toBuffer(),
    await halves(32, 32).png().toBuffer(),
    await halves(32, 32).webp().toBuffer(),
    await animation('gif', 2, 16),
  ]
  const damage = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...pictures), damage, async (picture, changes) => {
      const bytes = Buffer.from(picture)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      try {
        await processor.processImage(bytes)
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === 'invalid', String(error))
      }
    }),
    { numRuns: 150 },
  )
})

/** A valid PNG of black pixels, one bit each, without anybody having to hold them. */
function blackPng(width: number, height: number): Buffer {
  const chunk = (type: string, content: Buffer): Buffer => {
    const [length, sum, typed] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.concat([Buffer.from(type), content])]
    length.writeUInt32BE(content.length)
    sum.writeUInt32BE(crc32(typed))
    return Buffer.concat([length, typed, sum])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.writeUInt8(1, 8)
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  const rows = deflateSync(Buffer.alloc((1 + Math.ceil(width / 8)) * height))
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))])
}

test('a bomb of pixels is refused by its header, without being decoded', async () => {
  await processor.processImage(blackPng(100, 100))
  const bomb = blackPng(14_000, 14_000)
  assert.ok(bomb.length < 100_000)
  const startMs = performance.now()
  await assert.rejects(processor.processImage(bomb), failure('invalid', /14000x14000 pictures are not supported/))
  await assert.rejects(processor.processPicture(bomb, { width: 400, height: 400 }), failure('invalid', /14000x14000/))
  assert.ok(performance.now() - startMs < 5_000)
})

test('a picture of very many very short lines is refused by its header: it would take half a minute', async () => {
  const line = (height: number): Promise<Buffer> =>
    sharp({ create: { width: 1, height, channels: 3, background: '#123456' } })
      .png()
      .toBuffer()
  const { original } = await processor.processImage(await line(65_535))
  assert.deepEqual([original.width, original.height], [1, 65_535])
  await assert.rejects(
    processor.processImage(await line(65_536)),
    failure('invalid', /1x65536 pictures are not supported/),
  )
})

test('a bomb of frames is refused', async () => {
  const limited = imageProcessor({ ...IMAGE_LIMITS, animationPixelsMax: 50 * 50 * 4 })
  for (const format of ['gif', 'webp'] as const) {
    await limited.processImage(await animation(format, 4, 50))
    await assert.rejects(
      limited.processImage(await animation(format, 5, 50)),
      failure('invalid', /5 frames of 50x50 are not supported/),
    )
  }
})

test('what moves goes on moving at its own pace, and its preview stands still', async () => {
  for (const format of ['gif', 'webp'] as const) {
    const { original, small, animated } = await processor.processImage(await animation(format, 5, 60))
    assert.equal(animated, true)
    assert.equal(original.mime, `image/${format}`)
    assert.deepEqual([original.width, original.height], [60, 60])
    const header = await sharp(original.bytes, { pages: -1 }).metadata()
    assert.deepEqual([header.pages, header.loop, header.delay], [5, 3, Array(5).fill(120)])
    assert.equal(small.mime, format === 'gif' ? 'image/png' : 'image/webp')
    assert.equal((await sharp(small.bytes).metadata()).pages ?? 1, 1)
  }
})

test('an avatar is cropped to its box, scaled down and never up, and has a still form', async () => {
  const box = { width: 400, height: 400 }
  const large = await processor.processPicture(await halves(1600, 900).png().toBuffer(), box)
  await assertIs(large.picture, 'image/png', 400, 400)
  assert.equal(await pixelAt(large.picture.bytes, 50, 200), 'red')
  assert.equal(await pixelAt(large.picture.bytes, 350, 200), 'blue')
  assert.equal(large.still, large.picture)
  const little = await processor.processPicture(await halves(100, 60).png().toBuffer(), box)
  await assertIs(little.picture, 'image/png', 60, 60)
  const header = await processor.processPicture(await halves(1000, 1000).jpeg().toBuffer(), {
    width: 1500,
    height: 500,
  })
  await assertIs(header.picture, 'image/jpeg', 1000, 333)
  const moving = await processor.processPicture(await animation('gif', 3, 600), box)
  assert.deepEqual([moving.picture.mime, moving.picture.width, moving.picture.height], ['image/gif', 400, 400])
  assert.equal((await sharp(moving.picture.bytes, { pages: -1 }).metadata()).pages, 3)
  await assertIs(moving.still, 'image/png', 400, 400)
})

test('pictures wait for their turn, and are refused when too many wait', async () => {
  const picture = await halves(800, 600).png().toBuffer()
  const room = IMAGES_CONCURRENT_MAX + IMAGES_WAITING_MAX
  const fresh = imageProcessor()
  const results = await Promise.allSettled(Array.from({ length: room + 3 }, () => fresh.processImage(picture)))
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, 3)
  assert.ok(refused.every(({ reason }) => failure('unavailable', /try again/)(reason)))
  await fresh.processImage(picture)
})
