/** The routes about people on real accounts and a real graph; statuses are a stand-in. */
import assert from 'node:assert/strict'

import type { AccountRecord, AccountsBlock, SignUp } from '../../src/accounts/contract.ts'
import { migrations as accountMigrations } from '../../src/accounts/migrations.ts'
import { openAccounts } from '../../src/accounts/open.ts'
import { findPeople } from '../../src/blender/people.ts'
import { Presenting } from '../../src/edge/presenting.ts'
import { accountPeopleRoutes } from '../../src/edge/routes/accounts-people.ts'
import { accountRoutes } from '../../src/edge/routes/accounts.ts'
import { peopleRoutes } from '../../src/edge/routes/relationships-people.ts'
import { relationshipRoutes } from '../../src/edge/routes/relationships.ts'
import { migrations as outboxMigrations } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import type { AccountView } from '../../src/hydration/contract.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { urls } from '../../src/mastodon/urls.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { snowflakes } from '../../src/snowflake/generator.ts'
import { openSocialGraph, type OpenSocialGraph } from '../../src/social-graph/graph.ts'
import { migrations as graphMigrations } from '../../src/social-graph/migrations.ts'
import type { TimelineService } from '../../src/timeline-service/contract.ts'
import { movableClock, type MovableClock } from './access.ts'
import { openTestDatabase } from './database.ts'
import { bearer, edgeWorld, identity, json, type Answer } from './http.ts'
import { checkResponse } from './schema.ts'

const migrations = { ...outboxMigrations, ...accountMigrations, ...graphMigrations }

/** Who asks for the statuses of whom, and how. */
type StatusesAsked = Parameters<TimelineService['account']>

export interface PeopleWorld extends AsyncDisposable {
  block: AccountsBlock
  graph: OpenSocialGraph
  statusesAsked: StatusesAsked[]
  /** Somebody who may do everything, and whose token is their name. */
  join(username: string, change?: Partial<SignUp>): Promise<AccountRecord>
  /** As the person of that name; undefined is a stranger. A good answer is held to the tables. */
  ask(as: string | undefined, method: string, path: string, sent?: unknown): Promise<Answer>
  clock: MovableClock
}

export async function peopleWorld(): Promise<PeopleWorld> {
  await using resources = new AsyncDisposableStack()
  const db = resources.use(await openTestDatabase(migrations))
  const tokens: Record<string, ReturnType<typeof identity>> = {}
  const http = resources.use(await edgeWorld(tokens, { limits: { enforced: false } }))
  const clock = movableClock()
  const shared = { db, outbox: openOutbox({ db, clock }), clock, log: silentLog }
  const flakes = snowflakes({ worker: 1, clock: systemClock, lastMs: 0 })
  const block = resources.use(openAccounts({ ...shared, snowflakes: flakes, bus: undefined }))
  const { accounts } = block
  const graph = resources.use(await openSocialGraph(shared))
  const statusesAsked: StatusesAsked[] = []
  const deps = {
    accounts,
    graph,
    clock,
    hydration: { accounts: async (ids: readonly AccountId[]) => inOrder(ids, await accounts.byIds(ids), graph) },
    timelines: {
      account: async (...asked: StatusesAsked) => {
        statusesAsked.push(asked)
        return { statuses: [], more: false }
      },
    },
    present: new Presenting(urls('https://dunlin.example', 'dunlin.example'), async () => () => []),
  }
  accountRoutes(http.edge, deps)
  const searched = { ...deps, localDomain: 'dunlin.example' }
  accountPeopleRoutes(http.edge, { ...deps, blender: { people: (request) => findPeople(searched, request) } })
  relationshipRoutes(http.edge, deps)
  peopleRoutes(http.edge, deps)
  const opened = resources.move()
  return {
    block,
    graph,
    statusesAsked,
    clock,
    async join(username, change = {}) {
      const request = { username, email: `${username}@localhost`, password: null, locale: 'en', reason: '' }
      const standing = { role: 'user', confirmed: true, approved: true, indexable: false } as const
      const account = await accounts.signUp({ ...request, ...standing, ...change })
      tokens[username] = identity({ accountId: account.id, tokenId: account.id })
      return account
    },
    async ask(as, method, path, sent) {
      const headers = as === undefined ? {} : bearer(as).headers
      const answer = await http.call(method, path, sent === undefined ? { headers } : json(sent, headers))
      if (answer.status === 200) assert.deepEqual(checkResponse(method, path, answer.json), [], answer.text)
      return answer
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function inOrder(ids: readonly AccountId[], found: readonly AccountRecord[], graph: OpenSocialGraph): AccountView[] {
  const byId = new Map(found.map((account) => [account.id, account]))
  return ids.flatMap((id) => {
    const account = byId.get(id)
    if (account === undefined) return []
    const counts = { followers: graph.followerCount(id), following: graph.followingCount(id) }
    return [{ account, ...counts, statuses: 0, lastStatusAtMs: null }]
  })
}

/** The answer's list. */
export function listOf(answer: Answer): Record<string, unknown>[] {
  assert.ok(Array.isArray(answer.json), answer.text)
  return answer.json
}

export function namesOf(answer: Answer): unknown[] {
  return listOf(answer).map(({ username }) => username)
}

/** The answer's object. */
export function objectOf(answer: Answer): Record<string, unknown> {
  assert.ok(typeof answer.json === 'object' && answer.json !== null, answer.text)
  return { ...answer.json }
}
