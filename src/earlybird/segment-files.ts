/**
 * Sealed segments on disk. Each has two files: `NAME.sealed`, written once, and `NAME.changes`, its counts and deletions, written
 * anew when they differ. `manifest.json` says which belong to the index: what it does not name is left over from a crash.
 * Every file is written aside, synced and renamed, and is read with its checksum or not at all.
 */
import { open, readFile, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

import { AppError } from '../kit/errors.ts'
import { makeFolder } from '../kit/folders.ts'
import { changingBuffer, finishSealed, isBodyWhole, sizesIn, viewSealed } from './sealed-memory.ts'
import { SealedSegment } from './sealed-segment.ts'

const MANIFEST = 'manifest.json'
const CHANGES_MAGIC = 0x6479_6c63
const CHANGES_HEADER_WORDS = 4

/** Ids as decimal strings, as everywhere outside. */
export interface ManifestSegment {
  name: string
  documents: number
  oldest: string
  newest: string
}

/** Ids that are to be read from the source again: `after` < id ≤ `until`. */
export interface IdRange {
  after: string
  until: string
}

export interface Manifest {
  nextName: number
  segments: ManifestSegment[]
  /** What was lost and has not been read again yet. */
  rebuild: IdRange[]
}

export class SegmentFiles {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(folder: string): Promise<SegmentFiles> {
    await makeFolder(folder, 0o700)
    return new SegmentFiles(folder)
  }

  get folder(): string {
    return this.#folder
  }

  /** Undefined when there is none, or none that can be trusted. */
  async readManifest(): Promise<Manifest | undefined> {
    const text = await readFile(join(this.#folder, MANIFEST), 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    const end = text.indexOf('\n')
    const body = text.slice(end + 1)
    if (text.slice(0, end) !== checksumLine(body)) return undefined
    return JSON.parse(body) as Manifest // as we wrote it: the checksum says so
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    const body = JSON.stringify(manifest, undefined, 2)
    await this.#write(MANIFEST, [Buffer.from(`${checksumLine(body)}\n${body}`)])
  }

  async save(segment: SealedSegment): Promise<void> {
    finishSealed(segment.memory.fixed)
    await this.#write(sealedName(segment.name), [new Uint8Array(segment.memory.fixed)])
    await this.saveChanges(segment)
  }

  async saveChanges(segment: SealedSegment): Promise<void> {
    // A copy: the writer goes on, and the checksum must be that of what is written.
    const body = new Uint8Array(segment.memory.changing).slice()
    const header = new Uint32Array(CHANGES_HEADER_WORDS)
    header[0] = CHANGES_MAGIC
    header[1] = segment.end
    header[2] = crc32(body)
    header[3] = crc32(new Uint8Array(header.buffer, 0, 12))
    await this.#write(changesName(segment.name), [new Uint8Array(header.buffer), body])
  }

  /** Undefined when either file is missing or damaged. The authors are still numbers of another run. */
  async load(name: string): Promise<SealedSegment | undefined> {
    const fixed = await readShared(join(this.#folder, sealedName(name)))
    const sizes = fixed === undefined ? undefined : sizesIn(fixed)
    if (fixed === undefined || sizes === undefined || !isBodyWhole(fixed)) return undefined
    const changes = await readShared(join(this.#folder, changesName(name)))
    if (changes === undefined || changes.byteLength < CHANGES_HEADER_WORDS * 4) return undefined
    const header = new Uint32Array(changes, 0, CHANGES_HEADER_WORDS)
    const body = new Uint8Array(changes, CHANGES_HEADER_WORDS * 4)
    const changing = changingBuffer(sizes.documents)
    const isWhole =
      header[0] === CHANGES_MAGIC &&
      header[1] === sizes.documents &&
      body.byteLength === changing.byteLength &&
      header[3] === crc32(new Uint8Array(changes, 0, 12)) &&
      header[2] === crc32(body)
    if (!isWhole) return undefined
    new Uint8Array(changing).set(body)
    return new SealedSegment(name, viewSealed(fixed, changing, sizes))
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, sealedName(name)), { force: true })
    await rm(join(this.#folder, changesName(name)), { force: true })
  }

  /** Removes what no manifest names: left over from a crash. */
  async removeOthers(names: readonly string[]): Promise<void> {
    const kept = new Set(names.flatMap((name) => [sealedName(name), changesName(name)]))
    for (const file of await readdir(this.#folder)) {
      if (/\.(?:sealed|changes|new)$/.test(file) && !kept.has(file)) await rm(join(this.#folder, file), { force: true })
    }
  }

  async #write(name: string, parts: readonly Uint8Array[]): Promise<void> {
    const path = join(this.#folder, name)
    await onDisk(async () => {
      const file = await open(`${path}.new`, 'w', 0o600)
      try {
        for (const part of parts) await writeWhole(file, part)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.new`, path)
      await syncFolder(this.#folder)
    })
  }
}

/** So that the names of new files survive a loss of power. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Throws `unavailable` for what the disk refuses. */
export async function onDisk<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw new AppError('unavailable', 'The search index cannot be written to disk', { cause: error })
  }
}

export async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) at += (await file.write(bytes, at, bytes.byteLength - at)).bytesWritten
}

/** The file's content in shared memory, as it is; undefined when it cannot be read. */
async function readShared(path: string): Promise<SharedArrayBuffer | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const { size } = await file.stat()
    const memory = new SharedArrayBuffer(size)
    const bytes = new Uint8Array(memory)
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(bytes, at, size - at, at)
      if (bytesRead === 0) return undefined
      at += bytesRead
    }
    return memory
  } catch {
    return undefined // a disk that cannot read it has damaged it
  } finally {
    await file.close()
  }
}

function checksumLine(body: string): string {
  return crc32(body).toString(16)
}

function sealedName(name: string): string {
  return `${name}.sealed`
}

function changesName(name: string): string {
  return `${name}.changes`
}
