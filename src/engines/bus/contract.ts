/**
 * The bus between blocks: at least once, in order per key and group, consumers idempotent for ever.
 *
 * - A *group* is a durable consumer: each message of its types is handled by one member of the group. While a group has
 *   no member its messages wait for the next one.
 * - Messages of one key are handled one after another within a group; different keys side by side.
 * - A handler that throws, or has not settled within the bus' deadline, gets the message again with back-off (full
 *   jitter); after DELIVERIES_MAX tries the message is parked with an alarm, and its neighbours (also of the same key)
 *   go on. A handler that throws AppError `unavailable` says that something it needs is down: such a try is not counted
 *   until OUTAGE_TRIES_MAX of them, because an outage of the database is no fault of the message.
 * - A message whose type or version this process does not know is parked at once, under the group UNREADABLE.
 * - A *listener* gets every message on every process and thread, without retry: for caches and open streams.
 */
import type { Db } from '../database/contract.ts'

export const DELIVERIES_MAX = 5
/** About ten minutes, with back-off. */
export const OUTAGE_TRIES_MAX = 400
/** Messages of one `publish`. */
export const PUBLISH_MESSAGES_MAX = 1_000
/** The group under which messages of unknown type or version are parked. */
export const UNREADABLE = 'unreadable'

export interface BusMessage {
  /** The outbox id: redeliveries carry the same one. */
  id: bigint
  key: bigint
  type: string
  version: number
  body: string
  /** When the outbox row was written, milliseconds since 1970. */
  createdAtMs: number
}

export type Handler = (message: BusMessage) => Promise<void>

export interface Parked {
  group: string
  message: BusMessage
  error: string
}

/** Where messages go that could not be handled. Parking one again (a redelivery) replaces its entry. */
export interface Parking {
  park(entry: Parked): Promise<void>
}

export interface ParkedEntry extends Parked {
  /** Names the entry in lists and commands. */
  id: bigint
  parkedAtMs: number
}

/** The operator's side of parking. */
export interface ParkingLot extends Parking {
  /** Newest first, older than `beforeId` if given. */
  list(limit: number, beforeId?: bigint): Promise<ParkedEntry[]>
  /**
   * Takes entries out and hands each to `publish` (the outbox) in the same transaction. Every group hears the message
   * again, not only the one that failed: consumers are idempotent. Returns how many there were.
   */
  replay(ids: readonly bigint[], publish: (tx: Db, message: BusMessage) => Promise<void>): Promise<number>
  /** Forgets entries. Returns how many there were. */
  remove(ids: readonly bigint[]): Promise<number>
  count(): Promise<number>
}

export interface GroupState {
  group: string
  /** Messages queued, being handled, or in back-off. */
  pending: number
  /** Milliseconds since 1970 of the last message handled without error; 0 before the first. */
  lastSuccessMs: number
  /** Since the start of this process. */
  parked: number
}

export interface Bus extends AsyncDisposable {
  /**
   * Resolves when the bus has taken responsibility for the messages, so that the outbox rows may go. The embedded bus keeps
   * nothing on disk: it resolves when every group has handled (or parked) them. Waits while the bus is full. Rejects
   * with `unavailable` when the bus closes before; then the messages must be published again.
   */
  publish(messages: readonly BusMessage[]): Promise<void>
  /**
   * Joins a durable group. `types` are exact event types, the same for every member. Groups join before anything is
   * published. Leaving waits for this member's running handlers, up to the drain deadline.
   */
  join(group: string, types: readonly string[], handler: Handler): AsyncDisposable
  /**
   * Hears every message of `types`, best effort and before the groups; must not throw or block. With `after`, hears of a
   * message only when that group has handled or parked it (at once when the group does not take the type), so that what
   * the group makes of it is there; messages of one key still come in order.
   */
  listen(types: readonly string[], hear: (message: BusMessage) => void, after?: string): Disposable
  state(): GroupState[]
}
