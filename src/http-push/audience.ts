/**
 * Who hears of what happened: the rules that REST reads by, asked for each viewer at the moment of sending. What the
 * candidates are is only a matter of speed; `concerns` alone decides.
 */
import type { EventBodies } from '../events/contract.ts'
import { canSee, isVisibleAtHome, isVisibleToStrangers, type StatusView } from '../hydration/contract.ts'
import { showsReply, type Lists } from '../lists/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { Relation, SocialGraph } from '../social-graph/contract.ts'
import type { TagFollows } from '../tag-follows/contract.ts'
import { hashtagKey, listKey, personalKey, type Channel } from './channel.ts'
import type { Happening } from './happening.ts'
import type { Listener } from './line.ts'
import type { Prepared } from './preparing.ts'
import type { Topic, Topics } from './topics.ts'

/** What the rules ask, all of it in memory. */
export interface Rules {
  graph: Pick<SocialGraph, 'relation' | 'followersPage' | 'followerCount'>
  lists: Pick<Lists, 'hiddenFromHome' | 'watchedWith'>
  tagFollows: Pick<TagFollows, 'followedBy'>
}

interface AudienceDeps extends Rules {
  topics: Topics
  listeners: ReadonlyMap<AccountId, Listener>
}

const FOLLOWERS_PAGE = 4_096
const PUBLIC_KEYS = ['public', 'public:local', 'public:media', 'public:local:media'] as const

export class Audience {
  readonly #deps: AudienceDeps

  constructor(deps: AudienceDeps) {
    this.#deps = deps
  }

  /** Every topic that may have somebody who hears of it. */
  *topicsFor(prepared: Prepared): Generator<Topic> {
    for (const key of this.#keysFor(prepared)) {
      const topic = this.#deps.topics.find(key)
      if (topic !== undefined) yield topic
    }
  }

  /** Whether anybody here might hear of a status by this author; false saves looking it up. */
  hasListenersFor(author: AccountId, tags: readonly string[]): boolean {
    const { topics } = this.#deps
    for (const { channel } of topics.all()) {
      if (channel.kind !== 'user' && channel.kind !== 'user:notification' && channel.kind !== 'direct') return true
    }
    return !this.#homesOf(author).next().done || !this.#followersOf(tags).next().done
  }

  /** Whether it is worth looking up for `viewer` on this channel: of other people's news, that is known without. */
  mayConcern({ kind }: Channel, viewer: AccountId, happening: Happening): boolean {
    switch (happening.kind) {
      case 'status':
      case 'delete':
        return kind !== 'user:notification' && kind !== 'direct'
      case 'notification':
        return happening.recipient === viewer && (kind === 'user' || kind === 'user:notification')
      case 'conversation':
        return happening.account === viewer && kind === 'direct'
      case 'filters':
        return happening.account === viewer && kind === 'user'
    }
  }

  /** Whether `viewer` is told of it by this channel. */
  concerns(channel: Channel, viewer: AccountId, prepared: Prepared): boolean {
    switch (prepared.kind) {
      case 'status':
        return this.#showsStatus(channel, viewer, prepared)
      case 'delete':
        return this.#tellsOfDeletion(channel, viewer, prepared.deleted)
      case 'personal':
        return viewer === prepared.account && prepared.channels.includes(channel.kind)
    }
  }

  *#keysFor(prepared: Prepared): Generator<string> {
    if (prepared.kind === 'personal') {
      for (const kind of prepared.channels) yield personalKey(kind, prepared.account)
      return
    }
    const { author, tags, isPublic } = subjectOf(prepared)
    if (isPublic) {
      yield* PUBLIC_KEYS
      for (const tag of tags) {
        yield hashtagKey('hashtag', tag)
        yield hashtagKey('hashtag:local', tag)
      }
    }
    const homes = new Set(this.#homesOf(author))
    if (isPublic) for (const account of this.#followersOf(tags)) homes.add(account)
    for (const account of homes) yield personalKey('user', account)
    for (const { record } of this.#deps.lists.watchedWith(author)) yield listKey(record.id)
  }

  /** Connected people who follow the author, and the author: by the smaller of the two sets. */
  *#homesOf(author: AccountId): Generator<AccountId> {
    const { graph, listeners } = this.#deps
    if (listeners.has(author)) yield author
    if (graph.followerCount(author) > listeners.size) {
      for (const account of listeners.keys()) {
        if (account !== author && graph.relation(account, author).following) yield account
      }
      return
    }
    let afterIndex = -1
    for (;;) {
      const { followers, lastIndex } = graph.followersPage(author, afterIndex, FOLLOWERS_PAGE)
      for (const account of followers) if (listeners.has(account)) yield account
      if (followers.length < FOLLOWERS_PAGE) return
      afterIndex = lastIndex
    }
  }

  /** Connected people who follow one of the hashtags. */
  *#followersOf(tags: readonly string[]): Generator<AccountId> {
    if (tags.length === 0) return
    for (const account of this.#deps.listeners.keys()) {
      const followed = this.#deps.tagFollows.followedBy(account)
      if (followed.size > 0 && tags.some((tag) => followed.has(tag))) yield account
    }
  }

  #showsStatus(channel: Channel, viewer: AccountId, { view }: Prepared & { kind: 'status' }): boolean {
    const { graph, lists, tagFollows } = this.#deps
    const relationTo = (target: AccountId) => graph.relation(viewer, target)
    switch (channel.kind) {
      case 'user':
        return (
          maySee(viewer, view, relationTo) &&
          isVisibleAtHome(viewer, view, relationTo, tagFollows.followedBy(viewer)) &&
          lists.hiddenFromHome(viewer)?.has(view.status.accountId) !== true
        )
      case 'list': {
        const list = lists.watchedWith(view.status.accountId).find(({ record }) => record.id === channel.list)
        const isListed =
          list?.record.account === viewer && (view.boostOf !== undefined || showsReply(list, view.status))
        return isListed && maySee(viewer, view, relationTo) && isVisibleAtHome(viewer, view, relationTo)
      }
      case 'hashtag':
      case 'hashtag:local':
        return view.status.tags.includes(channel.tag) && isForEveryone(view) && this.#showsStranger(viewer, view)
      case 'public':
      case 'public:local':
        return isForEveryone(view) && !isReply(view) && this.#showsStranger(viewer, view)
      case 'public:media':
      case 'public:local:media': {
        const isShown = isForEveryone(view) && !isReply(view) && view.media.length > 0
        return isShown && this.#showsStranger(viewer, view)
      }
      default:
        return false
    }
  }

  #showsStranger(viewer: AccountId, view: StatusView): boolean {
    const { account } = view.author
    const relation = this.#deps.graph.relation(viewer, account.id)
    const sight = { authorSuspended: account.suspended, relation }
    return canSee(viewer, view.status, sight) && isVisibleToStrangers(viewer, account, relation)
  }

  /** Those who may have been shown it. Nothing is left of it but its id, which is all they are told. */
  #tellsOfDeletion(channel: Channel, viewer: AccountId, deleted: EventBodies['status.deleted']): boolean {
    const { author, visibility, mentions = [], tags = [], boostOf } = deleted
    if (viewer === author) return channel.kind === 'user' || visibility === 'public'
    const relation = this.#deps.graph.relation(viewer, author)
    if (relation.blockedBy || visibility === undefined) return false
    switch (channel.kind) {
      case 'user':
        return relation.following && (visibility !== 'direct' || mentions.includes(viewer))
      case 'hashtag':
      case 'hashtag:local':
        return visibility === 'public' && boostOf === null && tags.includes(channel.tag)
      case 'list':
        return visibility !== 'direct'
      case 'user:notification':
      case 'direct':
        return false
      default:
        return visibility === 'public' && boostOf === null
    }
  }
}

/** `canSee`, of the boosted status too. */
function maySee(viewer: AccountId, view: StatusView, relationTo: (target: AccountId) => Relation): boolean {
  const relation = relationTo(view.status.accountId)
  const isSeen = canSee(viewer, view.status, { authorSuspended: view.author.account.suspended, relation })
  return isSeen && (view.boostOf === undefined || maySee(viewer, view.boostOf, relationTo))
}

function isForEveryone({ status }: StatusView): boolean {
  return status.visibility === 'public' && status.boostOf === null
}

/** Answers to others are no news for everyone; a thread with oneself is. */
function isReply({ status }: StatusView): boolean {
  return status.inReplyToAccount !== null && status.inReplyToAccount !== status.accountId
}

function subjectOf(prepared: Prepared & { kind: 'status' | 'delete' }): {
  author: AccountId
  tags: readonly string[]
  isPublic: boolean
} {
  if (prepared.kind === 'status') {
    const { status } = prepared.view
    return { author: status.accountId, tags: status.tags, isPublic: isForEveryone(prepared.view) }
  }
  const { author, tags = [], visibility, boostOf } = prepared.deleted
  return { author, tags, isPublic: visibility === 'public' && boostOf === null }
}
