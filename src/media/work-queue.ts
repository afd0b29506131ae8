/** Runs at most so many pieces of work at once, and lets a bounded number wait. */
import { AppError } from '../kit/errors.ts'

export interface WorkQueueLimits {
  concurrentMax: number
  waitingMax: number
  /** Said to whom finds the queue full. */
  fullText: string
  retryAfterSeconds: number
}

export interface WorkQueue {
  /** Runs the work when its turn comes. Throws `unavailable` at once when the queue is full. */
  run<T>(work: () => Promise<T>): Promise<T>
}

export function workQueue(limits: WorkQueueLimits): WorkQueue {
  const waiting: (() => void)[] = []
  let running = 0

  async function turn(): Promise<void> {
    if (running < limits.concurrentMax) {
      running++
      return
    }
    if (waiting.length >= limits.waitingMax) {
      throw new AppError('unavailable', limits.fullText, { retryAfterSeconds: limits.retryAfterSeconds })
    }
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  return {
    async run(work) {
      await turn()
      try {
        return await work()
      } finally {
        // The place goes to the next one without becoming free in between.
        const next = waiting.shift()
        if (next === undefined) running--
        else next()
      }
    },
  }
}
