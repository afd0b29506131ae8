/**
 * Which documents the live segment holds, on disk: ids alone, for their content is in PostgreSQL. After a crash exactly these
 * are read again, so no cursor over ids is needed, which would pass over transactions that committed late.
 *
 * A file belongs to one live segment and goes when that is sealed and saved. Records of 12 bytes: id, checksum of it. An
 * unfinished last record was never confirmed to anybody; a damaged one means that the journal says nothing any more.
 */
import { open, readFile, readdir, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

import type { StatusId } from '../snowflake/contract.ts'
import { highWord, idOf, lowWord } from './layout.ts'
import { onDisk, writeWhole } from './segment-files.ts'

const RECORD_BYTES = 12
const NAME = /^journal-(\d+)$/

interface Waiter {
  resolve: () => void
  reject: (error: unknown) => void
}

export class Journal implements AsyncDisposable {
  readonly #folder: string
  #number: number
  #file: FileHandle | undefined
  #pending: StatusId[] = []
  #waiters: Waiter[] = []
  #writing: Promise<void> | undefined

  /** Appends to file `number`, which is new. */
  constructor(folder: string, number: number) {
    this.#folder = folder
    this.#number = number
  }

  /** The file that is being written to. */
  get number(): number {
    return this.#number
  }

  append(id: StatusId): void {
    this.#pending.push(id)
  }

  /** Resolves when everything appended so far is on disk. Callers that come while it is being written share the next turn. */
  flush(): Promise<void> {
    if (this.#pending.length === 0 && this.#writing === undefined) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      this.#writing ??= this.#writeAll()
    })
  }

  /** What is appended from now on goes into a new file. Returns the number of the former one. */
  rotate(): number {
    const former = this.#number
    const file = this.#file
    // What is pending belongs to either: it is written to the new one, which is there longer.
    this.#number++
    this.#file = undefined
    const after = this.#writing ?? Promise.resolve()
    void after.then(() => file?.close()).catch(() => undefined)
    return former
  }

  async dropUpTo(number: number): Promise<void> {
    for (const other of await numbersIn(this.#folder)) {
      if (other <= number) await rm(join(this.#folder, `journal-${other}`), { force: true })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush().catch(() => undefined)
    await this.#file?.close()
    this.#file = undefined
  }

  async #writeAll(): Promise<void> {
    while (this.#waiters.length > 0) {
      const [ids, waiters] = [this.#pending, this.#waiters]
      this.#pending = []
      this.#waiters = []
      try {
        await onDisk(() => this.#write(ids))
        for (const { resolve } of waiters) resolve()
      } catch (error) {
        this.#pending = [...ids, ...this.#pending]
        for (const { reject } of waiters) reject(error)
      }
    }
    this.#writing = undefined
  }

  async #write(ids: readonly StatusId[]): Promise<void> {
    if (ids.length === 0) return
    const number = this.#number
    const file = this.#file ?? (await open(join(this.#folder, `journal-${number}`), 'a', 0o600))
    await writeWhole(file, recordsOf(ids))
    await file.datasync()
    if (number === this.#number) this.#file = file
    else if (file !== this.#file) await file.close() // rotated meanwhile
  }
}

function recordsOf(ids: readonly StatusId[]): Uint8Array {
  const words = new Uint32Array(ids.length * 3)
  for (const [n, id] of ids.entries()) {
    words[n * 3] = lowWord(id)
    words[n * 3 + 1] = highWord(id)
    words[n * 3 + 2] = crc32(new Uint8Array(words.buffer, n * RECORD_BYTES, 8))
  }
  return new Uint8Array(words.buffer)
}

async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder)).flatMap((name) => {
    const number = NAME.exec(name)?.[1]
    return number === undefined ? [] : [Number(number)]
  })
}

export interface JournalsRead {
  /** Each once. */
  ids: Set<StatusId>
  /** Of the newest file; 0 when there is none. */
  lastNumber: number
  isDamaged: boolean
}

export async function readJournals(folder: string): Promise<JournalsRead> {
  const numbers = (await numbersIn(folder)).toSorted((a, b) => a - b)
  const ids = new Set<StatusId>()
  let isDamaged = false
  for (const number of numbers) {
    const bytes = await readFile(join(folder, `journal-${number}`)).catch(() => undefined)
    if (bytes === undefined) isDamaged = true
    else if (!readRecords(bytes, ids)) isDamaged = true
  }
  return { ids, lastNumber: numbers.at(-1) ?? 0, isDamaged }
}

/** False when a record that is not the last is not as it was written. */
function readRecords(bytes: Uint8Array, into: Set<StatusId>): boolean {
  const count = Math.floor(bytes.byteLength / RECORD_BYTES)
  const words = new Uint32Array(count * 3)
  new Uint8Array(words.buffer).set(bytes.subarray(0, count * RECORD_BYTES))
  for (let n = 0; n < count; n++) {
    const record = new Uint8Array(words.buffer, n * RECORD_BYTES, 8)
    if (crc32(record) !== words[n * 3 + 2]) return false
    into.add(idOf(words[n * 3] ?? 0, words[n * 3 + 1] ?? 0) as StatusId)
  }
  return true
}
