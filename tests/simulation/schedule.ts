/**
 * Chooses by seed what happens next: everything that would wait for a disk, a network or another thread waits here instead,
 * and one of the waiting goes on at a time. Most waits are short and some very long, as in life: that finds more than
 * choosing evenly. The same seed gives the same history.
 */
import { seededRandom, type Random } from '../../src/seed/random.ts'

const LONGEST_WAIT_STEPS = 80

export class Schedule {
  readonly random: Random
  /** Goes up by one with everything that happens: the clock of a simulation. */
  steps = 0
  readonly #waiting: { dueStep: number; goOn: () => void }[] = []

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** Here something else may happen first. */
  pause(): Promise<void> {
    const dueStep = this.steps + this.random.unit() ** 4 * LONGEST_WAIT_STEPS
    return new Promise((resolve) => this.#waiting.push({ dueStep, goOn: resolve }))
  }

  /** Lets everything happen, in some order. */
  async runUntilIdle(): Promise<void> {
    await settled()
    while (this.#waiting.length > 0) {
      const first = this.#waiting.reduce((a, b) => (b.dueStep < a.dueStep ? b : a))
      this.#waiting.splice(this.#waiting.indexOf(first), 1)
      this.steps++
      first.goOn()
      await settled()
    }
  }
}

/** Resolves when nothing can go on by itself. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
