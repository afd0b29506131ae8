/**
 * The bus between blocks: at least once, in order per key and group, consumers idempotent for ever.
 *
 * - A *group* is a durable consumer: each message of its types is handled by one member of the group.
 * - Messages of one key are handled one after another within a group; different keys side by side.
 * - A handler that throws gets the message again with back-off; after DELIVERIES_MAX tries the message is parked with an
 *   alarm, and its neighbours (also of the same key) go on.
 * - A *listener* gets every message on every process and thread, without retry: for caches and open streams.
 */
export const DELIVERIES_MAX = 5

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

export interface GroupState {
  group: string
  pending: number
  /** Milliseconds since 1970 of the last message handled without error; 0 before the first. */
  lastSuccessMs: number
  parked: number
}

export interface Bus extends AsyncDisposable {
  /**
   * Resolves when the bus has taken responsibility for the messages, so that the outbox rows may go. The embedded bus keeps
   * nothing on disk: it resolves when every group has handled (or parked) them.
   */
  publish(messages: readonly BusMessage[]): Promise<void>
  /** Joins a durable group. `types` are exact event types. */
  join(group: string, types: readonly string[], handler: Handler): AsyncDisposable
  /** Hears every message of `types`, best effort; must not throw or block. */
  listen(types: readonly string[], hear: (message: BusMessage) => void): Disposable
  state(): GroupState[]
}
