/** Times of recent statuses, in memory: the newest LIVES_MAX; older ones are forgotten. */
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusLife, StatusLives } from './contract.ts'

const LIVES_MAX = 10_000

export function recentLives(livesMax = LIVES_MAX): StatusLives {
  const lives = new Map<StatusId, StatusLife>()
  // A ring of their ids: asking the map for its oldest key would walk over all that were deleted.
  const ring: StatusId[] = []
  let oldest = 0
  return {
    note(id, author, change) {
      const known = lives.get(id)
      if (known !== undefined) {
        Object.assign(known, change)
        return
      }
      lives.set(id, Object.assign(newLife(id, author), change))
      if (ring.length < livesMax) {
        ring.push(id)
        return
      }
      const forgotten = ring[oldest]
      if (forgotten !== undefined) lives.delete(forgotten)
      ring[oldest] = id
      oldest = (oldest + 1) % livesMax
    },
    find: (id) => lives.get(id),
  }
}

function newLife(id: StatusId, author: AccountId): StatusLife {
  return {
    id,
    author,
    acceptedAtMs: null,
    committedAtMs: null,
    relayedAtMs: null,
    fannedOutAtMs: null,
    followers: 0,
    delivered: 0,
    shards: [],
    mergedAtRead: false,
  }
}
