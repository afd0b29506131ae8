/**
 * Events one after another: looked up side by side, a few ahead, and told strictly in the order in which they came. So one
 * slow look-up delays what comes after it and lets nothing overtake, and no stream ever shows an edit before its status.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { AppError } from '../kit/errors.ts'

export interface Step<T> {
  prepare: () => Promise<T>
  /** Told in order; waits only to let other work have its turn. */
  tell: (prepared: T) => Promise<void>
}

export interface ProcessionOptions {
  waitingMax: number
  lookUpsMax: number
  /** Steps were lost: whoever listens has missed something. */
  onLoss: (error: unknown) => void
}

/** How long an engine may be down before what it was asked for is given up. */
const TRIES_MAX = 6
const RETRY_MS = 250

interface Waiting {
  start: () => void
  run: () => Promise<void>
}

export class Procession {
  readonly #options: ProcessionOptions
  #waiting: Waiting[] = []
  #started = 0
  #running = false

  constructor(options: ProcessionOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#waiting.length
  }

  push<T>(step: Step<T>): void {
    if (this.#waiting.length >= this.#options.waitingMax) {
      this.#waiting = []
      this.#started = 0
      this.#options.onLoss(new Error('events came faster than they could be told'))
    }
    let prepared: Promise<T> | undefined
    const start = (): void => {
      if (prepared !== undefined) return
      prepared = patiently(step.prepare)
      prepared.catch(() => undefined) // seen when its turn comes
    }
    const run = async (): Promise<void> => {
      start()
      if (prepared !== undefined) await step.tell(await prepared)
    }
    this.#waiting.push({ start, run })
    this.#lookAhead()
    if (!this.#running) void this.#walk()
  }

  async #walk(): Promise<void> {
    this.#running = true
    for (;;) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#started = Math.max(0, this.#started - 1)
      this.#lookAhead()
      try {
        await next.run()
      } catch (error) {
        this.#options.onLoss(error)
      }
    }
    this.#running = false
  }

  #lookAhead(): void {
    while (this.#started < this.#options.lookUpsMax && this.#started < this.#waiting.length) {
      this.#waiting[this.#started]?.start()
      this.#started += 1
    }
  }
}

/** Tries again while an engine is down. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      const isOutage = error instanceof AppError && error.code === 'unavailable'
      if (!isOutage || tries === TRIES_MAX) throw error
      await sleep(RETRY_MS * tries, undefined, { ref: false })
    }
  }
}
