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
export interface DayShown {
  startMs: number
  uses: number
  accounts: number
}

export interface TagShown {
  name: string
  days?: readonly DayShown[]
  /** Only with a viewer. */
  following?: boolean
}

export function presentTag(tag: TagShown, nowMs: number, urls: Urls): Tag {
  return {
    id: tagId(tag.name),
    name: tag.name,
    url: tagUrl(urls, tag.name),
    history: tagHistory(tag.days ?? [], nowMs),
    ...(tag.following !== undefined && { following: tag.following, featuring: false }),
  }
}

/** Seven days, today first. */
export function tagHistory(days: readonly DayShown[], nowMs: number): Tag['history'] {
  const today = nowMs - (nowMs % DAY_MS)
  const uses = new Map(days.map((day) => [day.startMs, day]))
  return Array.from({ length: HISTORY_DAYS }, (_, i) => {
    const startMs = today - i * DAY_MS
    const day = uses.get(startMs)
    return { day: String(startMs / 1000), uses: String(day?.uses ?? 0), accounts: String(day?.accounts ?? 0) }
  })
}

/** The name is the identity of a tag here; clients want digits, and use them only to tell tags apart. */
function tagId(name: string): string {
  return hash('sha256', name, 'buffer').readBigUInt64BE().toString()
}
