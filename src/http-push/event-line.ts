/**
 * Server-sent events on a bare socket: one stream, closed by either side's end. Heartbeats are comments. Whether the other
 * side is still there is found by the kernel, which gives up on bytes that nobody acknowledges.
 */
import { randomInt } from 'node:crypto'

import { THUMP, type Frames } from './frames.ts'
import { RETRY_MS_MAX, RETRY_MS_MIN, THUMP_BEATS } from './limits.ts'
import { Line } from './line.ts'

export class EventLine extends Line {
  #takenAtThump = false

  /** When to come again, of each line another moment. */
  greet(): void {
    this.write(Buffer.from(`retry: ${retryMs()}\n\n`))
  }

  comment(text: string): void {
    this.write(Buffer.from(`:${text}\n\n`))
  }

  override send(frames: Frames): boolean {
    return this.write(frames.sse)
  }

  override beat(count: number): void {
    if (count % THUMP_BEATS !== this.turn % THUMP_BEATS) return
    // Bytes that have waited since the last heartbeat: nobody reads there.
    if (this.#takenAtThump && this.queuedBytes > 0) return this.drop('silent')
    this.write(THUMP)
    this.#takenAtThump = this.queuedBytes > 0
  }

  protected override farewell(): void {
    this.endSocket(Buffer.from(`retry: ${retryMs()}\n\n`))
  }
}

function retryMs(): number {
  return randomInt(RETRY_MS_MIN, RETRY_MS_MAX + 1)
}
