/** Something about few of the many pairs of places: blocks, mutes, requests, unusual options. */
export class PairMap<Value> {
  readonly #bySource = new Map<number, Map<number, Value>>()

  get(source: number, target: number): Value | undefined {
    return this.#bySource.get(source)?.get(target)
  }

  /** All of one source; good until the next change. */
  of(source: number): ReadonlyMap<number, Value> | undefined {
    return this.#bySource.get(source)
  }

  /** Undefined removes. */
  set(source: number, target: number, value: Value | undefined): void {
    const targets = this.#bySource.get(source)
    if (value !== undefined) {
      if (targets === undefined) this.#bySource.set(source, new Map([[target, value]]))
      else targets.set(target, value)
    } else if (targets?.delete(target) === true && targets.size === 0) {
      this.#bySource.delete(source)
    }
  }
}
