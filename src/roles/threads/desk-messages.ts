/** What an api thread and the background thread say to each other: calls, messages of the bus, and that rows wait. */
import type { MessagePort } from 'node:worker_threads'

import type { IndexMemory } from '../../earlybird/reader.ts'
import type { BusMessage } from '../../engines/bus/contract.ts'
import type { StatusLife } from '../../fanout/contract.ts'
import type { ErrorCode } from '../../kit/errors.ts'
import type { AccountId, StatusId } from '../../snowflake/contract.ts'
import type { BuildTicket } from '../../timeline-cache/contract.ts'
import type { TimelineMemory } from '../../timeline-cache/memory.ts'

export interface DeskEnd {
  peer: string
  port: MessagePort
  /** 1 while a 'wake' is on its way: a second one would say nothing new. */
  waking: Int32Array
}

/** What the background thread does for the others: arguments and results by name. */
export interface DeskCalls {
  beginBuild: { args: [owner: AccountId]; result: BuildTicket | undefined }
  /** Entries packed by `packRows`. */
  finishBuild: { args: [ticket: BuildTicket, rows: BigInt64Array, floor: bigint]; result: boolean }
  abandonBuild: { args: [ticket: BuildTicket]; result: void }
  findLife: { args: [id: StatusId]; result: StatusLife | undefined }
}

export type CallName = keyof DeskCalls

export type ToDesk =
  /** Rows were committed to the outbox. */
  | { kind: 'wake' }
  /** Messages that the group `after` has handled are wanted as well. */
  | { kind: 'follow'; types: readonly string[]; after: string }
  | { kind: 'call'; id: number; name: CallName; args: readonly unknown[] }

export type FromDesk =
  | { kind: 'timelines'; memory: TimelineMemory }
  | { kind: 'index'; memory: IndexMemory }
  | { kind: 'messages'; messages: readonly BusMessage[]; after: string | undefined }
  | { kind: 'result'; id: number; value: unknown }
  | { kind: 'failure'; id: number; code: ErrorCode | undefined; text: string }
