/**
 * The files of media, avatars and headers, for whoever knows their names. A file never changes under its name, so it may
 * be kept for ever; and it was made by us from decoded pixels, but is fenced in all the same.
 */
import { Readable } from 'node:stream'

import { isFileKey, type ByteRange, type Files } from '../../engines/files/contract.ts'
import { notFound } from '../../kit/errors.ts'
import { ATTACHMENTS_FOLDER, PICTURES_FOLDER } from '../../media/contract.ts'
import type { Call } from '../call.ts'
import { Refusal } from '../errors.ts'
import type { Edge } from '../routing.ts'

const IMMUTABLE = 'public, max-age=31536000, immutable'
/** Opened by itself, a file may do nothing at all. */
const FILE_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

/** What the image processor writes. Anything else is not served, least of all as a document. */
const MIME_TYPES: Readonly<Record<string, string>> = {
  gif: 'image/gif',
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
}

export function mediaFileRoutes(edge: Edge, { files }: { files: Pick<Files, 'open' | 'size'> }): void {
  for (const folder of [ATTACHMENTS_FOLDER, PICTURES_FOLDER]) {
    edge.route({
      method: 'GET',
      path: `/media/${folder}/:name`,
      auth: 'public',
      answers: 'other',
      handler: (call) => serveFile(files, call, `${folder}/${call.params.text('name') ?? ''}`),
    })
  }
}

async function serveFile(files: Pick<Files, 'open' | 'size'>, call: Call, key: string): Promise<unknown> {
  const extension = key.slice(key.lastIndexOf('.') + 1)
  const mime = Object.hasOwn(MIME_TYPES, extension) ? MIME_TYPES[extension] : undefined
  const size = mime === undefined || !isFileKey(key) ? undefined : await files.size(key)
  if (mime === undefined || size === undefined) throw notFound()
  const etag = `"${key.slice(key.indexOf('/') + 1)}"`
  setFileHeaders(call, etag)
  if (call.header('if-none-match')?.includes(etag) === true) {
    call.status(304)
    return ''
  }
  const range = wantedRange(call, etag, size)
  call.setHeader('content-type', mime)
  call.setHeader('content-length', String(range === undefined ? size : range.last - range.first + 1))
  if (range !== undefined) {
    call.status(206)
    call.setHeader('content-range', `bytes ${range.first}-${range.last}/${size}`)
  }
  // An empty text would set its own length.
  if (call.request.method === 'HEAD') return Readable.from([])
  const opened = await files.open(key, range)
  if (opened === undefined) throw notFound()
  return opened.stream
}

function setFileHeaders(call: Call, etag: string): void {
  call.setHeader('etag', etag)
  call.setHeader('accept-ranges', 'bytes')
  call.setHeader('cache-control', IMMUTABLE)
  call.setHeader('content-security-policy', FILE_CSP)
  call.setHeader('cross-origin-resource-policy', 'cross-origin')
  // Whoever asks gets the same bytes, so one copy does for all.
  call.reply.removeHeader('vary')
}

/**
 * The one range asked for (RFC 9110 §14). Undefined, meaning all of it, when none or several are asked for, when it is
 * malformed, or when `If-Range` means another file. Throws 416 for one that begins beyond the end.
 */
function wantedRange(call: Call, etag: string, size: number): ByteRange | undefined {
  const ifRange = call.header('if-range')
  const asked = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(call.header('range')?.trim() ?? '')
  if (asked === null || (ifRange !== undefined && ifRange !== etag)) return undefined
  const [, first = '', last = ''] = asked
  if (first === '' && last === '') return undefined
  const range =
    first === ''
      ? { first: Math.max(0, size - Number(last)), last: size - 1 }
      : { first: Number(first), last: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (range.first >= size) throw unsatisfiable(call, size)
  return range
}

function unsatisfiable(call: Call, size: number): Refusal {
  call.setHeader('cache-control', 'no-store')
  return new Refusal(416, { error: 'The range is not within the file' }, { 'content-range': `bytes */${size}` })
}
