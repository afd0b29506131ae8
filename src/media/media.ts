/**
 * Media: pictures are processed, their files stored under names that nobody can guess, then the row is written, so that a
 * row always has its files. A crash in between leaves files that nobody knows the names of; they cost room, nothing else.
 */
import { randomBytes } from 'node:crypto'

import type { Database } from '../engines/database/contract.ts'
import type { Files } from '../engines/files/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError } from '../kit/errors.ts'
import type { AccountId, MediaId, Snowflakes } from '../snowflake/contract.ts'
import {
  ATTACHMENTS_FOLDER,
  DESCRIPTION_CHARACTERS_MAX,
  PICTURES_FOLDER,
  UNATTACHED_MS,
  type Media,
  type MediaDetailsChange,
  type MediaRecord,
} from './contract.ts'
import type { ImageProcessor, ProcessedFile } from './image.ts'
import {
  attachMedia,
  deleteMedia,
  deleteUnattached,
  detachMedia,
  findMedia,
  insertMedia,
  mediaByIds,
  mediaOfStatus,
  updateMedia,
} from './table.ts'

/** Of each file's name: nobody tries so many. */
const NAME_BYTES = 18
/** Pictures pruned by one statement. */
export const MEDIA_PER_BATCH = 100

export interface MediaDeps {
  db: Database
  files: Pick<Files, 'put' | 'delete'>
  images: ImageProcessor
  snowflakes: Snowflakes
  clock: Clock
}

export function openMedia(deps: MediaDeps): Media {
  const { db, clock } = deps
  return {
    upload: (owner, file, details) => upload(deps, owner, file.bytes, details),
    uploadPicture: async (file, box) => {
      const { picture, still } = await deps.images.processPicture(file.bytes, box)
      const key = await store(deps, PICTURES_FOLDER, picture)
      return { key, staticKey: still === picture ? key : await store(deps, PICTURES_FOLDER, still) }
    },
    removePicture: async ({ key, staticKey }) => {
      for (const file of new Set([key, staticKey])) await deps.files.delete(file)
    },
    find: (owner, id) => findMedia(db, owner, id),
    byIds: (ids) => mediaByIds(db, ids),
    update: async (owner, id, change, tx = db) => updateMedia(tx, owner, id, checked(change)),
    attach: attachMedia,
    attachedTo: mediaOfStatus,
    detach: (tx, status) => detachMedia(tx, status, clock.nowMs()),
    remove: async (owner, ids) => deleteFiles(deps, await deleteMedia(db, owner, ids)),
    prune: () => prune(deps),
  }
}

async function upload(
  deps: MediaDeps,
  owner: AccountId,
  bytes: Buffer,
  details: Required<MediaDetailsChange>,
): Promise<MediaRecord> {
  const { description, focus } = checked(details)
  const { original, small, blurhash } = await deps.images.processImage(bytes)
  const record: MediaRecord = {
    id: deps.snowflakes.next<MediaId>(),
    accountId: owner,
    statusId: null,
    type: 'image',
    mime: original.mime,
    key: await store(deps, ATTACHMENTS_FOLDER, original),
    smallKey: await store(deps, ATTACHMENTS_FOLDER, small),
    original: { width: original.width, height: original.height },
    small: { width: small.width, height: small.height },
    focus,
    blurhash,
    description,
    createdAtMs: deps.clock.nowMs(),
  }
  try {
    await insertMedia(deps.db, record)
  } catch (error) {
    await deleteFiles(deps, [record])
    throw error
  }
  return record
}

async function store({ files }: MediaDeps, folder: string, file: ProcessedFile): Promise<string> {
  const key = `${folder}/${randomBytes(NAME_BYTES).toString('base64url')}.${file.extension}`
  await files.put(key, file.bytes)
  return key
}

/** A batch at a time, so that a crash leaves at most one batch of files without rows. */
async function prune(deps: MediaDeps): Promise<number> {
  const sinceMs = deps.clock.nowMs() - UNATTACHED_MS
  let pruned = 0
  for (let batch = MEDIA_PER_BATCH; batch === MEDIA_PER_BATCH; pruned += batch) {
    const deleted = await deleteUnattached(deps.db, sinceMs, MEDIA_PER_BATCH)
    await deleteFiles(deps, deleted)
    batch = deleted.length
  }
  return pruned
}

async function deleteFiles({ files }: MediaDeps, records: readonly MediaRecord[]): Promise<void> {
  for (const { key, smallKey } of records) {
    await files.delete(key)
    await files.delete(smallKey)
  }
}

/** A blank description is none. Throws `invalid` for one that is too long, or a focus beyond the picture. */
function checked<Change extends MediaDetailsChange>(change: Change): Change {
  const { description, focus } = change
  if (typeof description === 'string' && [...description].length > DESCRIPTION_CHARACTERS_MAX) {
    const most = `maximum is ${DESCRIPTION_CHARACTERS_MAX} characters`
    throw new AppError('invalid', `Validation failed: Description is too long (${most})`)
  }
  if (focus && !(Math.abs(focus.x) <= 1 && Math.abs(focus.y) <= 1)) {
    throw new AppError('invalid', 'Validation failed: Focus must be between -1.0 and 1.0')
  }
  return typeof description === 'string' ? { ...change, description: description.trim() || null } : change
}
