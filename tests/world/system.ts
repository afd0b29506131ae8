/**
 * A whole Dunlin within the test's own process, wired as `roles/` wires it and reached over HTTP: for tests that need what
 * no client sees, such as the table of routes, the log, or a token with scopes of the test's choice.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { TokenIdentity } from '../../src/accounts/contract.ts'
import type { Edge } from '../../src/edge/routing.ts'
import { listeningOn } from '../../src/kit/config/config.ts'
import { loadConfig } from '../../src/kit/config/load.ts'
import type { Log } from '../../src/kit/log.ts'
import { openBlocks, type Blocks } from '../../src/roles/blocks.ts'
import { openEdge } from '../../src/roles/doors.ts'
import { openEngines, type Engines } from '../../src/roles/engines.ts'
import type { AccountId } from '../../src/snowflake/contract.ts'
import { openTestDatabase } from './database.ts'

export interface System extends AsyncDisposable {
  readonly url: string
  readonly edge: Edge
  readonly blocks: Blocks
  readonly engines: Engines
  /** Errors logged so far: of a request, each is a bug. */
  readonly errors: readonly object[]
  /** A person who exists from now on. */
  person(name: string, standing?: TokenIdentity['standing']): Promise<AccountId>
  /** A token of theirs, or of an app alone. */
  token(account: AccountId | null, scopes?: readonly string[]): Promise<string>
}

export async function openSystem(env: Record<string, string> = {}): Promise<System> {
  await using resources = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'dunlin-system-'))
  resources.defer(() => rm(dataDir, { recursive: true, force: true }))
  const database = resources.use(await openTestDatabase())
  const { host = '', user, database: name } = database.connection
  const loaded = await loadConfig({
    flags: { 'data-dir': dataDir },
    env: {
      DUNLIN_ENV: 'test',
      RATE_LIMITS: 'false',
      AUTO_CONFIRM_SIGNUPS: 'true',
      DATABASE_URL: `postgresql://${user}@localhost/${name}?host=${encodeURIComponent(host)}`,
      ...env,
    },
    cwd: dataDir,
  })
  const port = await freePort()
  const config = listeningOn(loaded.config, port)
  const errors: object[] = []
  const log: Log = { debug() {}, info() {}, warn() {}, error: (fields) => void errors.push(fields) }
  const engines = await openEngines(config, log, resources, () => {})
  const blocks = await openBlocks(config, engines, resources)
  const site = { version: '0', setupLink: undefined, checks: async () => ({}) }
  const edge = resources.use(await openEdge(config, engines, blocks, site))
  await edge.listen({ port, host: config.http.bind })
  const opened = resources.move()
  const { accounts, oauth } = blocks.people
  const app = await oauth.registerApp({
    name: 'Test',
    website: null,
    redirectUris: ['urn:ietf:wg:oauth:2.0:oob'],
    scopes: ['read', 'write', 'follow', 'push', 'profile'],
  })
  return {
    url: config.baseUrl,
    edge,
    blocks,
    engines,
    errors,
    async person(username, standing = 'ok') {
      const { id } = await accounts.signUp({
        username,
        email: `${username}@localhost`,
        password: null,
        locale: 'en',
        reason: '',
        role: 'user',
        confirmed: standing !== 'unconfirmed',
        approved: standing !== 'unapproved',
        indexable: true,
      })
      if (standing === 'disabled') await accounts.setDisabled(id, true)
      if (standing === 'suspended') await accounts.setSuspended(id, true)
      return id
    },
    async token(account, scopes = ['read', 'write', 'follow', 'push']) {
      return (await oauth.issueToken(app.app, account, scopes)).token
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
