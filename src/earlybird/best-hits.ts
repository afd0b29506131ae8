/** The best hits so far, in order. Few enough to be kept sorted by insertion, which for the newest first is at the end. Plain arrays: typed ones take longer to make than a short search. */
import { compareIds } from './layout.ts'

export class BestHits {
  readonly #limit: number
  readonly #lows: number[] = []
  readonly #highs: number[] = []
  readonly #scores: number[] = []
  readonly #authors: number[] = []
  count = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get isFull(): boolean {
    return this.count === this.#limit
  }

  /** Of the last hit. */
  get worstScore(): number {
    return this.#scores[this.#limit - 1] ?? 0
  }

  get worstLow(): number {
    return this.#lows[this.#limit - 1] ?? 0
  }

  get worstHigh(): number {
    return this.#highs[this.#limit - 1] ?? 0
  }

  /** Takes the hit if it is among the best. A status that is there already stays as it is: it is being replaced by an edit. */
  offer(low: number, high: number, score: number, author: number): boolean {
    let at = this.count
    while (at > 0 && this.#isBehind(at - 1, low, high, score)) at--
    if (at === this.#limit || this.#has(low, high)) return false
    for (let n = Math.min(this.count, this.#limit - 1); n > at; n--) this.#copy(n - 1, n)
    this.#lows[at] = low
    this.#highs[at] = high
    this.#scores[at] = score
    this.#authors[at] = author
    if (this.count < this.#limit) this.count++
    return true
  }

  /** Calls `take` for each hit, the best first. */
  each(take: (low: number, high: number, score: number, author: number) => void): void {
    for (let n = 0; n < this.count; n++) {
      take(this.#lows[n] ?? 0, this.#highs[n] ?? 0, this.#scores[n] ?? 0, this.#authors[n] ?? 0)
    }
  }

  #isBehind(at: number, low: number, high: number, score: number): boolean {
    const other = this.#scores[at] ?? 0
    return other === score ? compareIds(this.#lows[at] ?? 0, this.#highs[at] ?? 0, low, high) < 0 : other < score
  }

  #has(low: number, high: number): boolean {
    for (let n = 0; n < this.count; n++) if (this.#lows[n] === low && this.#highs[n] === high) return true
    return false
  }

  #copy(from: number, to: number): void {
    this.#lows[to] = this.#lows[from] ?? 0
    this.#highs[to] = this.#highs[from] ?? 0
    this.#scores[to] = this.#scores[from] ?? 0
    this.#authors[to] = this.#authors[from] ?? 0
  }
}
