/** Work on single ids, done together: whatever is asked while one batch runs is the next one. */
import { setImmediate as nextTurn } from 'node:timers/promises'

export class Batches<Id> {
  readonly #work: (ids: Id[]) => Promise<void>
  readonly #idsMax: number
  #waiting = new Map<Id, PromiseWithResolvers<void>>()
  #running = false

  constructor(work: (ids: Id[]) => Promise<void>, idsMax: number) {
    this.#work = work
    this.#idsMax = idsMax
  }

  /** Resolves when a batch with it is done that began after the call; rejects as its batch does. */
  add(id: Id): Promise<void> {
    const known = this.#waiting.get(id)
    if (known !== undefined) return known.promise
    const done = Promise.withResolvers<void>()
    this.#waiting.set(id, done)
    if (!this.#running) void this.#run()
    return done.promise
  }

  async #run(): Promise<void> {
    this.#running = true
    // What comes in the same turn goes along.
    await nextTurn()
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, this.#idsMax)
      for (const [id] of batch) this.#waiting.delete(id)
      try {
        await this.#work(batch.map(([id]) => id))
        for (const [, done] of batch) done.resolve()
      } catch (error) {
        for (const [, done] of batch) done.reject(error)
      }
    }
    this.#running = false
  }
}
