/**
 * A bus that keeps what the contract promises and no more: at least once, in order per key and group, with delays; now
 * and then a message again, long after others of its key.
 */
import type { Bus, BusMessage, Handler } from '../../src/engines/bus/contract.ts'
import type { EncodedEvent } from '../../src/events/contract.ts'
import type { Schedule } from './schedule.ts'

const REPEATED_SHARE = 0.1
const LATE_SHARE = 0.05
const LATE_PAUSES = 20

export class SlowBus implements Pick<Bus, 'join' | 'listen'> {
  readonly #schedule: Schedule
  readonly #groups: { name: string; types: readonly string[]; handler: Handler; chains: Map<bigint, Promise<void>> }[] =
    []
  readonly #listeners: { types: readonly string[]; hear: (message: BusMessage) => void; chain: Promise<void> }[] = []
  readonly #followers: { types: readonly string[]; hear: (message: BusMessage) => void; after: string }[] = []
  #lastId = 0n

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  join(name: string, types: readonly string[], handler: Handler): AsyncDisposable {
    this.#groups.push({ name, types, handler, chains: new Map() })
    return { [Symbol.asyncDispose]: async () => {} }
  }

  listen(types: readonly string[], hear: (message: BusMessage) => void, after?: string): Disposable {
    if (after === undefined) this.#listeners.push({ types, hear, chain: Promise.resolve() })
    else this.#followers.push({ types, hear, after })
    return { [Symbol.dispose]: () => {} }
  }

  /** What the relay does some time after the commit; messages of one call keep their order. */
  send(events: readonly EncodedEvent[]): void {
    for (const event of events) {
      const message = { ...event, id: ++this.#lastId, createdAtMs: this.#schedule.steps }
      for (const listener of this.#listeners.filter(({ types }) => types.includes(message.type))) {
        listener.chain = this.#hearAfter(listener.chain, () => listener.hear(message))
      }
      for (const { name, types, handler, chains } of this.#groups) {
        if (!types.includes(message.type)) continue
        const before = chains.get(message.key) ?? Promise.resolve()
        chains.set(
          message.key,
          before.then(() => this.#deliver(message, handler, name)),
        )
      }
    }
  }

  async #hearAfter(before: Promise<void>, hear: () => void): Promise<void> {
    await before
    await this.#schedule.pause()
    hear()
  }

  async #deliver(message: BusMessage, handler: Handler, group: string): Promise<void> {
    const { random } = this.#schedule
    await this.#schedule.pause()
    await handler(message)
    for (const { types, hear, after } of this.#followers) {
      if (after === group && types.includes(message.type)) hear(message)
    }
    if (random.chance(REPEATED_SHARE)) await handler(message)
    if (random.chance(LATE_SHARE)) void this.#deliverLate(message, handler)
  }

  async #deliverLate(message: BusMessage, handler: Handler): Promise<void> {
    for (let pauses = 0; pauses < LATE_PAUSES; pauses++) await this.#schedule.pause()
    await handler(message)
  }
}
