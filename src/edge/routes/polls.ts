/** Polls by themselves: looked at again while people vote, and voted on. */
import type { StatusView } from '../../hydration/contract.ts'
import type { Hydration } from '../../hydration/contract.ts'
import { notFound } from '../../kit/errors.ts'
import { presentPoll, type Poll } from '../../mastodon/poll.ts'
import type { AccountId, StatusId } from '../../snowflake/contract.ts'
import type { WriteApi } from '../../write-api/contract.ts'
import type { Edge } from '../routing.ts'

/** Choices are read up to here, so that one that does not exist is told by that. */
const CHOICES_MAX = 100

export interface PollRouteDeps {
  hydration: Pick<Hydration, 'status'>
  writing: Pick<WriteApi, 'vote'>
}

export function pollRoutes(edge: Edge, { hydration, writing }: PollRouteDeps): void {
  const shown = async (id: StatusId, viewer: AccountId | undefined) =>
    pollOf(await hydration.status(id, viewer), viewer)
  edge.route({
    method: 'GET',
    path: '/api/v1/polls/:id',
    auth: 'optional',
    scopes: ['read:statuses'],
    handler: (call) => shown(call.params.id<StatusId>('id'), call.viewer),
  })
  edge.route({
    method: 'POST',
    path: '/api/v1/polls/:id/votes',
    auth: 'user',
    scopes: ['write:statuses'],
    handler: async (call) => {
      const id = call.params.id<StatusId>('id')
      await writing.vote(call.viewer, id, call.params.texts('choices', CHOICES_MAX).map(readChoice))
      return shown(id, call.viewer)
    },
  })
}

function pollOf({ poll, marks }: StatusView, viewer: AccountId | undefined): Poll {
  if (poll === undefined) throw notFound()
  return presentPoll(poll, marks, viewer)
}

/** No option is at -1, where words lead. */
function readChoice(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : -1
}
