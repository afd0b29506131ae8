/** Times of recent statuses, in memory: the newest LIVES_MAX; older ones are forgotten. */
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { StatusLife, StatusLives } from './contract.ts'

export const LIVES_MAX = 10_000

export function recentLives(livesMax = LIVES_MAX): StatusLives {
  const lives = new Map<StatusId, StatusLife>()
  return {
    note(id, author, change) {
      const life = lives.get(id) ?? newLife(id, author)
      lives.set(id, Object.assign(life, change))
      if (lives.size <= livesMax) return
      const oldest = lives.keys().next()
      if (oldest.done !== true) lives.delete(oldest.value)
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
