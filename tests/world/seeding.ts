/** What a seeded server has to show, told from the plan alone, and what it does show. */
import assert from 'node:assert/strict'

import type { mastodon } from 'masto'

import { openAccounts } from '../../src/accounts/open.ts'
import { openDatabase } from '../../src/engines/database/connection.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { seedWorld, type SeedStage } from '../../src/seed/seed.ts'
import type { PostPlan, WorldPlan } from '../../src/seed/world.ts'
import { openSnowflakes } from '../../src/snowflake/leased.ts'
import { openSocialGraph } from '../../src/social-graph/graph.ts'
import { openStatusStore } from '../../src/status-store/store.ts'
import { openStatusImport } from '../../src/write-api/importing.ts'

/** One status of a timeline as a line: who and when, what, and how often it was answered and boosted. */
export type Sight = string

/** Everything that is asked of a plan again and again, by the index of a post. */
export interface PlanFacts {
  readonly plan: WorldPlan
  /** Replies that everyone may see. */
  readonly replies: readonly number[]
  readonly boosts: readonly number[]
  readonly following: readonly ReadonlySet<number>[]
  readonly followers: readonly number[]
  readonly posts: readonly number[]
}

export function factsOf(plan: WorldPlan): PlanFacts {
  const replies = plan.posts.map(() => 0)
  const boosts = plan.posts.map(() => 0)
  const written = plan.people.map(() => 0)
  for (const post of plan.posts) {
    count(written, post.author)
    if (post.kind === 'boost') count(boosts, post.of)
    else if (post.inReplyTo !== null && post.visibility !== 'private') count(replies, post.inReplyTo)
  }
  const followers = plan.people.map(() => 0)
  const following = plan.people.map(() => new Set<number>())
  for (const [source, target] of plan.follows) {
    following[source]?.add(target)
    count(followers, target)
  }
  return { plan, replies, boosts, following, followers, posts: written }
}

function count(counts: number[], index: number): void {
  counts[index] = (counts[index] ?? 0) + 1
}

/** The home of a person, newest first, by the rules of homes. */
export function plannedHome(facts: PlanFacts, viewer: number): Sight[] {
  const isNear = (person: number) => person === viewer || facts.following[viewer]?.has(person) === true
  return facts.plan.posts
    .flatMap((post, index) => {
      const answered = answeredPerson(facts.plan, post)
      // One's own words to anyone, and a thread with oneself, are no talk between others.
      const isTalkOfOthers = post.author !== viewer && answered !== undefined && answered !== post.author
      const isShown = isNear(post.author) && (!isTalkOfOthers || isNear(answered))
      return isShown ? [plannedSight(facts, post, index)] : []
    })
    .toReversed()
}

/** Whom a reply answers: whoever goes on after their own reply still answers the same person. */
function answeredPerson(plan: WorldPlan, post: PostPlan): number | undefined {
  if (post.kind === 'boost' || post.inReplyTo === null) return undefined
  const parent = plan.posts[post.inReplyTo]
  if (parent === undefined) return undefined
  return parent.author === post.author ? (answeredPerson(plan, parent) ?? parent.author) : parent.author
}

function plannedSight(facts: PlanFacts, post: PostPlan, index: number): Sight {
  const by = `@${facts.plan.people[post.author]?.username} ${new Date(post.atMs).toISOString()}`
  if (post.kind === 'boost') {
    const original = facts.plan.posts[post.of]
    assert.ok(original !== undefined)
    return `${by} boosts ${plannedSight(facts, original, post.of)}`
  }
  const { visibility, language, spoilerText, text } = post
  const counts = `${facts.replies[index]} replies, ${facts.boosts[index]} boosts`
  return `${by} ${visibility} ${language} [${spoilerText}] ${text} (${counts})`
}

export function seen(status: mastodon.v1.Status): Sight {
  const by = `@${status.account.acct} ${new Date(status.createdAt).toISOString()}`
  if (status.reblog !== null && status.reblog !== undefined) return `${by} boosts ${seen(status.reblog)}`
  const counts = `${status.repliesCount} replies, ${status.reblogsCount} boosts`
  return `${by} ${status.visibility} ${status.language} [${status.spoilerText}] ${plainText(status.content)} (${counts})`
}

/** The text that was rendered: a seed writes neither links nor line ends. */
function plainText(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
}

/** The whole home, page by page. */
export async function walkHome(client: mastodon.rest.Client): Promise<Sight[]> {
  const walked: Sight[] = []
  let maxId: string | undefined
  for (;;) {
    const page = await client.v1.timelines.home.list({ limit: 40, ...(maxId !== undefined && { maxId }) })
    if (page.length === 0) return walked
    walked.push(...page.map(seen))
    maxId = page.at(-1)?.id
  }
}

/** Seeds from this process, as `dunlin seed` does from its own, and is cut off when so much of a stage is done. */
export async function seedUntil(
  databaseUrl: string,
  plan: WorldPlan,
  cut: { stage: SeedStage; done: number },
): Promise<void> {
  await using resources = new AsyncDisposableStack()
  const shared = { clock: systemClock, log: silentLog }
  const db = resources.use(openDatabase({ connection: { connectionString: databaseUrl }, poolSize: 2, log: silentLog }))
  const snowflakes = resources.use(await openSnowflakes({ db, ...shared, owner: 'a seed that is cut off' }))
  const outbox = openOutbox({ db, clock: systemClock })
  const { accounts } = resources.use(openAccounts({ db, outbox, snowflakes, ...shared, bus: undefined }))
  const graph = resources.use(await openSocialGraph({ db, outbox, ...shared }))
  const statuses = openStatusStore({ db, clock: systemClock })
  const writing = openStatusImport({ db, outbox, statuses, accounts, rules: { localDomain: 'localhost' } })
  const cutOff = new Error('cut off')
  const seeding = seedWorld({ accounts, graph, statuses, writing, snowflakes }, plan, (stage, done) => {
    if (stage === cut.stage && done >= cut.done) throw cutOff
  })
  await assert.rejects(seeding, cutOff)
}
