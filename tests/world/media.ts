/** Media on a real database, a real folder and real pictures. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import sharp from 'sharp'

import type { Files } from '../../src/engines/files/contract.ts'
import { openDiskFiles } from '../../src/engines/files/disk.ts'
import type { Media } from '../../src/media/contract.ts'
import { imageProcessor } from '../../src/media/image.ts'
import { openMedia } from '../../src/media/media.ts'
import { migrations } from '../../src/media/migrations.ts'
import type { AccountId, MediaId } from '../../src/snowflake/contract.ts'
import { openTestDatabase, type TestDatabase } from './database.ts'
import { handClock, statusId, type HandClock } from './statuses.ts'

export const NOTHING = { description: null, focus: null }

export interface MediaWorld extends AsyncDisposable {
  db: TestDatabase
  files: Files
  media: Media
  clock: HandClock
  upload(owner: AccountId): Promise<MediaId>
  attach(owner: AccountId, ids: MediaId[], status: number): Promise<MediaId[]>
  fileCount(): Promise<number>
}

export async function openMediaWorld(): Promise<MediaWorld> {
  await using resources = new AsyncDisposableStack()
  const db = resources.use(await openTestDatabase(migrations))
  const folder = await mkdtemp(join(tmpdir(), 'dunlin-media-'))
  resources.defer(() => rm(folder, { recursive: true }))
  const clock = handClock()
  const files = resources.use(await openDiskFiles(folder, clock))
  let minted = 0n
  const next = <Id extends bigint>(): Id => (minted += 1n) as Id // as the real ones: unique
  const snowflakes = { next, nextText: () => String(next()), at: next, ready: () => true }
  const media = openMedia({ db, files, clock, snowflakes, images: imageProcessor() })
  const opened = resources.move()
  return {
    db,
    files,
    media,
    clock,
    upload: async (owner) => (await media.upload(owner, { bytes: await redPicture(), name: 'red.png' }, NOTHING)).id,
    attach: async (owner, ids, status) => {
      const attached = await db.transaction((tx) => media.attach(tx, owner, ids, statusId(status)))
      return attached.map(({ id }) => id)
    },
    fileCount: async () => (await files.usage()).files,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

export function redPicture(width = 60, height = 40): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#f00' } })
    .png()
    .toBuffer()
}
