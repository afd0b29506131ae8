/**
 * The model: a whole server in arrays, with the rules written a second time, from Mastodon's behaviour and docs/decisions,
 * never from src. Slow and plain on purpose: whoever reads it must be able to say that it is right. It shares no code and
 * no types with what it judges.
 *
 * People are numbers from 0; posts (statuses and boosts) are numbers in the order of their ids. Time is counted in minutes.
 */
export type Visibility = 'public' | 'unlisted' | 'private' | 'direct'
export type Person = number
export type Post = number

export interface ModelPost {
  post: Post
  author: Person
  visibility: Visibility
  boostOf: Post | null
  replyTo: Post | null
  replyToPerson: Person | null
  /** The first post of the thread. */
  thread: Post
  /** What was written, apart from whom it mentions. */
  words: string
  language: string | null
  mentions: Person[]
  /** Times it was edited. */
  edits: number
}

export interface Follow {
  by: Person
  to: Person
  boosts: boolean
  bell: boolean
  /** Null for all. */
  languages: string[] | null
}

export interface Edge {
  by: Person
  to: Person
}

export interface Mute extends Edge {
  notifications: boolean
  /** Null: until it is taken back. */
  endsAtMinute: number | null
}

export interface Mark {
  by: Person
  of: Post
}

export type NoticeType = 'mention' | 'status' | 'reblog' | 'follow' | 'follow_request' | 'favourite' | 'update'

export interface Notice {
  to: Person
  type: NoticeType
  from: Person
  /** What caused it: the status, or the boost; null for follows and requests. */
  source: Post | null
  /** What it is about: of a boost, the boosted status. */
  about: Post | null
  dismissed: boolean
}

export interface ModelWorld {
  people: { locked: boolean; suspended: boolean }[]
  /** Ascending. */
  posts: ModelPost[]
  /** Every list of edges and marks in the order in which they were made. */
  follows: Follow[]
  requests: Follow[]
  blocks: Edge[]
  mutes: Mute[]
  favourites: Mark[]
  bookmarks: Mark[]
  pins: Mark[]
  mutedThreads: { by: Person; thread: Post }[]
  /** Oldest first. */
  notices: Notice[]
  minute: number
}

export function emptyWorld(people: readonly { locked: boolean }[]): ModelWorld {
  return {
    people: people.map(({ locked }) => ({ locked, suspended: false })),
    posts: [],
    follows: [],
    requests: [],
    blocks: [],
    mutes: [],
    favourites: [],
    bookmarks: [],
    pins: [],
    mutedThreads: [],
    notices: [],
    minute: 0,
  }
}

export function postOf(world: ModelWorld, post: Post | null): ModelPost | undefined {
  return world.posts.find((one) => one.post === post)
}

/** What is meant when somebody answers, boosts or favourites: of a boost, the boosted status. */
export function properOf(world: ModelWorld, post: Post): ModelPost | undefined {
  const found = postOf(world, post)
  return found?.boostOf === null || found === undefined ? found : postOf(world, found.boostOf)
}

export function followOf(world: ModelWorld, by: Person, to: Person): Follow | undefined {
  return world.follows.find((one) => one.by === by && one.to === to)
}

export function requestOf(world: ModelWorld, by: Person, to: Person): Follow | undefined {
  return world.requests.find((one) => one.by === by && one.to === to)
}

export function blocks(world: ModelWorld, by: Person, to: Person): boolean {
  return world.blocks.some((one) => one.by === by && one.to === to)
}

/** One whose time is over counts as none. */
export function muteOf(world: ModelWorld, by: Person, to: Person): Mute | undefined {
  return world.mutes.find(
    (one) => one.by === by && one.to === to && (one.endsAtMinute === null || one.endsAtMinute > world.minute),
  )
}

export function hasMutedThread(world: ModelWorld, by: Person, thread: Post): boolean {
  return world.mutedThreads.some((one) => one.by === by && one.thread === thread)
}

/** Whether anybody but the author may see the post at all: not of somebody suspended, not where blocked, by visibility. */
export function canSee(world: ModelWorld, viewer: Person | undefined, post: Post | null): boolean {
  const found = postOf(world, post)
  if (found === undefined) return false
  const { author, visibility, mentions, boostOf } = found
  if (world.people[author]?.suspended !== false) return false
  if (boostOf !== null && !canSee(world, viewer, boostOf)) return false
  if (viewer === author) return true
  if (viewer !== undefined && blocks(world, author, viewer)) return false
  if (visibility === 'public' || visibility === 'unlisted') return true
  if (viewer === undefined) return false
  if (mentions.includes(viewer)) return true
  return visibility === 'private' && followOf(world, viewer, author) !== undefined
}
