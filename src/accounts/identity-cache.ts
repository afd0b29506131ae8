import { NO_SIBLINGS, type Siblings, type Topic } from '../kit/siblings.ts'
/**
 * Who the bearer tokens of this thread speak for, so that a warm request asks no database.
 *
 * Kept true twice over: revocations and changes of a person drop entries (at once where they happen, by event
 * elsewhere), and every entry is read again after FRESH_MS in case an event was lost. An answer that was being read
 * while something was dropped is used but not kept: it may be older than the drop.
 */
import type { AccountId } from '../snowflake/contract.ts'
import type { TokenIdentity } from './contract.ts'

/** Each takes about half a kilobyte. */
export const IDENTITIES_MAX = 20_000
export const FRESH_MS = 60_000

interface Entry {
  identity: TokenIdentity
  readAtMs: number
}

/** What other threads have to forget. */
type Dropped = { token: string } | { account: AccountId }

const DROPPED: Topic<Dropped> = { name: 'accounts.identities' }

export class IdentityCache implements Disposable {
  readonly #siblings: Siblings
  readonly #hearing: Disposable
  readonly #entries = new Map<string, Entry>()
  readonly #hashesOf = new Map<AccountId, Set<string>>()
  #drops = 0

  constructor(siblings: Siblings = NO_SIBLINGS) {
    this.#siblings = siblings
    this.#hearing = siblings.hear(DROPPED, (dropped) => {
      if ('token' in dropped) this.takeToken(dropped.token)
      else this.takeAccount(dropped.account)
    })
  }

  [Symbol.dispose](): void {
    this.#hearing[Symbol.dispose]()
  }

  get(tokenHash: string, nowMs: number): TokenIdentity | undefined {
    const entry = this.#entries.get(tokenHash)
    if (entry === undefined) return undefined
    const ageMs = nowMs - entry.readAtMs
    return ageMs >= 0 && ageMs < FRESH_MS ? entry.identity : undefined
  }

  /** To be taken before reading, and given to `put`. */
  ticket(): number {
    return this.#drops
  }

  put(identity: TokenIdentity, readAtMs: number, ticket: number): void {
    if (ticket !== this.#drops) return
    this.#remove(identity.tokenHash)
    if (this.#entries.size >= IDENTITIES_MAX) this.#removeOldest()
    this.#entries.set(identity.tokenHash, { identity, readAtMs })
    if (identity.accountId === null) return
    const hashes = this.#hashesOf.get(identity.accountId) ?? new Set()
    this.#hashesOf.set(identity.accountId, hashes.add(identity.tokenHash))
  }

  /** Here and in all threads. */
  dropToken(tokenHash: string): void {
    this.takeToken(tokenHash)
    this.#siblings.tell(DROPPED, { token: tokenHash })
  }

  dropAccount(id: AccountId): void {
    this.takeAccount(id)
    this.#siblings.tell(DROPPED, { account: id })
  }

  /** Here alone: every thread hears of it for itself. */
  takeToken(tokenHash: string): void {
    this.#drops += 1
    this.#remove(tokenHash)
  }

  takeAccount(id: AccountId): void {
    this.#drops += 1
    for (const tokenHash of this.#hashesOf.get(id) ?? []) this.#remove(tokenHash)
  }

  #removeOldest(): void {
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#remove(oldest)
  }

  #remove(tokenHash: string): void {
    const accountId = this.#entries.get(tokenHash)?.identity.accountId
    this.#entries.delete(tokenHash)
    if (accountId === undefined || accountId === null) return
    const hashes = this.#hashesOf.get(accountId)
    hashes?.delete(tokenHash)
    if (hashes?.size === 0) this.#hashesOf.delete(accountId)
  }
}
