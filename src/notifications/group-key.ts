/** Keys by which the v2 API puts notifications together: kind, status and a stretch of time. */
import { parseId, type StatusId } from '../snowflake/contract.ts'
import { GROUPABLE_TYPES, type NotificationRecord, type NotificationType } from './contract.ts'

/**
 * Mastodon's span of a group. Its groups begin with their first notification, which needs a memory of the last one; windows
 * of fixed beginning give the same key again whenever an event is delivered again.
 */
export const GROUP_WINDOW_MS = 12 * 60 * 60 * 1000

const UNGROUPED = 'ungrouped-'

export function groupKeyFor(type: NotificationType, status: StatusId | null, createdAtMs: number): string | null {
  if (!GROUPABLE_TYPES.includes(type)) return null
  const kind = status === null ? type : `${type}-${status}`
  return `${kind}-${Math.floor(createdAtMs / GROUP_WINDOW_MS)}`
}

/** The key under which clients know the notification, when only `groupedTypes` are put together. */
export function shownGroupKey(
  record: Pick<NotificationRecord, 'id' | 'type' | 'groupKey'>,
  groupedTypes: readonly string[] = GROUPABLE_TYPES,
): string {
  const grouped = groupedTypes.includes(record.type) ? record.groupKey : null
  return grouped ?? `${UNGROUPED}${record.id}`
}

/** The notification's id, when the key is that of a single one. */
export function ungroupedId(groupKey: string): bigint | undefined {
  return groupKey.startsWith(UNGROUPED) ? parseId(groupKey.slice(UNGROUPED.length)) : undefined
}
