/**
 * A line: one held connection. Bytes are written and never waited for; a reader that lets too many of them pile up is
 * dropped, and reads what it missed when it comes again.
 */
import type { StatusView } from '../hydration/contract.ts'
import type { FilterResult } from '../mastodon/filter.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Frames } from './frames.ts'
import { CLOSE_MS_MAX } from './limits.ts'
import type { Topic } from './topics.ts'

/** A person with open lines, and their filters, loaded once for all of them. */
export interface Listener {
  readonly account: AccountId
  readonly lines: Set<Line>
  filtered: (view: StatusView) => FilterResult[]
}

export interface LineOwner {
  readonly listener: Listener
  readonly tokenHash: string
  readonly scopes: readonly string[]
  readonly hearsNotifications: boolean
  /** As limits count it. */
  readonly address: string
}

/** What a line needs of a socket. */
export interface LineSocket {
  readonly destroyed: boolean
  readonly writable: boolean
  /** Bytes that wait in this process. */
  readonly writableLength: number
  write(bytes: Buffer): unknown
  end(last: Buffer): unknown
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
}

export type DropReason = 'slow' | 'silent' | 'unruly' | 'revoked' | 'behind'

export abstract class Line {
  readonly owner: LineOwner
  readonly topics: Topic[] = []
  /** In which beat it is looked at. */
  readonly turn: number
  readonly #socket: LineSocket
  readonly #queuedBytesMax: number
  #onDrop: ((reason: DropReason) => void) | undefined

  constructor(owner: LineOwner, socket: LineSocket, options: LineOptions) {
    this.owner = owner
    this.turn = options.turn
    this.#socket = socket
    this.#queuedBytesMax = options.queuedBytesMax
    this.#onDrop = options.onDrop
  }

  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  get closed(): boolean {
    return this.#onDrop === undefined || this.#socket.destroyed
  }

  /** True when it was written. */
  write(bytes: Buffer): boolean {
    if (this.closed || !this.#socket.writable) return false
    this.#socket.write(bytes)
    if (this.#socket.writableLength <= this.#queuedBytesMax) return true
    this.drop('slow')
    return false
  }

  /** Ends it without a word. */
  drop(reason: DropReason): void {
    const tell = this.#onDrop
    if (tell === undefined) return
    this.#onDrop = undefined
    tell(reason)
    this.#socket.destroy()
  }

  /** Ends it as its protocol has it; the peer has CLOSE_MS_MAX to agree. */
  end(reason: DropReason | 'restart'): void {
    const tell = this.#onDrop
    if (tell === undefined) return
    this.#onDrop = undefined
    if (reason !== 'restart') tell(reason)
    this.farewell(reason)
  }

  /** Writes the last bytes, and goes when they are taken, or after CLOSE_MS_MAX. */
  protected endSocket(last: Buffer): void {
    this.#socket.end(last)
    this.destroySoon()
  }

  protected destroySoon(): void {
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_MS_MAX)
    timer.unref()
    this.#socket.once('close', () => clearTimeout(timer))
  }

  /** The turn of this line: heartbeats. */
  abstract beat(count: number): void
  abstract send(frames: Frames, names: readonly string[]): boolean
  protected abstract farewell(reason: DropReason | 'restart'): void
}

export interface LineOptions {
  turn: number
  queuedBytesMax: number
  onDrop: (reason: DropReason) => void
}
