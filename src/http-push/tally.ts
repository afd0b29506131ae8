/** What a hub counts. Rates are of the last ten whole seconds. */
const SECONDS = 10

export class Tally {
  events = 0
  frames = 0
  readonly #dropped = new Map<string, number>()
  readonly #refused = new Map<string, number>()
  /** Counts as of each of the last seconds, oldest first. */
  readonly #marks: { events: number; frames: number }[] = [{ events: 0, frames: 0 }]

  dropped(reason: string): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1)
  }

  refused(reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1)
  }

  /** Called once a second. */
  tick(): void {
    this.#marks.push({ events: this.events, frames: this.frames })
    if (this.#marks.length > SECONDS + 1) this.#marks.shift()
  }

  state() {
    const [oldest = { events: 0, frames: 0 }] = this.#marks
    const newest = this.#marks.at(-1) ?? oldest
    const seconds = Math.max(1, this.#marks.length - 1)
    return {
      dropped: Object.fromEntries(this.#dropped),
      refused: Object.fromEntries(this.#refused),
      events: this.events,
      frames: this.frames,
      eventsPerSecond: (newest.events - oldest.events) / seconds,
      framesPerSecond: (newest.frames - oldest.frames) / seconds,
    }
  }
}
