/** What one person does about another: follow, block, mute, note. Every answer is the relationship as it is afterwards. */
import type { AccountView } from '../../hydration/contract.ts'
import type { Clock } from '../../kit/clock.ts'
import { AppError, notFound } from '../../kit/errors.ts'
import type { AccountId } from '../../snowflake/contract.ts'
import type { FollowOptions, SocialGraph } from '../../social-graph/contract.ts'
import type { UserCall } from '../call.ts'
import { invalid, type Params } from '../params.ts'
import type { ThrottleName } from '../rate-limits.ts'
import type { Edge } from '../routing.ts'
import type { Scope } from '../scopes.ts'
import { requireMember, type Users } from './members.ts'
import { relationshipsWith, relationshipWith, type RelationshipDeps } from './relationships-shown.ts'

/** Accounts whose relationships are asked for at once. */
const RELATIONSHIPS_MAX = 80
/** Characters of a private note, as in Mastodon. */
const NOTE_CHARACTERS_MAX = 2_000
/** Languages of one follow. */
const FOLLOW_LANGUAGES_MAX = 100
/** Longest mute with an end: longer ones are better without. */
const MUTE_SECONDS_MAX = 10 * 365 * 24 * 60 * 60

/** BCP 47 primary language, perhaps with a script or region, as Mastodon's list of languages has them. */
const LANGUAGE = /^[a-z]{2,3}(-[A-Za-z]{2,4})?$/

export type RelationshipRouteDeps = RelationshipDeps & { accounts: Users; clock: Clock }

const FOLLOWS: readonly Scope[] = ['write:follows']
const BLOCKS: readonly Scope[] = ['write:blocks']
const MUTES: readonly Scope[] = ['write:mutes']
const ACCOUNTS: readonly Scope[] = ['write:accounts']

export function relationshipRoutes(edge: Edge, deps: RelationshipRouteDeps): void {
  edge.route({
    method: 'GET',
    path: '/api/v1/accounts/relationships',
    auth: 'user',
    scopes: ['read:follows'],
    handler: async (call) => {
      const ids = call.params.ids<AccountId>('id', RELATIONSHIPS_MAX)
      const withSuspended = call.params.bool('with_suspended') === true
      const views = await deps.hydration.accounts(ids)
      const known = views.filter(({ account }) => withSuspended || !account.suspended)
      return relationshipsWith(
        deps.graph,
        call.viewer,
        known.map(({ account }) => account.id),
      )
    },
  })
  followRoutes(edge, deps)
  blockRoutes(edge, deps)
  personalRoutes(edge, deps)
}

/** What an act needs to know: who, about whom, and the rest of the request. */
interface Act {
  viewer: AccountId
  target: AccountView
  params: Params
  graph: SocialGraph
}

interface Deed {
  scopes: readonly Scope[]
  limits?: readonly ThrottleName[]
  /** Left out where Mastodon answers as if nothing had been asked: nobody blocks or mutes themselves. */
  aboutSelf?: true
  act: (act: Act) => Promise<void>
}

function addDeed(edge: Edge, deps: RelationshipRouteDeps, verb: string, deed: Deed): void {
  const { graph } = deps
  edge.route({
    method: 'POST',
    path: `/api/v1/accounts/:id/${verb}`,
    auth: 'user',
    scopes: deed.scopes,
    ...(deed.limits && { limits: deed.limits }),
    handler: async (call: UserCall) => {
      const { viewer, params } = call
      const target = await requireMember(deps, params.id<AccountId>('id'))
      const isIdle = viewer === target.account.id && deed.aboutSelf !== true
      if (!isIdle) await deed.act({ viewer, target, params, graph })
      return relationshipWith(graph, viewer, target.account.id)
    },
  })
}

function followRoutes(edge: Edge, deps: RelationshipRouteDeps): void {
  addDeed(edge, deps, 'follow', {
    scopes: FOLLOWS,
    limits: ['follows'],
    aboutSelf: true,
    act: async ({ viewer, target, params, graph }) => {
      const { id, suspended, locked } = target.account
      if (suspended) throw notFound()
      const relation = graph.relation(viewer, id)
      if (viewer === id || relation.blocking || relation.blockedBy) throw notAllowed()
      const follower = await requireMember(deps, viewer)
      // Who is limited asks even where everybody else may simply follow.
      const mustAsk = !relation.following && (locked || follower.account.silenced)
      await graph.follow(viewer, id, mustAsk, readFollowOptions(params))
    },
  })
  addDeed(edge, deps, 'unfollow', {
    scopes: FOLLOWS,
    act: ({ viewer, target, graph }) => graph.unfollow(viewer, target.account.id),
  })
  addDeed(edge, deps, 'remove_from_followers', {
    scopes: FOLLOWS,
    act: ({ viewer, target, graph }) => graph.removeFollower(viewer, target.account.id),
  })
}

function blockRoutes(edge: Edge, deps: RelationshipRouteDeps): void {
  addDeed(edge, deps, 'block', {
    scopes: BLOCKS,
    act: ({ viewer, target, graph }) => graph.block(viewer, target.account.id),
  })
  addDeed(edge, deps, 'unblock', {
    scopes: BLOCKS,
    act: ({ viewer, target, graph }) => graph.unblock(viewer, target.account.id),
  })
  addDeed(edge, deps, 'mute', {
    scopes: MUTES,
    act: async ({ viewer, target, params, graph }) => {
      const seconds = params.int('duration', { min: 0, max: MUTE_SECONDS_MAX }) ?? 0
      const notifications = params.bool('notifications') ?? true
      const expiresAtMs = seconds === 0 ? null : deps.clock.nowMs() + seconds * 1000
      await graph.mute(viewer, target.account.id, { notifications, expiresAtMs })
    },
  })
  addDeed(edge, deps, 'unmute', {
    scopes: MUTES,
    act: ({ viewer, target, graph }) => graph.unmute(viewer, target.account.id),
  })
}

function personalRoutes(edge: Edge, deps: RelationshipRouteDeps): void {
  addDeed(edge, deps, 'note', {
    scopes: ACCOUNTS,
    aboutSelf: true,
    act: ({ viewer, target, params, graph }) =>
      graph.setNote(viewer, target.account.id, params.text('comment', { max: NOTE_CHARACTERS_MAX })?.trim() ?? ''),
  })
  // `pin` and `unpin` are the names before 4.4.
  for (const verb of ['endorse', 'pin']) {
    addDeed(edge, deps, verb, {
      scopes: ACCOUNTS,
      aboutSelf: true,
      act: async ({ viewer, target, graph }) => {
        const { id } = target.account
        if (!graph.relation(viewer, id).following) {
          throw new AppError(
            'invalid',
            'Validation failed: You must be already following the person you want to endorse',
          )
        }
        await graph.setEndorsed(viewer, id, true)
      },
    })
  }
  for (const verb of ['unendorse', 'unpin']) {
    addDeed(edge, deps, verb, {
      scopes: ACCOUNTS,
      act: ({ viewer, target, graph }) => graph.setEndorsed(viewer, target.account.id, false),
    })
  }
}

/** Only what was sent: a second follow changes only that. */
function readFollowOptions(params: Params): FollowOptions {
  const options: FollowOptions = {}
  const showBoosts = params.bool('reblogs')
  const notify = params.bool('notify')
  if (showBoosts !== undefined) options.showBoosts = showBoosts
  if (notify !== undefined) options.notify = notify
  if (params.has('languages')) {
    const languages = params.texts('languages', FOLLOW_LANGUAGES_MAX)
    if (!languages.every((language) => LANGUAGE.test(language))) throw invalid('languages', 'are invalid')
    options.languages = languages.length === 0 ? null : languages
  }
  return options
}

function notAllowed(): AppError {
  return new AppError('forbidden', 'This action is not allowed')
}
