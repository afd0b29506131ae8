/** `GET /debug/life/:id`: where a status is on its way, for its author and those who run the server. */
import type { Accounts } from '../../accounts/contract.ts'
import type { StatusLife } from '../../fanout/contract.ts'
import { notFound } from '../../kit/errors.ts'
import { dateTime } from '../../mastodon/dates.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import type { Edge } from '../routing.ts'

export interface DebugDeps {
  lives: { find(id: StatusId): Promise<StatusLife | undefined> }
  accounts: Pick<Accounts, 'user'>
}

const STEPS = [
  ['accepted', 'acceptedAtMs'],
  ['committed', 'committedAtMs'],
  ['relayed', 'relayedAtMs'],
  ['fanned_out', 'fannedOutAtMs'],
] as const

export function debugRoutes(edge: Edge, { lives, accounts }: DebugDeps): void {
  edge.route({
    method: 'GET',
    path: '/debug/life/:id',
    auth: 'user',
    scopes: ['read:statuses'],
    handler: async ({ params, viewer }) => {
      const life = await lives.find(params.id<StatusId>('id'))
      if (life === undefined) throw notFound()
      if (life.author !== viewer) {
        const user = await accounts.user(viewer)
        if (user?.role !== 'owner' && user?.role !== 'admin') throw notFound()
      }
      return presentLife(life)
    },
  })
}

/** Moments, and the milliseconds since the status was accepted. */
function presentLife(life: StatusLife): object {
  const startMs = life.acceptedAtMs ?? life.committedAtMs ?? 0
  return {
    id: life.id.toString(),
    account_id: life.author.toString(),
    steps: STEPS.flatMap(([step, field]) => {
      const atMs = life[field]
      return atMs === null ? [] : [{ step, at: dateTime(atMs), ms: atMs - startMs }]
    }),
    followers: life.followers,
    delivered: life.delivered,
    shards: life.shards,
    merged_at_read: life.mergedAtRead,
  }
}
