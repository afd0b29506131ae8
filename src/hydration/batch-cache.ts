/**
 * A bounded cache in front of a batched read: whatever is asked for within one turn is loaded by one query, and whoever
 * asks for something already on its way waits for that.
 *
 * Truth against speed: a load that was under way when its key was forgotten is still given to those who asked before, but
 * never kept, and whoever asks afterwards starts a new one. So a value older than the forget cannot come back.
 *
 * Two generations stand in for a list of recent use (a clock of one bit): when the young one is full it becomes the old
 * one, and what is touched there moves back. At most twice `generationMax` values are held.
 */
export class BatchCache<Key extends bigint, Value> {
  readonly #generationMax: number
  readonly #load: (keys: Key[]) => Promise<Map<Key, Value>>
  readonly #onForget: (key: Key | undefined) => void
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()
  readonly #underWay = new Map<Key, Promise<Map<Key, Value>>>()
  #gathering: { keys: Set<Key>; loaded: Promise<Map<Key, Value>> } | undefined
  readonly #expected = new Map<Key, Expectation>()

  /** `onForget` hears of each key that is forgotten, before its value is; undefined for all of them. */
  constructor(
    valuesMax: number,
    load: (keys: Key[]) => Promise<Map<Key, Value>>,
    onForget: (key: Key | undefined) => void = () => {},
  ) {
    this.#onForget = onForget
    this.#generationMax = Math.max(1, Math.floor(valuesMax / 2))
    this.#load = load
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The values of those keys that have one. */
  async get(keys: Iterable<Key>): Promise<Map<Key, Value>> {
    const found = new Map<Key, Value>()
    const loads = new Map<Promise<Map<Key, Value>>, Key[]>()
    for (const key of keys) {
      const value = this.peek(key)
      if (value !== undefined) {
        found.set(key, value)
        continue
      }
      const load = this.#underWay.get(key) ?? this.#gather(key)
      const wanted = loads.get(load)
      if (wanted === undefined) loads.set(load, [key])
      else wanted.push(key)
    }
    await Promise.all(loads.keys()) // all of them, lest a second failure is nobody's
    for (const [load, wanted] of loads) {
      const values = await load
      for (const key of wanted) {
        const value = values.get(key)
        if (value !== undefined) found.set(key, value)
      }
    }
    return found
  }

  /** The cached value, without loading. */
  peek(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.#keep(key, old)
    return old
  }

  /**
   * For values that are about to be written. To be called before, so that what is given afterwards is kept only if it was
   * not forgotten meanwhile, nor expected by somebody else: then nobody here knows which of two values is the later one.
   * Keys that are given no value are forgotten.
   */
  expect(keys: Iterable<Key>): (values: ReadonlyMap<Key, Value>) => void {
    const own = new Map(Array.from(keys, (key) => [key, this.#expectOne(key)]))
    return (values) => {
      for (const [key, expectation] of own) {
        const { spoiled } = expectation
        expectation.open -= 1
        if (expectation.open === 0) this.#expected.delete(key)
        this.forget(key) // loads under way may be from before
        const value = values.get(key)
        if (value !== undefined && !spoiled) this.#keep(key, value)
      }
    }
  }

  #expectOne(key: Key): Expectation {
    const known = this.#expected.get(key)
    const expectation = known ?? { open: 0, spoiled: false }
    expectation.open += 1
    expectation.spoiled = known !== undefined
    this.#expected.set(key, expectation)
    return expectation
  }

  forget(key: Key): void {
    this.#onForget(key)
    const expectation = this.#expected.get(key)
    if (expectation !== undefined) expectation.spoiled = true
    this.#young.delete(key)
    this.#old.delete(key)
    this.#underWay.delete(key)
    // A batch that has not been sent yet would read the new value, but those who wait on it are told apart by nothing.
    if (this.#gathering?.keys.has(key) === true) this.#gathering = undefined
  }

  forgetAll(): void {
    this.#onForget(undefined)
    for (const expectation of this.#expected.values()) expectation.spoiled = true
    this.#young.clear()
    this.#old.clear()
    this.#underWay.clear()
    this.#gathering = undefined
  }

  #gather(key: Key): Promise<Map<Key, Value>> {
    const gathering = (this.#gathering ??= this.#newBatch())
    gathering.keys.add(key)
    this.#underWay.set(key, gathering.loaded)
    return gathering.loaded
  }

  #newBatch(): { keys: Set<Key>; loaded: Promise<Map<Key, Value>> } {
    const keys = new Set<Key>()
    const loaded: Promise<Map<Key, Value>> = Promise.resolve().then(async () => {
      if (this.#gathering?.keys === keys) this.#gathering = undefined
      try {
        const values = await this.#load([...keys])
        for (const [key, value] of values) if (this.#underWay.get(key) === loaded) this.#keep(key, value)
        return values
      } finally {
        for (const key of keys) if (this.#underWay.get(key) === loaded) this.#underWay.delete(key)
      }
    })
    return { keys, loaded }
  }

  #keep(key: Key, value: Value): void {
    this.#old.delete(key)
    this.#young.set(key, value)
    if (this.#young.size < this.#generationMax) return
    this.#old = this.#young
    this.#young = new Map()
  }
}

/** Of a key whose next value somebody is writing. */
interface Expectation {
  /** How many do. */
  open: number
  /** What they give is not kept. */
  spoiled: boolean
}
