/** What relationship routes share: showing how things stand. */
import type { Hydration } from '../../hydration/contract.ts'
import { presentRelationship, type Relationship } from '../../mastodon/relationship.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'

export interface RelationshipDeps {
  graph: SocialGraph
  hydration: Pick<Hydration, 'accounts'>
}

/** Each with the viewer's private note. */
export async function relationshipsWith(
  graph: SocialGraph,
  viewer: AccountId,
  targets: readonly AccountId[],
): Promise<Relationship[]> {
  const notes = targets.length === 0 ? undefined : await graph.notes(viewer, targets)
  return targets.map((id) => presentRelationship(id, graph.relation(viewer, id), notes?.get(id) ?? ''))
}

export async function relationshipWith(
  graph: SocialGraph,
  viewer: AccountId,
  target: AccountId,
): Promise<Relationship> {
  const notes = await graph.notes(viewer, [target])
  return presentRelationship(target, graph.relation(viewer, target), notes.get(target) ?? '')
}
