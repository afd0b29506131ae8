/**
 * Pictures as people upload them → pictures as we serve them. The content decides what a file is, never its name; every
 * picture is decoded and encoded anew, which leaves behind whatever else was in the file (places, cameras, thumbnails,
 * pages of HTML), and bakes in how it is to be held. Decoding is bounded in pixels, in time and in how many at once,
 * because a few kilobytes can unpack to gigabytes.
 */
import { encode as encodeBlurhash } from 'blurhash'
import { fileTypeFromBuffer } from 'file-type'
import sharp from 'sharp'
import type { Metadata, Sharp } from 'sharp'

import { AppError } from '../kit/errors.ts'
import { workQueue } from './work-queue.ts'

export interface ImageLimits {
  /** Bytes of the upload. */
  bytesMax: number
  /** Width times height, of a still picture or of one frame. */
  pixelsMax: number
  /** Width, and height: decoders need their time per line, and one of a pixel costs as much as one of thousands. */
  sideMax: number
  /** Width times height times frames. */
  animationPixelsMax: number
}

export const IMAGE_LIMITS: ImageLimits = {
  bytesMax: 16 * 1024 * 1024,
  pixelsMax: 33_177_600,
  sideMax: 65_535, // JPEG's own
  animationPixelsMax: 100_000_000,
}

/** Larger originals are scaled down to this area, previews to the other (Mastodon's figures). */
export const ORIGINAL_PIXELS_MAX = 8_294_400
export const SMALL_PIXELS_MAX = 230_400

/** 33 megapixels take up to 130 MB each while they are decoded. */
export const IMAGES_CONCURRENT_MAX = 2
export const IMAGES_WAITING_MAX = 20
const IMAGE_SECONDS_MAX = 30
const RETRY_AFTER_SECONDS = 5

const BLURHASH_COMPONENTS = 4
const BLURHASH_EDGE_PIXELS = 32

/** Formats that are read, by the signature of the content; the value names what is written. HEIC needs a licence. */
const WRITTEN_AS: Readonly<Record<string, Format | 'converted'>> = {
  'image/jpeg': 'jpeg',
  'image/png': 'png',
  'image/apng': 'png',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'image/avif': 'converted',
}
/** What clients may offer to send. */
export const SUPPORTED_IMAGE_TYPES: readonly string[] = [
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'image/avif',
]

type Format = 'jpeg' | 'png' | 'webp' | 'gif'

const WRITTEN: Readonly<Record<Format, { mime: string; extension: string; write: (image: Sharp) => Sharp }>> = {
  jpeg: { mime: 'image/jpeg', extension: 'jpg', write: (image) => image.jpeg({ quality: 88 }) },
  png: { mime: 'image/png', extension: 'png', write: (image) => image.png({ compressionLevel: 8 }) },
  webp: { mime: 'image/webp', extension: 'webp', write: (image) => image.webp({ quality: 88, effort: 3 }) },
  gif: { mime: 'image/gif', extension: 'gif', write: (image) => image.gif({ effort: 3 }) },
}

export interface ProcessedFile {
  bytes: Buffer
  mime: string
  /** Without the dot. */
  extension: string
  width: number
  height: number
}

export interface ProcessedImage {
  original: ProcessedFile
  /** A still preview. */
  small: ProcessedFile
  blurhash: string
  animated: boolean
}

export interface ProcessedPicture {
  picture: ProcessedFile
  /** The same without motion; the very same object when there is none. */
  still: ProcessedFile
}

/** Both throw `invalid` for what is no picture or a broken one, `too_large`, and `unavailable` when too many wait. */
export interface ImageProcessor {
  /** A picture of a status: scaled down where it is large, with a preview. */
  processImage(bytes: Buffer): Promise<ProcessedImage>
  /** An avatar or header: cropped to the shape of the box, and scaled down to it where it is larger. */
  processPicture(bytes: Buffer, box: { width: number; height: number }): Promise<ProcessedPicture>
}

/** Sets up the decoder of this process; one processor is enough for a process. */
export function imageProcessor(limits: ImageLimits = IMAGE_LIMITS): ImageProcessor {
  refuseOtherDecoders()
  const queue = workQueue({
    concurrentMax: IMAGES_CONCURRENT_MAX,
    waitingMax: IMAGES_WAITING_MAX,
    fullText: 'Too many pictures are being processed, please try again in a moment',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
  return {
    processImage: (bytes) => queue.run(() => withClearErrors(() => processImage(bytes, limits))),
    processPicture: (bytes, box) => queue.run(() => withClearErrors(() => processPicture(bytes, box, limits))),
  }
}

/** Defence in depth: what the signature lets through wrongly still meets only the decoders we need. */
function refuseOtherDecoders(): void {
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: [
      'VipsForeignLoadJpeg',
      'VipsForeignLoadPng',
      'VipsForeignLoadWebp',
      'VipsForeignLoadNsgif',
      'VipsForeignLoadHeif',
    ],
  })
}

interface Source {
  bytes: Buffer
  limits: ImageLimits
  format: Format
  animated: boolean
  /** As it is to be looked at; of one frame. */
  width: number
  height: number
}

async function processImage(bytes: Buffer, limits: ImageLimits): Promise<ProcessedImage> {
  const source = await examine(bytes, limits)
  const { format, animated } = source
  const stillFormat = format === 'gif' ? 'png' : format
  const original = await write(fitted(source, animated, ORIGINAL_PIXELS_MAX), format)
  const small = await write(fitted(source, false, SMALL_PIXELS_MAX), stillFormat)
  return { original, small, blurhash: await blurhashOf(small.bytes), animated }
}

async function processPicture(
  bytes: Buffer,
  box: { width: number; height: number },
  limits: ImageLimits,
): Promise<ProcessedPicture> {
  const source = await examine(bytes, limits)
  const { width, height, format, animated } = source
  const scale = Math.min(1, width / box.width, height / box.height)
  const size = { width: atLeastOne(box.width * scale), height: atLeastOne(box.height * scale) }
  const crop = (moving: boolean): Sharp => decode(source, moving).resize({ ...size, fit: 'cover' })
  const picture = await write(crop(animated), format)
  const still = animated ? await write(crop(false), format === 'gif' ? 'png' : format) : picture
  return { picture, still }
}

/** What the content is, from its signature and header, before anything is decoded. */
async function examine(bytes: Buffer, limits: ImageLimits): Promise<Source> {
  if (bytes.length === 0) throw new AppError('invalid', 'Validation failed: File is empty')
  if (bytes.length > limits.bytesMax) {
    throw new AppError('too_large', `Validation failed: File size should be less than ${inMebibytes(limits.bytesMax)}`)
  }
  const mime = (await fileTypeFromBuffer(bytes))?.mime ?? ''
  const written = Object.hasOwn(WRITTEN_AS, mime) ? WRITTEN_AS[mime] : undefined
  if (written === undefined) throw new AppError('invalid', unsupportedText(mime))
  const header = await sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata()
  const { width, height, animated } = checkSize(header, limits)
  const format = written === 'converted' ? (header.hasAlpha ? 'webp' : 'jpeg') : written
  return { bytes, limits, format, animated, width, height }
}

function checkSize(header: Metadata, limits: ImageLimits): { width: number; height: number; animated: boolean } {
  const { width, height } = header.autoOrient
  const frames = header.pages ?? 1
  if (width * height > limits.pixelsMax || Math.max(width, height) > limits.sideMax) {
    throw new AppError('invalid', `Validation failed: ${width}x${height} pictures are not supported`)
  }
  if (width * height * frames > limits.animationPixelsMax) {
    throw new AppError('invalid', `Validation failed: ${frames} frames of ${width}x${height} are not supported`)
  }
  return { width, height, animated: frames > 1 }
}

/** The whole picture, upright, of at most so many pixels a frame. */
function fitted(source: Source, moving: boolean, pixelsMax: number): Sharp {
  const { width, height } = source
  const scale = Math.sqrt(pixelsMax / (width * height))
  const image = decode(source, moving)
  if (scale >= 1) return image
  return image.resize({ width: atLeastOne(width * scale), height: atLeastOne(height * scale), fit: 'fill' })
}

function decode({ bytes, limits }: Source, moving: boolean): Sharp {
  const image = sharp(bytes, {
    pages: moving ? -1 : 1,
    limitInputPixels: moving ? limits.animationPixelsMax : limits.pixelsMax,
    sequentialRead: true,
    failOn: 'error',
  }).timeout({ seconds: IMAGE_SECONDS_MAX })
  // Formats that move have no orientation.
  return moving ? image : image.autoOrient()
}

async function write(image: Sharp, format: Format): Promise<ProcessedFile> {
  const { mime, extension, write: encode } = WRITTEN[format]
  const { data, info } = await encode(image).toBuffer({ resolveWithObject: true })
  return { bytes: data, mime, extension, width: info.width, height: info.pageHeight ?? info.height }
}

async function blurhashOf(picture: Buffer): Promise<string> {
  const { data, info } = await sharp(picture)
    .resize({ width: BLURHASH_EDGE_PIXELS, height: BLURHASH_EDGE_PIXELS, fit: 'inside' })
    .flatten({ background: '#ffffff' })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  const pixels = new Uint8ClampedArray(data)
  return encodeBlurhash(pixels, info.width, info.height, BLURHASH_COMPONENTS, BLURHASH_COMPONENTS)
}

/** Decoders fail in many words; people need to know only that the file is broken. */
async function withClearErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AppError) throw error
    const text = 'Validation failed: File has contents that are not what they are reported to be'
    throw new AppError('invalid', text, { cause: error })
  }
}

function unsupportedText(mime: string): string {
  if (/^image\/hei[cf]/.test(mime)) {
    return 'Validation failed: File is a HEIC picture, which cannot be read here; please send it as JPEG'
  }
  return `Validation failed: File content type is not supported; send ${SUPPORTED_IMAGE_TYPES.join(', ')}`
}

function inMebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 / 1024)} MB`
}

function atLeastOne(pixels: number): number {
  return Math.max(1, Math.round(pixels))
}
