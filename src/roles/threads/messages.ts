/** What the threads of a server and their supervisor hand to each other. Everything here can be posted. */
import type { MessagePort } from 'node:worker_threads'

import type { SetupLink } from '../../edge/pages/setup-link.ts'
import type { ConnectionSettings } from '../../engines/database/connection.ts'
import type { Config } from '../../kit/config/config.ts'
import type { ErrorCode } from '../../kit/errors.ts'
import type { OperatorCommand } from '../operator.ts'
import type { SharedState } from '../shared-state.ts'
import type { DeskEnd } from './desk-messages.ts'

export type ThreadKind = 'api' | 'fanout'

/** One end of the line between two threads that tell each other what they changed. */
export interface SiblingEnd {
  peer: string
  port: MessagePort
  /** How many words each end has sent. */
  sent: Int32Array
  /** Which of the two counters is this end's. */
  end: 0 | 1
}

/** All lines that begin or end in one thread; those to a thread that died are replaced when it comes back. */
export interface Lines {
  siblings: SiblingEnd[]
  /** Between the api threads and the one that works in the background. */
  desks: DeskEnd[]
}

/** A thread's `workerData`. Holds secrets: it is never logged. */
export interface ThreadSetup {
  name: string
  config: Config
  connection: ConnectionSettings
  /** This process alone uses the database. */
  embedded: boolean
  version: string
  setupLink: SetupLink | undefined
  shared: SharedState
  lines: Lines
  /** Several threads listen on the port. */
  reusePort: boolean
  /** Under this number the outbox knows what an earlier thread of the name had claimed. */
  outboxOwner: bigint
  /** False for one that replaces another: what it shared with the others goes on. */
  isFirst: boolean
  /** The log goes to somebody's terminal. */
  isTerminal: boolean
}

export type ToThread =
  | { kind: 'lines'; lines: Lines }
  /** Begin to take requests. */
  | { kind: 'listen' }
  /** Finish the requests under way and take no more, close everything, and end. */
  | { kind: 'stop' }
  | { kind: 'state'; id: number }
  | { kind: 'life'; id: number; status: bigint }
  | { kind: 'command'; id: number; command: OperatorCommand }

export type FromThread =
  /** It tells on the lines that it was given. */
  | { kind: 'connected' }
  | { kind: 'opened' }
  | { kind: 'listening' }
  | { kind: 'failed'; code: ErrorCode; text: string }
  | { kind: 'answer'; id: number; answer: unknown }

export function portsOf({ siblings, desks }: Lines): MessagePort[] {
  return [...siblings, ...desks].map(({ port }) => port)
}
