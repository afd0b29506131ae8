/**
 * Memory for answers, lent until the system has taken the bytes. New memory for a page of 45 kB has to be zeroed, mapped
 * and collected: that cost 16 µs, filling it 10 (November 2026).
 */

/** Sizes are powers of two between these; whatever is larger is made anew. */
const SMALLEST_BITS = 12
const LARGEST_BITS = 18
/** Of one size, waiting to be lent: what a burst of answers took is not kept for ever. */
const WAITING_MAX = 64

export class LentBuffers {
  /** By size. */
  readonly #waiting: Buffer[][] = Array.from({ length: LARGEST_BITS + 1 }, () => [])

  /** At least `bytes` long, with anything in it. */
  lend(bytes: number): Buffer {
    const bits = Math.max(SMALLEST_BITS, 32 - Math.clz32(bytes - 1))
    if (bits > LARGEST_BITS) return Buffer.allocUnsafeSlow(bytes)
    return this.#waiting[bits]?.pop() ?? Buffer.allocUnsafeSlow(1 << bits)
  }

  /** Nobody may read it any more. */
  giveBack(buffer: Buffer): void {
    const waiting = this.#waiting[31 - Math.clz32(buffer.length)]
    if (waiting !== undefined && waiting.length < WAITING_MAX) waiting.push(buffer)
  }
}
