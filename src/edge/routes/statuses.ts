/** Statuses: writing, reading, editing and deleting them. */
import { notFound } from '../../kit/errors.ts'
import { failpoint } from '../../kit/failpoint.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import { UnexpectedMentions } from '../../write-api/contract.ts'
import { Refusal } from '../errors.ts'
import type { Edge } from '../routing.ts'
import { presentScheduled } from './scheduled-statuses.ts'
import { statusActRoutes } from './statuses-acts.ts'
import { readDraft, readEdit } from './statuses-draft.ts'
import { statusPastRoutes } from './statuses-past.ts'
import { statusPeopleRoutes } from './statuses-people.ts'
import { READ_STATUSES, WRITE_STATUSES, type StatusRouteDeps } from './statuses-view.ts'

/** Statuses asked for by id at once. */
const STATUS_IDS_MAX = 20

export function statusRoutes(edge: Edge, deps: StatusRouteDeps): void {
  writeRoutes(edge, deps)
  readRoutes(edge, deps)
  statusActRoutes(edge, deps)
  statusPastRoutes(edge, deps)
  statusPeopleRoutes(edge, deps)
}

function writeRoutes(edge: Edge, deps: StatusRouteDeps): void {
  const { hydration, present, writing } = deps
  edge.route({
    method: 'POST',
    path: '/api/v1/statuses',
    auth: 'user',
    scopes: WRITE_STATUSES,
    limits: ['statuses'],
    handler: async (call) => {
      call.reply.raw.once('finish', () => failpoint('W4'))
      const draft = readDraft(call)
      const atMs = call.params.moment('scheduled_at')
      if (atMs !== undefined) {
        const scheduled = await withUnexpectedAccounts(deps, () => writing.schedule(call.viewer, draft, atMs))
        return presentScheduled(deps, scheduled)
      }
      const { id } = await withUnexpectedAccounts(deps, () => writing.post(call.viewer, draft))
      return present.status(await hydration.status(id, call.viewer), call.viewer)
    },
  })
  edge.route({
    method: ['PUT', 'PATCH'],
    path: '/api/v1/statuses/:id',
    auth: 'user',
    scopes: WRITE_STATUSES,
    handler: async (call) => {
      const { id } = await writing.edit(call.viewer, call.params.id<StatusId>('id'), readEdit(call.params))
      return present.status(await hydration.status(id, call.viewer), call.viewer)
    },
  })
  edge.route({
    method: 'DELETE',
    path: '/api/v1/statuses/:id',
    auth: 'user',
    scopes: WRITE_STATUSES,
    limits: ['status_delete'],
    handler: async (call) => {
      const id = call.params.id<StatusId>('id')
      const [view] = await hydration.statuses([id], call.viewer)
      // As it is before it goes: the answer is all that a redraft has.
      const shown = view && (await present.deletedStatus(view, call.viewer))
      await writing.remove(call.viewer, id, call.params.bool('delete_media') === true)
      // One's own boost of what one may not see any more: it is gone now, but cannot be shown.
      if (shown === undefined) throw notFound()
      return shown
    },
  })
}

function readRoutes(edge: Edge, deps: StatusRouteDeps): void {
  const { hydration, present, timelines } = deps
  edge.route({
    method: 'GET',
    path: '/api/v1/statuses',
    auth: 'optional',
    scopes: READ_STATUSES,
    handler: async (call) => {
      const ids = call.params.ids<StatusId>('id', STATUS_IDS_MAX)
      return present.statuses(await hydration.statuses(ids, call.viewer), call.viewer)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/statuses/:id',
    auth: 'optional',
    scopes: READ_STATUSES,
    handler: async (call) => {
      const view = await hydration.status(call.params.id<StatusId>('id'), call.viewer)
      return present.status(view, call.viewer)
    },
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/statuses/:id/context',
    auth: 'optional',
    scopes: READ_STATUSES,
    handler: async (call) => {
      const thread = await timelines.thread(call.viewer, call.params.id<StatusId>('id'))
      return present.context(thread, call.viewer)
    },
  })
}

/** Clients ask the person whether to tell these accounts, too. */
async function withUnexpectedAccounts<Result>(deps: StatusRouteDeps, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    if (!(error instanceof UnexpectedMentions)) throw error
    const accounts = deps.present.accounts(await deps.hydration.accounts(error.accounts))
    throw new Refusal(422, { error: error.message, unexpected_accounts: accounts })
  }
}
