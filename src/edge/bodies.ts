/**
 * Request bodies in the four forms clients send: JSON, urlencoded, multipart, or nothing at all, on POST, PUT, PATCH and
 * DELETE alike. Sizes are checked while reading, so that chunked bodies cannot dodge them.
 */
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'

import { AppError } from '../kit/errors.ts'
import type { Fields } from './form.ts'
import { FORM_FIELDS_MAX, NO_FIELDS, parseForm, parsePairs } from './form.ts'
import type { UploadedFile } from './params.ts'
import { isFields, Params } from './params.ts'

/** Bytes of a body without files. */
export const BODY_BYTES_MAX = 1024 * 1024
/** Bytes of all files of one request, where a route takes files: images of 16 MiB with a thumbnail. */
export const UPLOAD_BYTES_MAX = 40 * 1024 * 1024
const FILES_MAX = 4

const NO_FILES: ReadonlyMap<string, UploadedFile> = new Map()

interface Body {
  fields: Fields
  files: ReadonlyMap<string, UploadedFile>
}

const EMPTY: Body = { fields: NO_FIELDS, files: NO_FILES }

export async function registerBodyParsers(server: FastifyInstance): Promise<void> {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(/^application\/(.+\+)?json/i, { parseAs: 'string' }, (_request, text, done) => {
    parse(done, () => parseJson(text))
  })
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, text, done) => {
    parse(done, () => parseForm(String(text)))
  })
  // A missing or odd type is harmless while the body is empty.
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => {
    parse(done, () => {
      if (text.length > 0) throw Object.assign(new Error('unsupported media type'), { statusCode: 415 })
      return NO_FIELDS
    })
  })
  await server.register(multipart, {
    limits: { fieldNameSize: 200, fieldSize: BODY_BYTES_MAX, fields: FORM_FIELDS_MAX, files: FILES_MAX },
  })
}

function parse(done: (error: Error | null, body?: unknown) => void, read: () => unknown): void {
  let body: unknown
  try {
    body = read()
  } catch (error) {
    done(error instanceof Error ? error : new Error('unreadable body'))
    return
  }
  done(null, body)
}

/** A number that JavaScript would round: an id sent as JSON number. */
const LONG_NUMBER = /[[:,\s]-?\d{16}/

function parseJson(body: string | Buffer): unknown {
  const text = String(body)
  if (text.trim() === '') return NO_FIELDS
  try {
    return LONG_NUMBER.test(text) ? JSON.parse(text, keepLongNumbers) : JSON.parse(text)
  } catch (error) {
    throw new AppError('bad_request', 'The request body is not valid JSON', { cause: error })
  }
}

/** Integers past 2^53 stay text, digit for digit. */
function keepLongNumbers(_name: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return context?.source !== undefined && /^-?\d+$/.test(context.source) ? context.source : value
}

/** All parameters of a request: path over body over query. `uploadBytesMax` 0: files are refused. */
export async function readParams(request: FastifyRequest, query: Fields, uploadBytesMax: number): Promise<Params> {
  const body = await readBody(request, uploadBytesMax)
  const path = isFields(request.params) ? request.params : NO_FIELDS
  return new Params(merge(query, body.fields, path), body.files)
}

function merge(...layers: readonly Fields[]): Fields {
  const filled = layers.filter((layer) => Object.keys(layer).length > 0)
  if (filled.length <= 1) return filled[0] ?? NO_FIELDS
  const merged: Record<string, unknown> = Object.create(null)
  for (const layer of filled) {
    for (const name of Object.keys(layer)) merged[name] = layer[name]
  }
  return merged
}

async function readBody(request: FastifyRequest, uploadBytesMax: number): Promise<Body> {
  if (request.isMultipart()) return readMultipart(request, uploadBytesMax).catch(refuseMultipart)
  const { body } = request
  if (body === undefined || body === null) return EMPTY
  if (!isFields(body)) throw new AppError('bad_request', 'The request body must be a JSON object')
  return { fields: body, files: NO_FILES }
}

async function readMultipart(request: FastifyRequest, uploadBytesMax: number): Promise<Body> {
  const pairs: [string, string][] = []
  const files = new Map<string, UploadedFile>()
  let fieldBytes = 0
  let fileBytes = 0
  // One byte more than allowed, so that "exactly" and "too large" differ.
  for await (const part of request.parts({ limits: { fileSize: uploadBytesMax + 1 } })) {
    if (part.type === 'field') {
      const value = typeof part.value === 'string' ? part.value : ''
      fieldBytes += part.fieldname.length + value.length
      if (fieldBytes > BODY_BYTES_MAX || part.valueTruncated || part.fieldnameTruncated) throw tooLarge()
      pairs.push([part.fieldname, value])
      continue
    }
    const bytes = await part.toBuffer()
    fileBytes += bytes.length
    if (fileBytes > uploadBytesMax) throw tooLarge()
    // An empty part without a name is a form's file field that was left blank.
    if (bytes.length > 0 || part.filename !== '') {
      files.set(part.fieldname, { bytes, name: part.filename ?? '', mime: part.mimetype })
    }
  }
  return { fields: parsePairs(pairs), files }
}

/** The parser's own complaints (no boundary, an end too early) have no status. */
function refuseMultipart(error: unknown): never {
  if (error instanceof AppError || (error instanceof Error && 'statusCode' in error)) throw error
  throw new AppError('bad_request', 'The multipart body is malformed', { cause: error })
}

function tooLarge(): AppError {
  return new AppError('too_large', 'The request is too large')
}
