/** Pictures of statuses: processed, stored under unguessable names, attached to one status of their owner. */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId, MediaId, StatusId } from '../snowflake/contract.ts'

export interface MediaSize {
  width: number
  height: number
}

export interface MediaRecord {
  id: MediaId
  accountId: AccountId
  statusId: StatusId | null
  type: 'image' | 'gifv' | 'video' | 'audio' | 'unknown'
  mime: string
  /** File-engine keys, at least 128 random bits in each. */
  key: string
  smallKey: string
  original: MediaSize
  small: MediaSize
  /** -1..1 each, as Mastodon's focal point. */
  focus: { x: number; y: number } | null
  blurhash: string | null
  description: string | null
  createdAtMs: number
}

export interface Media {
  /** Processes and stores; throws `invalid` for what is no picture, `too_large`, `unavailable` when the queue is full. */
  upload(
    owner: AccountId,
    file: { bytes: Buffer; name: string },
    details: { description: string | null; focus: { x: number; y: number } | null },
  ): Promise<MediaRecord>
  /** An avatar or header: processed to the box, stored, not attached to anything. */
  uploadPicture(file: { bytes: Buffer; name: string }, box: MediaSize): Promise<{ key: string; staticKey: string }>
  find(owner: AccountId, id: MediaId): Promise<MediaRecord | undefined>
  byIds(ids: readonly MediaId[]): Promise<MediaRecord[]>
  update(
    owner: AccountId,
    id: MediaId,
    change: { description?: string | null; focus?: { x: number; y: number } | null },
  ): Promise<MediaRecord>
  /** Binds media to a status within the caller's transaction; throws `invalid` unless all are the owner's and free (or already of this status). */
  attach(tx: Db, owner: AccountId, ids: readonly MediaId[], status: StatusId): Promise<MediaRecord[]>
  /** Frees the media of a deleted status for redraft. */
  detach(tx: Db, status: StatusId): Promise<void>
  /** Deletes rows and files; a missing one is no error. */
  remove(owner: AccountId, ids: readonly MediaId[]): Promise<void>
}
