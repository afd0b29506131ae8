/** Pictures that come with the server: stand-ins for people without one, and the server's own. */
import { readFile } from 'node:fs/promises'

import { MISSING_AVATAR_PATH, MISSING_HEADER_PATH } from '../../mastodon/account.ts'
import { ICON_PATH, THUMBNAIL_PATH } from '../../mastodon/instance.ts'
import type { Edge } from '../routing.ts'

const PICTURES: Readonly<Record<string, string>> = {
  [MISSING_AVATAR_PATH]: 'missing-avatar.png',
  [MISSING_HEADER_PATH]: 'missing-header.png',
  [THUMBNAIL_PATH]: 'thumbnail.png',
  [ICON_PATH]: 'icon.png',
}

/** A release may bring other pictures under the same address. */
const CACHE = 'public, max-age=86400'

/** Reads the files, then serves them from memory. */
export async function pictureRoutes(edge: Edge): Promise<void> {
  for (const [path, file] of Object.entries(PICTURES)) {
    const bytes = await readFile(new URL(`../assets/${file}`, import.meta.url))
    edge.route({
      method: 'GET',
      path,
      auth: 'public',
      answers: 'other',
      handler: (call) => {
        call.setHeader('content-type', 'image/png')
        call.setHeader('cache-control', CACHE)
        call.setHeader('cross-origin-resource-policy', 'cross-origin')
        return bytes
      },
    })
  }
}
