/** Everybody's own rules for notifications of people they know little of, and what these rules hold back. */
import { allOf, sql, type Database, type Db } from '../engines/database/contract.ts'
import type { Cursored, Page } from '../kit/page.ts'
import type { AccountId, StatusId } from '../snowflake/contract.ts'
import type { NotificationPolicy, NotificationRequest, PolicyChoice } from './contract.ts'
import { DEFAULT_POLICY } from './rules.ts'

interface PolicyRow {
  account_id: AccountId
  not_following: PolicyChoice
  not_followers: PolicyChoice
  new_accounts: PolicyChoice
  private_mentions: PolicyChoice
  limited_accounts: PolicyChoice
  bots: PolicyChoice
}

/** Only of those who ever made a choice; everybody else has DEFAULT_POLICY. */
export async function policiesOf(db: Db, ids: readonly AccountId[]): Promise<Map<AccountId, NotificationPolicy>> {
  const rows = await db.rows<PolicyRow>`
    select account_id, not_following, not_followers, new_accounts, private_mentions, limited_accounts, bots
    from notification_policies where account_id = any(${ids}::int8[])`
  return new Map(rows.map((row) => [row.account_id, policyOf(row)]))
}

/** Which of `ids` let notifications of `sender` through whatever their policy. */
export async function permissionsFor(db: Db, ids: readonly AccountId[], sender: AccountId): Promise<Set<AccountId>> {
  const rows = await db.rows<{ account_id: AccountId }>`
    select account_id from notification_permissions where sender = ${sender} and account_id = any(${ids}::int8[])`
  return new Set(rows.map((row) => row.account_id))
}

export async function changePolicy(
  database: Database,
  account: AccountId,
  change: Partial<NotificationPolicy>,
): Promise<NotificationPolicy> {
  return database.transaction(async (tx) => {
    const first = DEFAULT_POLICY
    await tx.run`
      insert into notification_policies
        (account_id, not_following, not_followers, new_accounts, private_mentions, limited_accounts, bots)
      values (${account}, ${first.notFollowing}, ${first.notFollowers}, ${first.newAccounts}, ${first.privateMentions},
        ${first.limitedAccounts}, ${first.bots})
      on conflict do nothing`
    const row = await tx.one<PolicyRow>`
      update notification_policies set
        not_following = coalesce(${change.notFollowing ?? null}, not_following),
        not_followers = coalesce(${change.notFollowers ?? null}, not_followers),
        new_accounts = coalesce(${change.newAccounts ?? null}, new_accounts),
        private_mentions = coalesce(${change.privateMentions ?? null}, private_mentions),
        limited_accounts = coalesce(${change.limitedAccounts ?? null}, limited_accounts),
        bots = coalesce(${change.bots ?? null}, bots)
      where account_id = ${account}
      returning account_id, not_following, not_followers, new_accounts, private_mentions, limited_accounts, bots`
    return row === undefined ? first : policyOf(row)
  })
}

interface RequestRow {
  sender: AccountId
  count: number
  first_at: Date
  last_at: Date
  newest_id: bigint
  last_status: StatusId | null
}

/** Newest first. `senders` undefined: all of them. */
export async function heldBack(
  db: Db,
  recipient: AccountId,
  page: Page,
  senders?: readonly AccountId[],
): Promise<Cursored<NotificationRequest>[]> {
  const { maxId, sinceId, minId } = page
  const bounds = allOf([
    ...(maxId === undefined ? [] : [sql`max(id) < ${maxId}`]),
    ...(sinceId === undefined ? [] : [sql`max(id) > ${sinceId}`]),
    ...(minId === undefined ? [] : [sql`max(id) > ${minId}`]),
  ])
  const order = minId === undefined ? sql`desc` : sql`asc`
  const rows = await db.rows<RequestRow>`
    select sender, count(*)::int4 as count, min(created_at) as first_at, max(created_at) as last_at,
      max(id) as newest_id, max(status_id) as last_status
    from notifications
    where recipient = ${recipient} and filtered and not dismissed
      and ${senders === undefined ? sql`true` : sql`sender = any(${senders}::int8[])`}
    group by sender having ${bounds}
    order by max(id) ${order} limit ${page.limit}`
  const requests = rows.map((row) => ({ cursor: row.newest_id, item: requestOf(row) }))
  return minId === undefined ? requests : requests.toReversed()
}

export async function heldBackSummary(
  db: Db,
  recipient: AccountId,
): Promise<{ requests: number; notifications: number }> {
  const row = await db.one<{ requests: number; notifications: number }>`
    select count(distinct sender)::int4 as requests, count(*)::int4 as notifications
    from notifications where recipient = ${recipient} and filtered and not dismissed`
  return row ?? { requests: 0, notifications: 0 }
}

export async function letThrough(database: Database, recipient: AccountId, senders: readonly AccountId[]) {
  await database.transaction(async (tx) => {
    // Only senders that asked: whoever names others must not fill the table.
    await tx.run`
      insert into notification_permissions (account_id, sender)
      select distinct recipient, sender from notifications
      where recipient = ${recipient} and filtered and not dismissed and sender = any(${senders}::int8[])
      on conflict do nothing`
    await tx.run`
      update notifications set filtered = false
      where recipient = ${recipient} and filtered and sender = any(${senders}::int8[])`
  })
}

export async function dismissHeldBack(db: Db, recipient: AccountId, senders: readonly AccountId[]): Promise<void> {
  await db.run`
    update notifications set dismissed = true
    where recipient = ${recipient} and filtered and not dismissed and sender = any(${senders}::int8[])`
}

function policyOf(row: PolicyRow): NotificationPolicy {
  return {
    notFollowing: row.not_following,
    notFollowers: row.not_followers,
    newAccounts: row.new_accounts,
    privateMentions: row.private_mentions,
    limitedAccounts: row.limited_accounts,
    bots: row.bots,
  }
}

function requestOf(row: RequestRow): NotificationRequest {
  return {
    from: row.sender,
    count: row.count,
    firstAtMs: row.first_at.getTime(),
    lastAtMs: row.last_at.getTime(),
    lastStatus: row.last_status,
  }
}
