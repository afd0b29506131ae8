/** How a status lies in its table, and how it is read from there. */
import { sql, type SqlFragment } from '../engines/database/contract.ts'
import type { Visibility } from '../events/contract.ts'
import type { Page } from '../kit/page.ts'
import { ID_MAX, type AccountId, type MediaId, type StatusId } from '../snowflake/contract.ts'
import type { StatusRecord } from './contract.ts'

/** By their number in the table. */
const VISIBILITIES: readonly Visibility[] = ['public', 'unlisted', 'private', 'direct']

export const PUBLIC = 0
export const UNLISTED = 1
export const PRIVATE = 2
export const DIRECT = 3

export interface StatusRow {
  id: StatusId
  account_id: AccountId
  visibility: number
  boost_of: StatusId | null
  in_reply_to: StatusId | null
  in_reply_to_account: AccountId | null
  conversation: StatusId
  text: string
  spoiler_text: string
  sensitive: boolean
  language: string | null
  mentions: AccountId[]
  tags: string[]
  media: MediaId[]
  app_id: bigint | null
  created_at: Date
  edited_at: Date | null
  revision: number
  has_poll: boolean
}

/** The columns of `StatusRow`, named so that a migration can add others. */
export const statusColumns: SqlFragment = sql`
  id, account_id, visibility, boost_of, in_reply_to, in_reply_to_account, conversation, text, spoiler_text, sensitive,
  language, mentions, tags, media, app_id, created_at, edited_at, revision, has_poll`

export function statusRecord(row: StatusRow): StatusRecord {
  const visibility = VISIBILITIES[row.visibility]
  if (visibility === undefined) throw new Error(`visibility ${row.visibility} in the table of statuses`)
  const record: StatusRecord = {
    id: row.id,
    accountId: row.account_id,
    visibility,
    boostOf: row.boost_of,
    inReplyTo: row.in_reply_to,
    inReplyToAccount: row.in_reply_to_account,
    conversation: row.conversation,
    text: row.text,
    spoilerText: row.spoiler_text,
    sensitive: row.sensitive,
    language: row.language,
    mentions: row.mentions,
    tags: row.tags,
    media: row.media,
    appId: row.app_id,
    createdAtMs: row.created_at.getTime(),
    editedAtMs: row.edited_at === null ? null : row.edited_at.getTime(),
    revision: row.revision,
  }
  if (row.has_poll) record.hasPoll = true
  return record
}

export function visibilityNumber(visibility: Visibility): number {
  return VISIBILITIES.indexOf(visibility)
}

/** The ids of a page, both ends exclusive, and which end of them comes first in the database. */
export interface Range {
  below: bigint
  above: bigint
  /** `asc` when the page is the one closest above its cursor; it is then turned round. */
  direction: SqlFragment
  ascending: boolean
}

export function range(page: Page): Range {
  const ascending = page.minId !== undefined
  return {
    below: cursor(page.maxId ?? ID_MAX),
    above: cursor(page.minId ?? page.sinceId ?? 0n),
    direction: ascending ? sql`asc` : sql`desc`,
    ascending,
  }
}

/** No id lies beyond these, and PostgreSQL refuses a cursor that is no bigint. */
function cursor(id: bigint): bigint {
  if (id > ID_MAX) return ID_MAX
  return id < 0n ? 0n : id
}

/** Rows as the database gave them for `range`, newest first. */
export function newestFirst<Row>(rows: Row[], { ascending }: Range): Row[] {
  return ascending ? rows.reverse() : rows
}
