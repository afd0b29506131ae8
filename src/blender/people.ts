/**
 * People and hashtags by how they begin, and by what is nearly so, ranked by what they are to the viewer: the exact name first,
 * then whom one follows, then whom friends follow.
 */
import type { AccountRecord, Accounts } from '../accounts/contract.ts'
import type { AccountView, Hydration } from '../hydration/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'
import type { SocialGraph } from '../social-graph/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import type { TagFollows } from '../tag-follows/contract.ts'
import { normalizeHashtag } from '../text/entities.ts'
import { foldText } from '../text/folding.ts'
import type { PeopleRequest, Stretch } from './contract.ts'
import { isWithinDistance } from './edit-distance.ts'

/** People that begin so, and that are nearly so, that are ranked; a page beyond them is empty. */
const CANDIDATES_MAX = 200
const SIMILAR_MAX = 20
/** A name of fewer characters is nearly every other. */
const SIMILAR_CHARACTERS_MIN = 4
/** Characters of a question that count; names are shorter. */
const QUERY_CHARACTERS_MAX = 100
/** Friends in common beyond these make nobody nearer. */
const FAMILIAR_MAX = 8

export interface PeopleDeps {
  accounts: Pick<Accounts, 'searchByPrefix' | 'searchBySimilarity'>
  graph: Pick<SocialGraph, 'relation' | 'familiarFollowers' | 'followerCount'>
  hydration: Pick<Hydration, 'accounts'>
  localDomain: string
}

export async function findPeople(deps: PeopleDeps, request: PeopleRequest): Promise<AccountView[]> {
  const { viewer, following, limit, offset } = request
  const name = localName(request.text, deps.localDomain)
  if (name === undefined || limit <= 0) return []
  const begun = await deps.accounts.searchByPrefix(name, CANDIDATES_MAX, 0)
  const isTypo = begun.length === 0 && [...name].length >= SIMILAR_CHARACTERS_MIN
  const candidates = isTypo ? await deps.accounts.searchBySimilarity(name, SIMILAR_MAX) : begun
  const folded = foldText(name)
  const ranked = candidates
    .filter((account) => isShown(deps, viewer, account, following))
    .map((account, place) => ({
      id: account.id,
      score: scoreOf(deps, viewer, account, folded) - place / CANDIDATES_MAX,
    }))
    .toSorted((one, other) => other.score - one.score)
  return deps.hydration.accounts(ranked.slice(offset, offset + limit).map(({ id }) => id))
}

/** Suspended people are gone, and whoever blocks the viewer is not shown to them. */
function isShown(
  { graph }: PeopleDeps,
  viewer: AccountId | undefined,
  account: AccountRecord,
  onlyFollowed: boolean,
): boolean {
  if (account.suspended) return false
  if (viewer === undefined) return true
  const relation = graph.relation(viewer, account.id)
  return !relation.blockedBy && (!onlyFollowed || relation.following)
}

function scoreOf({ graph }: PeopleDeps, viewer: AccountId | undefined, account: AccountRecord, name: string): number {
  const username = account.username.toLowerCase()
  const likeness =
    username === name ? 16 : username.startsWith(name) ? 2 : foldText(account.displayName).startsWith(name) ? 1 : 0
  const fame = Math.log10(1 + graph.followerCount(account.id)) / 4
  if (viewer === undefined) return likeness + fame
  const { following, followedBy, muting, blocking } = graph.relation(viewer, account.id)
  const friends = Math.min(FAMILIAR_MAX, graph.familiarFollowers(viewer, account.id).length) / FAMILIAR_MAX
  const nearness = (following ? 4 : 0) + (followedBy ? 2 : 0) + friends
  return likeness + nearness + fame - (muting || blocking ? 4 : 0)
}

/** `@name`, `name@here` and `name` are one; a name elsewhere is nobody here. */
function localName(text: string, localDomain: string): string | undefined {
  const handle = [...text.trim()]
    .slice(0, QUERY_CHARACTERS_MAX)
    .join('')
    .replace(/^[@＠]/u, '')
  const at = handle.lastIndexOf('@')
  if (at < 0) return handle === '' ? undefined : handle
  const host = handle.slice(at + 1).toLowerCase()
  return at > 0 && host !== '' && localDomain.toLowerCase().startsWith(host) ? handle.slice(0, at) : undefined
}

export interface HashtagDeps {
  statuses: Pick<StatusStore, 'tagsByPrefix'>
  tagFollows: Pick<TagFollows, 'followedBy'>
}

/** Normalised, those that the viewer follows first; nothing for what can be no hashtag. */
export async function findHashtags(
  { statuses, tagFollows }: HashtagDeps,
  viewer: AccountId | undefined,
  text: string,
  { limit, offset }: Stretch,
): Promise<string[]> {
  const typed = text.trim()
  const name = normalizeHashtag(typed.replace(/^[#＃]/u, '').slice(0, QUERY_CHARACTERS_MAX))
  if (name === '' || limit <= 0 || /[\s@:]/.test(typed)) return []
  const begun = await statuses.tagsByPrefix(name, CANDIDATES_MAX)
  const characters = [...name]
  const found = new Set(begun)
  if (begun.length < limit + offset && characters.length >= SIMILAR_CHARACTERS_MIN) {
    // Who misspells a word mostly gets its beginning right.
    const near = await statuses.tagsByPrefix(characters.slice(0, 2).join(''), CANDIDATES_MAX)
    const distance = characters.length > 6 ? 2 : 1
    for (const tag of near) if (isWithinDistance(tag, name, distance)) found.add(tag)
  }
  const followed = viewer === undefined ? new Set<string>() : tagFollows.followedBy(viewer)
  const rank = (tag: string) => (tag === name ? 2 : 0) + (followed.has(tag) ? 1 : 0)
  return [...found].toSorted((one, other) => rank(other) - rank(one)).slice(offset, offset + limit)
}
