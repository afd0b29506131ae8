/** Who is signed in on the pages, and who may sign in. */
import type { AccountRecord, Accounts, UserRecord } from '../../accounts/contract.ts'
import type { Visit } from '../pages/visits.ts'

export interface Person {
  account: AccountRecord
  user: UserRecord
}

export class People {
  readonly #accounts: Accounts

  constructor(accounts: Accounts) {
    this.#accounts = accounts
  }

  /** The person of the session; undefined for a stranger, and for somebody who may not come in any more. */
  async signedIn({ session }: Visit): Promise<Person | undefined> {
    if (session === undefined) return undefined
    const user = await this.#accounts.user(session.accountId)
    const [account] = await this.#accounts.byIds([session.accountId])
    if (user === undefined || account === undefined || obstacle(account, user) !== undefined) return undefined
    this.#accounts.touch(account.id)
    return { account, user }
  }

  /** Why this person may not sign in, in words for them; told only after the right password. */
  async obstacle(user: UserRecord): Promise<string | undefined> {
    const [account] = await this.#accounts.byIds([user.accountId])
    return account === undefined ? undefined : obstacle(account, user)
  }
}

function obstacle(account: AccountRecord, user: UserRecord): string | undefined {
  if (account.suspended || user.disabled) return 'Your login is currently disabled. Ask the people who run this server.'
  if (!user.confirmed) return 'Your e-mail address is not confirmed yet: open the link in the message we sent you.'
  if (!user.approved) return 'Your account is waiting for approval by the people who run this server.'
  return undefined
}
