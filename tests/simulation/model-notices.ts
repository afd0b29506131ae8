/** Who is told of what in the model: when it happens, and again when it is shown. */
import {
  blocks,
  canSee,
  followOf,
  hasMutedThread,
  muteOf,
  postOf,
  requestOf,
  type ModelPost,
  type ModelWorld,
  type Notice,
  type NoticeType,
  type Person,
  type Post,
} from './model.ts'

type News = Omit<Notice, 'dismissed'>

/**
 * Nobody is told of themselves, by somebody suspended, across a block, by somebody whose notifications are muted, of what
 * they cannot see, or of a thread that they have muted; nor of being mentioned beside somebody they want no notice of.
 */
export function mayTell(world: ModelWorld, { to, type, from, about }: News): boolean {
  if (to === from || world.people[from]?.suspended !== false) return false
  if (blocks(world, to, from) || blocks(world, from, to)) return false
  if (muteOf(world, to, from)?.notifications === true) return false
  if (about === null) return true
  const post = postOf(world, about)
  if (post === undefined || !canSee(world, to, about) || hasMutedThread(world, to, post.thread)) return false
  return type !== 'mention' || !besideUnwanted(world, to, post)
}

function besideUnwanted(world: ModelWorld, to: Person, { mentions, replyToPerson }: ModelPost): boolean {
  return [...mentions, ...(replyToPerson === null ? [] : [replyToPerson])].some(
    (one) => one !== to && (blocks(world, to, one) || muteOf(world, to, one)?.notifications === true),
  )
}

/** Told once, and not again when dismissed; but a new edit, follow or request is news again. */
export function tell(world: ModelWorld, news: News): void {
  if (!mayTell(world, news)) return
  const { to, type, from, source } = news
  const isSame = (one: Notice) => one.to === to && one.type === type && one.from === from && one.source === source
  const renews = type === 'update' || type === 'follow' || type === 'follow_request'
  if (!renews && world.notices.some(isSame)) return
  world.notices = world.notices.filter((one) => !isSame(one))
  world.notices.push({ ...news, dismissed: false })
}

export function tellOfPost(world: ModelWorld, post: ModelPost): void {
  tellMentioned(world, post)
  // The bell is for what everybody hears: no direct statuses, no answers to others; whoever is mentioned knows already.
  const answersOthers = post.replyToPerson !== null && post.replyToPerson !== post.author
  if (post.visibility === 'direct' || answersOthers) return
  for (const { by, to, bell, languages } of world.follows) {
    const isWanted = languages === null || post.language === null || languages.includes(post.language)
    if (to !== post.author || !bell || !isWanted || post.mentions.includes(by)) continue
    tell(world, { to: by, type: 'status', from: post.author, source: post.post, about: post.post })
  }
}

/** Whoever is mentioned now and was not told yet; and whoever boosted it. */
export function tellOfEdit(world: ModelWorld, post: ModelPost): void {
  tellMentioned(world, post)
  for (const { author: booster, boostOf } of world.posts) {
    if (boostOf !== post.post) continue
    tell(world, { to: booster, type: 'update', from: post.author, source: post.post, about: post.post })
  }
}

function tellMentioned(world: ModelWorld, { post, author, mentions }: ModelPost): void {
  for (const to of mentions) tell(world, { to, type: 'mention', from: author, source: post, about: post })
}

/** The follow or request of `by` is no more. */
export function retract(world: ModelWorld, type: 'follow' | 'follow_request', by: Person, to: Person): void {
  world.notices = world.notices.filter((one) => one.type !== type || one.from !== by || one.to !== to)
}

/** A block clears what the blocker was told of the other, for good. */
export function dismissFrom(world: ModelWorld, to: Person, from: Person): void {
  for (const notice of world.notices) if (notice.to === to && notice.from === from) notice.dismissed = true
}

export function forgetPost(world: ModelWorld, post: Post): void {
  world.notices = world.notices.filter(
    ({ type, source, about }) => about !== post && !(type === 'reblog' && source === post),
  )
}

/** Newest first. */
export function noticesOf(world: ModelWorld, viewer: Person): Notice[] {
  return world.notices
    .filter((notice) => notice.to === viewer && !notice.dismissed && isStanding(world, notice))
    .toReversed()
}

/** Whether the notice may be shown as things are now. */
export function isStanding(world: ModelWorld, notice: News): boolean {
  return mayTell(world, notice) && hasCause(world, notice)
}

/** Whether that of which it tells is so. */
export function hasCause(world: ModelWorld, { to, type, from, source, about }: News): boolean {
  const causes: Record<NoticeType, () => boolean> = {
    follow: () => followOf(world, from, to) !== undefined,
    follow_request: () => requestOf(world, from, to) !== undefined,
    favourite: () =>
      postOf(world, about)?.author === to && world.favourites.some(({ by, of }) => by === from && of === about),
    reblog: () => postOf(world, source)?.author === from && postOf(world, source)?.boostOf === about,
    // Who was mentioned once has been told, whatever the text says now.
    mention: () => postOf(world, about)?.author === from,
    status: () => postOf(world, about)?.author === from,
    update: () => (postOf(world, about)?.edits ?? 0) > 0,
  }
  return causes[type]()
}
