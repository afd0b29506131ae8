/** Opens the block: accounts, OAuth and sessions over one cache of identities. */
import type { Bus, BusMessage } from '../engines/bus/contract.ts'
import type { Database } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { decodeEvent } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Siblings } from '../kit/siblings.ts'
import type { Snowflakes } from '../snowflake/contract.ts'
import { StoredAccounts } from './accounts.ts'
import type { AccountsBlock } from './contract.ts'
import { IdentityCache } from './identity-cache.ts'
import { StoredOAuth } from './oauth.ts'
import { PasswordHasher } from './password-hasher.ts'
import { SeenTimes } from './seen-times.ts'
import { StoredSessions } from './sessions.ts'
import { updateLastUsed } from './token-table.ts'
import { updateLastActive } from './user-table.ts'

const DAY_MS = 24 * 3_600_000
const HOUR_MS = 3_600_000

export interface AccountsDeps {
  db: Database
  outbox: Outbox
  snowflakes: Snowflakes
  clock: Clock
  log: Log
  /** Brings what other threads and processes changed; undefined where nothing is served, as in one-off commands. */
  bus: Pick<Bus, 'listen'> | undefined
  siblings?: Siblings
  /** Password hashes at a time in this thread, at most 2. */
  hashesConcurrent?: number
  /** False only for test servers. */
  refuseCommonPasswords?: boolean
}

export function openAccounts(deps: AccountsDeps): AccountsBlock {
  const { db, clock, log } = deps
  const identities = new IdentityCache(deps.siblings)
  const seenAccounts = new SeenTimes({
    clock,
    log,
    resolutionMs: DAY_MS,
    write: (ids, at) => updateLastActive(db, ids, at),
  })
  const seenTokens = new SeenTimes({
    clock,
    log,
    resolutionMs: HOUR_MS,
    write: (ids, at) => updateLastUsed(db, ids, at),
  })
  const shared = { ...deps, identities, seenAccounts, seenTokens }
  const hasher = new PasswordHasher(deps.hashesConcurrent)
  const oauth = new StoredOAuth(shared)
  const sessions = new StoredSessions(deps)
  const listening = deps.bus?.listen(['token.revoked', 'account.changed'], (message) => hear(identities, message))
  return {
    accounts: new StoredAccounts({ ...shared, hasher, refuseCommonPasswords: deps.refuseCommonPasswords ?? true }),
    oauth,
    sessions,
    async sweep() {
      await sessions.deleteExpired()
      await oauth.deleteExpired()
    },
    async [Symbol.asyncDispose]() {
      listening?.[Symbol.dispose]()
      identities[Symbol.dispose]()
      await seenAccounts[Symbol.asyncDispose]()
      await seenTokens[Symbol.asyncDispose]()
    },
  }
}

function hear(identities: IdentityCache, message: BusMessage): void {
  if (message.type === 'account.changed') {
    identities.takeAccount(decodeEvent('account.changed', message).id)
    return
  }
  const { account, tokenHash } = decodeEvent('token.revoked', message)
  if (tokenHash !== null) identities.takeToken(tokenHash)
  else if (account !== null) identities.takeAccount(account)
}
