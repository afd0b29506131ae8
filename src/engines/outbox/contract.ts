/**
 * The outbox: messages written in the same transaction as the rows they tell of, and handed to the bus afterwards.
 * Nothing acknowledged is lost, because the message is as durable as the row.
 */
import type { Db } from '../database/contract.ts'

export { appending } from './appending.ts'

export interface OutboxMessage {
  /**
   * Messages of one key (the author) are delivered in the order of their rows. Rows of transactions that overlapped have
   * no order: who needs one takes a lock before appending.
   */
  key: bigint
  type: string
  version: number
  /** JSON text; ids inside are decimal strings. */
  body: string
}

export interface OutboxRow extends OutboxMessage {
  id: bigint
  createdAtMs: number
  /** How often `retry` gave the row back, as far as is known: an estimate, which a crash resets. */
  attempts: number
}

export interface Outbox {
  /** Writes the messages within the caller's transaction, in this order. */
  append(tx: Db, messages: readonly OutboxMessage[]): Promise<void>
  /** A hint after the commit that rows wait; the relay polls anyway. Never throws. */
  wake(): void
}

/** The relay's side. Rows are claimed, never passed by a cursor (which would skip slow transactions). */
export interface OutboxQueue {
  /**
   * The oldest free rows, at most `limit`, in the order of their ids, claimed for `leaseMs`. A row is free when nobody
   * holds it and no older row of its key is held (claimed, or waiting after `retry`), so that a key keeps its order. A
   * lease that ran out frees the row: the same row may then be claimed twice, also by the same relay.
   */
  claim(limit: number, leaseMs: number): Promise<OutboxRow[]>
  /** The bus has taken responsibility: the rows may go. */
  done(ids: readonly bigint[]): Promise<void>
  /** Gives rows back after `delayMs`, counting the attempt. */
  retry(ids: readonly bigint[], delayMs: number): Promise<void>
  /** Gives rows back at once, uncounted. */
  release(ids: readonly bigint[]): Promise<void>
  /** Frees every row, whoever claimed it: for the start of the only relay of a database, after a crash. */
  releaseAll(): Promise<void>
  /** Frees the rows that were claimed under this outbox's number: by a thread that died. */
  releaseOwn(): Promise<void>
  /** Resolves when rows may have become free since the last `claim` began, or after `ms`, or when aborted. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
  /** Rows waiting and the age of the oldest, in milliseconds. */
  lag(): Promise<{ rows: number; oldestMs: number }>
}
