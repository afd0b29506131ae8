/** The conversation around a status: its ancestors in order, and what answers it, depth first. */
import { isSilencedFor, type Hydration, type StatusView } from '../hydration/contract.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { StatusStore, ThreadRow } from '../status-store/contract.ts'
import type { Thread } from './contract.ts'

/** As Mastodon: a person sees whole threads, an anonymous visitor the near part. */
export const THREAD_LIMITS = {
  person: { ancestors: 4_096, descendants: 4_096, depth: Number.POSITIVE_INFINITY },
  anonymous: { ancestors: 40, descendants: 60, depth: 20 },
} as const

export interface ThreadDeps {
  hydration: Hydration
  graph: Pick<SocialGraph, 'relation'>
  statuses: Pick<StatusStore, 'conversation'>
}

export async function readThread(deps: ThreadDeps, viewer: AccountId | undefined, id: StatusId): Promise<Thread> {
  const asked = await deps.hydration.status(id, viewer)
  const root = asked.boostOf ?? asked
  const limits = viewer === undefined ? THREAD_LIMITS.anonymous : THREAD_LIMITS.person
  const rows = await deps.statuses.conversation(root.status.id, Math.max(limits.ancestors, limits.descendants))
  const ancestorIds = ancestorsOf(rows, root.status.id).slice(-limits.ancestors)
  const descendantIds = descendantsOf(rows, root.status.id, limits.depth).slice(0, limits.descendants)
  const views = await deps.hydration.statuses([...ancestorIds, ...descendantIds], viewer)
  const shown = new Map(views.filter((view) => isShown(deps, viewer, view)).map((view) => [view.status.id, view]))
  return {
    ancestors: ancestorIds.flatMap((each) => shown.get(each) ?? []),
    descendants: selfRepliesFirst(descendantIds.flatMap((each) => shown.get(each) ?? [])),
  }
}

function isShown({ graph }: ThreadDeps, viewer: AccountId | undefined, { status, author }: StatusView): boolean {
  if (status.accountId === viewer) return true
  const relation = viewer === undefined ? undefined : graph.relation(viewer, status.accountId)
  if (isSilencedFor(relation)) return false
  return !author.account.silenced || relation?.following === true
}

/** Oldest first. */
function ancestorsOf(rows: readonly ThreadRow[], id: StatusId): StatusId[] {
  const parents = new Map(rows.map((row) => [row.id, row.inReplyTo]))
  const chain: StatusId[] = []
  let parent = parents.get(id) ?? null
  while (parent !== null && parents.has(parent) && chain.length < rows.length) {
    chain.unshift(parent)
    parent = parents.get(parent) ?? null
  }
  return chain
}

/** Depth first, answers to one status in the order of their time. */
function descendantsOf(rows: readonly ThreadRow[], id: StatusId, depthMax: number): StatusId[] {
  const children = Map.groupBy(rows, (row) => row.inReplyTo)
  const found: StatusId[] = []
  const stack = [{ id, depth: 0 }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.depth > 0) found.push(next.id)
    if (next.depth >= depthMax) continue
    const answers = (children.get(next.id) ?? []).toSorted((a, b) => (a.id < b.id ? 1 : -1))
    for (const answer of answers) stack.push({ id: answer.id, depth: next.depth + 1 })
  }
  return found
}

/** What an author adds to their own status comes before what others answer (Mastodon's `promote_by`). */
function selfRepliesFirst(views: StatusView[]): StatusView[] {
  const isSelfReply = ({ status }: StatusView) => status.inReplyToAccount === status.accountId
  return [...views.filter(isSelfReply), ...views.filter((view) => !isSelfReply(view))]
}
