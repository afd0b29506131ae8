import { dismissFrom, forgetPost, retract, tell, tellOfEdit, tellOfPost } from './model-notices.ts'
/** What people do in the model, and what becomes of it. */
import {
  blocks,
  canSee,
  followOf,
  postOf,
  properOf,
  requestOf,
  type Mark,
  type ModelPost,
  type ModelWorld,
  type Person,
  type Post,
  type Visibility,
} from './model.ts'

export interface FollowWish {
  boosts?: boolean
  bell?: boolean
  languages?: string[] | null
}

type MarkVerb =
  | 'favourite'
  | 'unfavourite'
  | 'bookmark'
  | 'unbookmark'
  | 'pin'
  | 'unpin'
  | 'muteThread'
  | 'unmuteThread'
  | 'unboost'
  | 'delete'

type EdgeVerb = 'unfollow' | 'removeFollower' | 'accept' | 'reject' | 'block' | 'unblock' | 'unmute'

/** `post` is the number that a new post gets, when it is made. */
export type Act =
  | {
      do: 'post'
      by: Person
      post: Post
      visibility: Visibility
      mentions: Person[]
      replyTo: Post | null
      words: string
      language: string
    }
  | { do: 'boost'; by: Person; post: Post; of: Post; visibility: Visibility }
  | { do: 'edit'; by: Person; of: Post; mentions: Person[]; words: string; language: string }
  | { do: MarkVerb; by: Person; of: Post }
  | ({ do: 'follow'; by: Person; to: Person } & FollowWish)
  | { do: 'mute'; by: Person; to: Person; notifications: boolean; minutes: number | null }
  | { do: EdgeVerb; by: Person; to: Person }
  | { do: 'clear' | 'suspend' | 'unsuspend' | 'forget'; by: Person }
  | { do: 'look'; by: Person; rows: number }
  | { do: 'wait'; minutes: number }
  | { do: 'restart' }

/** How the server answers. */
export type Outcome = 'done' | 'not_found' | 'forbidden' | 'invalid'

const PINS_MAX = 5

export function perform(world: ModelWorld, act: Act): Outcome {
  switch (act.do) {
    case 'post':
      return write(world, act)
    case 'boost':
      return boost(world, act)
    case 'edit':
      return edit(world, act)
    case 'follow':
      return follow(world, act)
    case 'mute':
      world.mutes = world.mutes.filter((one) => one.by !== act.by || one.to !== act.to)
      world.mutes.push({
        by: act.by,
        to: act.to,
        notifications: act.notifications,
        endsAtMinute: act.minutes === null ? null : world.minute + act.minutes,
      })
      return 'done'
    case 'wait':
      world.minute += act.minutes
      return 'done'
    case 'clear':
      for (const notice of world.notices) if (notice.to === act.by) notice.dismissed = true
      return 'done'
    case 'suspend':
    case 'unsuspend': {
      const person = world.people[act.by]
      if (person !== undefined) person.suspended = act.do === 'suspend'
      return 'done'
    }
    case 'look':
    case 'forget':
    case 'restart':
      return 'done'
    default:
      return 'of' in act ? markOrTakeBack(world, act) : changeEdge(world, act)
  }
}

/** Names of nobody, of somebody suspended, and of somebody whom the author blocks are just text. */
function mentioned(world: ModelWorld, author: Person, names: readonly Person[]): Person[] {
  return names.filter((one) => world.people[one]?.suspended === false && !blocks(world, author, one))
}

function write(world: ModelWorld, act: Act & { do: 'post' }): Outcome {
  const { by: author, post, visibility, words, language } = act
  if (act.replyTo !== null && !canSee(world, author, act.replyTo)) return 'not_found'
  const parent = act.replyTo === null ? undefined : properOf(world, act.replyTo)
  const fresh: ModelPost = {
    post,
    author,
    visibility,
    boostOf: null,
    replyTo: parent?.post ?? null,
    replyToPerson: parent === undefined ? null : partner(parent, author),
    thread: parent?.thread ?? post,
    words,
    language,
    mentions: mentioned(world, author, act.mentions),
    edits: 0,
  }
  world.posts.push(fresh)
  tellOfPost(world, fresh)
  return 'done'
}

/** Who goes on in their own reply still talks to the one they replied to. */
function partner(parent: ModelPost, author: Person): Person {
  return parent.author === author && parent.replyToPerson !== null ? parent.replyToPerson : parent.author
}

function boost(world: ModelWorld, { by, post, of, visibility }: Act & { do: 'boost' }): Outcome {
  const original = properOf(world, of)
  if (original === undefined || !canSee(world, by, of)) return 'not_found'
  const isOpen = original.visibility === 'public' || original.visibility === 'unlisted'
  const isOwnPrivate = original.visibility === 'private' && original.author === by
  if (!(isOpen || isOwnPrivate) || blocks(world, by, original.author)) return 'forbidden'
  if (world.posts.some((one) => one.author === by && one.boostOf === original.post)) return 'done'
  world.posts.push({
    post,
    author: by,
    visibility: original.visibility === 'private' ? 'private' : visibility,
    boostOf: original.post,
    replyTo: null,
    replyToPerson: null,
    thread: post,
    words: '',
    language: null,
    mentions: [],
    edits: 0,
  })
  tell(world, { to: original.author, type: 'reblog', from: by, source: post, about: original.post })
  return 'done'
}

function edit(world: ModelWorld, { by, of, words, mentions, language }: Act & { do: 'edit' }): Outcome {
  const found = postOf(world, of)
  if (found === undefined || found.author !== by || found.boostOf !== null) return 'not_found'
  found.words = words
  found.language = language
  found.mentions = mentioned(world, by, mentions)
  found.edits += 1
  tellOfEdit(world, found)
  return 'done'
}

function markOrTakeBack(world: ModelWorld, { do: verb, by, of }: Act & { do: MarkVerb }): Outcome {
  const proper = properOf(world, of)
  if (proper === undefined) return 'not_found'
  switch (verb) {
    case 'delete':
      if (postOf(world, of)?.author !== by) return 'not_found'
      remove(world, of)
      return 'done'
    case 'unboost': {
      const own = world.posts.find((one) => one.author === by && one.boostOf === proper.post)
      if (own === undefined) return canSee(world, by, of) ? 'done' : 'not_found'
      remove(world, own.post)
      return 'done'
    }
    case 'favourite':
    case 'bookmark':
    case 'pin':
    case 'muteThread':
      return canSee(world, by, of) ? mark(world, { do: verb, by, of }, proper) : 'not_found'
    default: {
      // What is taken back may be hidden by now; what never was there must be visible, or it is not found.
      const taken = takeBack(world, verb, by, proper)
      return taken || canSee(world, by, of) ? 'done' : 'not_found'
    }
  }
}

function mark(
  world: ModelWorld,
  { do: verb, by, of }: { do: 'favourite' | 'bookmark' | 'pin' | 'muteThread'; by: Person; of: Post },
  proper: ModelPost,
): Outcome {
  const own: Mark = { by, of: proper.post }
  switch (verb) {
    case 'favourite':
      if (blocks(world, by, proper.author)) return 'forbidden'
      if (has(world.favourites, own)) return 'done'
      world.favourites.push(own)
      tell(world, { to: proper.author, type: 'favourite', from: by, source: proper.post, about: proper.post })
      return 'done'
    case 'bookmark':
      if (!has(world.bookmarks, own)) world.bookmarks.push(own)
      return 'done'
    case 'pin': {
      const isBoost = postOf(world, of)?.boostOf !== null
      if (isBoost || proper.author !== by || proper.visibility === 'direct') return 'invalid'
      if (has(world.pins, own)) return 'done'
      if (world.pins.filter((one) => one.by === by).length >= PINS_MAX) return 'invalid'
      world.pins.push(own)
      return 'done'
    }
    case 'muteThread': {
      const { thread } = proper
      if (!world.mutedThreads.some((one) => one.by === by && one.thread === thread)) {
        world.mutedThreads.push({ by, thread })
      }
      return 'done'
    }
  }
}

function has(marks: readonly Mark[], { by, of }: Mark): boolean {
  return marks.some((one) => one.by === by && one.of === of)
}

/** False when there was nothing to take back. */
function takeBack(
  world: ModelWorld,
  verb: 'unfavourite' | 'unbookmark' | 'unpin' | 'unmuteThread',
  by: Person,
  { post, thread }: ModelPost,
): boolean {
  const others = (marks: readonly Mark[]) => marks.filter((one) => one.by !== by || one.of !== post)
  const before = [world.favourites, world.bookmarks, world.pins, world.mutedThreads].flat().length
  switch (verb) {
    case 'unfavourite':
      world.favourites = others(world.favourites)
      world.notices = world.notices.filter(
        ({ type, from, about }) => type !== 'favourite' || from !== by || about !== post,
      )
      break
    case 'unbookmark':
      world.bookmarks = others(world.bookmarks)
      break
    case 'unpin':
      world.pins = others(world.pins)
      break
    case 'unmuteThread':
      world.mutedThreads = world.mutedThreads.filter((one) => one.by !== by || one.thread !== thread)
  }
  return [world.favourites, world.bookmarks, world.pins, world.mutedThreads].flat().length < before
}

/** With its boosts, and everything that hangs on any of them. Answers stay, and keep the number of what they answered. */
function remove(world: ModelWorld, post: Post): void {
  const gone = world.posts.filter((one) => one.post === post || one.boostOf === post).map((one) => one.post)
  world.posts = world.posts.filter((one) => !gone.includes(one.post))
  const isLeft = ({ of }: Mark) => !gone.includes(of)
  world.favourites = world.favourites.filter(isLeft)
  world.bookmarks = world.bookmarks.filter(isLeft)
  world.pins = world.pins.filter(isLeft)
  for (const one of gone) forgetPost(world, one)
}

function follow(world: ModelWorld, { by, to, boosts, bell, languages }: Act & { do: 'follow' }): Outcome {
  const target = world.people[to]
  if (target === undefined || target.suspended) return 'not_found'
  if (by === to || blocks(world, by, to) || blocks(world, to, by)) return 'forbidden'
  const before = followOf(world, by, to) ?? requestOf(world, by, to)
  const wanted = before ?? { by, to, boosts: true, bell: false, languages: null }
  // A second follow changes only what it names.
  if (boosts !== undefined) wanted.boosts = boosts
  if (bell !== undefined) wanted.bell = bell
  if (languages !== undefined) wanted.languages = languages
  if (followOf(world, by, to) !== undefined) return 'done'
  if (target.locked) {
    if (before !== undefined) return 'done'
    world.requests.push(wanted)
    tell(world, { to, type: 'follow_request', from: by, source: null, about: null })
    return 'done'
  }
  endRequest(world, by, to)
  world.follows.push(wanted)
  tell(world, { to, type: 'follow', from: by, source: null, about: null })
  return 'done'
}

function endFollow(world: ModelWorld, by: Person, to: Person): boolean {
  const before = world.follows.length
  world.follows = world.follows.filter((one) => one.by !== by || one.to !== to)
  retract(world, 'follow', by, to)
  return world.follows.length < before
}

function endRequest(world: ModelWorld, by: Person, to: Person): boolean {
  const before = world.requests.length
  world.requests = world.requests.filter((one) => one.by !== by || one.to !== to)
  retract(world, 'follow_request', by, to)
  return world.requests.length < before
}

function changeEdge(world: ModelWorld, { do: verb, by, to }: Act & { do: EdgeVerb }): Outcome {
  switch (verb) {
    case 'unfollow':
      if (!endFollow(world, by, to)) endRequest(world, by, to)
      return 'done'
    case 'removeFollower':
      endFollow(world, to, by)
      return 'done'
    case 'accept': {
      const request = requestOf(world, to, by)
      if (request === undefined) return 'not_found'
      endRequest(world, to, by)
      world.follows.push(request)
      tell(world, { to: by, type: 'follow', from: to, source: null, about: null })
      return 'done'
    }
    case 'reject':
      return endRequest(world, to, by) ? 'done' : 'not_found'
    case 'block':
      if (blocks(world, by, to)) return 'done'
      for (const [source, target] of [
        [by, to],
        [to, by],
      ] as const) {
        endFollow(world, source, target)
        endRequest(world, source, target)
      }
      world.blocks.push({ by, to })
      dismissFrom(world, by, to)
      return 'done'
    case 'unblock':
      world.blocks = world.blocks.filter((one) => one.by !== by || one.to !== to)
      return 'done'
    case 'unmute':
      world.mutes = world.mutes.filter((one) => one.by !== by || one.to !== to)
      return 'done'
  }
}
