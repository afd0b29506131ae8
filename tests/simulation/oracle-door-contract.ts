/** The door past HTTP: the flows' contracts, as the routes use them, and the same presenters. */
import { filterSource } from '../../src/edge/filter-source.ts'
import { Presenting } from '../../src/edge/presenting.ts'
import { AppError } from '../../src/kit/errors.ts'
import type { Page } from '../../src/kit/page.ts'
import { presentRelationship } from '../../src/mastodon/relationship.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { Blocks } from '../../src/roles/blocks.ts'
import type { AccountId, StatusId } from '../../src/snowflake/contract.ts'
import type { Draft, WriteApi } from '../../src/write-api/contract.ts'
import {
  Refused,
  type Cursors,
  type Door,
  type EdgeVerb,
  type Id,
  type MarkVerb,
  type StatusJson,
} from './oracle-door.ts'

const REFUSALS: readonly string[] = ['forbidden', 'not_found', 'invalid']

const MARKS = {
  favourite: 'favourite',
  unfavourite: 'unfavourite',
  bookmark: 'bookmark',
  unbookmark: 'unbookmark',
  pin: 'pin',
  unpin: 'unpin',
  muteThread: 'muteConversation',
  unmuteThread: 'unmuteConversation',
  unboost: 'unboost',
} as const satisfies Record<MarkVerb, keyof WriteApi>

const DRAFT: Draft = {
  text: '',
  spoilerText: '',
  visibility: undefined,
  sensitive: undefined,
  language: undefined,
  inReplyTo: undefined,
  media: [],
  allowedMentions: undefined,
  idempotencyKey: undefined,
  appId: null,
}

/** `current`: the blocks of now, which a restart changes. */
export function contractDoor(current: () => Blocks, nowMs: () => number): Door {
  const site = urls('http://localhost:3000', 'localhost:3000')
  const presenting = () => new Presenting(site, filterSource(current().filters))
  const page = async (views: Parameters<Presenting['statusPage']>[0], viewer: Id | undefined) =>
    JSON.parse(
      (await presenting().statusPage(views, viewer === undefined ? undefined : account(viewer))).toString(),
    ) as StatusJson[]
  const viewerOf = (viewer: Id | undefined) => (viewer === undefined ? undefined : account(viewer))
  return {
    post: (by, { text, language, visibility, replyTo }) =>
      refusing(async () => {
        const draft: Draft = {
          ...DRAFT,
          text,
          language,
          visibility,
          inReplyTo: replyTo === undefined ? undefined : status(replyTo),
        }
        return (await current().writeApi.post(account(by), draft)).id.toString()
      }),
    edit: (by, of, { text, language }) =>
      refusing(async () => {
        const edit = { text, spoilerText: '', sensitive: undefined, language, media: [], mediaChanges: [] }
        await current().writeApi.edit(account(by), status(of), edit)
      }),
    boost: (by, of, visibility) =>
      refusing(async () => (await current().writeApi.boost(account(by), status(of), visibility)).id.toString()),
    remove: (by, of) => refusing(() => current().writeApi.remove(account(by), status(of), false)),
    mark: (by, verb, of) => refusing(() => current().writeApi[MARKS[verb]](account(by), status(of))),
    follow: (by, to, { boosts, bell, languages }) =>
      refusing(async () => {
        // What the route decides.
        const { graph, hydration } = current()
        const [target] = await hydration.accounts([account(to)])
        if (target?.account.suspended !== false) throw new Refused('not_found')
        const mustAsk = target.account.locked && !graph.relation(account(by), account(to)).following
        await graph.follow(account(by), account(to), mustAsk, {
          ...(boosts !== undefined && { showBoosts: boosts }),
          ...(bell !== undefined && { notify: bell }),
          ...(languages !== undefined && { languages }),
        })
      }),
    mute: (by, to, notifications, seconds) =>
      refusing(() => {
        const expiresAtMs = seconds === 0 ? null : nowMs() + seconds * 1_000
        return current().graph.mute(account(by), account(to), { notifications, expiresAtMs })
      }),
    edge: (by, verb, to) => refusing(() => changeEdge(current().graph, verb, account(by), account(to))),
    clearNotifications: (by) => current().notifications.clear(account(by)),
    ...readingDoor(current, { page, presenting, viewerOf }),
  }
}

type Reads =
  | 'home'
  | 'publicTimeline'
  | 'profile'
  | 'statuses'
  | 'status'
  | 'context'
  | 'marked'
  | 'notifications'
  | 'relationships'
  | 'accounts'

interface Presenters {
  page: (views: Parameters<Presenting['statusPage']>[0], viewer: Id | undefined) => Promise<StatusJson[]>
  presenting: () => Presenting
  viewerOf: (viewer: Id | undefined) => AccountId | undefined
}

function readingDoor(current: () => Blocks, { page, presenting, viewerOf }: Presenters): Pick<Door, Reads> {
  const found = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return undefined
      throw error
    }
  }
  return {
    home: async (viewer, cursors) =>
      page((await current().timelines.home(account(viewer), pageOf(cursors))).statuses, viewer),
    async publicTimeline(viewer, cursors) {
      const filter = { onlyMedia: false }
      return page(
        (await current().timelines.publicTimeline(viewerOf(viewer), pageOf(cursors), filter)).statuses,
        viewer,
      )
    },
    async profile(viewer, owner, cursors, query) {
      const filter = {
        onlyMedia: query.only_media === true,
        excludeReplies: query.exclude_replies === true,
        excludeBoosts: query.exclude_reblogs === true,
        pinned: query.pinned === true,
        tagged: null,
      }
      const { timelines, hydration } = current()
      // What the route decides.
      const [view] = await hydration.accounts([account(owner)])
      if (view?.account.suspended !== false) return []
      return page((await timelines.account(viewerOf(viewer), account(owner), pageOf(cursors), filter)).statuses, viewer)
    },
    statuses: async (viewer, ids) =>
      page(await current().hydration.statuses(ids.map(status), viewerOf(viewer)), viewer),
    status: (viewer, id) =>
      found(async () =>
        presenting().status(await current().hydration.status(status(id), viewerOf(viewer)), viewerOf(viewer)),
      ),
    context: (viewer, id) =>
      found(async () =>
        presenting().context(await current().timelines.thread(viewerOf(viewer), status(id)), viewerOf(viewer)),
      ),
    async marked(viewer, list, cursors) {
      const marks = await current().timelines[list](account(viewer), pageOf(cursors))
      const items = await page(
        marks.map(({ view }) => view),
        viewer,
      )
      const isFull = marks.length >= cursors.limit
      return { items, older: isFull ? marks.at(-1)?.cursor.toString() : undefined, newer: marks[0]?.cursor.toString() }
    },
    async notifications(viewer, cursors) {
      const filter = { types: undefined, excludeTypes: undefined, from: undefined }
      const views = await current().notifications.list(account(viewer), pageOf(cursors), filter)
      return presenting().notifications(views, account(viewer))
    },
    relationships: async (viewer, ids) =>
      ids.map((id) => presentRelationship(account(id), current().graph.relation(account(viewer), account(id)), '')),
    accounts: async (ids) => presenting().accounts(await current().hydration.accounts(ids.map(account))),
  }
}

function changeEdge(graph: Blocks['graph'], verb: EdgeVerb, by: AccountId, to: AccountId): Promise<void> {
  switch (verb) {
    case 'unfollow':
      return graph.unfollow(by, to)
    case 'removeFollower':
      return graph.removeFollower(by, to)
    case 'block':
      return graph.block(by, to)
    case 'unblock':
      return graph.unblock(by, to)
    case 'unmute':
      return graph.unmute(by, to)
    case 'accept':
      return graph.acceptRequest(by, to)
    case 'reject':
      return graph.rejectRequest(by, to)
  }
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AppError && REFUSALS.includes(error.code)) throw new Refused(error.code, { cause: error })
    throw error
  }
}

function account(id: Id): AccountId {
  return BigInt(id) as AccountId
}

function status(id: Id): StatusId {
  return BigInt(id) as StatusId
}

function pageOf({ maxId, minId, sinceId, limit }: Cursors): Page {
  const cursor = (id: Id | undefined) => (id === undefined ? undefined : BigInt(id))
  return {
    maxId: cursor(maxId),
    minId: cursor(minId),
    sinceId: minId === undefined ? cursor(sinceId) : undefined,
    limit,
  }
}
