/**
 * Files on disk: `FOLDER/ab/cd/KEY`, where `abcd` is the start of the key's SHA-256, so that no folder grows large.
 * A file is written aside, synced, and renamed into its place, and the folder is synced: readers see the old content or
 * the new, and a crash leaves at most a temporary file, which a later start removes.
 */
import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, opendir, readdir, rename, stat, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import { isFileKey } from './contract.ts'
import type { ByteRange, Files, OpenedFile, PutOptions } from './contract.ts'

const INCOMING = 'incoming'
/** A temporary file this old belongs to nobody alive. */
const INCOMING_AGE_MS_MAX = 24 * 3_600_000
const FULL_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const AWAY_CODES: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'EROFS',
  'EIO',
  'EMFILE',
  'ENFILE',
])
const RETRY_SECONDS = 60

/** Opens or makes the folder. Throws `unavailable` when it cannot be written. */
export async function openDiskFiles(folder: string, clock: Clock): Promise<Files> {
  const incoming = join(folder, INCOMING)
  await storing(mkdir(incoming, { recursive: true }))
  await removeOlder(incoming, clock.nowMs() - INCOMING_AGE_MS_MAX)
  return new DiskFiles(folder)
}

class DiskFiles implements Files {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async put(key: string, content: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<number> {
    if (!isFileKey(key)) throw new AppError('invalid', 'This is no name of a file')
    const incoming = join(this.#folder, INCOMING, randomUUID())
    const path = this.#pathOf(key)
    const handle = await storing(open(incoming, 'wx'))
    try {
      const bytes = await writeAll(handle, content, options.bytesMax ?? Infinity)
      await moveInto(incoming, path)
      return bytes
    } catch (error) {
      await unlink(incoming).catch(() => {}) // a later start removes it
      throw error
    }
  }

  async open(key: string, range?: ByteRange): Promise<OpenedFile | undefined> {
    const handle = await this.#openForReading(key)
    if (handle === undefined) return undefined
    try {
      const { size } = await storing(handle.stat())
      if (range === undefined) return { size, stream: handle.createReadStream() }
      const { first, last } = range
      const isRange = Number.isSafeInteger(first) && Number.isSafeInteger(last) && first >= 0 && first <= last
      if (!isRange || first >= size) throw new AppError('invalid', 'The range lies outside of the file')
      return { size, stream: handle.createReadStream({ start: first, end: last }) }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async size(key: string): Promise<number | undefined> {
    if (!isFileKey(key)) return undefined
    return missingAsUndefined(stat(this.#pathOf(key)).then((found) => found.size))
  }

  async delete(key: string): Promise<void> {
    if (isFileKey(key)) await missingAsUndefined(unlink(this.#pathOf(key)))
  }

  async usage(): Promise<{ files: number; bytes: number }> {
    let files = 0
    let bytes = 0
    try {
      for await (const entry of await opendir(this.#folder, { recursive: true })) {
        if (!entry.isFile() || entry.parentPath.endsWith(INCOMING)) continue
        // One that was deleted meanwhile counts nothing.
        bytes += (await missingAsUndefined(stat(join(entry.parentPath, entry.name))))?.size ?? 0
        files++
      }
    } catch (error) {
      throw storageError(error)
    }
    return { files, bytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #openForReading(key: string): Promise<FileHandle | undefined> {
    if (!isFileKey(key)) return undefined
    return missingAsUndefined(open(this.#pathOf(key), constants.O_RDONLY))
  }

  #pathOf(key: string): string {
    const hash = createHash('sha256').update(key).digest('hex')
    // `,` is in no key, so keys and names correspond one to one.
    return join(this.#folder, hash.slice(0, 2), hash.slice(2, 4), key.replaceAll('/', ','))
  }
}

/** Writes and syncs everything and closes the file, whatever happens. */
async function writeAll(
  handle: FileHandle,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<number> {
  await using file = handle
  let bytes = 0
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new AppError('too_large', `The file is larger than ${bytesMax} bytes`)
    await storing(writeChunk(file, chunk))
  }
  await storing(file.sync())
  return bytes
}

async function writeChunk(file: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0
  while (written < chunk.byteLength) written += (await file.write(chunk, written)).bytesWritten
}

async function moveInto(from: string, to: string): Promise<void> {
  const folder = dirname(to)
  const isNewFolder = (await storing(mkdir(folder, { recursive: true }))) !== undefined
  await storing(rename(from, to))
  // A new name is durable only with its folder.
  await storing(syncFolder(folder))
  if (!isNewFolder) return
  await storing(syncFolder(dirname(folder)))
  await storing(syncFolder(dirname(dirname(folder))))
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, constants.O_RDONLY)
  await handle.sync()
}

async function removeOlder(folder: string, beforeMs: number): Promise<void> {
  for (const name of await storing(readdir(folder))) {
    const path = join(folder, name)
    const found = await missingAsUndefined(stat(path))
    if (found !== undefined && found.mtimeMs < beforeMs) await missingAsUndefined(unlink(path))
  }
}

async function storing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw storageError(error)
  }
}

async function missingAsUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw storageError(error)
  }
}

/** What the world may do to a disk becomes `unavailable`; anything else stays as it is. */
function storageError(error: unknown): unknown {
  const code = codeOf(error) ?? ''
  const options = { cause: error, retryAfterSeconds: RETRY_SECONDS }
  if (FULL_CODES.has(code)) return new AppError('unavailable', 'The disk of the server is full', options)
  if (AWAY_CODES.has(code)) return new AppError('unavailable', 'The files of the server cannot be reached', options)
  return error
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
