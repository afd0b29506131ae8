/** What streams tell of, as it came from the bus: little enough to be kept for those who come back. */
import type { BusMessage } from '../engines/bus/contract.ts'
import { decodeEvent, type EventBodies, type EventType } from '../events/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'

export type Happening =
  | {
      readonly kind: 'status'
      readonly event: 'update' | 'status.update'
      readonly status: StatusId
      readonly author: AccountId
      /** Undefined where the event does not say. */
      readonly tags: readonly string[] | undefined
    }
  | { readonly kind: 'delete'; readonly deleted: EventBodies['status.deleted'] }
  | { readonly kind: 'notification'; readonly notification: bigint; readonly recipient: AccountId }
  | { readonly kind: 'conversation'; readonly conversation: bigint; readonly account: AccountId }
  | { readonly kind: 'filters'; readonly account: AccountId }

/** Heard when the home timelines have them, so that whoever connects and then reads misses none. */
export const TIMELINE_EVENTS = ['status.created', 'status.edited', 'status.deleted'] as const satisfies EventType[]
/** Heard at once: what they tell of is there when they are told. */
export const PERSONAL_EVENTS = [
  'notification.created',
  'conversation.updated',
  'filters.changed',
] as const satisfies EventType[]
/** After these, lines of an account may have to end. */
export const STANDING_EVENTS = ['token.revoked', 'account.changed'] as const satisfies EventType[]

export function happeningOf(message: BusMessage): Happening | undefined {
  switch (message.type) {
    case 'status.created': {
      const { id, author, tags = [] } = decodeEvent('status.created', message)
      return { kind: 'status', event: 'update', status: id, author, tags }
    }
    case 'status.edited': {
      const { id, author } = decodeEvent('status.edited', message)
      return { kind: 'status', event: 'status.update', status: id, author, tags: undefined }
    }
    case 'status.deleted':
      return { kind: 'delete', deleted: decodeEvent('status.deleted', message) }
    case 'notification.created': {
      const { id, recipient } = decodeEvent('notification.created', message)
      return { kind: 'notification', notification: id, recipient }
    }
    case 'conversation.updated': {
      const { account, conversation } = decodeEvent('conversation.updated', message)
      return { kind: 'conversation', conversation, account }
    }
    case 'filters.changed':
      return { kind: 'filters', account: decodeEvent('filters.changed', message).account }
    default:
      return undefined
  }
}
