/** Uploading pictures, and describing them until a status has them. */
import type { Files } from '../../engines/files/contract.ts'
import { AppError, notFound } from '../../kit/errors.ts'
import { presentMedia } from '../../mastodon/media.ts'
import type { Site } from '../../mastodon/site.ts'
import type { Media, MediaRecord } from '../../media/contract.ts'
import type { AccountId, MediaId } from '../../snowflake/contract.ts'
import type { UserCall } from '../call.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'
import { readMediaChange } from './media-details.ts'
import { mediaFileRoutes } from './media-files.ts'

export interface MediaRouteDeps {
  media: Pick<Media, 'find' | 'remove' | 'update' | 'upload'>
  files: Pick<Files, 'open' | 'size'>
  present: { readonly site: Site }
}

const WRITE_MEDIA: readonly Scope[] = ['write:media']

export function mediaRoutes(edge: Edge, deps: MediaRouteDeps): void {
  mediaFileRoutes(edge, deps)
  for (const path of ['/api/v1/media', '/api/v2/media']) {
    edge.route({
      method: 'POST',
      path,
      auth: 'user',
      scopes: WRITE_MEDIA,
      limits: ['media_upload'],
      uploads: true,
      // The picture is ready when it is answered, so v2 never needs its 202.
      handler: async (call) => presentMedia(await upload(deps, call), deps.present.site),
    })
  }
  const path = '/api/v1/media/:id'
  edge.route({
    method: 'GET',
    path,
    auth: 'user',
    scopes: WRITE_MEDIA,
    handler: async (call) => presentMedia(await unattached(deps, call), deps.present.site),
  })
  edge.route({
    method: ['PUT', 'PATCH'],
    path,
    auth: 'user',
    scopes: WRITE_MEDIA,
    uploads: true, // a thumbnail may come along: pictures have none of their own, so it is not looked at
    handler: async (call) => {
      const { id } = await unattached(deps, call)
      return presentMedia(await deps.media.update(call.viewer, id, readMediaChange(call.params)), deps.present.site)
    },
  })
  edge.route({
    method: 'DELETE',
    path,
    auth: 'user',
    scopes: WRITE_MEDIA,
    handler: async (call) => {
      const { id, statusId } = await found(deps, call.viewer, call.params.id<MediaId>('id'))
      if (statusId !== null) throw new AppError('invalid', 'Media attachment is currently used by a status')
      await deps.media.remove(call.viewer, [id])
    },
  })
}

async function upload({ media }: MediaRouteDeps, { params, viewer }: UserCall): Promise<MediaRecord> {
  const file = params.file('file')
  if (file === undefined) throw new AppError('invalid', "Validation failed: File can't be blank")
  return media.upload(viewer, file, { description: null, focus: null, ...readMediaChange(params) })
}

/** A picture that a status has is changed with the status, and is found no more here, as in Mastodon. */
async function unattached(deps: MediaRouteDeps, { params, viewer }: UserCall): Promise<MediaRecord> {
  const record = await found(deps, viewer, params.id<MediaId>('id'))
  if (record.statusId !== null) throw notFound()
  return record
}

async function found({ media }: MediaRouteDeps, owner: AccountId, id: MediaId): Promise<MediaRecord> {
  const record = await media.find(owner, id)
  if (record === undefined) throw notFound()
  return record
}
