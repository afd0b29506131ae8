/**
 * A WebSocket with many subscriptions. Frames of events are written to the socket as ready bytes, beside what `ws` writes
 * itself (pongs, close frames): both write whole frames in one go, so they never mix.
 */
import type { WebSocket } from 'ws'

import { PING, textFrame, type Frames } from './frames.ts'
import { PING_BEATS } from './limits.ts'
import { Line, type DropReason, type LineOptions, type LineOwner, type LineSocket } from './line.ts'

/** RFC 6455 §7.4.1 and its registry. */
const CLOSE_CODES: Record<DropReason | 'restart', number> = {
  restart: 1012,
  revoked: 1008,
  unruly: 1008,
  behind: 1013,
  slow: 1013,
  silent: 1001,
}

const CLOSE_TEXTS: Record<DropReason | 'restart', string> = {
  restart: 'The server restarts',
  revoked: 'The access token was revoked',
  unruly: 'Too many messages',
  behind: 'Events were missed: connect again',
  slow: 'Too slow',
  silent: 'No answer',
}

export class SocketLine extends Line {
  readonly #webSocket: Pick<WebSocket, 'close'>
  #awaitsPong = false

  constructor(
    owner: LineOwner,
    sockets: { webSocket: Pick<WebSocket, 'close'>; socket: LineSocket },
    options: LineOptions,
  ) {
    super(owner, sockets.socket, options)
    this.#webSocket = sockets.webSocket
  }

  override send(frames: Frames, names: readonly string[]): boolean {
    return this.write(frames.socket(names))
  }

  /** An error is told; the socket stays. */
  refuse(error: string, status: number): void {
    this.write(textFrame(JSON.stringify({ error, status })))
  }

  ponged(): void {
    this.#awaitsPong = false
  }

  override beat(count: number): void {
    if (count % PING_BEATS !== this.turn % PING_BEATS) return
    if (this.#awaitsPong) return this.drop('silent')
    this.#awaitsPong = true
    this.write(PING)
  }

  /** Closes for what the client did: a code of the protocol. */
  close(code: number, text: string): void {
    this.#webSocket.close(code, text)
    this.destroySoon()
  }

  protected override farewell(reason: DropReason | 'restart'): void {
    this.close(CLOSE_CODES[reason], CLOSE_TEXTS[reason])
  }
}
