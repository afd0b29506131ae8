/** MediaAttachment. Media here are processed when the upload is answered, so `url` is always there. */
import type { StatusView } from '../hydration/contract.ts'
import type { Site } from './site.ts'

type MediaRecord = StatusView['media'][number]

interface Size {
  width: number
  height: number
  size: string
  aspect: number
}

export interface MediaAttachment {
  id: string
  type: string
  url: string
  preview_url: string
  remote_url: null
  preview_remote_url: null
  meta: { original: Size; small: Size; focus?: { x: number; y: number } }
  description: string | null
  blurhash: string | null
}

export function presentMedia(media: MediaRecord, at: Site): MediaAttachment {
  return {
    id: media.id.toString(),
    type: media.type,
    url: at.urls.media(media.key),
    preview_url: at.urls.media(media.smallKey),
    remote_url: null,
    preview_remote_url: null,
    meta: {
      original: sized(media.original),
      small: sized(media.small),
      ...(media.focus && { focus: { x: media.focus.x, y: media.focus.y } }),
    },
    description: media.description,
    blurhash: media.blurhash,
  }
}

function sized({ width, height }: { width: number; height: number }): Size {
  return { width, height, size: `${width}x${height}`, aspect: height === 0 ? 1 : width / height }
}
