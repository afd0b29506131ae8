/** What every viewer sees in the model: whole lists, from which pages are cut. */
import {
  blocks,
  canSee,
  followOf,
  hasMutedThread,
  muteOf,
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

type Viewer = Person | undefined

/** Everything of a status that the rules decide, as a client reads it. */
export interface Shown {
  post: Post
  author: Person
  authorCounts: { followers: number; following: number; statuses: number }
  visibility: Visibility
  words: string
  language: string | null
  replyTo: Post | null
  replyToPerson: Person | null
  mentions: Person[]
  isEdited: boolean
  counts: { replies: number; boosts: number; favourites: number }
  /** Null for an anonymous viewer. */
  marks: Marks | null
  boostOf: Shown | null
}

interface Marks {
  favourited: boolean
  boosted: boolean
  bookmarked: boolean
  threadMuted: boolean
  /** Null where it cannot be pinned by the viewer. */
  pinned: boolean | null
}

export interface ProfileFilter {
  excludeReplies: boolean
  excludeBoosts: boolean
  pinned: boolean
}

export interface Relationship {
  following: boolean
  boosts: boolean
  bell: boolean
  languages: string[] | null
  followedBy: boolean
  requested: boolean
  requestedBy: boolean
  blocking: boolean
  blockedBy: boolean
  muting: boolean
  mutingNotifications: boolean
  hasEnd: boolean
}

function newestFirst(posts: readonly ModelPost[]): Post[] {
  return posts.map(({ post }) => post).toSorted((a, b) => b - a)
}

function visible(world: ModelWorld, viewer: Viewer): ModelPost[] {
  return world.posts.filter(({ post }) => canSee(world, viewer, post))
}

/** Blocked in either direction, or muted. */
function isUnwelcome(world: ModelWorld, viewer: Viewer, other: Person): boolean {
  if (viewer === undefined || viewer === other) return false
  return blocks(world, other, viewer) || isRejected(world, viewer, other)
}

/** Blocked or muted by the viewer. */
function isRejected(world: ModelWorld, viewer: Person, other: Person): boolean {
  return viewer !== other && (blocks(world, viewer, other) || muteOf(world, viewer, other) !== undefined)
}

export function homeOf(world: ModelWorld, viewer: Person): Post[] {
  return newestFirst(visible(world, viewer).filter((post) => belongsHome(world, viewer, post)))
}

/** Mastodon's FeedManager, as far as there are no lists and no other servers. */
function belongsHome(world: ModelWorld, viewer: Person, post: ModelPost): boolean {
  const { author, boostOf, replyTo, replyToPerson } = post
  const boosted = postOf(world, boostOf)
  if (boosted !== undefined && isUnwelcome(world, viewer, boosted.author)) return false
  if (author === viewer) return true
  const follow = followOf(world, viewer, author)
  if (follow === undefined || isUnwelcome(world, viewer, author)) return false
  const text = boosted ?? post
  if (text.mentions.some((one) => isRejected(world, viewer, one))) return false
  if (follow.languages !== null && text.language !== null && !follow.languages.includes(text.language)) return false
  if (boosted !== undefined) return follow.boosts
  if (replyTo === null || replyToPerson === null) return true
  if (replyToPerson === viewer || replyToPerson === author) return true
  return followOf(world, viewer, replyToPerson) !== undefined && !isRejected(world, viewer, replyToPerson)
}

/** Public statuses by everybody whom the viewer does not keep away; boosts and answers to others are not among them. */
export function publicOf(world: ModelWorld, viewer: Viewer): Post[] {
  return newestFirst(
    visible(world, viewer).filter(({ author, visibility, boostOf, replyToPerson }) => {
      const startsOrGoesOn = replyToPerson === null || replyToPerson === author
      return visibility === 'public' && boostOf === null && startsOrGoesOn && !isUnwelcome(world, viewer, author)
    }),
  )
}

/** Who looks at a profile wants to see it: only boosts of people whom the viewer keeps away are left out. */
export function profileOf(world: ModelWorld, viewer: Viewer, owner: Person, filter: ProfileFilter): Post[] {
  const seen = visible(world, viewer).filter(({ author, boostOf, replyToPerson }) => {
    if (author !== owner) return false
    if (filter.excludeBoosts && boostOf !== null) return false
    if (filter.excludeReplies && replyToPerson !== null && replyToPerson !== author) return false
    const boosted = postOf(world, boostOf)
    return boosted === undefined || !isUnwelcome(world, viewer, boosted.author)
  })
  if (!filter.pinned) return newestFirst(seen)
  // The last pinned comes first.
  const pinned = world.pins.filter(({ by }) => by === owner).toReversed()
  return pinned.map(({ of }) => of).filter((of) => seen.some(({ post }) => post === of))
}

const ANONYMOUS_THREAD = { ancestors: 40, descendants: 60, depth: 20 }

export function threadOf(world: ModelWorld, viewer: Viewer, of: Post): { ancestors: Post[]; descendants: Post[] } {
  const root = properOf(world, of)
  if (root === undefined) return { ancestors: [], descendants: [] }
  const limits =
    viewer === undefined ? ANONYMOUS_THREAD : { ancestors: Infinity, descendants: Infinity, depth: Infinity }
  const above: Post[] = []
  for (let parent = postOf(world, root.replyTo); parent !== undefined; parent = postOf(world, parent.replyTo)) {
    above.unshift(parent.post)
  }
  const below: Post[] = []
  const descend = (post: Post, depth: number): void => {
    if (depth > limits.depth) return
    for (const answer of world.posts.filter((one) => one.replyTo === post)) {
      below.push(answer.post)
      descend(answer.post, depth + 1)
    }
  }
  descend(root.post, 1)
  const isShown = (post: Post): boolean => {
    const found = postOf(world, post)
    return found !== undefined && canSee(world, viewer, post) && !isUnwelcome(world, viewer, found.author)
  }
  const descendants = below.slice(0, limits.descendants).filter(isShown)
  const isOwnAnswer = (post: Post) => postOf(world, post)?.replyToPerson === postOf(world, post)?.author
  return {
    ancestors: (above.length > limits.ancestors ? above.slice(-limits.ancestors) : above).filter(isShown),
    // What an author adds to their own comes first.
    descendants: [...descendants.filter(isOwnAnswer), ...descendants.filter((post) => !isOwnAnswer(post))],
  }
}

/** The last marked first. */
export function markedOf(world: ModelWorld, viewer: Person, marks: readonly Mark[]): Post[] {
  return marks
    .filter(({ by, of }) => by === viewer && canSee(world, viewer, of))
    .map(({ of }) => of)
    .toReversed()
}

export function relationshipOf(world: ModelWorld, viewer: Person, other: Person): Relationship {
  const follow = followOf(world, viewer, other)
  const request = requestOf(world, viewer, other)
  const mute = muteOf(world, viewer, other)
  // The options of a request are told as those of a follow.
  const chosen = follow ?? request
  return {
    following: follow !== undefined,
    boosts: chosen?.boosts ?? false,
    bell: chosen?.bell ?? false,
    languages: chosen?.languages ?? null,
    followedBy: followOf(world, other, viewer) !== undefined,
    requested: request !== undefined,
    requestedBy: requestOf(world, other, viewer) !== undefined,
    blocking: blocks(world, viewer, other),
    blockedBy: blocks(world, other, viewer),
    muting: mute !== undefined,
    mutingNotifications: mute?.notifications ?? false,
    hasEnd: mute !== undefined && mute.endsAtMinute !== null,
  }
}

export function shown(world: ModelWorld, viewer: Viewer, post: Post): Shown {
  const found = postOf(world, post)
  if (found === undefined) throw new Error(`there is no post ${post}`)
  const { author, visibility, language, replyTo, replyToPerson, mentions, edits, boostOf } = found
  const boosted = boostOf === null ? null : shown(world, viewer, boostOf)
  // A boost shows the text and the counts of what it boosts.
  const counted = boostOf ?? post
  return {
    post,
    author,
    authorCounts: authorCounts(world, author),
    visibility,
    words: boosted?.words ?? found.words,
    language: boosted === null ? language : boosted.language,
    replyTo,
    replyToPerson,
    mentions: mentions.filter((one) => world.people[one]?.suspended === false),
    isEdited: edits > 0,
    counts: {
      replies: world.posts.filter((one) => one.replyTo === counted && isOpen(one)).length,
      boosts: world.posts.filter((one) => one.boostOf === counted).length,
      favourites: world.favourites.filter(({ of }) => of === counted).length,
    },
    marks: viewer === undefined ? null : marksOf(world, viewer, found),
    boostOf: boosted,
  }
}

/** Answers are counted when everybody may see them. */
function isOpen({ visibility }: ModelPost): boolean {
  return visibility === 'public' || visibility === 'unlisted'
}

export function authorCounts(world: ModelWorld, author: Person): Shown['authorCounts'] {
  return {
    followers: world.follows.filter(({ to }) => to === author).length,
    following: world.follows.filter(({ by }) => by === author).length,
    statuses: world.posts.filter((one) => one.author === author && one.visibility !== 'direct').length,
  }
}

function marksOf(world: ModelWorld, viewer: Person, { post, author, boostOf, visibility }: ModelPost): Marks {
  const marked = boostOf ?? post
  const has = (marks: readonly Mark[]) => marks.some(({ by, of }) => by === viewer && of === marked)
  const isPinnable = author === viewer && boostOf === null && visibility !== 'direct'
  return {
    favourited: has(world.favourites),
    bookmarked: has(world.bookmarks),
    boosted: world.posts.some((one) => one.author === viewer && one.boostOf === marked),
    threadMuted: hasMutedThread(world, viewer, postOf(world, marked)?.thread ?? -1),
    pinned: isPinnable ? has(world.pins) : null,
  }
}
