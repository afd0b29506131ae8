/** Owners by shard, each once: what every delivery begins with, without a set and a map of big numbers for each. */
import type { AccountId } from '../../snowflake/contract.ts'
import type { ShardHash } from './layout.ts'

/** Owners of one page of a fan-out and more; the table grows with larger calls. */
const FIRST_PLACES = 16_384

export class OwnerGroups {
  readonly #hash: ShardHash
  readonly #shards: number
  /** Open addressing by hash: the ids met in the call numbered in `#calls`. */
  #ids = new BigUint64Array(FIRST_PLACES)
  #calls = new Uint32Array(FIRST_PLACES)
  #call = 0

  constructor(hash: ShardHash, shards: number) {
    this.#hash = hash
    this.#shards = shards
  }

  /** The owners of each shard, in their order; empty for shards that have none. */
  of(owners: readonly AccountId[]): AccountId[][] {
    this.#begin(owners.length)
    const groups = Array.from({ length: this.#shards }, (): AccountId[] => [])
    for (const owner of owners) {
      const hash = this.#hash.bitsOf(owner)
      if (this.#isNew(owner, hash)) groups[hash % this.#shards]!.push(owner)
    }
    return groups
  }

  #begin(owners: number): void {
    this.#call += 1
    if (owners * 2 <= this.#ids.length && this.#call < 2 ** 32) return
    const places = Math.max(this.#ids.length, 2 ** Math.ceil(Math.log2(owners * 2)))
    this.#ids = new BigUint64Array(places)
    this.#calls = new Uint32Array(places)
    this.#call = 1
  }

  #isNew(owner: AccountId, hash: number): boolean {
    const mask = this.#ids.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      if (this.#calls[place] !== this.#call) {
        this.#calls[place] = this.#call
        this.#ids[place] = owner
        return true
      }
      if (this.#ids[place] === owner) return false
    }
  }
}
