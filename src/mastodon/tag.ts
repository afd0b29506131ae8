/** Tag, with the seven days of history that clients draw. */
import { hash } from 'node:crypto'

import type { Urls } from './urls.ts'
import { tagUrl } from './urls.ts'

const HISTORY_DAYS = 7
const DAY_MS = 86_400_000

export interface Tag {
  id: string
  name: string
  url: string
  history: { day: string; uses: string; accounts: string }[]
  following?: boolean
  featuring?: boolean
}

/** Uses of one UTC day; days without uses may be missing. */
interface TagDay {
  startMs: number
  uses: number
  accounts: number
}

export interface TagShown {
  name: string
  days?: readonly TagDay[]
  /** Only with a viewer. */
  following?: boolean
}

export function presentTag(tag: TagShown, nowMs: number, urls: Urls): Tag {
  const today = nowMs - (nowMs % DAY_MS)
  const uses = new Map(tag.days?.map((day) => [day.startMs, day]))
  return {
    id: tagId(tag.name),
    name: tag.name,
    url: tagUrl(urls, tag.name),
    history: Array.from({ length: HISTORY_DAYS }, (_, i) => {
      const startMs = today - i * DAY_MS
      const day = uses.get(startMs)
      return { day: String(startMs / 1000), uses: String(day?.uses ?? 0), accounts: String(day?.accounts ?? 0) }
    }),
    ...(tag.following !== undefined && { following: tag.following, featuring: false }),
  }
}

/** The name is the identity of a tag here; clients want digits, and use them only to tell tags apart. */
function tagId(name: string): string {
  return hash('sha256', name, 'buffer').readBigUInt64BE().toString()
}
