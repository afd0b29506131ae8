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

/** What is not given stays as it is. */
export interface MediaDetailsChange {
  description?: string | null
  /** Both from -1 to 1. */
  focus?: { x: number; y: number } | null
}

/** Uploads that no status took up, and pictures of deleted statuses, are kept for so long. */
export const UNATTACHED_MS = 24 * 3_600_000
/** Characters of a description. */
export const DESCRIPTION_CHARACTERS_MAX = 10_000

/**
 * Folders of the file engine whose files anyone may read who knows the name: attachments of statuses, and avatars and
 * headers. The engine holds other things too, so nothing else is served.
 */
export const ATTACHMENTS_FOLDER = 'attachments'
export const PICTURES_FOLDER = 'pictures'

export interface Media {
  /** Processes and stores; throws `invalid` for what is no picture, `too_large`, `unavailable` when the queue is full. */
  upload(
    owner: AccountId,
    file: { bytes: Buffer; name: string },
    details: Required<MediaDetailsChange>,
  ): Promise<MediaRecord>
  /** An avatar or header: processed to the box, stored, not attached to anything. */
  uploadPicture(file: { bytes: Buffer; name: string }, box: MediaSize): Promise<{ key: string; staticKey: string }>
  /** Deletes the files of an avatar or header that no profile shows any more. */
  removePicture(picture: { key: string; staticKey: string }): Promise<void>
  find(owner: AccountId, id: MediaId): Promise<MediaRecord | undefined>
  byIds(ids: readonly MediaId[]): Promise<MediaRecord[]>
  /** Throws `not_found` unless it is the owner's. With `tx` within the caller's transaction. */
  update(owner: AccountId, id: MediaId, change: MediaDetailsChange, tx?: Db): Promise<MediaRecord>
  /** Binds media to a status within the caller's transaction; throws `invalid` unless all are the owner's and free (or already of this status). */
  attach(tx: Db, owner: AccountId, ids: readonly MediaId[], status: StatusId): Promise<MediaRecord[]>
  /** All media bound to the status: those it shows, and those that an edit took out, which its history still shows. */
  attachedTo(tx: Db, status: StatusId): Promise<MediaRecord[]>
  /** Frees the media of a deleted status for redraft; returns which. */
  detach(tx: Db, status: StatusId): Promise<MediaId[]>
  /** Deletes rows and files; what is missing, or bound to a status, is left alone. */
  remove(owner: AccountId, ids: readonly MediaId[]): Promise<void>
  /** Deletes media that have been bound to nothing for UNATTACHED_MS, in batches; returns how many. */
  prune(): Promise<number>
}
