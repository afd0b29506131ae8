/** People around a person: followers, followed, endorsed, known in common; and the search for people. */
import type { AccountRecord } from '../../accounts/contract.ts'
import type { Blender } from '../../blender/contract.ts'
import type { AccountView } from '../../hydration/contract.ts'
import type { Cursored, Page } from '../../kit/page.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'
import type { Call } from '../call.ts'
import { PAGE_LIMITS, pageLinks, PEOPLE_LINKS, readLimit, readOffset, readPage, type Links } from '../paging.ts'
import type { Edge } from '../routing.ts'
import type { AccountRouteDeps } from './accounts.ts'
import { requireMember } from './members.ts'

/** Pages read to fill one of which nobody may be shown. */
const REFILLS_MAX = 5
/** Accounts whose common acquaintances are asked for at once. */
const FAMILIAR_IDS_MAX = 80
/** Acquaintances shown of each; clients show about three. */
const FAMILIAR_SHOWN_MAX = 40

export interface AccountPeopleDeps extends AccountRouteDeps {
  blender: Pick<Blender, 'people'>
}

export function accountPeopleRoutes(edge: Edge, deps: AccountPeopleDeps): void {
  const { graph } = deps
  const lists = {
    followers: (id: AccountId, page: Page) => graph.listFollowers(id, page),
    following: (id: AccountId, page: Page) => graph.listFollowing(id, page),
    endorsements: (id: AccountId, page: Page) => graph.listEndorsed(id, page),
  }
  for (const [name, list] of Object.entries(lists)) {
    edge.route({
      method: 'GET',
      path: `/api/v1/accounts/:id/${name}`,
      auth: 'optional',
      scopes: ['read:accounts'],
      handler: async (call: Call) => {
        const { account } = await requireMember(deps, call.params.id<AccountId>('id'))
        const page = readPage(call.params, PAGE_LIMITS.accounts)
        if (isClosedTo(graph, call.viewer, account)) return []
        const walk = { viewer: call.viewer, owner: account.id, read: (part: Page) => list(account.id, part) }
        const { links, views } = await shownPeople(deps, walk, page)
        call.link(links)
        return deps.present.accounts(views)
      },
    })
  }
  familiarRoutes(edge, deps)
  searchRoutes(edge, deps)
}

/** Hidden by their owner, blocked by their owner, or gone: an empty list, as if there were nobody. */
function isClosedTo(graph: SocialGraph, viewer: AccountId | undefined, owner: AccountRecord): boolean {
  if (owner.suspended) return true
  if (viewer === owner.id) return false
  return owner.hideCollections === true || (viewer !== undefined && graph.relation(viewer, owner.id).blockedBy)
}

interface ShownPeopleDeps {
  graph: Pick<SocialGraph, 'relation'>
  hydration: AccountRouteDeps['hydration']
}

/** A list of people as somebody may see it. */
export interface PeopleWalk {
  viewer: AccountId | undefined
  /** Sees everybody on it; undefined for lists that are nobody's own. */
  owner: AccountId | undefined
  read: (page: Page) => Promise<Cursored<AccountId>[]>
}

/** Filter first, then cut: read on until the page is full. */
export async function shownPeople(
  { graph, hydration }: ShownPeopleDeps,
  { viewer, owner, read }: PeopleWalk,
  page: Page,
): Promise<{ links: Links; views: AccountView[] }> {
  const goingUp = page.minId !== undefined
  const shown: Cursored<AccountView>[] = []
  let rest = page
  let ended = page.limit === 0
  for (let round = 0; round <= REFILLS_MAX && !ended && shown.length < page.limit; round += 1) {
    const rows = await read(rest)
    ended = rows.length < page.limit
    rest = goingUp ? { ...page, minId: rows[0]?.cursor } : { ...page, maxId: rows.at(-1)?.cursor }
    const cursors = new Map(rows.map(({ item, cursor }) => [item, cursor]))
    const visible = (await hydration.accounts([...cursors.keys()]))
      .filter(({ account }) => isShownTo(graph, viewer, owner, account))
      .map((view) => ({ cursor: cursors.get(view.account.id) ?? 0n, item: view }))
    if (goingUp) shown.unshift(...visible)
    else shown.push(...visible)
  }
  const cut = goingUp ? shown.slice(-page.limit) : shown.slice(0, page.limit)
  const cursors = cut.map(({ cursor }) => cursor)
  // A page that stayed short although there is more must not end the walk.
  if (!goingUp && !ended && cut.length < page.limit && rest.maxId !== undefined) cursors.push(rest.maxId)
  const links = pageLinks(cursors, cursors.length > cut.length ? 0 : page.limit, PEOPLE_LINKS)
  return { links, views: cut.map(({ item }) => item) }
}

/** As Mastodon: on all but one's own lists, nobody whom one blocks or mutes, and nobody by whom one is blocked. */
function isShownTo(
  graph: Pick<SocialGraph, 'relation'>,
  viewer: AccountId | undefined,
  owner: AccountId | undefined,
  account: AccountRecord,
): boolean {
  if (account.suspended) return false
  if (viewer === undefined || viewer === owner) return true
  const { blocking, blockedBy, muting } = graph.relation(viewer, account.id)
  return !blocking && !blockedBy && !muting
}

function familiarRoutes(edge: Edge, deps: AccountRouteDeps): void {
  const { graph, hydration, present } = deps
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/familiar_followers',
    auth: 'user',
    scopes: ['read:follows'],
    handler: async (call) => {
      const targets = await hydration.accounts(call.params.ids<AccountId>('id', FAMILIAR_IDS_MAX))
      const familiar = new Map(
        targets.map(({ account }) => [
          account.id,
          isClosedTo(graph, call.viewer, account)
            ? []
            : graph.familiarFollowers(call.viewer, account.id).slice(0, FAMILIAR_SHOWN_MAX),
        ]),
      )
      const views = await hydration.accounts([...new Set([...familiar.values()].flat())])
      // Who hides whom they follow is not given away here.
      const open = new Map(
        views
          .filter(({ account }) => account.hideCollections !== true && !account.suspended)
          .map((view) => [view.account.id, view]),
      )
      return Array.from(familiar, ([id, followers]) => ({
        id: id.toString(),
        accounts: present.accounts(followers.flatMap((follower) => open.get(follower) ?? [])),
      }))
    },
  })
}

function searchRoutes(edge: Edge, { blender, present }: AccountPeopleDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/search',
    auth: 'user',
    scopes: ['read:accounts'],
    handler: async ({ params, viewer }) => {
      const offset = readOffset(params)
      const limit = readLimit(params, PAGE_LIMITS.accounts)
      const following = params.bool('following') === true
      const found = await blender.people({ text: params.text('q') ?? '', viewer, following, limit, offset })
      return present.accounts(found)
    },
  })
}
