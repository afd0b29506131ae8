/** Search: people, hashtags and statuses, and anything of this server by its address. */
import type { Accounts } from '../../accounts/contract.ts'
import type { Blender, SearchRequest } from '../../blender/contract.ts'
import type { Discovery } from '../../discovery/contract.ts'
import type { Order } from '../../earlybird/contract.ts'
import type { AccountView, Hydration, StatusView } from '../../hydration/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { AppError } from '../../kit/errors.ts'
import type { AccountId, StatusId } from '../../snowflake/contract.ts'
import { parseId } from '../../snowflake/contract.ts'
import type { TagFollows } from '../../tag-follows/contract.ts'
import type { Call } from '../call.ts'
import { PAGE_LIMITS, readLimit, readOffset } from '../paging.ts'
import type { Presenting } from '../presenting.ts'
import type { Edge } from '../routing.ts'
import { memberNamed, type Users } from './members.ts'
import { presentTags } from './tag-entities.ts'

export interface SearchDeps {
  accounts: Pick<Accounts, 'byUsername'> & Users
  blender: Pick<Blender, 'hashtags' | 'people' | 'statuses'>
  discovery: Pick<Discovery, 'tagHistory'>
  tagFollows: Pick<TagFollows, 'followedBy'>
  hydration: Pick<Hydration, 'accounts' | 'statuses'>
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

const ORDERS: readonly Order[] = ['newest', 'relevance']
const NOTES_CHARACTERS_MAX = 1_000

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
      return {
        accounts: deps.present.accounts(found.accounts),
        statuses: await deps.present.statuses(found.statuses, call.viewer),
        hashtags: await presentTags(deps, found.hashtags, call.viewer),
        collections: [],
      }
    },
  })
}

async function search(deps: SearchDeps, call: Call): Promise<Found> {
  const { params, viewer } = call
  refuseAnonymous(call)
  const text = params.requireText('q').trim()
  const stretch = { limit: readLimit(params, PAGE_LIMITS.statuses), offset: readOffset(params) }
  const kinds = kindsOf(params.text('type'))
  if (stretch.limit === 0) return NOTHING
  const address = addressOf(text, deps.present.site.urls.base)
  if (address !== undefined) return stretch.offset > 0 ? NOTHING : byAddress(deps, address, kinds, viewer)
  // Only one kind can be paged, or the offset would mean three things.
  if (stretch.offset > 0 && kinds.length > 1) return NOTHING
  const following = params.bool('following') === true && viewer !== undefined
  const isHandle = text.startsWith('@')
  const [accounts, statuses, hashtags] = await Promise.all([
    kinds.includes('accounts') && !text.startsWith('#')
      ? deps.blender.people({ text, viewer, following, ...stretch })
      : [],
    kinds.includes('statuses') ? statusesOf(deps, call, text, stretch) : [],
    kinds.includes('hashtags') && !isHandle ? deps.blender.hashtags(viewer, text, stretch) : [],
  ])
  return { accounts, statuses, hashtags }
}

/** Who is not signed in finds no statuses: people were asked who *on this server* may find what they write. */
async function statusesOf(
  { blender }: SearchDeps,
  call: Call,
  text: string,
  stretch: { limit: number; offset: number },
): Promise<StatusView[]> {
  const { params, viewer } = call
  if (viewer === undefined) return []
  const request: SearchRequest = {
    text,
    viewer,
    ...stretch,
    order: params.choice('order', ORDERS) ?? 'newest',
    typing: params.bool('typing') === true,
    author: params.optionalId<AccountId>('account_id'),
    maxId: params.cursor('max_id') as StatusId | undefined, // cursors, not statuses
    minId: params.cursor('min_id') as StatusId | undefined,
  }
  const { statuses, notes, partial } = await blender.statuses(request)
  // For people who wonder; clients of Mastodon do not look for it.
  if (notes.length > 0)
    call.setHeader('x-search-notes', encodeURI(notes.join(' ').slice(0, NOTES_CHARACTERS_MAX).toWellFormed()))
  if (partial.length > 0) call.setHeader('x-search-partial', partial.join(', '))
  return statuses
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
