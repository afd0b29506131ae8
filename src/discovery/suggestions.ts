/**
 * Whom to follow: SALSA (Lempel and Moran, "The stochastic approach for link-structure analysis", 2001) on the graph in
 * memory, as in Gupta et al., "WTF: The Who to Follow Service at Twitter" (WWW 2013). The viewer's circle of trust are the
 * hubs, those whom they follow are the authorities; walks go back and forth between both, always beginning in the circle.
 */
import type { AccountId } from '../snowflake/contract.ts'

/** People of the circle, and people whom one of them follows, that are looked at; more are sampled evenly. */
const HUBS_MAX = 500
const FOLLOWED_MAX = 200
/** A circle smaller than this takes in friends of friends. */
const CIRCLE_MIN = 20
const ROUNDS = 3
/** How often a walk begins anew. */
const RESTART = 0.2

export interface FollowGraph {
  following(id: AccountId): AccountId[]
}

interface Hub {
  followed: readonly AccountId[]
  score: number
}

/** Best first, the circle and the viewer included: who may be suggested is the caller's to say. */
export function rankByCircle(graph: FollowGraph, viewer: AccountId): { id: AccountId; score: number }[] {
  const hubs = circleOf(graph, viewer)
  if (hubs.length === 0) return []
  const followers = new Map<AccountId, number>()
  for (const { followed } of hubs) for (const id of followed) followers.set(id, (followers.get(id) ?? 0) + 1)
  let authorities = new Map<AccountId, number>()
  for (let round = 0; round < ROUNDS; round += 1) {
    authorities = new Map()
    for (const { followed, score } of hubs) {
      const share = score / followed.length
      for (const id of followed) authorities.set(id, (authorities.get(id) ?? 0) + share)
    }
    for (const hub of hubs) {
      let back = 0
      for (const id of hub.followed) back += (authorities.get(id) ?? 0) / (followers.get(id) ?? 1)
      hub.score = RESTART / hubs.length + (1 - RESTART) * back
    }
  }
  return Array.from(authorities, ([id, score]) => ({ id, score })).toSorted(
    (one, other) => other.score - one.score || (one.id < other.id ? -1 : 1),
  )
}

function circleOf(graph: FollowGraph, viewer: AccountId): Hub[] {
  const friends = graph.following(viewer)
  const circle = new Set(sample(friends, HUBS_MAX))
  if (circle.size < CIRCLE_MIN) {
    for (const friend of friends) {
      for (const id of sample(graph.following(friend), CIRCLE_MIN)) if (circle.size < HUBS_MAX) circle.add(id)
    }
  }
  circle.delete(viewer)
  return [...circle].flatMap((id): Hub[] => {
    const followed = sample(graph.following(id), FOLLOWED_MAX)
    return followed.length === 0 ? [] : [{ followed, score: 1 / circle.size }]
  })
}

/** Every so many, so that none of a kind is left out. */
function sample<Item>(items: readonly Item[], max: number): readonly Item[] {
  if (items.length <= max) return items
  const step = items.length / max
  return Array.from({ length: max }, (_, n) => items[Math.floor(n * step)]).filter((item) => item !== undefined)
}
