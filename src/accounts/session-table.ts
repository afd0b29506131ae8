/** The `sessions` table: cookies of the server's own pages. */
import type { Db } from '../engines/database/contract.ts'
import type { AccountId } from '../snowflake/contract.ts'

interface SessionRow {
  id: bigint
  accountId: AccountId
  csrfSecret: string
  lastSeenAt: Date
}

interface NewSession {
  id: bigint
  cookieHash: Buffer
  accountId: AccountId
  csrfSecret: string
  userAgent: string
  createdAt: Date
}

export async function insertSession(db: Db, session: NewSession): Promise<void> {
  await db.run`
    insert into sessions (id, cookie_hash, account_id, csrf_secret, user_agent, created_at, last_seen_at)
    values (${session.id}, ${session.cookieHash}, ${session.accountId}, ${session.csrfSecret}, ${session.userAgent},
      ${session.createdAt}, ${session.createdAt})`
}

export function sessionByCookie(
  db: Db,
  cookieHash: Buffer,
  since: { created: Date; seen: Date },
): Promise<SessionRow | undefined> {
  return db.one`
    select id, account_id as "accountId", csrf_secret as "csrfSecret", last_seen_at as "lastSeenAt" from sessions
    where cookie_hash = ${cookieHash} and created_at > ${since.created} and last_seen_at > ${since.seen}`
}

export async function updateSessionSeen(db: Db, id: bigint, at: Date): Promise<void> {
  await db.run`update sessions set last_seen_at = ${at} where id = ${id}`
}

export async function deleteSessionByCookie(db: Db, cookieHash: Buffer): Promise<void> {
  await db.run`delete from sessions where cookie_hash = ${cookieHash}`
}

export async function deleteSession(db: Db, accountId: AccountId, id: bigint): Promise<boolean> {
  return (await db.run`delete from sessions where id = ${id} and account_id = ${accountId}`) === 1
}

export async function deleteSessionsOfAccount(tx: Db, accountId: AccountId): Promise<void> {
  await tx.run`delete from sessions where account_id = ${accountId}`
}

/** All but the newest `keep` of the account. */
export async function deleteOldestSessions(db: Db, accountId: AccountId, keep: number): Promise<void> {
  await db.run`
    delete from sessions where id in (
      select id from sessions where account_id = ${accountId} order by last_seen_at desc, id desc offset ${keep})`
}

export function sessionsOfAccount(
  db: Db,
  accountId: AccountId,
  since: { created: Date; seen: Date },
): Promise<{ id: bigint; userAgent: string; createdAt: Date; lastSeenAt: Date }[]> {
  return db.rows`
    select id, user_agent as "userAgent", created_at as "createdAt", last_seen_at as "lastSeenAt" from sessions
    where account_id = ${accountId} and created_at > ${since.created} and last_seen_at > ${since.seen}
    order by last_seen_at desc`
}

export async function deleteExpiredSessions(db: Db, until: { created: Date; seen: Date }): Promise<void> {
  await db.run`delete from sessions where created_at <= ${until.created} or last_seen_at <= ${until.seen}`
}
