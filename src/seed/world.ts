/**
 * A world from a seed: people, who follows whom, and what they write. Pure; the same seed gives the same world.
 *
 * Popularity falls as a power of rank, as in measured follower graphs (Kwak et al., WWW 2010, found an exponent of 2.276
 * for the follower distribution, which is a rank exponent of 1 / 1.276 ≈ 0.78); the first person is a celebrity whom
 * CELEBRITY_SHARE of all follow. Activity falls in the same way, in another order of people.
 */
import { seededRandom, type Random } from './random.ts'
import { FAMILY_NAMES, GIVEN_NAMES, HASHTAGS, SPOILERS, VOCABULARIES, type Vocabulary } from './words.ts'

export const POPULARITY_EXPONENT = 0.78
export const CELEBRITY_SHARE = 0.7
export const FOLLOWS_MEAN = 50
/** Replies and boosts look back at most this many statuses. */
export const LOOK_BACK_STATUSES = 400
const REPLY_SHARE = 0.24
const BOOST_SHARE = 0.14
const HASHTAG_SHARE = 0.22
const SPOILER_SHARE = 0.03
/** The statuses lie in this stretch before `endMs`. */
export const WORLD_DAYS = 30
/** People joined in the stretch of so many days before the first status. */
const JOINING_DAYS = 400
const DAY_MS = 86_400_000

export interface PersonPlan {
  username: string
  displayName: string
  note: string
  /** What they write in. */
  language: string
  /** Milliseconds since 1970; before the first status. No other world has the same times for the same names. */
  joinedAtMs: number
}

export type PostPlan =
  | {
      kind: 'status'
      author: number
      atMs: number
      text: string
      spoilerText: string
      language: string
      visibility: 'public' | 'unlisted' | 'private'
      /** Index of the post this one answers. */
      inReplyTo: number | null
    }
  | { kind: 'boost'; author: number; atMs: number; of: number }

export interface WorldPlan {
  people: PersonPlan[]
  /** Pairs of person indices: follower, followed. */
  follows: [number, number][]
  posts: PostPlan[]
}

export interface WorldSize {
  people: number
  posts: number
  seed: number
  /** The newest status is at most this old; milliseconds since 1970. */
  endMs: number
}

export function planWorld(size: WorldSize): WorldPlan {
  const random = seededRandom(size.seed)
  const people = planPeople(size, random)
  return { people, follows: planFollows(size.people, random), posts: planPosts(size, people, random) }
}

function planPeople(size: WorldSize, random: Random): PersonPlan[] {
  // A world is recognised by when its people joined, so a larger one with the same names must have other times.
  const times = seededRandom(Math.imul(size.people, 0x9e3779b1) ^ Math.imul(size.posts, 0x85ebca6b) ^ size.seed)
  const taken = new Set<string>()
  const people: PersonPlan[] = []
  while (people.length < size.people) {
    const given = random.pick(GIVEN_NAMES)
    const family = random.pick(FAMILY_NAMES)
    const plain = `${given}_${family}`.normalize('NFD').replaceAll(/[^a-z_]/g, '')
    const username = taken.has(plain) ? `${plain}${people.length}` : plain
    taken.add(username)
    const vocabulary = pickVocabulary(random)
    people.push({
      username,
      displayName: `${capital(given)} ${capital(family)}`,
      note: sentence(vocabulary, random),
      language: vocabulary.language,
      joinedAtMs: firstMs(size) - 1 - times.below(JOINING_DAYS * DAY_MS),
    })
  }
  return people
}

/** When the first status can be written. */
function firstMs(size: WorldSize): number {
  return size.endMs - WORLD_DAYS * DAY_MS
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function planFollows(people: number, random: Random): [number, number][] {
  const popularity = powerLaw(people)
  const follows: [number, number][] = []
  for (let follower = 0; follower < people; follower++) {
    const chosen = new Set<number>()
    if (follower !== 0 && random.chance(CELEBRITY_SHARE)) chosen.add(0)
    // Exponential numbers of follows around the mean; never more than half of everybody, so that the draw ends soon.
    const wanted = Math.min(Math.ceil(-Math.log(1 - random.unit()) * FOLLOWS_MEAN), Math.floor((people - 1) / 2))
    for (let tries = 0; chosen.size < wanted && tries < wanted * 8; tries++) {
      const followed = draw(popularity, random)
      if (followed !== follower) chosen.add(followed)
    }
    for (const followed of [...chosen].toSorted((a, b) => a - b)) follows.push([follower, followed])
  }
  return follows
}

function planPosts(size: WorldSize, people: PersonPlan[], random: Random): PostPlan[] {
  const activity = powerLaw(size.people)
  const writers = shuffled(size.people, random)
  const vocabularies = people.map(({ language }) => VOCABULARIES.find((each) => each.language === language))
  const stepMs = (WORLD_DAYS * DAY_MS) / Math.max(1, size.posts)
  const posts: PostPlan[] = []
  const boosted = new Set<string>()
  for (let index = 0; index < size.posts; index++) {
    const author = writers[draw(activity, random)] ?? 0
    const drawnMs = Math.floor(firstMs(size) + (index + random.unit()) * stepMs)
    const atMs = Math.max(drawnMs, (posts.at(-1)?.atMs ?? 0) + 1)
    const roll = random.unit()
    const earlier = index === 0 ? undefined : recentStatus(posts, random)
    const boostKey = `${author} ${earlier}`
    const open = earlier !== undefined && isOpen(posts[earlier])
    if (open && roll < BOOST_SHARE && !boosted.has(boostKey)) {
      boosted.add(boostKey)
      posts.push({ kind: 'boost', author, atMs, of: earlier })
      continue
    }
    const inReplyTo = open && roll < BOOST_SHARE + REPLY_SHARE ? earlier : null
    posts.push(planStatus({ author, atMs, inReplyTo, vocabulary: vocabularies[author] }, posts, people, random))
  }
  return posts
}

/** Whether anyone may answer or boost it, whomever they follow. */
function isOpen(post: PostPlan | undefined): boolean {
  return post?.kind === 'status' && post.visibility !== 'private'
}

function planStatus(
  of: { author: number; atMs: number; inReplyTo: number | null; vocabulary: Vocabulary | undefined },
  posts: PostPlan[],
  people: PersonPlan[],
  random: Random,
): PostPlan {
  const vocabulary = of.vocabulary ?? pickVocabulary(random)
  const parent = of.inReplyTo === null ? undefined : posts[of.inReplyTo]
  const addressee = parent !== undefined && parent.author !== of.author ? people[parent.author]?.username : undefined
  const sentences = Array.from({ length: 1 + random.below(3) }, () => sentence(vocabulary, random))
  if (addressee !== undefined) sentences.unshift(`@${addressee}`)
  if (random.chance(HASHTAG_SHARE)) sentences.push(`#${random.pick(HASHTAGS)}`)
  const roll = random.unit()
  return {
    kind: 'status',
    author: of.author,
    atMs: of.atMs,
    text: sentences.join(' '),
    spoilerText: random.chance(SPOILER_SHARE) ? random.pick(SPOILERS) : '',
    language: vocabulary.language,
    visibility: roll < 0.86 ? 'public' : roll < 0.95 ? 'unlisted' : 'private',
    inReplyTo: of.inReplyTo,
  }
}

/** The index of one of the latest statuses (not a boost), near ones more often. */
function recentStatus(posts: PostPlan[], random: Random): number | undefined {
  const back = 1 + Math.floor(Math.min(posts.length, LOOK_BACK_STATUSES) * random.unit() ** 2)
  const index = Math.max(0, posts.length - back)
  const post = posts[index]
  return post?.kind === 'boost' ? post.of : index
}

function pickVocabulary(random: Random): Vocabulary {
  let rest = random.unit() * 100
  for (const vocabulary of VOCABULARIES) {
    rest -= vocabulary.percent
    if (rest < 0) return vocabulary
  }
  return random.pick(VOCABULARIES)
}

function sentence(vocabulary: Vocabulary, random: Random): string {
  return random
    .pick(vocabulary.patterns)
    .replaceAll(/\{[nva]\}/g, (slot) =>
      random.pick(slot === '{n}' ? vocabulary.nouns : slot === '{v}' ? vocabulary.verbs : vocabulary.adjectives),
    )
}

/** Cumulated weights rank^-POPULARITY_EXPONENT. */
function powerLaw(count: number): Float64Array {
  const cumulated = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -POPULARITY_EXPONENT
    cumulated[rank] = sum
  }
  return cumulated
}

/** An index, drawn with its weight: binary search in the cumulated weights. */
function draw(cumulated: Float64Array, random: Random): number {
  const wanted = random.unit() * (cumulated.at(-1) ?? 0)
  let low = 0
  let high = cumulated.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((cumulated[middle] ?? 0) <= wanted) low = middle + 1
    else high = middle
  }
  return low
}

function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1)
    const swap = order[last] ?? 0
    order[last] = order[other] ?? 0
    order[other] = swap
  }
  return order
}
