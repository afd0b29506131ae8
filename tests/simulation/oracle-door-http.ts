/** The door that clients use. */
import type {
  AccountJson,
  Cursors,
  Door,
  EdgeVerb,
  Id,
  MarkVerb,
  NotificationJson,
  RelationshipJson,
  StatusJson,
} from './oracle-door.ts'
import { Refused } from './oracle-door.ts'

const REFUSALS: Record<number, string> = { 403: 'forbidden', 404: 'not_found', 422: 'invalid' }
/** What `GET /statuses?id[]` takes at once. */
const STATUS_IDS_MAX = 20

const MARKS: Record<MarkVerb, string> = {
  favourite: 'favourite',
  unfavourite: 'unfavourite',
  bookmark: 'bookmark',
  unbookmark: 'unbookmark',
  pin: 'pin',
  unpin: 'unpin',
  muteThread: 'mute',
  unmuteThread: 'unmute',
  unboost: 'unreblog',
}

const EDGES: Record<EdgeVerb, (to: Id) => string> = {
  unfollow: (to) => `accounts/${to}/unfollow`,
  removeFollower: (to) => `accounts/${to}/remove_from_followers`,
  block: (to) => `accounts/${to}/block`,
  unblock: (to) => `accounts/${to}/unblock`,
  unmute: (to) => `accounts/${to}/unmute`,
  accept: (to) => `follow_requests/${to}/authorize`,
  reject: (to) => `follow_requests/${to}/reject`,
}

interface Answer {
  status: number
  body: unknown
  link: string
}

/** `url` says where the next request goes. `tokens` by account; who has none is anonymous. */
export function httpDoor(url: () => string, tokens: ReadonlyMap<Id, string>): Door {
  const ask = (viewer: Id | undefined, method: string, path: string, body?: object) =>
    request(`${url()}/api/v1/${path}`, method, { token: viewer === undefined ? undefined : tokens.get(viewer), body })
  const write = async (by: Id, path: string, body: object = {}, method = 'POST') =>
    (await ask(by, method, path, body)).body
  const read = async (viewer: Id | undefined, path: string) => (await ask(viewer, 'GET', path)).body
  /** Undefined instead of "not found". */
  const find = async (viewer: Id | undefined, path: string): Promise<unknown> => {
    try {
      return await read(viewer, path)
    } catch (error) {
      if (error instanceof Refused && error.code === 'not_found') return undefined
      throw error
    }
  }
  return {
    async post(by, { text, language, visibility, replyTo }) {
      const made = await write(by, 'statuses', { status: text, language, visibility, in_reply_to_id: replyTo })
      return (made as StatusJson).id
    },
    async edit(by, of, { text, language }) {
      await write(by, `statuses/${of}`, { status: text, language }, 'PUT')
    },
    boost: async (by, of, visibility) => ((await write(by, `statuses/${of}/reblog`, { visibility })) as StatusJson).id,
    async remove(by, of) {
      await write(by, `statuses/${of}`, {}, 'DELETE')
    },
    async mark(by, verb, of) {
      await write(by, `statuses/${of}/${MARKS[verb]}`)
    },
    async follow(by, to, { boosts, bell, languages }) {
      // An empty list is how clients say "all".
      await write(by, `accounts/${to}/follow`, {
        reblogs: boosts,
        notify: bell,
        languages: languages === null ? [] : languages,
      })
    },
    async mute(by, to, notifications, seconds) {
      await write(by, `accounts/${to}/mute`, { notifications, duration: seconds })
    },
    async edge(by, verb, to) {
      await write(by, EDGES[verb](to))
    },
    async clearNotifications(by) {
      await write(by, 'notifications/clear')
    },
    home: async (viewer, page) => (await read(viewer, `timelines/home?${query(page)}`)) as StatusJson[],
    publicTimeline: async (viewer, page) => (await read(viewer, `timelines/public?${query(page)}`)) as StatusJson[],
    profile: async (viewer, owner, page, filter) =>
      (await read(viewer, `accounts/${owner}/statuses?${query(page, filter)}`)) as StatusJson[],
    async statuses(viewer, ids) {
      const found: StatusJson[] = []
      for (let from = 0; from < ids.length; from += STATUS_IDS_MAX) {
        const some = idList(ids.slice(from, from + STATUS_IDS_MAX))
        found.push(...((await read(viewer, `statuses?${some}`)) as StatusJson[]))
      }
      return found
    },
    status: async (viewer, id) => (await find(viewer, `statuses/${id}`)) as StatusJson | undefined,
    context: async (viewer, id) =>
      (await find(viewer, `statuses/${id}/context`)) as Awaited<ReturnType<Door['context']>>,
    async marked(viewer, list, page) {
      const { body, link } = await ask(viewer, 'GET', `${list}?${query(page)}`)
      const older = /[?&]max_id=(\d+)[^>]*>; rel="next"/.exec(link)?.[1]
      const newer = /[?&]min_id=(\d+)[^>]*>; rel="prev"/.exec(link)?.[1]
      return { items: body as StatusJson[], older, newer }
    },
    notifications: async (viewer, page) => (await read(viewer, `notifications?${query(page)}`)) as NotificationJson[],
    relationships: async (viewer, ids) =>
      (await read(viewer, `accounts/relationships?with_suspended=true&${idList(ids)}`)) as RelationshipJson[],
    accounts: async (ids) => (await read(undefined, `accounts?${idList(ids)}`)) as AccountJson[],
  }
}

async function request(
  url: string,
  method: string,
  { token, body }: { token: string | undefined; body: object | undefined },
): Promise<Answer> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const response = await fetch(url, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
  const text = await response.text()
  const refusal = REFUSALS[response.status]
  if (refusal !== undefined) throw new Refused(refusal, { cause: text })
  if (response.status !== 200) throw new Error(`${method} ${url}: ${response.status} ${text}`)
  return { status: response.status, body: JSON.parse(text), link: response.headers.get('link') ?? '' }
}

function query(page: Cursors, filter: object = {}): string {
  const named = { max_id: page.maxId, min_id: page.minId, since_id: page.sinceId, limit: page.limit, ...filter }
  const given = Object.entries(named).filter(([, value]) => value !== undefined)
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
}

function idList(ids: readonly Id[]): string {
  return ids.map((id) => `id[]=${id}`).join('&')
}
