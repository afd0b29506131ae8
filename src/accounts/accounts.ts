/**
 * `Accounts` on PostgreSQL. What other blocks must hear of is written to the outbox in the same transaction; this
 * thread's own cache of identities is put right before the call returns.
 */
import type { Database, Db } from '../engines/database/contract.ts'
import type { Outbox } from '../engines/outbox/contract.ts'
import { encodeEvent } from '../events/contract.ts'
import type { EncodedEvent, EventBodies } from '../events/contract.ts'
import type { Clock } from '../kit/clock.ts'
import { AppError, notFound } from '../kit/errors.ts'
import type { ErrorDetails } from '../kit/errors.ts'
import type { Page } from '../kit/page.ts'
import type { AccountId, Snowflakes } from '../snowflake/contract.ts'
import * as accountTable from './account-table.ts'
import { deleteCodesOfAccount } from './code-table.ts'
import { CONFIRMATION_LIFE_MS, PASSWORD_RESET_LIFE_MS } from './contract.ts'
import type { AccountRecord, Accounts, ImportedPerson, ProfileChange, Role, SignUp, UserRecord } from './contract.ts'
import type { IdentityCache } from './identity-cache.ts'
import { insertPeople } from './import.ts'
import type { PasswordHasher } from './password-hasher.ts'
import * as peopleSearch from './people-search.ts'
import { changedAccount, changedDefaults } from './profile.ts'
import { isSecret, newSecret, secretHash } from './secrets.ts'
import type { SeenTimes } from './seen-times.ts'
import { deleteSessionsOfAccount } from './session-table.ts'
import {
  PASSWORD_MAX_CHARACTERS,
  Faults,
  TAKEN,
  emailFault,
  faultError,
  normaliseEmail,
  passwordFault,
  usernameFault,
  validationError,
} from './sign-up-rules.ts'
import { revokeTokensOfAccount } from './token-table.ts'
import * as userTable from './user-table.ts'

export interface StoredAccountsDeps {
  db: Database
  outbox: Outbox
  snowflakes: Snowflakes
  clock: Clock
  hasher: PasswordHasher
  identities: IdentityCache
  seenAccounts: SeenTimes
  refuseCommonPasswords: boolean
}

const DAY_MS = 24 * 3_600_000
const MONTH_MS = 30 * DAY_MS
const HALF_YEAR_MS = 180 * DAY_MS

export class StoredAccounts implements Accounts {
  readonly #deps: StoredAccountsDeps

  constructor(deps: StoredAccountsDeps) {
    this.#deps = deps
  }

  byIds(ids: readonly AccountId[]): Promise<AccountRecord[]> {
    return accountTable.accountsByIds(this.#deps.db, ids)
  }

  async byUsername(username: string): Promise<AccountRecord | undefined> {
    return (await this.byUsernames([username]))[0]
  }

  byUsernames(usernames: readonly string[]): Promise<AccountRecord[]> {
    return accountTable.accountsByUsernames(this.#deps.db, usernames)
  }

  async searchByPrefix(prefix: string, limit: number, offset: number): Promise<AccountRecord[]> {
    const ids = await accountTable.idsByPrefix(this.#deps.db, prefix, limit, offset)
    return inOrder(ids, await this.byIds(ids), (account) => account.id)
  }

  async searchBySimilarity(name: string, limit: number): Promise<AccountRecord[]> {
    const ids = await peopleSearch.idsOfSimilarNames(this.#deps.db, name, limit)
    return inOrder(ids, await this.byIds(ids), (account) => account.id)
  }

  idsWithoutConsent(): Promise<AccountId[]> {
    return peopleSearch.idsWithoutConsent(this.#deps.db)
  }

  discoverableIds(order: 'active' | 'new', limit: number, offset: number): Promise<AccountId[]> {
    return peopleSearch.discoverableIds(this.#deps.db, order, limit, offset)
  }

  allIds(): Promise<AccountId[]> {
    return accountTable.allAccountIds(this.#deps.db)
  }

  async signUp(request: SignUp): Promise<AccountRecord> {
    return await this.#create(request, async () => {})
  }

  /** Every fault at once, so that a form is not sent back field by field. */
  async signUpFaults(request: SignUp): Promise<ErrorDetails> {
    const { db, refuseCommonPasswords } = this.#deps
    const { username, password } = request
    const email = normaliseEmail(request.email)
    const faults = new Faults()
    const nameFault = usernameFault(username, request.mayUseReservedName === true)
    const addressFault = emailFault(email)
    const isNameTaken = nameFault === undefined && (await this.byUsername(username)) !== undefined
    const isAddressTaken = addressFault === undefined && (await userTable.isEmailTaken(db, email))
    faults.add('username', isNameTaken ? TAKEN : nameFault)
    faults.add('email', isAddressTaken ? TAKEN : addressFault)
    if (password !== null) {
      faults.add('password', passwordFault(password, { username, email }, refuseCommonPasswords))
    }
    return faults.details
  }

  async createOwner(owner: {
    username: string
    email: string
    password: string
    locale: string
  }): Promise<AccountRecord> {
    const standing = { reason: '', role: 'owner', confirmed: true, approved: true, indexable: false } as const
    return await this.#create({ ...owner, ...standing, mayUseReservedName: true }, async (tx) => {
      await userTable.lockOwnership(tx)
      if (await userTable.ownerExists(tx)) throw new AppError('conflict', 'This server has an owner already')
    })
  }

  async importPeople(people: readonly ImportedPerson[]): Promise<void> {
    await this.#deps.db.transaction((tx) => insertPeople(tx, people))
  }

  async user(id: AccountId): Promise<UserRecord | undefined> {
    return (await this.usersByIds([id]))[0]
  }

  async usersByIds(ids: readonly AccountId[]): Promise<UserRecord[]> {
    return ids.length === 0 ? [] : userTable.usersByIds(this.#deps.db, ids)
  }

  async userByEmail(email: string): Promise<UserRecord | undefined> {
    const credentials = await userTable.credentialsByEmail(this.#deps.db, normaliseEmail(email))
    return credentials && (await this.user(credentials.accountId))
  }

  async verifyPassword(email: string, password: string): Promise<UserRecord | undefined> {
    const { db, hasher } = this.#deps
    if ([...password].length > PASSWORD_MAX_CHARACTERS) return undefined
    const address = normaliseEmail(email)
    const credentials = emailFault(address) === undefined ? await userTable.credentialsByEmail(db, address) : undefined
    const stored = credentials?.passwordHash ?? null
    const fits = await hasher.verify(password, stored)
    if (!fits || credentials === undefined || stored === null) return undefined
    if (hasher.isOutdated(stored)) {
      await userTable.upgradePasswordHash(db, credentials.accountId, stored, await hasher.hash(password))
    }
    return await this.user(credentials.accountId)
  }

  async resetPassword(id: AccountId, password: string): Promise<void> {
    const passwordHash = await this.#newPasswordHash(id, password)
    await this.#write(id, async (tx) => await this.#setPassword(tx, id, passwordHash))
  }

  async createPasswordReset(id: AccountId): Promise<string> {
    const secret = newSecret()
    const { db, clock } = this.#deps
    if (!(await userTable.updateReset(db, id, secretHash(secret), new Date(clock.nowMs())))) throw notFound()
    return secret
  }

  async passwordResetFor(secret: string): Promise<AccountId | undefined> {
    if (!isSecret(secret)) return undefined
    return await userTable.idByReset(this.#deps.db, secretHash(secret), this.#ago(PASSWORD_RESET_LIFE_MS))
  }

  async resetPasswordBy(secret: string, password: string): Promise<AccountId | undefined> {
    const id = await this.passwordResetFor(secret)
    if (id === undefined) return undefined
    const passwordHash = await this.#newPasswordHash(id, password)
    // Of two uses at the same time one finds the row as it was, the other waits and finds it used.
    return await this.#write(id, async (tx) => {
      const confirmed = await userTable.idByReset(tx, secretHash(secret), this.#ago(PASSWORD_RESET_LIFE_MS))
      if (confirmed === undefined) return { events: [], result: undefined }
      const { events } = await this.#setPassword(tx, id, passwordHash)
      return { events, result: id }
    })
  }

  async createConfirmation(id: AccountId): Promise<string> {
    const secret = newSecret()
    const { db, clock } = this.#deps
    if (!(await userTable.updateConfirmation(db, id, secretHash(secret), new Date(clock.nowMs())))) throw notFound()
    return secret
  }

  async confirmBy(secret: string): Promise<AccountId | undefined> {
    if (!isSecret(secret)) return undefined
    const { db } = this.#deps
    const id = await userTable.idByConfirmation(db, secretHash(secret), this.#ago(CONFIRMATION_LIFE_MS))
    if (id !== undefined) await this.confirm(id)
    return id
  }

  async confirm(id: AccountId): Promise<void> {
    const at = new Date(this.#deps.clock.nowMs())
    await this.#changeUser(id, (tx) => userTable.updateConfirmed(tx, id, at))
  }

  async approve(id: AccountId): Promise<void> {
    await this.#changeUser(id, (tx) => userTable.updateApproved(tx, id))
  }

  async setRole(id: AccountId, role: Role): Promise<void> {
    await this.#changeUser(id, (tx) => userTable.updateRole(tx, id, role))
  }

  async setDisabled(id: AccountId, disabled: boolean): Promise<void> {
    await this.#write(id, async (tx) => {
      if (!(await userTable.updateDisabled(tx, id, disabled))) throw notFound()
      if (disabled) await deleteSessionsOfAccount(tx, id)
      const cut = disabled ? [accessEnded(id)] : []
      return { events: [accountChanged(id, 'profile'), ...cut], result: undefined }
    })
  }

  async setSuspended(id: AccountId, suspended: boolean): Promise<void> {
    const at = suspended ? new Date(this.#deps.clock.nowMs()) : null
    await this.#write(id, async (tx) => {
      if ((await accountTable.lockAccount(tx, id)) === undefined) throw notFound()
      if (!(await accountTable.updateSuspension(tx, id, at))) return { events: [], result: undefined }
      if (suspended) await deleteSessionsOfAccount(tx, id)
      const changed = accountChanged(id, suspended ? 'suspended' : 'unsuspended')
      return { events: suspended ? [changed, accessEnded(id)] : [changed], result: undefined }
    })
  }

  async changeProfile(id: AccountId, change: ProfileChange): Promise<AccountRecord> {
    return await this.#write(id, async (tx) => {
      const account = await accountTable.lockAccount(tx, id)
      const [user] = await userTable.usersByIds(tx, [id])
      if (account === undefined || user === undefined) throw notFound()
      const changed = changedAccount(account, change)
      const defaults = changedDefaults(user, change)
      await accountTable.updateProfile(tx, changed)
      if (defaults !== undefined) await userTable.updateDefaults(tx, id, defaults)
      return { events: [accountChanged(id, 'profile')], result: changed }
    })
  }

  touch(id: AccountId): void {
    this.#deps.seenAccounts.note(id)
  }

  owner(): Promise<AccountId | undefined> {
    return userTable.ownerOf(this.#deps.db)
  }

  hasOwner(): Promise<boolean> {
    return userTable.ownerExists(this.#deps.db)
  }

  async list(page: Page): Promise<{ account: AccountRecord; user: UserRecord }[]> {
    const { db } = this.#deps
    const ids = await accountTable.accountIdsOfPage(db, page)
    const users = new Map((await userTable.usersByIds(db, ids)).map((user) => [user.accountId, user]))
    const accounts = inOrder(ids, await this.byIds(ids), (account) => account.id)
    return accounts.flatMap((account) => {
      const user = users.get(account.id)
      return user === undefined ? [] : [{ account, user }]
    })
  }

  count(): Promise<{ users: number; activeMonth: number; activeHalfYear: number }> {
    return userTable.countUsers(this.#deps.db, { month: this.#ago(MONTH_MS), halfYear: this.#ago(HALF_YEAR_MS) })
  }

  /** Checks, hashes outside the transaction (it takes long), then writes; `admit` may refuse within the transaction. */
  async #create(request: SignUp, admit: (tx: Db) => Promise<void>): Promise<AccountRecord> {
    const { db, snowflakes, clock, hasher } = this.#deps
    const email = normaliseEmail(request.email)
    const faults = await this.signUpFaults(request)
    if (Object.keys(faults).length > 0) throw validationError(faults)
    const passwordHash = request.password === null ? null : await hasher.hash(request.password)
    const id = snowflakes.next<AccountId>()
    const createdAt = new Date(clock.nowMs())
    const { username, role, locale, approved, reason, indexable } = request
    const confirmedAt = request.confirmed ? createdAt : null
    await this.#write(id, async (tx) => {
      await admit(tx)
      const isNameFree = await accountTable.insertAccount(tx, { id, username, indexable, createdAt })
      if (!isNameFree) throw faultError('username', TAKEN)
      const user = { accountId: id, email, passwordHash, role, locale, confirmedAt, approved, reason, createdAt }
      if (!(await userTable.insertUser(tx, user))) throw faultError('email', TAKEN)
      return { events: [accountChanged(id, 'created')], result: undefined }
    })
    const [account] = await accountTable.accountsByIds(db, [id])
    if (account === undefined) throw notFound()
    return account
  }

  async #newPasswordHash(id: AccountId, password: string): Promise<string> {
    const [account] = await this.byIds([id])
    const user = await this.user(id)
    if (account === undefined || user === undefined) throw notFound()
    const owner = { username: account.username, email: user.email }
    const fault = passwordFault(password, owner, this.#deps.refuseCommonPasswords)
    if (fault !== undefined) throw faultError('password', fault)
    return await this.#deps.hasher.hash(password)
  }

  /** Whoever knew the old password, or had a token by it, is out. */
  async #setPassword(tx: Db, id: AccountId, passwordHash: string): Promise<Written<undefined>> {
    if (!(await userTable.updatePasswordHash(tx, id, passwordHash))) throw notFound()
    await deleteSessionsOfAccount(tx, id)
    await deleteCodesOfAccount(tx, id)
    await revokeTokensOfAccount(tx, id, new Date(this.#deps.clock.nowMs()))
    return { events: [accessEnded(id)], result: undefined }
  }

  async #changeUser(id: AccountId, update: (tx: Db) => Promise<boolean>): Promise<void> {
    await this.#write(id, async (tx) => {
      if (!(await update(tx))) throw notFound()
      return { events: [accountChanged(id, 'profile')], result: undefined }
    })
  }

  /** One transaction with its messages; afterwards no identity read before it is served from memory here. */
  async #write<T>(id: AccountId, work: (tx: Db) => Promise<Written<T>>): Promise<T> {
    const { db, outbox, identities } = this.#deps
    try {
      return await db.transaction(async (tx) => {
        const written = await work(tx)
        if (written.events.length > 0) await outbox.append(tx, written.events)
        return written.result
      })
    } finally {
      // Also after a failure: a connection that broke at the commit leaves open whether it happened.
      identities.dropAccount(id)
      outbox.wake()
    }
  }

  #ago(ms: number): Date {
    return new Date(this.#deps.clock.nowMs() - ms)
  }
}

interface Written<T> {
  events: EncodedEvent[]
  result: T
}

function accountChanged(id: AccountId, change: EventBodies['account.changed']['change']): EncodedEvent {
  return encodeEvent('account.changed', id, { id, change })
}

/** Streams are cut and caches dropped, whatever token they were opened with. */
function accessEnded(id: AccountId): EncodedEvent {
  return encodeEvent('token.revoked', id, { account: id, tokenHash: null })
}

function inOrder<Item>(ids: readonly AccountId[], items: readonly Item[], idOf: (item: Item) => AccountId): Item[] {
  const byId = new Map(items.map((item) => [idOf(item), item]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}
