/** Conversations: exchanges of direct statuses. */
import type { Conversations, ConversationView } from '../../conversations/contract.ts'
import { notFound } from '../../kit/errors.ts'
import { presentConversation } from '../../mastodon/conversation.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import { MARKS_LINKS, PAGE_LIMITS, pageLinks, readPage } from '../paging.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'

const PATH = '/api/v1/conversations'
const WRITE: readonly Scope[] = ['write:conversations']

export interface ConversationRouteDeps {
  conversations: Conversations
  present: Presenting
}

export function conversationRoutes(edge: Edge, deps: ConversationRouteDeps): void {
  const { conversations } = deps
  edge.route({
    method: 'GET',
    path: PATH,
    auth: 'user',
    scopes: ['read:statuses'],
    handler: async (call) => {
      const page = readPage(call.params, PAGE_LIMITS.statuses)
      const found = await conversations.list(call.viewer, page)
      const cursors = found.map(({ cursor }) => cursor)
      call.link(pageLinks(cursors, page.limit, MARKS_LINKS))
      return Promise.all(found.map(({ item }) => presented(deps, item, call.viewer)))
    },
  })
  edge.route({
    method: 'DELETE',
    path: `${PATH}/:id`,
    auth: 'user',
    scopes: WRITE,
    handler: async (call) => {
      if (!(await conversations.remove(call.viewer, call.params.id('id')))) throw notFound()
    },
  })
  for (const [name, unread] of [
    ['read', false],
    ['unread', true],
  ] as const) {
    edge.route({
      method: 'POST',
      path: `${PATH}/:id/${name}`,
      auth: 'user',
      scopes: WRITE,
      handler: async (call) => {
        const id = call.params.id('id')
        await conversations.setUnread(call.viewer, id, unread)
        const view = await conversations.find(call.viewer, id)
        if (view === undefined) throw notFound()
        return presented(deps, view, call.viewer)
      },
    })
  }
}

async function presented({ present }: ConversationRouteDeps, view: ConversationView, viewer: AccountId) {
  return presentConversation(view, present.site, await present.reader(viewer))
}
