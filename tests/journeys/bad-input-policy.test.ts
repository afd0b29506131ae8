/**
 * The policy matrix: every route of the running system × everyone who might call it. What each should be told is worked out
 * here from Mastodon's rules alone, not by asking the code that decides it; which scopes a route asks for is held against
 * the table of the API.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { RegisteredRoute } from '../../src/edge/routing.ts'
import { caller } from '../world/people.ts'
import { readEndpoints } from '../world/schema-table.ts'
import { openSystem, type System } from '../world/system.ts'

let system: System
let known: Callers

before(async () => {
  system = await openSystem()
  known = await callers()
})

after(async () => {
  await system[Symbol.asyncDispose]()
})

const PARTS = ['accounts', 'blocks', 'bookmarks', 'favourites', 'filters', 'follows', 'lists', 'mutes', 'notifications']
const EVERY_SCOPE = [
  ...PARTS.flatMap((part) => [`read:${part}`, `write:${part}`]),
  'read:search',
  'read:statuses',
  'write:conversations',
  'write:media',
  'write:reports',
  'write:statuses',
  'push',
  'profile',
]
/** What the old scope `follow` stands for. */
const FOLLOW = new Set(['blocks', 'follows', 'mutes'].flatMap((part) => [`read:${part}`, `write:${part}`]))

const OUTSIDE = 'This action is outside the authorized scopes'
const NEEDS_USER = 'This method requires an authenticated user'
const DISABLED = 'Your login is currently disabled'
const UNCONFIRMED = 'Your login is missing a confirmed e-mail address'
const UNAPPROVED = 'Your login is currently pending approval'
const INVALID = 'The access token is invalid'
const REVOKED = 'The access token was revoked'

const STANDINGS = { unconfirmed: UNCONFIRMED, unapproved: UNAPPROVED, disabled: DISABLED, suspended: DISABLED } as const
type Standing = keyof typeof STANDINGS
/** People who still have to confirm their address can do just that. */
const FOR_THE_UNCONFIRMED = /^\/api\/v1\/emails\//

type Verdict = 'in' | { status: number; error: string }

interface Callers {
  /** Tokens with every scope. */
  readonly person: string
  readonly app: string
  readonly revoked: string
  readonly standing: Record<Standing, string>
  /** A token of the person, or of an app alone, with just these scopes. */
  withScopes: (scopes: readonly string[], whose: 'person' | 'app') => Promise<string>
}

async function callers(): Promise<Callers> {
  const everything = [...EVERY_SCOPE, 'read', 'write', 'follow']
  const alice = await system.person('alice')
  const tokenOf = async (standing: Standing) => system.token(await system.person(standing, standing), everything)
  const revoked = await system.token(alice, everything)
  const identity = await system.blocks.people.oauth.identify(revoked)
  assert.ok(typeof identity === 'object')
  await system.blocks.people.oauth.revokeTokenById(identity.tokenId)
  const made = new Map<string, Promise<string>>()
  return {
    person: await system.token(alice, everything),
    app: await system.token(null, everything),
    revoked,
    standing: {
      unconfirmed: await tokenOf('unconfirmed'),
      unapproved: await tokenOf('unapproved'),
      disabled: await tokenOf('disabled'),
      suspended: await tokenOf('suspended'),
    },
    withScopes(scopes, whose) {
      const key = `${whose} ${scopes.join(' ')}`
      const token = made.get(key) ?? system.token(whose === 'person' ? alice : null, scopes)
      made.set(key, token)
      return token
    },
  }
}

/** Answers for a token that is fine but for who it speaks for. */
function verdictOn({ auth, path, scopes }: RegisteredRoute, who: 'person' | 'app' | Standing): Verdict {
  if (auth === 'public' || auth === 'app') return 'in'
  if (auth === 'client') {
    const error = 'This method requires an client credentials authentication'
    return who === 'app' ? 'in' : { status: 403, error }
  }
  if (who === 'person') return 'in'
  if (who === 'app') return auth === 'user' ? { status: 422, error: NEEDS_USER } : 'in'
  const isWaiting = who === 'unconfirmed' || who === 'unapproved'
  if (isWaiting && (auth === 'optional' || FOR_THE_UNCONFIRMED.test(path))) return 'in'
  assert.ok(auth === 'optional' || auth === 'user', scopes.join(' '))
  return { status: 403, error: STANDINGS[who] }
}

/** Answers for no token, or one that nobody knows. */
function verdictOnStranger({ auth, scopes }: RegisteredRoute): Verdict {
  if (auth === 'public' || auth === 'optional') return 'in'
  return auth === 'user' && scopes.length === 0 ? { status: 422, error: NEEDS_USER } : { status: 401, error: INVALID }
}

function verdictOnRevoked({ auth, scopes }: RegisteredRoute): Verdict {
  if (auth === 'public') return 'in'
  return auth === 'user' && scopes.length === 0 ? { status: 422, error: NEEDS_USER } : { status: 401, error: REVOKED }
}

async function expectVerdict(route: RegisteredRoute, token: string | undefined, expected: Verdict): Promise<void> {
  const path = route.path.replaceAll(/:\w+/g, '1')
  const withBody = route.method === 'GET' ? undefined : {}
  const answer = await caller(system.url, token)(route.method, path, withBody)
  const said = JSON.stringify(answer.body).slice(0, 300)
  if (expected !== 'in') {
    assert.deepEqual([answer.status, answer.body], [expected.status, { error: expected.error }])
    return
  }
  assert.ok(answer.status < 500, `${answer.status} ${said}`)
  const isTurnedAway = [OUTSIDE, DISABLED, UNCONFIRMED, UNAPPROVED, INVALID, REVOKED].some((text) =>
    said.includes(text),
  )
  assert.ok(!isTurnedAway, `not let in: ${answer.status} ${said}`)
}

const hasScopes = (route: RegisteredRoute) => route.scopes.length > 0
/** Those that a bearer token decides about. */
const tokenRoutes = () => system.edge.routes.filter(({ path }) => /^\/(api|debug|oauth\/userinfo)/.test(path))

async function forEachRoute(check: (route: RegisteredRoute) => Promise<void>, which = () => true): Promise<void> {
  const routes = tokenRoutes().filter(which)
  assert.ok(routes.length > 50, 'the table is there')
  for (const route of routes) {
    await check(route).catch((cause: unknown) => {
      throw new Error(`${route.method} ${route.path}: ${String(cause)}`, { cause })
    })
  }
}

test('every route tells every kind of caller what Mastodon tells them', async () => {
  const { person, app, revoked, standing } = known
  await forEachRoute(async (route) => {
    await expectVerdict(route, undefined, verdictOnStranger(route))
    await expectVerdict(route, 'nobody-knows-this-token', verdictOnStranger(route))
    await expectVerdict(route, revoked, verdictOnRevoked(route))
    await expectVerdict(route, app, verdictOn(route, 'app'))
    for (const who of ['unconfirmed', 'unapproved', 'disabled', 'suspended'] as const) {
      await expectVerdict(route, standing[who], verdictOn(route, who))
    }
    await expectVerdict(route, person, verdictOn(route, 'person'))
  })
  assert.deepEqual(system.errors, [])
})

test('every route takes exactly the scopes it names, and refuses all others together', async () => {
  const { withScopes } = known
  await forEachRoute(async (route) => {
    if (!hasScopes(route)) return
    const whose = route.auth === 'client' ? 'app' : 'person'
    const named: readonly string[] = route.scopes
    for (const scope of named) {
      await expectVerdict(route, await withScopes([scope], whose), 'in')
      const [whole = ''] = scope.split(':')
      await expectVerdict(route, await withScopes([whole], whose), 'in')
      if (FOLLOW.has(scope)) await expectVerdict(route, await withScopes(['follow'], whose), 'in')
    }
    const others = EVERY_SCOPE.filter((scope) => !named.includes(scope))
    await expectVerdict(route, await withScopes(others, whose), { status: 403, error: OUTSIDE })
  })
})

test('every route asks for the scopes and the kind of token that the table of the API names', () => {
  const kinds: Record<RegisteredRoute['auth'], string> = {
    public: 'public',
    optional: 'public',
    user: 'user',
    app: 'app',
    client: 'app',
  }
  const rows = new Map(
    readEndpoints().map((row) => [`${row.method} ${row.segments.join('/').replaceAll(/:\w+/g, ':')}`, row]),
  )
  const compared = tokenRoutes().flatMap((route) => {
    const row = rows.get(`${route.method} ${route.path.replaceAll(/:\w+/g, ':')}`)
    if (row === undefined) return []
    const asked = row.scope.split(' or ').filter((scope) => scope !== '' && scope !== 'follow')
    return [
      { route: `${route.method} ${route.path}`, is: [kinds[route.auth], ...route.scopes], table: [row.auth, ...asked] },
    ]
  })
  assert.ok(compared.length > 50, `${compared.length} routes are in the table`)
  assert.deepEqual(
    compared.filter(({ is, table }) => is.join() !== table.join()),
    [],
  )
})
