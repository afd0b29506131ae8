/** The writer's store of blocks: a free list through the blocks themselves, fresh ones from the buffer's growing end. */
import { BLOCK_BYTES, BLOCK_WORDS } from './layout.ts'
import type { SharedWords } from './memory.ts'

const GROWTH_BYTES = 4 * 1024 * 1024

export class BlockPool {
  readonly #memory: SharedWords
  readonly #blocksMax: number
  /** Number + 1 of the first free block; 0 = none. */
  #free = 0
  #fresh = 0
  #inUse = 0

  constructor(memory: SharedWords, blocksMax: number) {
    this.#memory = memory
    this.#blocksMax = blocksMax
  }

  get inUse(): number {
    return this.#inUse
  }

  /** Whether `count` more blocks can be had. */
  has(count: number): boolean {
    return this.#inUse + count <= this.#blocksMax
  }

  /** Number + 1 of a block whose words are undefined; 0 when there is none left. May renew `memory.words`. */
  take(): number {
    const free = this.#free
    if (free !== 0) {
      this.#free = this.#memory.words[(free - 1) * BLOCK_WORDS]!
    } else {
      if (this.#fresh === this.#blocksMax) return 0
      const isShort = (this.#fresh + 1) * BLOCK_WORDS > this.#memory.words.length
      if (isShort) this.#memory.grow(Math.ceil(GROWTH_BYTES / BLOCK_BYTES) * BLOCK_BYTES)
      this.#fresh++
    }
    this.#inUse++
    return free === 0 ? this.#fresh : free
  }

  give(block: number): void {
    this.#memory.words[(block - 1) * BLOCK_WORDS] = this.#free
    this.#free = block
    this.#inUse--
  }
}
