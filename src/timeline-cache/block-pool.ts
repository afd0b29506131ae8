/** The writer's store of blocks: a free list through the blocks themselves, fresh ones from the buffer's growing end. */
import { BLOCK_BYTES, BLOCK_ENTRIES } from './layout.ts'
import type { SharedWords } from './memory.ts'

const GROWTH_BYTES = 4 * 1024 * 1024

export class BlockPool {
  readonly #memory: SharedWords
  readonly #blocksMax: number
  /** The first free block; 0 = none. Block 0 is never given out. */
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

  /** A block whose words are undefined; 0 when there is none left. May renew `memory.words`. */
  take(): number {
    const free = this.#free
    if (free !== 0) this.#free = this.#memory.words[free * BLOCK_ENTRIES]!
    else if (!this.#openFresh()) return 0
    this.#inUse++
    return free === 0 ? this.#fresh : free
  }

  #openFresh(): boolean {
    if (this.#fresh === this.#blocksMax) return false
    this.#fresh++
    const isShort = (this.#fresh + 1) * BLOCK_ENTRIES > this.#memory.words.length
    if (isShort) this.#memory.grow(Math.ceil(GROWTH_BYTES / BLOCK_BYTES) * BLOCK_BYTES)
    return true
  }

  give(block: number): void {
    this.#memory.words[block * BLOCK_ENTRIES] = this.#free
    this.#free = block
    this.#inUse--
  }
}
