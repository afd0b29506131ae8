/** People who have been let in: whoever still waits for that is nobody to others, on every route alike. */
import type { AccountRecord, Accounts, UserRecord } from '../../accounts/contract.ts'
import type { AccountView, Hydration } from '../../hydration/contract.ts'
import { notFound } from '../../kit/errors.ts'
import type { AccountId } from '../../snowflake/contract.ts'

/** The part of `Accounts` that knows who has been let in. */
export interface Users {
  user(id: AccountId): Promise<Pick<UserRecord, 'confirmed' | 'approved'> | undefined>
}

/** Those of `ids` who are members, asked for at once. */
export async function membersAmong(
  accounts: Pick<Accounts, 'usersByIds'>,
  ids: readonly AccountId[],
): Promise<Set<AccountId>> {
  const users = await accounts.usersByIds(ids)
  return new Set(users.filter(isLetIn).map((user) => user.accountId))
}

async function isMember(accounts: Users, id: AccountId): Promise<boolean> {
  const user = await accounts.user(id)
  return user !== undefined && isLetIn(user)
}

function isLetIn({ confirmed, approved }: Pick<UserRecord, 'confirmed' | 'approved'>): boolean {
  return confirmed && approved
}

/** The account, or `not_found` where there is none, or its owner is still waiting to be let in. */
export async function requireMember(
  deps: { accounts: Users; hydration: Pick<Hydration, 'accounts'> },
  id: AccountId,
): Promise<AccountView> {
  const [[view], member] = await Promise.all([deps.hydration.accounts([id]), isMember(deps.accounts, id)])
  if (view === undefined || !member) throw notFound()
  return view
}

export async function memberNamed(
  accounts: Pick<Accounts, 'byUsername'> & Users,
  username: string,
): Promise<AccountRecord | undefined> {
  const account = await accounts.byUsername(username)
  return account !== undefined && (await isMember(accounts, account.id)) ? account : undefined
}
