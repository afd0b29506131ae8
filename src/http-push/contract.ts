/** HTTP push: server-sent events and WebSocket streams, each thread with its own. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

import type { AccountId } from '../snowflake/contract.ts'
import type { ChannelKind } from './channel.ts'

/** Who asks for a stream: a person whose token is good at this moment. */
export interface StreamCaller {
  account: AccountId
  tokenHash: string
  scopes: readonly string[]
  /** As limits count it. */
  address: string
  /** Whether the token still speaks for the person: asked once more when the stream is open. */
  isStillGood(): Promise<boolean>
}

/** What was asked for, unchecked: the path below `/api/v1/streaming/` ('' for none) and the query. */
export interface StreamRequest {
  path: string
  query: Readonly<Record<string, unknown>>
  lastEventId: string | undefined
}

/** A stream of server-sent events that may begin; exactly one of these is called. */
export interface EventsAcceptor {
  /** The head of the answer is written; the socket is the stream's from now on. */
  open(socket: Socket): void
  /** The client has gone meanwhile. */
  abandon(): void
}

export interface Upgrade {
  message: IncomingMessage
  socket: Socket
  head: Buffer
}

export interface HttpPush extends AsyncDisposable {
  /** Throws what is wrong with the request, and that there is no room; nothing is written then. */
  events(caller: StreamCaller, request: StreamRequest): Promise<EventsAcceptor>
  /** Throws that there is no room; else answers the handshake. A wrong stream is told in a frame, on an open socket. */
  webSocket(caller: StreamCaller, request: StreamRequest, upgrade: Upgrade): Promise<void>
  state(): StreamsState
  /** Admits nobody any more and ends what is open, with close frames. */
  drain(): void
}

/** What one thread holds, and has done since its start. */
export interface StreamsState {
  eventStreams: number
  webSockets: number
  /** People with at least one of them. */
  people: number
  subscriptions: Partial<Record<ChannelKind, number>>
  /** Connections ended by us, by reason. */
  dropped: Record<string, number>
  /** Connections turned away, by reason. */
  refused: Record<string, number>
  /** Events heard from the bus, and frames written. */
  events: number
  frames: number
  /** Of the last ten seconds. */
  eventsPerSecond: number
  framesPerSecond: number
  /** Events that wait to be told. */
  waiting: number
  /** Bytes written that nobody has taken yet. */
  queuedBytes: number
}
