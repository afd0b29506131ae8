/**
 * The newest version known of each pair, for a bounded number of pairs; those that changed longest ago are forgotten.
 *
 * Two generations stand in for the exact order: a full young one becomes the old one. Removing the oldest key of a Map one
 * by one would walk over all that were removed before it, which made an import of 500,000 follows take a minute longer.
 */
export class PairVersions {
  readonly #generationMax: number
  #young = new Map<string, bigint>()
  #old = new Map<string, bigint>()

  /** At least half of `pairsMax` are remembered, at most all of them. */
  constructor(pairsMax: number) {
    this.#generationMax = Math.max(1, Math.floor(pairsMax / 2))
  }

  /** 0n, which is below every version, when none is known. */
  of(key: string): bigint {
    return this.#young.get(key) ?? this.#old.get(key) ?? 0n
  }

  set(key: string, version: bigint): void {
    this.#young.set(key, version)
    if (this.#young.size < this.#generationMax) return
    this.#old = this.#young
    this.#young = new Map()
  }
}
