/** A seeded stream of numbers, so that the same seed makes the same world on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  unit(): number
  /** Uniform whole number in [0, below). */
  below(below: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
}

/** sfc32, seeded through splitmix32 (both public domain; PractRand-tested by their authors). */
export function seededRandom(seed: number): Random {
  let mixed = seed | 0
  const split = () => {
    mixed = (mixed + 0x9e3779b9) | 0
    let z = mixed ^ (mixed >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return (z ^ (z >>> 15)) | 0
  }
  let [a, b, c, counter] = [split(), split(), split(), split()]
  const unit = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(unit() * limit)
  return {
    unit,
    below,
    chance: (probability) => unit() < probability,
    pick<T>(items: readonly T[]): T {
      const item = items[below(items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
  }
}
