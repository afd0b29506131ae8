/**
 * The outbox: messages written in the same transaction as the rows they tell of, and handed to the bus afterwards.
 * Nothing acknowledged is lost, because the message is as durable as the row.
 */
import type { Db } from '../database/contract.ts'

export interface OutboxMessage {
  /** Messages of one key (the author) are delivered in the order of their rows. */
  key: bigint
  type: string
  version: number
  /** JSON text; ids inside are decimal strings. */
  body: string
}

export interface OutboxRow extends OutboxMessage {
  id: bigint
  createdAtMs: number
}

export interface Outbox {
  /** Writes the messages within the caller's transaction. */
  append(tx: Db, messages: readonly OutboxMessage[]): Promise<void>
  /** A hint after the commit that rows wait; the relay polls anyway. Never throws. */
  wake(): void
}

/** The relay's side. Rows are claimed, never passed by a cursor (which would skip slow transactions). */
export interface OutboxQueue {
  /** The oldest unclaimed rows, at most `limit`, claimed for `leaseMs`. */
  claim(limit: number, leaseMs: number): Promise<OutboxRow[]>
  /** The bus has taken responsibility: the rows may go. */
  done(ids: readonly bigint[]): Promise<void>
  /** Gives rows back after `delayMs`, counting the attempt. */
  retry(ids: readonly bigint[], delayMs: number): Promise<void>
  /** Resolves at the next wake(), or after `ms`. */
  wait(ms: number): Promise<void>
  /** Rows waiting and the age of the oldest, in milliseconds. */
  lag(): Promise<{ rows: number; oldestMs: number }>
}
