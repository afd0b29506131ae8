/**
 * Files by key: pictures, imports, exports. A file is stored whole or not at all, never half, and never changes but by
 * being replaced whole. Keys are chosen by us, at random where the content is private; whoever knows the key may read.
 */
import type { Readable } from 'node:stream'

export const FILE_KEY_CHARS_MAX = 200

/** Bytes of a file from `first` to `last`, both included, counted from 0. */
export interface ByteRange {
  first: number
  last: number
}

export interface OpenedFile {
  /** Bytes of the whole file, whatever the range. */
  size: number
  /** The content, or the range of it. To be read to its end or destroyed. */
  stream: Readable
}

export interface PutOptions {
  /** Above this the put fails with `too_large` and leaves nothing. */
  bytesMax?: number
}

export interface Files extends AsyncDisposable {
  /**
   * Stores the content under the key, replacing what was there; durable when it resolves, with the bytes stored.
   * Throws `unavailable` when there is no room or the storage is away, `too_large` above `bytesMax`, `invalid` for what is
   * no key, and whatever the content throws.
   */
  put(key: string, content: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions): Promise<number>
  /** Undefined when there is no such file. A range is cut to the file's end; one beyond it throws `invalid`. */
  open(key: string, range?: ByteRange): Promise<OpenedFile | undefined>
  /** Bytes; undefined when there is no such file. */
  size(key: string): Promise<number | undefined>
  /** A missing file is no error. */
  delete(key: string): Promise<void>
  /** All files and their bytes; looks at every file, so for operators only. */
  usage(): Promise<{ files: number; bytes: number }>
}

/** Letters, digits, `-`, `_` and `.`, in parts joined by `/`; no part starts with a dot, so none climbs out of the store. */
export function isFileKey(key: string): boolean {
  return key.length <= FILE_KEY_CHARS_MAX && key.split('/').every((part) => /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(part))
}
