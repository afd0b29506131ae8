/** The source text of a status, and the texts it had before. */
import type { StatusView } from '../../hydration/contract.ts'
import { presentStatusSource, type Revision } from '../../mastodon/status.ts'
import type { StatusId } from '../../snowflake/contract.ts'
import type { Edge } from '../routing.ts'
import { properView, READ_STATUSES, type StatusRouteDeps } from './statuses-view.ts'

export function statusPastRoutes(edge: Edge, deps: StatusRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/statuses/:id/source',
    auth: 'user',
    scopes: READ_STATUSES,
    handler: async (call) => presentStatusSource(await properView(deps, call.params.id<StatusId>('id'), call.viewer)),
  })
  edge.route({
    method: 'GET',
    path: '/api/v1/statuses/:id/history',
    auth: 'optional',
    scopes: READ_STATUSES,
    handler: async (call) => {
      const view = await properView(deps, call.params.id<StatusId>('id'), call.viewer)
      return deps.present.statusEdits([...(await earlier(deps, view)), current(view)], view.author)
    },
  })
}

function current({ status, media, mentions, poll }: StatusView): Revision {
  const { text, spoilerText, sensitive } = status
  const pollOptions = poll?.options ?? null
  const createdAtMs = status.editedAtMs ?? status.createdAtMs
  return { createdAtMs, text, spoilerText, sensitive, media, mentions, pollOptions }
}

/** Oldest first. Pictures that were deleted since are missing, as are people. */
async function earlier({ hydration, media, statuses }: StatusRouteDeps, { status }: StatusView): Promise<Revision[]> {
  if (status.revision === 0) return []
  const edits = await statuses.edits(status.id)
  const [pictures, people] = await Promise.all([
    media.byIds([...new Set(edits.flatMap((edit) => edit.media.map(({ id }) => id)))]),
    hydration.accounts([...new Set(edits.flatMap((edit) => edit.mentions))]),
  ])
  const byId = new Map(pictures.map((picture) => [picture.id, picture]))
  const usernames = new Map(people.map(({ account }) => [account.id, account.username]))
  return edits.map((edit) => ({
    ...edit,
    media: edit.media.flatMap(({ id, description }) => {
      const picture = byId.get(id)
      return picture === undefined ? [] : [{ ...picture, description }]
    }),
    mentions: edit.mentions.flatMap((id) => {
      const username = usernames.get(id)
      return username === undefined ? [] : [{ id, username }]
    }),
  }))
}
