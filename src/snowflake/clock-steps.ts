/**
 * Notices a wall clock that was set forward: it is compared with a clock that nobody sets. Ids of the future would sort
 * above everything for as long as the step was wide, so minting is refused until the clock is right again. A machine that
 * slept (a laptop's lid) looks the same at first, and is told apart by the time it slept.
 */
import type { SteadyClock } from '../kit/clock.ts'

/** A wall clock further ahead than this is not believed. */
export const CLOCK_AHEAD_MS_MAX = 10_000

export interface ClockSteps {
  /** Whether the wall clock, now reading `wallMs`, was set forward since it was last believed. */
  isAhead(wallMs: number): boolean
}

export const noClockSteps: ClockSteps = { isAhead: () => false }

export function watchClockSteps(steady: SteadyClock, wallMs: number): ClockSteps {
  let believedMs = wallMs
  let awakeMs = steady.awakeMs()
  let sleptMs = steady.sleptMs()
  return {
    isAhead(nowMs: number): boolean {
      const nowAwakeMs = steady.awakeMs()
      const aheadMs = nowMs - believedMs - (nowAwakeMs - awakeMs)
      if (aheadMs > CLOCK_AHEAD_MS_MAX) {
        const nowSleptMs = steady.sleptMs()
        if (aheadMs - (nowSleptMs - sleptMs) > CLOCK_AHEAD_MS_MAX) return true
        sleptMs = nowSleptMs
      }
      // Never follows the clock back, or its return to the right time would look like a step forward.
      if (aheadMs > 0) {
        believedMs = nowMs
        awakeMs = nowAwakeMs
      }
      return false
    },
  }
}
