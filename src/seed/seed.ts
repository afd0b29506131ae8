/**
 * Brings a planned world into a server, through the blocks: people, then who follows whom, then what they wrote, oldest
 * first. All people come in one transaction, so either they are all there or none, and a seed that was cut off goes on
 * where it stopped when it is asked for again: its people are known by their names and the times at which they joined,
 * follows that exist are passed over, and a status is known by its author and its time.
 */
import assert from 'node:assert/strict'

import type { AccountRecord, Accounts, ImportedPerson } from '../accounts/contract.ts'
import { AppError } from '../kit/errors.ts'
import { firstIdAt, idTimeMs, type AccountId, type Snowflakes, type StatusId } from '../snowflake/contract.ts'
import { IMPORT_FOLLOWS_MAX, type SocialGraph } from '../social-graph/contract.ts'
import type { StatusStore } from '../status-store/contract.ts'
import { IMPORT_STATUSES_MAX, type PastPost, type StatusImport } from '../write-api/contract.ts'
import type { PersonPlan, PostPlan, WorldPlan } from './world.ts'

/** A domain that no mail reaches (RFC 2606). */
const MAIL_DOMAIN = 'seed.invalid'
/** Follows of one call: progress is told so often. */
const FOLLOWS_BATCH = 2_000
/** Names of one question. */
const NAMES_BATCH = 1_000
/** Names told of those that are taken. */
const NAMES_SHOWN_MAX = 3
/** Statuses looked at for one batch of a world that is partly there: the batch, and what its authors wrote since. */
const STORED_MAX = 4 * IMPORT_STATUSES_MAX

assert(FOLLOWS_BATCH <= IMPORT_FOLLOWS_MAX)

export interface SeedBlocks {
  accounts: Pick<Accounts, 'byUsernames' | 'importPeople'>
  graph: Pick<SocialGraph, 'importFollows' | 'relation'>
  statuses: Pick<StatusStore, 'authorStats' | 'homeIds'>
  writing: StatusImport
  snowflakes: Pick<Snowflakes, 'at'>
}

export type SeedStage = 'people' | 'follows' | 'statuses'

/** How much of a stage is done; the last call of a stage has `done` equal to `total`. */
export type SeedProgress = (stage: SeedStage, done: number, total: number) => void

/** How many of each are new; those of an earlier run are not. */
export type Seeded = Record<SeedStage, number>

/**
 * Throws `conflict` when names of the world are taken by other people, before anything is written, or when at the end not
 * everything is there as planned.
 */
export async function seedWorld(blocks: SeedBlocks, plan: WorldPlan, progress: SeedProgress): Promise<Seeded> {
  progress('people', 0, plan.people.length)
  const { ids, isNew } = await settlePeople(blocks, plan)
  progress('people', ids.length, ids.length)
  const follows = await importFollows(blocks, { plan, ids, progress })
  const statuses = await importPosts(blocks, { plan, ids, progress, isNew })
  await verify(blocks, plan, ids)
  return { people: isNew ? ids.length : 0, follows, statuses }
}

/** The ids of the planned people, in their order, and whether they have just come. */
async function settlePeople(
  { accounts, snowflakes }: SeedBlocks,
  plan: WorldPlan,
): Promise<{ ids: AccountId[]; isNew: boolean }> {
  const found = await peopleByName(accounts, plan.people)
  if (found.size > 0) return { ids: plan.people.map((person) => recognised(person, plan, found)), isNew: false }
  const lastActive = lastPostTimes(plan)
  const people = plan.people.map((person, index): ImportedPerson => {
    const id = snowflakes.at<AccountId>(person.joinedAtMs)
    return {
      id,
      username: person.username,
      email: `${person.username}@${MAIL_DOMAIN}`,
      displayName: person.displayName,
      note: person.note,
      locale: person.language,
      defaultLanguage: person.language,
      createdAtMs: person.joinedAtMs,
      lastActiveMs: lastActive.get(index) ?? person.joinedAtMs,
    }
  })
  await accounts.importPeople(people)
  return { ids: people.map(({ id }) => id), isNew: true }
}

async function peopleByName(
  accounts: SeedBlocks['accounts'],
  people: readonly PersonPlan[],
): Promise<Map<string, AccountRecord>> {
  const found = new Map<string, AccountRecord>()
  for (let from = 0; from < people.length; from += NAMES_BATCH) {
    const names = people.slice(from, from + NAMES_BATCH).map(({ username }) => username)
    for (const account of await accounts.byUsernames(names)) found.set(account.username.toLowerCase(), account)
  }
  return found
}

/** The id of somebody of an earlier run; throws when any name of the world is somebody else's, or not there. */
function recognised(person: PersonPlan, plan: WorldPlan, found: ReadonlyMap<string, AccountRecord>): AccountId {
  const account = found.get(person.username)
  if (account?.createdAtMs === person.joinedAtMs) return account.id
  const taken = plan.people.filter(({ username }) => found.has(username)).map(({ username }) => `@${username}`)
  const shown = taken.slice(0, NAMES_SHOWN_MAX).join(', ')
  throw new AppError(
    'conflict',
    `${taken.length} of the ${plan.people.length} names of this world are taken here already (${shown}${
      taken.length > NAMES_SHOWN_MAX ? ' …' : ''
    }), and not by a seed with the same flags. Nothing was changed. Give the flags of the earlier seed to complete it, ` +
      'or seed an empty server: another --data-dir, or another DATABASE_URL.',
  )
}

function lastPostTimes({ posts }: WorldPlan): Map<number, number> {
  return new Map(posts.map(({ author, atMs }) => [author, atMs]))
}

interface Importing {
  plan: WorldPlan
  /** Of the planned people, in their order. */
  ids: readonly AccountId[]
  progress: SeedProgress
}

async function importFollows({ graph }: SeedBlocks, { plan, ids, progress }: Importing): Promise<number> {
  const { follows } = plan
  let added = 0
  for (let from = 0; from < follows.length; from += FOLLOWS_BATCH) {
    progress('follows', from, follows.length)
    const batch = follows.slice(from, from + FOLLOWS_BATCH)
    added += await graph.importFollows(
      batch.map(([source, target]) => ({ source: at(ids, source), target: at(ids, target) })),
    )
  }
  progress('follows', follows.length, follows.length)
  return added
}

async function importPosts(
  blocks: SeedBlocks,
  { plan, ids, progress, isNew }: Importing & { isNew: boolean },
): Promise<number> {
  const { posts } = plan
  const postIds: StatusId[] = []
  let added = 0
  for (let from = 0; from < posts.length; from += IMPORT_STATUSES_MAX) {
    progress('statuses', from, posts.length)
    const batch = posts.slice(from, from + IMPORT_STATUSES_MAX)
    const stored = isNew ? new Map<string, StatusId>() : await storedIds(blocks, batch, ids)
    const missing: PastPost[] = []
    for (const post of batch) {
      const author = at(ids, post.author)
      const known = stored.get(postKey(author, post.atMs))
      const id = known ?? blocks.snowflakes.at<StatusId>(post.atMs)
      postIds.push(id)
      if (known === undefined) missing.push(pastPost(post, { id, author, postIds }))
    }
    if (missing.length > 0) added += await blocks.writing.importBatch(missing)
  }
  progress('statuses', posts.length, posts.length)
  return added
}

/** What is there of the batch from an earlier run. */
async function storedIds(
  { statuses }: SeedBlocks,
  batch: readonly PostPlan[],
  ids: readonly AccountId[],
): Promise<Map<string, StatusId>> {
  const authors = [...new Set(batch.map(({ author }) => at(ids, author)))]
  const sinceId = firstIdAt(batch[0]?.atMs ?? 0) - 1n
  const maxId = firstIdAt((batch.at(-1)?.atMs ?? 0) + 1)
  const rows = await statuses.homeIds(authors, { sinceId, maxId, limit: STORED_MAX })
  return new Map(rows.map(({ id, author }) => [postKey(author, idTimeMs(id)), id]))
}

/** No author has two statuses of one time: the times of a plan rise. */
function postKey(author: AccountId, atMs: number): string {
  return `${author} ${atMs}`
}

function pastPost(
  post: PostPlan,
  { id, author, postIds }: { id: StatusId; author: AccountId; postIds: readonly StatusId[] },
): PastPost {
  if (post.kind === 'boost') return { kind: 'boost', id, author, visibility: 'public', of: at(postIds, post.of) }
  const { text, spoilerText, visibility, language } = post
  const inReplyTo = post.inReplyTo === null ? null : at(postIds, post.inReplyTo)
  return { kind: 'status', id, author, text, spoilerText, visibility, sensitive: false, language, inReplyTo }
}

/** Counts what is there: people may have added to it since an earlier run, so there may be more. */
async function verify({ graph, statuses }: SeedBlocks, plan: WorldPlan, ids: readonly AccountId[]): Promise<void> {
  const isMissing = ([source, target]: [number, number]) => !graph.relation(at(ids, source), at(ids, target)).following
  const follows = plan.follows.filter(isMissing).length
  const planned = new Map<number, number>()
  for (const { author } of plan.posts) planned.set(author, (planned.get(author) ?? 0) + 1)
  const stats = await statuses.authorStats(ids)
  let posts = 0
  for (const [author, count] of planned) posts += Math.max(0, count - (stats.get(at(ids, author))?.statuses ?? 0))
  if (follows === 0 && posts === 0) return
  throw new AppError(
    'conflict',
    `The world is not as planned: ${follows} follows and ${posts} statuses of it are missing. ` +
      'Has somebody unfollowed, blocked or deleted something since?',
  )
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  assert(item !== undefined, 'a plan names only what it has')
  return item
}
