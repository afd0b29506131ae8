/** Search: people and hashtags by how they begin, and anything of this server by its address. */
import type { Accounts } from '../../accounts/contract.ts'
import type { AccountView, Hydration, StatusView } from '../../hydration/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import { presentTag } from '../../mastodon/tag.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import { parseId } from '../../snowflake/contract.ts'
import type { SocialGraph } from '../../social-graph/contract.ts'
import type { StatusStore } from '../../status-store/contract.ts'
import { normalizeHashtag } from '../../text/entities.ts'
import type { Call } from '../call.ts'
import { PAGE_LIMITS, readLimit, readOffset } from '../paging.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import { memberNamed, type Users } from './members.ts'

export interface SearchDeps {
  accounts: Pick<Accounts, 'byUsername' | 'searchByPrefix'> & Users
  statuses: Pick<StatusStore, 'tagsByPrefix'>
  hydration: Pick<Hydration, 'accounts' | 'statuses'>
  graph: Pick<SocialGraph, 'relation'>
  present: Presenting
  clock: Clock
}

const KINDS = ['accounts', 'statuses', 'hashtags'] as const
type Kind = (typeof KINDS)[number]

/** Clients name one kind in the plural or the singular. */
const KIND_NAMES: Readonly<Record<string, Kind>> = {
  accounts: 'accounts',
  account: 'accounts',
  statuses: 'statuses',
  status: 'statuses',
  hashtags: 'hashtags',
  hashtag: 'hashtags',
}

const QUERY_MAX = 500

interface Found {
  accounts: AccountView[]
  statuses: StatusView[]
  hashtags: string[]
}

const NOTHING: Found = { accounts: [], statuses: [], hashtags: [] }

export function searchRoutes(edge: Edge, deps: SearchDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v2/search',
    auth: 'optional',
    scopes: ['read:search'],
    handler: async (call) => {
      const found = await search(deps, call)
      const { site } = deps.present
      return {
        accounts: deps.present.accounts(found.accounts),
        statuses: await deps.present.statuses(found.statuses, call.viewer),
        hashtags: found.hashtags.map((name) =>
          presentTag({ name, ...(call.viewer !== undefined && { following: false }) }, deps.clock.nowMs(), site.urls),
        ),
        collections: [],
      }
    },
  })
}

async function search(deps: SearchDeps, call: Call): Promise<Found> {
  const { params, viewer } = call
  refuseAnonymous(call)
  const query = params.requireText('q', { max: QUERY_MAX }).trim()
  const limit = readLimit(params, PAGE_LIMITS.statuses)
  const offset = readOffset(params)
  const kinds = kindsOf(params.text('type'))
  if (limit === 0) return NOTHING
  const address = addressOf(query, deps.present.site.urls.base)
  if (address !== undefined) return offset > 0 ? NOTHING : byAddress(deps, address, kinds, viewer)
  // Only one kind can be paged, or the offset would mean three things.
  if (offset > 0 && kinds.length > 1) return NOTHING
  return {
    accounts: kinds.includes('accounts') ? await people(deps, call, query, { limit, offset }) : [],
    statuses: [],
    hashtags: kinds.includes('hashtags') && !query.startsWith('@') ? await tags(deps, query, { limit, offset }) : [],
  }
}

function refuseAnonymous({ params, viewer }: Call): void {
  if (viewer !== undefined) return
  if (params.text('offset')) {
    throw new AppError('unauthenticated', 'Search queries pagination is not supported without authentication')
  }
  if (params.bool('resolve') === true) {
    throw new AppError(
      'unauthenticated',
      'Search queries that resolve remote resources are not supported without authentication',
    )
  }
}

function kindsOf(type: string | undefined): readonly Kind[] {
  if (type === undefined || type === '') return KINDS
  const kind = KIND_NAMES[type]
  return kind === undefined ? [] : [kind]
}

interface Address {
  username: string
  status: string | undefined
}

/** `https://here/@name` or `https://here/@name/1`. */
function addressOf(query: string, base: string): Address | undefined {
  if (!query.startsWith(`${base}/`)) return undefined
  const [, username, status] =
    /^\/(?:@|users\/)(\w{1,30})(?:\/(?:statuses\/)?(\d{1,19}))?\/?$/.exec(query.slice(base.length)) ?? []
  return username === undefined ? undefined : { username, status }
}

async function byAddress(
  deps: SearchDeps,
  address: Address,
  kinds: readonly Kind[],
  viewer: AccountId | undefined,
): Promise<Found> {
  if (address.status !== undefined) {
    const id = parseId<StatusView['status']['id']>(address.status)
    if (id === undefined || !kinds.includes('statuses')) return NOTHING
    return { ...NOTHING, statuses: await deps.hydration.statuses([id], viewer) }
  }
  if (!kinds.includes('accounts')) return NOTHING
  const account = await memberNamed(deps.accounts, address.username)
  if (account === undefined || account.suspended) return NOTHING
  return { ...NOTHING, accounts: await deps.hydration.accounts([account.id]) }
}

interface Stretch {
  limit: number
  offset: number
}

/** Suspended people are gone, and whoever blocks the viewer is not shown to them. */
async function people(deps: SearchDeps, { params, viewer }: Call, query: string, at: Stretch): Promise<AccountView[]> {
  const prefix = localName(query, deps.present.site.urls.domain)
  if (prefix === undefined) return []
  const onlyFollowed = params.bool('following') === true && viewer !== undefined
  const records = await deps.accounts.searchByPrefix(prefix, at.limit, at.offset)
  const shown = records.filter((account) => {
    if (account.suspended) return false
    if (viewer === undefined) return true
    const relation = deps.graph.relation(viewer, account.id)
    return !relation.blockedBy && (!onlyFollowed || relation.following)
  })
  return deps.hydration.accounts(shown.map((account) => account.id))
}

/** `@name`, `name@here` and `name` are one; a name elsewhere is nobody here. */
function localName(query: string, domain: string): string | undefined {
  const handle = query.replace(/^@/, '')
  const at = handle.lastIndexOf('@')
  if (at < 0) return handle === '' ? undefined : handle
  const host = handle.slice(at + 1).toLowerCase()
  return host !== '' && domain.toLowerCase().startsWith(host) ? handle.slice(0, at) : undefined
}

async function tags(deps: SearchDeps, query: string, at: Stretch): Promise<string[]> {
  const prefix = normalizeHashtag(query.replace(/^#/, ''))
  if (prefix === '' || /\s/.test(query)) return []
  const names = await deps.statuses.tagsByPrefix(prefix, at.limit + at.offset)
  return names.slice(at.offset)
}
