/**
 * The way in, whole: people, OAuth and the pages behind a real HTTP server, on a database of its own. Other blocks are
 * small stand-ins. The clock can be moved.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

import type { AccountRecord, AccountsBlock, Role, SignUp } from '../../src/accounts/contract.ts'
import { migrations as accountMigrations } from '../../src/accounts/migrations.ts'
import { openAccounts, type AccountsDeps } from '../../src/accounts/open.ts'
import { errorPage } from '../../src/edge/pages/message-page.ts'
import type { PageSettings } from '../../src/edge/pages/page-settings.ts'
import { createSetupLink } from '../../src/edge/pages/setup-link.ts'
import { Presenting } from '../../src/edge/presenting.ts'
import { registerCredentialRoutes } from '../../src/edge/routes/credentials.ts'
import type { SendConfirmation } from '../../src/edge/routes/sign-up-request.ts'
import { registerAccessRoutes } from '../../src/edge/routes/sign-up.ts'
import { createServer } from '../../src/edge/server.ts'
import type { BusMessage } from '../../src/engines/bus/contract.ts'
import type { Db } from '../../src/engines/database/contract.ts'
import type { OutboxMessage } from '../../src/engines/outbox/contract.ts'
import { migrations as outboxMigrations } from '../../src/engines/outbox/migrations.ts'
import { openOutbox } from '../../src/engines/outbox/postgres.ts'
import type { AccountView } from '../../src/hydration/contract.ts'
import { systemClock, type Clock } from '../../src/kit/clock.ts'
import { silentLog } from '../../src/kit/log.ts'
import { urls } from '../../src/mastodon/urls.ts'
import { snowflakes } from '../../src/snowflake/generator.ts'
import { openTestDatabase, type TestDatabase } from './database.ts'

const migrations = { ...outboxMigrations, ...accountMigrations }

export interface MovableClock extends Clock {
  move(ms: number): void
}

export function movableClock(): MovableClock {
  let offsetMs = 0
  return {
    nowMs: () => systemClock.nowMs() + offsetMs,
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    move(ms) {
      offsetMs += ms
    },
  }
}

/** Hands what was written to the outbox to every listener, when told to. */
class TestBus {
  readonly #listeners = new Set<{ types: readonly string[]; hear: (message: BusMessage) => void }>()

  listen(types: readonly string[], hear: (message: BusMessage) => void): Disposable {
    const listener = { types, hear }
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  deliver(messages: readonly OutboxMessage[]): void {
    for (const [index, message] of messages.entries()) {
      for (const { types, hear } of this.#listeners) {
        if (types.includes(message.type)) hear({ ...message, id: BigInt(index + 1), createdAtMs: 0 })
      }
    }
  }
}

export interface AccountsWorld extends AccountsBlock {
  db: TestDatabase
  clock: MovableClock
  /** Another thread's block on the same database: it learns of changes by `relay` only. */
  another(): AccountsBlock
  /** Delivers everything in the outbox to all blocks, and returns it. */
  relay(): Promise<OutboxMessage[]>
}

export async function openAccountsWorld(options: Partial<AccountsDeps> = {}): Promise<AccountsWorld> {
  await using resources = new AsyncDisposableStack()
  const db = resources.use(await openTestDatabase(migrations))
  const clock = movableClock()
  const outbox = openOutbox({ db, clock })
  const bus = new TestBus()
  const flakes = snowflakes({ worker: 1, clock: systemClock, lastMs: 0 })
  const deps: AccountsDeps = { db, outbox, snowflakes: flakes, clock, log: silentLog, bus, ...options }
  const block = resources.use(openAccounts(deps))
  const opened = resources.move()
  return {
    ...block,
    db,
    clock,
    another: () => opened.use(openAccounts(deps)),
    async relay() {
      const messages = await db.rows<OutboxMessage>`select key, type, version, body from outbox order by id`
      await db.run`delete from outbox`
      bus.deliver(messages)
      return messages
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/**
 * Runs `work` while `hold` keeps its locks, and lets go when `waiters` statements wait for one: so that what races does
 * so every time.
 */
export async function racing<T>(
  { db }: AccountsWorld,
  hold: (tx: Db) => Promise<unknown>,
  waiters: number,
  work: () => Promise<T>,
): Promise<T> {
  let result: Promise<T> | undefined
  await db.transaction(async (tx) => {
    await hold(tx)
    result = work()
    result.catch(() => {}) // awaited below
    const deadline = performance.now() + 5_000
    // The cluster is this test process's own, and its tests run one after another.
    const waiting = async (): Promise<number> => (await tx.rows`select 1 from pg_locks where not granted`).length
    while ((await waiting()) < waiters && performance.now() < deadline) await sleep(5)
  })
  assert.ok(result)
  return await result
}

export const GOOD_PASSWORD = 'correct horse battery'

/** A person who may do everything a member may. */
export function member(username: string, change: Partial<SignUp> = {}): SignUp {
  const standing = { confirmed: true, approved: true, indexable: false, reason: '' }
  const role: Role = 'user'
  return {
    username,
    email: `${username}@localhost`,
    password: GOOD_PASSWORD,
    locale: 'en',
    role,
    ...standing,
    ...change,
  }
}

const PAGE_SETTINGS: PageSettings = {
  title: 'The <Flock>',
  description: 'A test & nothing more',
  rules: ['Be kind'],
  contactEmail: 'owner@localhost',
  registrations: 'open',
  indexableByDefault: true,
  requirePkce: false,
  domain: 'localhost:3000',
  baseUrl: 'http://localhost:3000',
}

export interface AccessWorld extends AsyncDisposable {
  world: AccountsWorld
  base: string
  setupToken: string
  /** Keys of pictures that profiles stopped showing. */
  removedPictures: string[]
}

export interface AccessOptions {
  settings?: Partial<PageSettings>
  limited?: boolean
  sendConfirmation?: SendConfirmation
}

export async function openAccess(options: AccessOptions = {}): Promise<AccessWorld> {
  await using resources = new AsyncDisposableStack()
  const world = resources.use(await openAccountsWorld())
  const settings = { ...PAGE_SETTINGS, ...options.settings }
  // The server needs its own address before it listens.
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  const present = new Presenting(urls(base, `127.0.0.1:${port}`), async () => () => [])
  const edge = resources.use(
    await createServer({
      urls: present.site.urls,
      clock: world.clock,
      log: silentLog,
      identify: (token) => world.oauth.identify(token),
      limits: { enforced: options.limited === true },
      trustedProxies: [],
      errorPage: (status, text) => errorPage(settings, status, text).toString(),
    }),
  )
  const hydration = {
    accounts: async (ids: readonly AccountRecord['id'][]) => (await world.accounts.byIds(ids)).map(toView),
    forgetAccount() {},
  }
  const { token, link } = createSetupLink(world.clock.nowMs())
  registerAccessRoutes(edge, {
    block: world,
    hydration,
    site: present.site,
    settings,
    clock: world.clock,
    setupLink: link,
    sendConfirmation: options.sendConfirmation,
    vapidPublicKey: 'vapid',
  })
  const removedPictures: string[] = []
  registerCredentialRoutes(edge, {
    accounts: world.accounts,
    hydration,
    graph: { listRequests: async () => [] },
    media: {
      uploadPicture: async (file) => ({ key: `pictures/${file.bytes.length}`, staticKey: 'pictures/static' }),
      removePicture: async ({ key }) => void removedPictures.push(key),
    },
    present,
  })
  await edge.listen({ port })
  const opened = resources.move()
  return { world, base, setupToken: token, removedPictures, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

function toView(account: AccountRecord): AccountView {
  return { account, followers: 0, following: 0, statuses: 0, lastStatusAtMs: null }
}

async function freePort(): Promise<number> {
  const { createServer: createListener } = await import('node:net')
  return await new Promise((resolve, reject) => {
    const listener = createListener()
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address()
      listener.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
